"""`genlab sample`: grids, single files, arrays, interpolations, conditions varied along rows.

Every request has a folder of its own, named by all that was asked, with the request beside what was
drawn:

    WORKDIR/generated/round004000_n6_seed3_label7/
        request.json    what was asked, and of which checkpoint
        conditions.csv  the conditions of every picture, in order
        round004000_n6_seed3_label7_grid.png, round004000_n6_seed3_label7.npz, images/00000.png ...
"""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genlab.config import ConfigError
from genlab.data import provenance
from genlab.data.pictures import headed, titled, write_png
from genlab.game.abilities import Generates, require
from genlab.runs import requests
from genlab.runs.environment import version
from genlab.runs.files import write_json
from genlab.sampling import codes, conditions
from genlab.sampling.conditions import Stored
from genlab.sampling.load import Step, TrainedRun, load
from genlab.sampling.request import Conditions, SampleRequest
from genlab.sampling.sampler import column_names, grid_columns
from genlab.sampling.selection import Selection

FORMATS = ("grid", "png", "npz")


def generate(
    workdir: str | Path,
    request: SampleRequest,
    step: Step = None,
    say: Callable[[str], Any] = lambda text: None,
    by: Selection | None = None,
) -> list[Path]:
    """Draws from the State that `load` reads (or that of round `step`, "last" for the newest): the
    files of samples.

    They replace all that an earlier call with the same request wrote. `say` is called with what a
    person should know of conditions that the request does not name, and of what was selected `by` a
    reward. Raises ConfigError for what the run cannot do.
    """
    _check(request)
    run = load(workdir, step)
    require(run.method, Generates, "genlab sample")
    found = run.conditions(request)
    if found.others:
        say(f"conditions not asked for: {found.others}")
    selected = by and by(run, request)
    drawn = selected.drawn if selected else run.drawn(request, found)
    selection = {}
    if by and selected:
        selection = {**by.record, **selected.about}
        say(", ".join(f"{name} {x:.4g}" for name, x in selected.about.items()))
    place = run.folder.path / "generated" / name_of(request, run.step, by)
    with requests.written_whole(place, "genlab sample") as draft:
        (draft / "images").mkdir()
        written = _write(draft, place.name, drawn, run, request, found)
        files = [str(path.relative_to(draft)) for path in written]
        record = _record(run, request, found, files, selection)
        write_json(draft / requests.RECORD, record)
        known = (*request._fields, "selection")
        settings = {name: x for name, x in record.items() if name in known and x}
        what = provenance.about(run.folder.path, run.step, "genlab sample", settings)
        provenance.mark_all(draft, what)
    return [place / file for file in files]


def name_of(request: SampleRequest, step: int, by: Selection | None = None) -> str:
    """The name of a request's folder and of its files: all that was asked, but for the formats."""
    asked = {
        "label": request.label,
        **request.given,
        "truncation": request.truncation,
        "interpolate": request.interpolate,
        "guidance": request.guidance,
        "vary": request.vary and ",".join(f"{x}" for x in request.vary if x is not None),
        **({name.replace("_", "-"): x for name, x in by.record.items()} if by else {}),
    }
    parts = [f"round{step:06d}", f"n{request.n}", f"seed{request.seed}"]
    return requests.folder_name(parts, asked)


def _record(
    run: TrainedRun, request: SampleRequest, found: Conditions, files: list[str], selection: dict
) -> dict:
    """What `request.json` says."""
    return {
        **request._asdict(),
        "given": dict(request.given),
        "vary": request.vary and request.vary._asdict(),
        "conditions not asked for": found.others,
        "out of range": found.beyond,
        **({"selection": selection} if selection else {}),
        "round": run.step,
        "model": run.weights.fingerprint,
        "checkpoint": run.chosen,
        "genlab": version(),
        "files": files,
    }


def _write(
    folder: Path,
    name: str,
    drawn: Stored,
    run: TrainedRun,
    request: SampleRequest,
    found: Conditions,
) -> list[Path]:
    """The files in `folder`; the first of what is drawn is what the model makes."""
    column, (made, *_), written = run.source.columns[run.method.makes], drawn.values(), []
    kinds = {**run.source.columns, **codes.columns(run.method)}
    texts = conditions.written(kinds, {n: x for n, x in drawn.items() if n != run.method.makes})
    if "grid" in request.formats:
        kind = "interpolation" if request.interpolate else "strips" if found.steps else "grid"
        written.append(folder / f"{name}_{kind}.png")
        write_png(written[-1], _sheet(made, run, request, found, texts))
    if "png" in request.formats:
        written += [column.write(one, folder / "images" / f"{i:05d}") for i, one in enumerate(made)]
    else:
        (folder / "images").rmdir()
    if "npz" in request.formats:
        written.append(folder / f"{name}.npz")
        np.savez(written[-1], **drawn)  # pyright: ignore[reportArgumentType]
    if texts:
        _list(folder / "conditions.csv", texts)
    return written


def _list(path: Path, texts: Mapping[str, Sequence[str]]) -> None:
    """A table of the conditions of every picture, by the stem of its file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["picture", *texts])
        rows.writerows([f"{i:05d}", *x] for i, x in enumerate(zip(*texts.values(), strict=True)))


def _sheet(
    made: np.ndarray,
    run: TrainedRun,
    request: SampleRequest,
    found: Conditions,
    texts: Mapping[str, Sequence[str]],
) -> np.ndarray:
    """The pictures in a grid: what its columns are above them, where they are anything, and above
    that the conditions that all have in common.
    """
    column = run.source.columns[run.method.makes]
    fixed = request.label is not None or request.given or request.vary
    columns = request.interpolate or found.steps or None
    names = ()
    if not fixed and not columns:
        columns, names = grid_columns(run.method, run.source), column_names(run.method, run.source)
    elif request.vary and len(column.shape) == 3:
        names = texts.get(request.vary.column, ())[:columns]
    sheet = column.draw(made, columns)
    sheet = headed(sheet, names) if names and len(names) == columns else sheet
    if not fixed:
        return sheet
    common = [f"{name}={x[0]}" for name, x in texts.items() if len(set(x)) == 1]
    along = [f"{request.vary.column} along the rows"] if request.vary else []
    return titled(sheet, ", ".join([*common, *along]))


def _check(request: SampleRequest) -> None:
    unknown = [f for f in request.formats if f not in FORMATS]
    if unknown:
        raise ConfigError(f"no format {unknown[0]!r}; there is {', '.join(FORMATS)}")
    if request.n < 1:
        raise ConfigError(f"--n is {request.n}; draw at least one")
    if request.truncation is not None and not request.truncation > 0:
        raise ConfigError(f"--truncation is {request.truncation}; it must be above 0")
    if request.guidance is not None and not math.isfinite(request.guidance):
        raise ConfigError(f"--guidance is {request.guidance}; it must be a finite number")
    if request.interpolate is not None and request.interpolate < 2:
        raise ConfigError(
            f"--interpolate is {request.interpolate}; a row needs at least 2 pictures"
        )
