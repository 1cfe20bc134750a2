"""`genlab edit`: real pictures, or samples, inverted and edited by a trained run, and measured.

Every request has a folder of its own, named by all that was asked, with the request beside what was
made:

    WORKDIR/edited/round004000_z_test8_hue=0.6_-3..3x7/
        request.json  what was asked, and of which checkpoint
        strips.png    a row for each picture: itself, then the edit at each strength
        inversion.csv how near each picture is to what the model makes of its latents
        changes.csv   what changed, on average, at each strength
        edited.npz    latents, edited pictures, conditions
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError
from genlab.data.pictures import headed, titled, write_png
from genlab.editing.inversion import Optimisation
from genlab.evaluation.reading import Resize, read_set
from genlab.game.abilities import Generates, require
from genlab.metrics import image
from genlab.runs import requests
from genlab.runs.environment import version
from genlab.runs.files import write_json
from genlab.sampling import editor
from genlab.sampling.conditions import asked, written
from genlab.sampling.editor import Edited, Inverted
from genlab.sampling.load import TrainedRun, load


class EditRequest(NamedTuple):
    """What to edit, and how.

    input:     a folder of pictures, a picture or an npz file; "" for none
    split:     of the run's own data, whose conditions come with the pictures; "" for none. Without
               both the model's own samples are edited
    direction: a name (`sampling.directions`); "" only inverts
    by, steps: strengths from .. to, in standard deviations of the latents along the direction
    keep:      factors that the direction is made orthogonal to
    given:     conditions of all pictures, as text; those of `input` that are not given are found
               with the latents
    optimise:  steps of optimisation; None: the space's default; 0: only the start
    """

    input: str = ""
    split: str = ""
    n: int = 8
    seed: int = 0
    direction: str = ""
    by: tuple[float, float] = (-3.0, 3.0)
    steps: int = 7
    keep: tuple[str, ...] = ()
    space: str = "z"
    given: Mapping[str, str] = {}
    optimise: int | None = None


def edit(
    workdir: str | Path,
    request: EditRequest,
    step: int | None = None,
    say: Callable[[str], Any] = lambda text: None,
) -> list[Path]:
    """Inverts and edits with the State that `evaluate` scores (or that of round `step`), and leaves
    it as it is: the files written. They replace those of an earlier call with the same request.

    `say` is called with a line of results. Raises ConfigError for what the run cannot do.
    """
    _check(request)
    run = load(workdir, step)
    require(run.method, Generates, "genlab edit")
    if len(run.source.columns[run.method.makes].shape) != 3:
        raise ConfigError("genlab edit is for models of pictures; this one makes points")
    pictures, found = _inverted(run, request)
    edited = _edited(run, request, found)
    errors = {} if pictures is None else _errors(pictures, found.examples)
    if errors:
        say(", ".join(f"{name} {np.mean(x):.4g}" for name, x in errors.items()) + " of inversion")
    if edited and edited.changes:
        say(_summary(edited))
    place = run.folder.path / "edited" / name_of(request, run.step)
    with requests.written_whole(place, "genlab edit") as draft:
        files = _write(draft, run, request, pictures, found, edited, errors)
        write_json(draft / requests.RECORD, _record(run, request, found, edited, files))
    return [place / file for file in files]


def name_of(request: EditRequest, step: int) -> str:
    """The name of a request's folder."""
    whose = request.split or ("input" if request.input else "samples")
    asked_for = {
        "": request.input or None,
        "seed": request.seed or None,
        **request.given,
        "by": _strengths(request) if request.direction else None,
        "to": request.direction or None,
        "keep": ",".join(request.keep) or None,
        "optimise": request.optimise,
    }
    parts = [f"round{step:06d}", request.space, f"{whose}{request.n}"]
    return requests.folder_name(parts, asked_for)


def _strengths(request: EditRequest) -> str:
    return f"{request.by[0]:g}..{request.by[1]:g}x{request.steps}"


def _inverted(run: TrainedRun, request: EditRequest) -> tuple[np.ndarray | None, Inverted]:
    """The pictures asked for, and as the model makes them; samples need no inversion."""
    if not (request.input or request.split):
        return None, run.editor.drawn(request.n, request.space, request.seed)
    pictures, given = pictures_of(run, request)
    fixed = asked(run.source.columns, run.method.given, request.given)
    given |= {name: np.broadcast_to(x, (len(pictures), *x.shape)) for name, x in fixed.items()}
    found = run.editor.invert(pictures, given, request.space, _settings(request), seed=request.seed)
    return pictures, found


def pictures_of(run: TrainedRun, request: EditRequest) -> tuple[np.ndarray, dict]:
    """The pictures, uint8, and the conditions that come with them."""
    if request.split:
        stored = run.source.read(request.split, request.n)
        return stored[run.method.makes], {name: stored[name] for name in run.method.given}
    shape = run.source.columns[run.method.makes].shape
    if Path(request.input).is_file() and Path(request.input).suffix != ".npz":
        return _file(Path(request.input), shape)[None], {}
    size = Resize("bicubic", shape[:2], shape[2] if shape[2] != 4 else None)
    return np.asarray(read_set(request.input, size).images[: request.n]), {}


def _file(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    from genlab.data.decoding import fitted, opened

    try:
        return fitted(opened(path), shape, "bicubic")  # pyright: ignore[reportArgumentType]
    except OSError as error:
        raise ConfigError(f"--input={path}: {error}") from None


def _settings(request: EditRequest) -> Optimisation | None:
    if request.optimise is None:
        return None
    usual = editor.W if request.space == "w" else editor.Z
    return usual.__class__(**{**vars(usual), "steps": request.optimise})


def _edited(run: TrainedRun, request: EditRequest, found: Inverted) -> Edited | None:
    if not request.direction:
        return None
    direction = run.editor.direction(request.direction, request.space, request.keep)
    by = np.linspace(*request.by, request.steps)
    return run.editor.edit(found, direction, by.tolist())


def _errors(pictures: np.ndarray, made: np.ndarray) -> dict[str, np.ndarray]:
    """Of each picture: MSE as a share of the squared range, PSNR in decibels, SSIM."""
    side = min(pictures.shape[1:3])
    window = min(11, side - 1 + side % 2)
    found = {"mse": image.mse(made, pictures, 255), "psnr": image.psnr(made, pictures, 255)}
    return {**found, "ssim": image.ssim(made, pictures, 255, window)} if window >= 3 else found


def _write(
    folder: Path,
    run: TrainedRun,
    request: EditRequest,
    pictures: np.ndarray | None,
    found: Inverted,
    edited: Edited | None,
    errors: Mapping[str, np.ndarray],
) -> list[str]:
    """The files in `folder`."""
    write_png(folder / "strips.png", _strips(run, request, pictures, found, edited))
    texts = written(run.source.columns, found.given or {})
    made = {"latents": found.latents, "reconstructed": np.asarray(found.examples)}
    files = ["strips.png", "edited.npz"]
    if errors:
        _table(folder / "inversion.csv", {**errors, **texts}, "picture")
        files.insert(1, "inversion.csv")
    if edited:
        made |= {"edited": np.asarray(edited.examples), "edited_latents": edited.latents}
    if edited and edited.changes:
        rows = {"wanted": edited.changes.wanted, **edited.changes.unwanted}
        _table(folder / "changes.csv", rows, "by", [f"{x:g}" for x in edited.by])
        files.insert(-1, "changes.csv")
    np.savez(folder / "edited.npz", **made, **(found.given or {}))  # pyright: ignore[reportArgumentType]
    return files


def _strips(
    run: TrainedRun,
    request: EditRequest,
    pictures: np.ndarray | None,
    found: Inverted,
    edited: Edited | None,
) -> np.ndarray:
    """A row for each picture: itself where there is one, then what the model makes of it."""
    n = len(found.latents)
    made = edited.examples if edited else found.examples
    wide = np.asarray(made).reshape(n, -1, *made.shape[1:])
    names = [f"{x:+.2g}" for x in edited.by] if edited else ["made"]
    if pictures is not None:
        wide, names = np.concatenate([pictures[:, None], wide], axis=1), ["given", *names]
    column = run.source.columns[run.method.makes]
    sheet = headed(column.draw(wide.reshape(-1, *made.shape[1:]), wide.shape[1]), names)
    return titled(sheet, _title(request)) if edited else sheet


def _title(request: EditRequest) -> str:
    kept = f", keeping {', '.join(request.keep)}" if request.keep else ""
    return f"{request.direction}{kept}, standard deviations in {request.space}"


def _table(
    path: Path, columns: Mapping[str, Sequence | np.ndarray], head: str, names: Iterable = ()
) -> None:
    """Columns of numbers or texts, a row for each of `names`, or numbered."""
    rows = list(zip(*columns.values(), strict=True))
    names = list(names) or [f"{i:05d}" for i in range(len(rows))]
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([head, *columns])
        for name, row in zip(names, rows, strict=True):
            lines.writerow([name, *(x if isinstance(x, str) else f"{x:.6g}" for x in row)])


def _summary(edited: Edited) -> str:
    assert edited.changes
    changes = edited.changes
    others = {name: x[-1] for name, x in changes.unwanted.items()}
    most = max(others, key=lambda name: others[name])
    return (
        f"at {edited.by[-1]:+g}: wanted change {changes.wanted[-1]:.2g}, unwanted "
        f"{changes.leakage[-1]:.2g} on average, most of {most} ({others[most]:.2g}); 1 is as "
        "unlike as two samples are"
    )


def _record(
    run: TrainedRun,
    request: EditRequest,
    found: Inverted,
    edited: Edited | None,
    files: list[str],
) -> dict:
    """What `request.json` says."""
    return {
        **request._asdict(),
        "given": dict(request.given),
        "found with the latents": [
            name for name in run.method.given if request.input and name not in request.given
        ],
        "strengths": edited.by.tolist() if edited else [],
        "round": run.step,
        "checkpoint": run.chosen,
        "genlab": version(),
        "files": files,
    }


def _check(request: EditRequest) -> None:
    if request.input and request.split:
        raise ConfigError(
            f"--input={request.input} and --split={request.split}: give one, pictures of your own "
            "or of the run's data"
        )
    if request.n < 1:
        raise ConfigError(f"--n is {request.n}; edit at least one")
    if request.steps < 2 or not request.by[0] < request.by[1]:
        raise ConfigError(
            f"--by={request.by[0]:g}..{request.by[1]:g} --steps={request.steps}: give strengths "
            "that rise, in 2 steps or more"
        )
    if request.optimise is not None and request.optimise < 0:
        raise ConfigError(f"--optimise is {request.optimise}; give 0 or more steps")
    if not (request.input or request.split):
        for name, value in {"given": request.given, "optimise": request.optimise}.items():
            if value:
                raise ConfigError(
                    f"--{name} is of pictures that are inverted: give --input or --split; without "
                    "them the model's own samples are edited"
                )
    if request.keep and not request.direction:
        raise ConfigError("--keep says what a direction leaves as it is: give --direction too")
