"""Numbers over training: a mean over seeds and the range of the seeds."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from genlab.report.statistics import estimate

POINTS = 120  # per curve: more than a small panel can show
CUT_FROM = 4  # range of all values over that of nearly all

Series = dict[int, float]  # by step


class Curve(NamedTuple):
    """A mean over seeds with the least and greatest seed, at most `POINTS` long."""

    steps: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


def curve(seeds: Iterable[Series]) -> Curve:
    """The mean over seeds, each first averaged over neighbouring steps to at most `POINTS`.

    A seed that stopped early counts up to where it stopped.
    """
    seeds = list(seeds)
    steps = sorted({step for series in seeds for step in series})
    size = math.ceil(len(steps) / POINTS)
    found = Curve([], [], [], [])
    for first in range(0, len(steps), max(size, 1)):
        near = steps[first : first + size]
        means = (estimate(series.get(step, math.nan) for step in near) for series in seeds)
        values = [e.mean for e in means if e]
        if values:
            at = (sum(near) / len(near), sum(values) / len(values), min(values), max(values))
            for column, value in zip(found, at, strict=True):
                column.append(value)
    return found


def cut_at(curves: Iterable[Curve]) -> tuple[float, float] | None:
    """Limits without the few extremes, mostly of the first rounds, that would flatten the rest."""
    curves = list(curves)
    late = max(c.steps[-1] for c in curves) / 5
    values = [v for c in curves for v in (*c.low, *c.high)]
    settled = sorted(
        v for c in curves for step, *ends in zip(c.steps, c.low, c.high, strict=True)
        for v in ends if step > late
    )  # fmt: skip
    if not settled:
        return None
    low, high = settled[len(settled) // 100], settled[-1 - len(settled) // 100]
    if max(values) - min(values) <= CUT_FROM * (high - low) or low == high:
        return None
    return low - (high - low) / 8, high + (high - low) / 8
