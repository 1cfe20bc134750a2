"""The library's front door: training with previews and scores."""

import math
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from genlab.config import ConfigError, build, spec
from genlab.config.experiment import Experiment
from genlab.evaluation import evaluate
from genlab.game import State
from genlab.runs import kept_code
from genlab.runs.folder import RunFolder
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
) -> State:
    """Trains what `config` describes in `workdir`, with pictures in `samples/` and validation
    scores in `evals.jsonl`; returns the last State. Resumes what is there, bit for bit.

    config: the spec of an Experiment, or an Experiment of specs and of objects that can be written
        down as such (see `written`)
    accept_code_change: go on though the code of your own modules is not what the run began with
        (recorded in the run's `code.json`), instead of refusing

    Raises ConfigError for what cannot work, before anything is compiled; NotFinite when training
    meets NaN; Interrupted when it is asked to stop, with all rounds saved.

    In several processes all must call it alike.
    """
    return loop.fit(written(config), workdir, show, observed, accept_code_change)


def written(config: ConfigDict | Experiment) -> ConfigDict:
    """The config of an Experiment: a dataclass from a module (a method, a linen network) is the
    spec of its class and its fields. A config is returned as it is.

    Raises ConfigError for what no config can hold: arrays, functions, classes of a notebook cell.
    """
    if not isinstance(config, Experiment):
        return config
    try:
        return spec(Experiment, **vars(config))
    except ConfigError as error:
        advice = "in an Experiment give the spec of what makes it, such as data=spec(digits)"
        raise ConfigError(f"{error}; {advice}") from None


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
        made.append(hooks.every(settings.sample_every, previews.stages(experiment, run)))
    if experiment.evaluate:
        made.append(hooks.every(settings.evaluate_every, score))
    return made
