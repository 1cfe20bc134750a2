"""`genlab sample`: grids, single files, arrays, interpolations, truncation; from a trained run."""

from pathlib import Path

import numpy as np

from genlab.config import ConfigError
from genlab.data.columns import Column
from genlab.data.pictures import write_png
from genlab.game.abilities import Generates, require
from genlab.sampling.conditions import Stored
from genlab.sampling.load import load
from genlab.sampling.request import SampleRequest
from genlab.sampling.sampler import grid_columns

FORMATS = ("grid", "png", "npz")


def generate(workdir: str | Path, request: SampleRequest, step: int | None = None) -> list[Path]:
    """Draws from the State that `evaluate` scores (or that of round `step`): the files written.

    Raises ConfigError for what the run cannot do.
    """
    run = load(workdir, step)
    require(run.method, Generates, "genlab sample")
    _check(request)
    drawn = run.drawn(request)
    fixed = request.label is not None or request.given
    columns = request.interpolate or (None if fixed else grid_columns(run.method, run.source))
    place = run.folder.path / "generated" / f"{run.step:06d}_seed{request.seed}"
    return _write(place, drawn, run.source.columns[run.method.makes], request, columns)


def _write(
    place: Path, drawn: Stored, column: Column, request: SampleRequest, columns: int | None
) -> list[Path]:
    """The files, named after `place`; the first of what is drawn is what the model makes."""
    made, written = next(iter(drawn.values())), []
    if "grid" in request.formats:
        kind = "interpolation" if request.interpolate else "grid"
        written.append(place.with_name(f"{place.name}_{kind}.png"))
        write_png(written[-1], column.draw(made, columns))
    if "png" in request.formats:
        place.mkdir(parents=True, exist_ok=True)
        written += [column.write(one, place / f"{i:05d}") for i, one in enumerate(made)]
    if "npz" in request.formats:
        place.parent.mkdir(parents=True, exist_ok=True)
        written.append(place.with_name(f"{place.name}.npz"))
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
