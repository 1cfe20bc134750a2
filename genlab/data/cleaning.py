"""What is wrong with a folder of images, found before training: `examine`.

Every image is decoded once. What was seen is kept beside the images in `.genlab-images.json`, so
that a later look only compares sizes and times of files.
"""

import hashlib
import json
import logging
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from genlab.config import ConfigError, did_you_mean
from genlab.data.decoding import checked, opened
from genlab.data.layout import Item, labelled, listing, some
from genlab.runs.files import NotWritten, object_in, write_text

SEEN = ".genlab-images.json"  # {name: [bytes, mtime, [height, width, grey, sha256]]}


class Cleaning(NamedTuple):
    """What an examination found, problems by the names of their files."""

    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    found: int
    used: int
    unreadable: tuple[str, ...] = ()
    wrong_size: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()  # images not in the CSV, or beside the class folders
    missing: tuple[str, ...] = ()  # names in the CSV without an image
    duplicates: tuple[str, ...] = ()  # all but the first of images with equal pixels

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        """The names by kind of problem, for the kinds that occur."""
        return {kind: getattr(self, kind) for kind in self._fields[4:] if getattr(self, kind)}

    def summary(self) -> str:
        """One line: how many images are used, and up to three names of every kind of problem."""
        words = {kind: kind.replace("_", " ").removesuffix("s") for kind in self.problems}
        told = [f"{len(x)} {words[kind]} ({some(x)})" for kind, x in self.problems.items()]
        return "; ".join([f"{self.used} of {self.found} images used", *told])


def examine(
    path: str,
    shape: tuple[int, int, int] | None = None,
    attributes: str | None = None,
    label: str | None = None,
    problems: str = "skip",
    duplicates: str = "skip",
    resize: str | None = None,
) -> tuple[list[Item], Cleaning]:
    """The usable images under `path`, and what was found; the arguments are those of `folder`.

    Of equal images the first is used, in the order train, validation, test: none leaks into a test.
    """
    _choice("problems", problems, ("skip", "refuse"))
    _choice("duplicates", duplicates, ("skip", "refuse", "keep"))
    shape, root = checked(shape, resize), Path(path)
    files = listing(root)
    items, classes, unlabelled, missing = labelled(root, list(files), attributes, label)
    looked_at = _seen(root, {item.name: files[item.name] for item in items})
    seen = {name: look for name, look in looked_at.items() if look}
    readable = [item for item in items if item.name in seen]
    if not readable:
        raise ConfigError(f"none of the {len(files)} images under {path} can be used")
    shape = shape or _common_shape([seen[item.name] for item in readable])
    sizes = {item.name: tuple(seen[item.name][:2]) for item in readable}
    wrong = {n: size for n, size in sizes.items() if resize is None and size != shape[:2]}
    if 2 * len(wrong) > len(readable):  # not a few bad files: another kind of set
        raise ConfigError(_mixed(path, shape, wrong))
    fits = [item for item in readable if item.name not in wrong]
    first = {seen[item.name][3]: item.name for item in reversed(fits)}
    again = {item.name for item in fits if first[seen[item.name][3]] != item.name}
    used = [item for item in fits if duplicates == "keep" or item.name not in again]
    unreadable = [item.name for item in items if item.name not in seen]
    named = [tuple(sorted(x)) for x in (unreadable, wrong, unlabelled, missing, again)]
    cleaning = Cleaning(shape, classes, len(files), len(used), *named)
    if (problems == "refuse" and any(named[:4])) or (duplicates == "refuse" and again):
        raise ConfigError(f"{path}: {cleaning.summary()}; remove them, or give 'skip' for 'refuse'")
    return used, cleaning


def _seen(root: Path, files: dict[str, tuple[int, int]]) -> dict[str, list | None]:
    """[height, width, grey, sha256 of the pixels] of each image; None for an unreadable one."""
    store = root / SEEN
    known = {name: x for name, x in object_in(store).items() if _sound(x)}
    new = [name for name, stamp in files.items() if known.get(name, [])[:2] != list(stamp)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looks = dict(zip(new, pool.map(_look, [root / name for name in new]), strict=True))
    # What could not be read is tried again next time: the fault may have been the disk's.
    known |= {name: [*files[name], look] for name, look in looks.items() if look}
    if any(looks.values()):
        try:
            write_text(store, json.dumps(known))
        except NotWritten as error:  # a folder that may only be read is looked through each time
            logging.getLogger("genlab").info("cannot keep what was seen: %s", error)
    return {name: looks[name] if name in looks else known[name][2] for name in files}


def _sound(entry: Any) -> bool:
    """Whether an entry is what `_look` gave: the file may be anybody's."""
    match entry:
        case [int(), int(), [int(height), int(width), bool(), str()]]:
            return height > 0 and width > 0
    return False


def _look(file: Path) -> list[Any] | None:
    try:
        picture = opened(file)
    except OSError:
        return None
    pixels = f"{picture.mode} {picture.size}".encode() + picture.tobytes()
    grey = picture.mode in ("L", "LA")
    return [picture.height, picture.width, grey, hashlib.sha256(pixels).hexdigest()]


def _common_shape(seen: list[list]) -> tuple[int, int, int]:
    (height, width), _ = Counter((h, w) for h, w, *_ in seen).most_common(1)[0]
    return height, width, 1 if all(grey for _, _, grey, _ in seen) else 3


def _mixed(path: str, shape: tuple, wrong: dict[str, tuple[int, int]]) -> str:
    examples = some([f"{name} is {height}x{width}" for name, (height, width) in wrong.items()])
    return (
        f"{path}: {len(wrong)} images are not {shape[0]}x{shape[1]} ({examples}): "
        "give shape=(H, W, C) and resize='bicubic' to bring all to one size"
    )


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        hint = did_you_mean(str(value), choices)
        raise ConfigError(f"{name}={value!r} is none of {', '.join(choices)}{hint}")
