"""A cell's estimate drawn next to its number, on one axis for the whole column."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from genlab.report.statistics import Estimate


class Strip(NamedTuple):
    """Places in per cent of the axis: interval, mean, seeds, and the score of real data."""

    low: float
    high: float
    mean: float
    seeds: tuple[float, ...]
    baseline: float | None


class Axis(NamedTuple):
    """Wide enough for all that a column shows; `shared` if it shows more than one estimate."""

    low: float
    span: float
    baseline: float | None
    shared: bool

    def place(self, value: float) -> float:
        """A value in per cent of the axis."""
        return round(100 * (value - self.low) / self.span, 2)

    def strip(self, of: Estimate, seeds: Sequence[float]) -> Strip | None:
        """An estimate and its seeds, placed; None where there is nothing to compare with."""
        if not self.shared:
            return None
        half = of.half or 0.0
        return Strip(
            self.place(of.mean - half),
            self.place(of.mean + half),
            self.place(of.mean),
            tuple(self.place(v) for v in seeds if math.isfinite(v)),
            None if self.baseline is None else self.place(self.baseline),
        )


def axis(estimates: Iterable[Estimate], seeds: Iterable[float], baseline: Estimate | None) -> Axis:
    """The axis of a column, from all that it has to show."""
    known = [*estimates, *([baseline] if baseline else [])]
    points = [v for v in seeds if math.isfinite(v)]
    ends = points + [e.mean + sign * (e.half or 0.0) for e in known for sign in (-1, 1)]
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    return Axis(
        low,
        (high - low) or 1.0,
        baseline.mean if baseline else None,
        len(points) > 1 and len(known) > 1,
    )
