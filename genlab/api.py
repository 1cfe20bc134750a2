"""The library's front door: training with previews and scores."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from genlab.config import build, live
from genlab.config.experiment import Experiment, written
from genlab.evaluation import evaluate
from genlab.game import State
from genlab.runs import kept_code
from genlab.runs.folder import RunFolder
from genlab.runtime import processes
from genlab.runtime.profiling import Rounds
from genlab.runtime.progress import Progress
from genlab.sampling import previews
from genlab.train import folders, hooks, loop
from genlab.train.program import Training
from genlab.train.restore import SELECTION


def fit(
    config: ConfigDict | Experiment,
    workdir: str | Path,
    show: Progress | None = None,
    accept_code_change: bool = False,
    profile: Rounds | None = None,
) -> State:
    """Trains what `config` describes in `workdir`, with pictures in `samples/` and validation
    scores in `evals.jsonl`; returns the last State. Resumes what is there, bit for bit.

    config: the spec of an Experiment, or an Experiment; what is no data in it, an array or a
        function of a notebook, is kept in this process, and a warning names it (see `spec`)
    accept_code_change: go on though the code of your own modules is not what the run began with
        (recorded in the run's `code.json`), instead of refusing
    profile: the rounds to trace into the run's folder, with a summary, `profile.json`

    Raises ConfigError for what cannot work, before anything is compiled; NotFinite when training
    meets NaN; Interrupted when it is asked to stop, with all rounds saved.

    In several processes all must call it alike.
    """
    config = written(config)
    _warn(config, workdir)
    return loop.fit(config, workdir, show, observed, accept_code_change, profile)


def _warn(config: ConfigDict, workdir: str | Path) -> None:
    """Says which objects of this process a run is made with."""
    if (listed := live.listed(config)) and processes.is_main():
        told = f"{workdir} cannot be made again from its folder alone, for it is made with objects"
        warnings.warn(f"{told} of this process: {listed}", stacklevel=3)


def accept_code(config: ConfigDict, workdir: str | Path) -> None:
    """Records that the run in `workdir`, if there is one, may go on with the user's code as it is
    now.

    Raises ConfigError, and records nothing, where it may not go on for another reason.
    """
    run = RunFolder(workdir)
    if run.exists and kept_code.changes_of(run.path, config, run.ingredients):
        source = build(config.data)
        with run.locked():
            folders.accept_code(run, config, source)


def fit_vmapped(
    configs: Sequence[ConfigDict], workdirs: Sequence[str | Path], show: Progress | None = None
) -> list[State]:
    """`fit` of several runs by one program: see `train.loop.fit_vmapped`."""
    for config, workdir in zip(configs, workdirs, strict=True):
        _warn(config, workdir)
    return loop.fit_vmapped(configs, workdirs, show, observed)


def observed(training: Training, run: RunFolder) -> list[hooks.Hook]:
    """Pictures every `loop.sample_every` rounds, validation scores every `loop.evaluate_every`.

    A `train.hooks.Maker`.
    """
    experiment = training.experiment
    settings = experiment.loop

    def score(step: int, state: State) -> float | None:
        rows = evaluate.score(training.config, experiment, state, SELECTION, step)
        evaluate.record(run, rows)
        if not settings.best:
            return math.nan
        return evaluate.pick(rows, settings.best.lstrip("+"))

    made = []
    if settings.sample_every:
        pictures = previews.stages(experiment, run)
        made.append(hooks.every(settings.sample_every, pictures, "pictures"))
    if experiment.evaluate:
        made.append(hooks.every(settings.evaluate_every, score, "evaluation"))
    return made
