"""`genlab sample`: grids, single files, arrays, interpolations, truncation; from a trained run.

Every request has a folder of its own, named by all that was asked, with the request beside what was
drawn:

    WORKDIR/generated/round004000_n6_seed3_label7/
        request.json   what was asked, and of which checkpoint
        round004000_n6_seed3_label7_grid.png, round004000_n6_seed3_label7.npz, images/00000.png ...
"""

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genlab.config import ConfigError
from genlab.data.columns import Column
from genlab.data.pictures import headed, write_png
from genlab.game.abilities import Generates, require
from genlab.runs.environment import version
from genlab.runs.files import write_json, writing
from genlab.sampling.conditions import Stored
from genlab.sampling.load import TrainedRun, load
from genlab.sampling.request import SampleRequest
from genlab.sampling.sampler import column_names, grid_columns

FORMATS = ("grid", "png", "npz")
RECORD = "request.json"
LONGEST = 120  # characters of a name: file systems take 255 bytes, and suffixes follow


def generate(workdir: str | Path, request: SampleRequest, step: int | None = None) -> list[Path]:
    """Draws from the State that `evaluate` scores (or that of round `step`): the files written.

    They replace all that an earlier call with the same request wrote. Raises ConfigError for what
    the run cannot do.
    """
    _check(request)
    run = load(workdir, step)
    require(run.method, Generates, "genlab sample")
    drawn = run.drawn(request)
    fixed = request.label is not None or request.given
    columns = request.interpolate or (None if fixed else grid_columns(run.method, run.source))
    place = run.folder.path / "generated" / name_of(request, run.step)
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        with writing(place):
            (draft / "images").mkdir(parents=True)
            column = run.source.columns[run.method.makes]
            names = () if request.interpolate or fixed else column_names(run.method, run.source)
            written = _write(draft, place.name, drawn, column, request, columns, names)
            files = [str(path.relative_to(draft)) for path in written]
            write_json(draft / RECORD, _record(run, request, files))
            _put(draft, place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return [place / file for file in files]


def name_of(request: SampleRequest, step: int) -> str:
    """The name of a request's folder and of its files: all that was asked, but for the formats.

    Of a value with characters that some file system refuses, and of a name that would be too long,
    it says what it can and ends in a fingerprint: no two requests share a name.
    """
    asked = {
        "label": request.label,
        **request.given,
        "truncation": request.truncation,
        "interpolate": request.interpolate,
    }
    asked = {key: f"{value}" for key, value in asked.items() if value is not None}
    parts = [f"round{step:06d}", f"n{request.n}", f"seed{request.seed}"]
    parts += [_safe(key) + _safe(value) for key, value in asked.items()]
    name = "_".join(parts)
    plain = all(_safe(text) == text for one in asked.items() for text in one)
    if plain and len(name) <= LONGEST:
        return name
    return f"{name[:LONGEST]}_{hashlib.sha256(repr(asked).encode()).hexdigest()[:8]}"


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.,+-]+", "-", text)


def _record(run: TrainedRun, request: SampleRequest, files: list[str]) -> dict:
    """What `request.json` says."""
    asked = request._asdict()
    return {
        **{name: dict(x) if name == "given" else x for name, x in asked.items()},
        "round": run.step,
        "checkpoint": run.chosen,
        "genlab": version(),
        "files": files,
    }


def _put(draft: Path, place: Path) -> None:
    """The draft in the place of what an earlier call with the same request left there."""
    if place.exists():
        if not (place / RECORD).is_file():
            raise ConfigError(f"{place} is in the way and not of `genlab sample`: move it away")
        shutil.rmtree(place)
    draft.rename(place)


def _write(
    folder: Path,
    name: str,
    drawn: Stored,
    column: Column,
    request: SampleRequest,
    columns: int | None,
    names: Sequence[str] = (),
) -> list[Path]:
    """The files in `folder`; the first of what is drawn is what the model makes. `names`, of the
    grid's columns, stand above them.
    """
    made, written = next(iter(drawn.values())), []
    if "grid" in request.formats:
        kind = "interpolation" if request.interpolate else "grid"
        written.append(folder / f"{name}_{kind}.png")
        sheet = column.draw(made, columns)
        write_png(written[-1], headed(sheet, names) if len(names) == columns else sheet)
    if "png" in request.formats:
        written += [column.write(one, folder / "images" / f"{i:05d}") for i, one in enumerate(made)]
    else:
        (folder / "images").rmdir()
    if "npz" in request.formats:
        written.append(folder / f"{name}.npz")
        np.savez(written[-1], **drawn)  # pyright: ignore[reportArgumentType]
    return written


def _check(request: SampleRequest) -> None:
    unknown = [f for f in request.formats if f not in FORMATS]
    if unknown:
        raise ConfigError(f"no format {unknown[0]!r}; there is {', '.join(FORMATS)}")
    if request.n < 1:
        raise ConfigError(f"--n is {request.n}; draw at least one")
    if request.truncation is not None and not request.truncation > 0:
        raise ConfigError(f"--truncation is {request.truncation}; it must be above 0")
    if request.interpolate is not None and request.interpolate < 2:
        raise ConfigError(
            f"--interpolate is {request.interpolate}; a row needs at least 2 pictures"
        )
