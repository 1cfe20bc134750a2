"""What a curve is read against: rounds, real images, floating-point operations, seconds."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from genlab.report.figures.curves import Curve
from genlab.report.numbers import number
from genlab.report.reading import Run, Sweep


class Axis(NamedTuple):
    """One of them; `at` gives its value for rounds [N] of a run, [N], NaN where it is not known."""

    name: str
    at: Callable[[Run, np.ndarray], np.ndarray]

    def of(self, variant: str, sweep: Sweep, drawn: Curve) -> Curve:
        """A curve of a variant, over rounds, on this axis: the mean over the variant's runs."""
        steps = np.asarray(drawn.steps, float)
        known = [x for run in sweep.of(variant) if np.isfinite(x := self.at(run, steps)).all()]
        if not known:
            return Curve([], [], [], [])
        return drawn._replace(steps=np.mean(known, axis=0).tolist())


def _rounds(run: Run, steps: np.ndarray) -> np.ndarray:
    return steps


def _images(run: Run, steps: np.ndarray) -> np.ndarray:
    return steps * number(run.cost.get("images_per_round"))


def _flops(run: Run, steps: np.ndarray) -> np.ndarray:
    return steps * number(run.cost.get("flops_per_round"))


def _seconds(run: Run, steps: np.ndarray) -> np.ndarray:
    """Of training alone; between the rows of the log, and after the last, at an even pace."""
    rows = [(row["step"], number(row.get("seconds"))) for row in run.metrics]
    rows = [(0, 0.0), *((step, spent) for step, spent in rows if math.isfinite(spent))]
    if len(rows) < 2:
        return np.full(len(steps), math.nan)
    at, spent = (np.array(column, float) for column in zip(*rows, strict=True))
    beyond = np.maximum(steps / at[-1], 1.0)
    return np.interp(steps, at, spent) * beyond


AXES = (
    Axis("rounds", _rounds),
    Axis("images", _images),
    Axis("FLOPs", _flops),
    Axis("seconds", _seconds),
)
