"""Restoring a trained run from its folder."""

from pathlib import Path
from typing import Literal

from ml_collections import ConfigDict

from genlab.config import ConfigError, override
from genlab.game import State
from genlab.runs.checkpoint import Checkpoints
from genlab.runs.folder import RunFolder
from genlab.runs.saved import SELECTION
from genlab.train.kept_data import KeptData
from genlab.train.program import Training, reopened

Step = int | Literal["last"] | None
"""A checkpoint: of this round, the newest ("last"), or the best by `loop.best`, else the newest."""


def trained(workdir: str | Path, step: Step = None) -> tuple[RunFolder, Training, int, State]:
    """A trained run: its folder, its experiment, whose data are opened when examples are asked for,
    and the State to sample and score.

    That is the best checkpoint by validation where `loop.best` names a score, else the newest; or
    that of round `step`, or the newest for "last". ConfigError where there is none.
    """
    return restored(workdir, step)[:4]


def restored(workdir: str | Path, step: Step) -> tuple[RunFolder, Training, int, State, str]:
    """`trained`, and how the checkpoint was chosen: "best validation SCORE", "last" or "round
    N".
    """
    newest = step == "last"
    step = None if step == "last" else step
    run = RunFolder.at(workdir)
    training = reopened(_on_one_device(run.standalone), KeptData(run))
    loop = training.experiment.loop
    with Checkpoints(run.checkpoints, loop.keep, loop.best) as checkpoints:
        best, steps = None if newest else checkpoints.best, checkpoints.steps
        found = checkpoints.restore(training.like_trained(), step, prefer=best)
    if found is None:
        raise ConfigError(f"{run.path} has no checkpoint yet: train it first")
    if step is None and found[0] == best:
        return run, training, *found, f"best {SELECTION} {loop.best.lstrip('+')}"
    chosen = "last" if step is None and found[0] == steps[-1] else f"round {found[0]}"
    return run, training, *found, chosen


def _on_one_device(config: ConfigDict) -> ConfigDict:
    """A config to read a run with: whatever devices it was trained on, one is enough."""
    for field, value in (("placement", "jit"), ("devices", 1), ("sharding", "replicated")):
        override(config, f"loop.{field}", value)
    return config
