"""Pictures that `genlab apply` reads and writes."""

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from genlab.config import ConfigError, one_line
from genlab.data import provenance
from genlab.data.decoding import Whole, whole
from genlab.data.listing import listing, some
from genlab.data.pictures import grid, headed
from genlab.evaluation.apply_pixels import eight, without_alpha

SHEET, TABLE = "before_after.png", "scores.csv"
KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
QUALITY = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
THUMB, ROWS = 192, 8  # pixels a side on the sheet, and pictures on it


class Task(NamedTuple):
    """One picture: where it is, where it goes, its mask and its answer where there are any."""

    name: str
    source: Path
    place: Path
    mask: Path | None
    target: Path | None


def tasks(request: Any) -> tuple[list[Task], list[str]]:
    """Of what is asked, and the names of pictures of formats that are not read. ConfigError where
    nothing is to be done, two would have one name, or a mask or an answer is missing.
    """
    root, out = Path(request.input), Path(request.output)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--output={out} is a file; give a folder")
    if root.is_dir():
        if out.resolve().is_relative_to(root.resolve()):
            raise ConfigError(
                f"--output={out} is within --input={root}: what is written would be read; give "
                "another folder"
            )
        files, ignored = listing(root)
        names = list(files)
    elif root.is_file():
        root, names, ignored = root.parent, [root.name], []
    else:
        raise ConfigError(f"--input={root}: no such folder or file")
    found = [
        Task(name, root / name, out / _written(name, request.format),
             _partner(request.mask, "mask", name), _partner(request.target, "target", name))
        for name in names
    ]  # fmt: skip
    _keep_originals(found)
    _check_names([task.place for task in found] + [out / SHEET, out / TABLE])
    return found, ignored


def refuse(places: Sequence[Path], but: Collection[Path]) -> None:
    """ConfigError where there is a file at some of these places, `but` those."""
    there = [path.name for path in places if path not in but and path.exists()]
    if there:
        raise ConfigError(
            f"{places[0].parent} has {some(there)} already, of other pictures or settings: give "
            "another --output, or --overwrite"
        )


def read(path: Path, who: str) -> Whole:
    """A picture; ConfigError for a file that is none."""
    try:
        return whole(path)
    except OSError as error:
        raise ConfigError(f"--{who}: {error}") from None


def takes_16_bits(path: Path) -> bool:
    """Whether the format of a file has 16 bits of grey."""
    return KINDS[path.suffix.lower()] == "PNG"


def write(path: Path, image: np.ndarray, what: Mapping[str, Any], like: Whole) -> None:
    """uint8 [H, W, 1 to 4] or uint16 [H, W, 1], upright, with the other's EXIF and profile and what
    it says of itself; whole or not at all. ConfigError where the format or the disk does not take
    it.
    """
    kind = KINDS[path.suffix.lower()]
    image = image if takes_16_bits(path) else eight(image)
    if kind == "JPEG" and image.shape[-1] in (2, 4):
        raise ConfigError(f"{path}: JPEG keeps no transparency; give --format=png")
    said = provenance.options(kind, what, like.exif)
    if like.profile and like.profile[16:20] == b"RGB " and image.shape[-1] >= 3:
        said["icc_profile"] = like.profile
    quality = QUALITY.get(kind, {})
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(
            draft, kind, **quality, **said
        )
        draft.replace(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}, a picture of {image.shape[1]}x{image.shape[0]}, cannot be written "
            f"({one_line(error, 200)}): give another --output, or --format=png"
        ) from None
    finally:
        with contextlib.suppress(OSError):  # what went wrong before says more
            draft.unlink(missing_ok=True)


def sheet(rows: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
    """A row for each picture: what it was, and after each step, at one size."""
    names = list(rows[0])
    shown = [_thumb(row[name]) for row in rows for name in names]
    return headed(grid(np.stack(shown), len(names), 2), names)


def _thumb(image: np.ndarray) -> np.ndarray:
    """On white, within a square."""
    color, alpha = without_alpha(eight(image))
    picture = Image.fromarray(color[..., 0] if color.shape[-1] == 1 else color).convert("RGB")
    if alpha is not None:
        white = Image.new("RGB", picture.size, "white")
        picture = Image.composite(picture, white, Image.fromarray(alpha[..., 0]))
    by = THUMB / max(picture.size)
    size = (max(1, round(picture.width * by)), max(1, round(picture.height * by)))
    resample = Image.Resampling.NEAREST if by >= 2 else Image.Resampling.BICUBIC
    made = Image.new("RGB", (THUMB, THUMB), "white")
    made.paste(picture.resize(size, resample), ((THUMB - size[0]) // 2, (THUMB - size[1]) // 2))
    return np.asarray(made)


def _written(name: str, format: str) -> Path:
    path = Path(name)
    if format != "same":
        return path.with_suffix(f".{format}")
    return path if path.suffix.lower() in KINDS else path.with_suffix(".png")


def _partner(place: str, who: str, name: str) -> Path | None:
    """The mask or the answer of a picture."""
    if not place:
        return None
    if Path(place).is_file():
        return Path(place)
    stem = Path(place) / name
    others = [stem, *sorted(stem.parent.glob(f"{_escaped(stem.stem)}.*"))]
    found = next((path for path in others if path.is_file()), None)
    if found is None:
        raise ConfigError(f"--{who}={place}: nothing there for {name}; give a file of that name")
    return found


def _escaped(stem: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in stem)


def _keep_originals(tasks: Sequence[Task]) -> None:
    for task in tasks:
        read = {task.source.resolve(), *(x.resolve() for x in (task.mask, task.target) if x)}
        if task.place.resolve() in read:
            raise ConfigError(
                f"--output={task.place.parent}: {task.place.name} would be written over the "
                "picture that is read; give another folder"
            )


def _check_names(places: list[Path]) -> None:
    twice = sorted({path.name for path in places if places.count(path) > 1})
    if twice:
        raise ConfigError(f"several pictures would be written as {some(twice)}: rename them")
