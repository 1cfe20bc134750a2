"""`genlab edit`: real pictures, or samples, inverted and edited by a trained run, and measured.

Every request has a folder of its own, named by all that was asked and by how many pictures there
were, with the request beside what was made:

    WORKDIR/edited/round004000_z_test8_hue=0.6_-3..3x7/
        request.json  what was asked, of which checkpoint, how many pictures, what measured them
        strips.png    a row for each picture: itself, then each of its edits
        inversion.csv how near each picture is to what the model makes of its latents
        changes.csv   what changed, on average, with each edit
        edited.npz    latents, edited pictures, conditions
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from genlab.config import ConfigError, as_dict
from genlab.data import provenance
from genlab.data.columns import Label, first_image
from genlab.data.decoding import fitted, opened
from genlab.data.sources import Readable
from genlab.editing.factors import factors
from genlab.editing.inversion import Optimisation
from genlab.evaluation.edit_files import write
from genlab.evaluation.edit_request import EditRequest, check, name_of
from genlab.evaluation.reading import Resize, read_set
from genlab.features.factors import FactorReader, Factors
from genlab.game.abilities import Generates, require
from genlab.metrics import control, image
from genlab.nets import dcgan, mlp
from genlab.runs import requests
from genlab.runs.environment import version
from genlab.runs.files import write_json
from genlab.sampling.conditions import asked
from genlab.sampling.edited import Edited, Inverted
from genlab.sampling.editor import Editor
from genlab.sampling.inverting import usual
from genlab.sampling.load import Step, TrainedRun, load


def edit(
    workdir: str | Path,
    request: EditRequest,
    step: Step = None,
    say: Callable[[str], Any] = lambda text: None,
) -> list[Path]:
    """Inverts and edits with the State that `load` reads (or that of round `step`, "last" for the
    newest), and leaves it as it is: the files written. They replace those of an earlier call with
    the same request.

    `say` is called with a line of results. Raises ConfigError for what the run cannot do.
    """
    check(request)
    run = load(workdir, step)
    require(run.method, Generates, "genlab edit")
    if len(run.source.columns[run.method.makes].shape) != 3:
        raise ConfigError("genlab edit is for models of pictures; this one makes points")
    _foreseen(run, request)
    pictures, found = _inverted(run, request)
    edited = _edited(run, request, found, say)
    errors = {} if pictures is None else _errors(pictures, found.examples)
    if errors:
        say(", ".join(f"{name} {np.mean(x):.4g}" for name, x in errors.items()) + " of inversion")
    if edited and edited.changes:
        say(_summary(edited))
    place = run.folder.path / "edited" / name_of(request, run.step, len(found.latents))
    with requests.written_whole(place, "genlab edit") as draft:
        files = write(draft, run, request, pictures, found, edited, errors)
        write_json(draft / requests.RECORD, _record(run, request, found, edited, files))
        settings = {name: x for name, x in request._asdict().items() if x}
        what = provenance.about(
            run.folder.path, run.step, "genlab edit", settings, changed=pictures is not None
        )
        provenance.mark_all(draft, what)
    return [place / file for file in files]


def _foreseen(run: TrainedRun, request: EditRequest) -> None:
    """ConfigError, before pictures are inverted, for what will not be measured: a decoder says for
    itself what it reads, a network reads the columns of the data.
    """
    if request.edit and not _decodes(run, request.measure):
        request.edit.check(factors(run.source.columns, run.source.columns))


def _decodes(run: TrainedRun, measure: str) -> bool:
    """Whether pictures are measured by the set's own decoder."""
    has = getattr(run.source, "decode", None) is not None
    if measure == "decoder" and not has:
        raise ConfigError("--measure=decoder: the data have no decoder; leave it out")
    return has and measure != "reader"


def _inverted(run: TrainedRun, request: EditRequest) -> tuple[np.ndarray | None, Inverted]:
    """The pictures asked for, and as the model makes them; samples need no inversion."""
    if not (request.input or request.split):
        return None, run.editor.drawn(request.n, request.space, request.seed)
    pictures, given = pictures_of(run, request)
    fixed = asked(run.source.columns, run.method.given, request.given)
    given |= {name: np.broadcast_to(x, (len(pictures), *x.shape)) for name, x in fixed.items()}
    settings = _settings(run, request)
    found = run.editor.invert(pictures, given, request.space, settings, seed=request.seed)
    return pictures, found


def pictures_of(run: TrainedRun, request: EditRequest) -> tuple[np.ndarray, dict]:
    """The pictures, uint8, and the conditions that come with them."""
    if request.split:
        stored = run.source.read(request.split, request.n)
        return stored[run.method.makes], {name: stored[name] for name in run.method.given}
    height, width, channels = run.source.columns[run.method.makes].shape
    shape = height, width, channels
    if Path(request.input).is_file() and Path(request.input).suffix != ".npz":
        return _file(Path(request.input), shape)[None], {}
    size = Resize("bicubic", (height, width), channels if channels != 4 else None)
    return np.asarray(read_set(request.input, size).images[: request.n]), {}


def _file(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    try:
        return fitted(opened(path), shape, "bicubic")
    except OSError as error:
        raise ConfigError(f"--input={path}: {error}") from None


def _settings(run: TrainedRun, request: EditRequest) -> Optimisation | None:
    if request.optimise is None:
        return None
    return replace(usual(run.method, request.space), steps=request.optimise)


def _edited(
    run: TrainedRun, request: EditRequest, found: Inverted, say: Callable[[str], Any]
) -> Edited | None:
    if request.edit is None:
        return None
    return request.edit.made(run.editor, lambda n: measured(run, request.measure, n, say), found)


def measured(run: TrainedRun, measure: str, samples: int, say: Callable[[str], Any]) -> Editor:
    """The run's editor with what says what is in a picture, of so many samples of the model; how
    well a trained network does on held-out pictures is said.
    """
    if _decodes(run, measure):
        return run.editor.with_samples(samples)
    shape = run.source.columns[run.method.makes].shape
    side = shape[0]
    square = shape[0] == shape[1] >= 8 and side & (side - 1) == 0
    trunk = dcgan.Down(24) if square else mlp.Down((256, 128))
    reader = Factors(trunk).reader(as_dict(run.config), run.source, run.method.makes)
    say(f"measured by a network trained on the data: {_skill(reader, run.source)}")
    return run.editor.with_measure(reader.read, reader.columns, samples)


def _skill(reader: FactorReader, source: Readable) -> str:
    """How well it reads held-out pictures: accuracy of labels, R2 of numbers."""
    stored = source.read("test", 1000)
    read, scores = reader.read(stored[first_image(source.columns) or ""]), {}
    for name, factor in factors(source.columns, read).items():
        asked, found = factor.of(stored), factor.of(read)
        if isinstance(factor.kind, Label):
            scores[name] = control.accuracy(asked, found)
        else:
            scores[name] = control.r2(asked, found, factor.period)
    return ", ".join(f"{name} {score:.2f}" for name, score in scores.items())


def _errors(pictures: np.ndarray, made: np.ndarray) -> dict[str, np.ndarray]:
    """Of each picture: MSE as a share of the squared range, PSNR in decibels, SSIM."""
    side = min(pictures.shape[1:3])
    window = min(11, side - 1 + side % 2)
    found = {"mse": image.mse(made, pictures, 255), "psnr": image.psnr(made, pictures, 255)}
    return {**found, "ssim": image.ssim(made, pictures, 255, window)} if window >= 3 else found


def _summary(edited: Edited) -> str:
    """What the last edit of a row, the strongest, changed."""
    changes: Any = edited.changes
    wanted = changes.wanted[-1]
    read = f"wanted change {wanted:.2g}" if np.isfinite(wanted) else "nothing reads what is wanted"
    said = f"at {edited.heads[-1]}: {read}"
    if others := {name: x[-1] for name, x in changes.unwanted.items() if np.isfinite(x[-1])}:
        most = max(others, key=lambda name: others[name])
        said += f", unwanted {changes.leakage[-1]:.2g} on average, {others[most]:.2g} of {most}"
    return f"{said}; 1 is as unlike as two samples are"


def _measured_by(run: TrainedRun, request: EditRequest, edited: Edited | None) -> str:
    if edited is None or edited.changes is None:
        return "nothing"
    return "decoder" if _decodes(run, request.measure) else "reader"


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
        "edit": type(request.edit).__name__.lower() if request.edit else "",
        **(request.edit._asdict() if request.edit else {}),
        "found with the latents": [
            name for name in run.method.given if request.input and name not in request.given
        ],
        "pictures": len(found.latents),
        "measured by": _measured_by(run, request, edited),
        "strengths": edited.by.tolist() if edited else [],
        "round": run.step,
        "checkpoint": run.chosen,
        "genlab": version(),
        "files": files,
    }
