"""Which checkpoint is the best: the score that `loop.best` names, checked before training."""

import fnmatch
import warnings

from genlab.config import ConfigError, choices
from genlab.config.experiment import Experiment
from genlab.report.scores import HIGHER, LOWER
from genlab.report.scores import score as known


def check(experiment: Experiment) -> None:
    """ConfigError for a score that the evaluator named by `loop.best` does not give; one that does
    not declare its scores is asked when it has given some. Warns where the worst would be kept.
    """
    asked = experiment.loop.best
    best = asked.lstrip("+")
    name, _, score = best.partition("/")
    given = getattr(experiment.evaluate.get(name), "gives", None)
    if given is not None and not any(fnmatch.fnmatchcase(score, one) for one in given):
        hint = choices(best, [f"{name}/{one}" for one in given])
        raise ConfigError(f"loop.best names {best!r}, which no evaluator gives{hint}")
    goal = known(score).goal
    right = best if goal == LOWER else f"+{best}" if goal == HIGHER else asked
    if asked != right:
        warnings.warn(
            f"loop.best={asked!r} keeps the worst checkpoint: {known(score).advice} of {score!r}; "
            f"write {right!r}",
            stacklevel=2,
        )
