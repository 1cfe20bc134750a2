"""Means over seeds, with the interval that says how far to trust them."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, median, stdev
from typing import NamedTuple

import scipy

LEVEL = 0.95
MOST_DECIMALS = 6


class Estimate(NamedTuple):
    """A mean over `n` seeds; `half` is the half-width of its 95 % t-interval, None for one seed."""

    mean: float
    half: float | None
    n: int


def estimate(values: Iterable[float]) -> Estimate | None:
    """The mean and Student's t-interval, ± t(n - 1) · s / √n; None where no value is finite."""
    finite = [v for v in values if math.isfinite(v)]
    n = len(finite)
    if n < 2:
        return Estimate(finite[0], None, 1) if finite else None
    quantile = float(scipy.stats.t.ppf((1 + LEVEL) / 2, n - 1))
    return Estimate(fmean(finite), quantile * stdev(finite) / math.sqrt(n), n)


def decimals(estimates: Sequence[Estimate]) -> int:
    """Decimals that suit a column.

    Two figures of its middle half-width, one of its smallest, and two of its largest mean; four of
    the mean where there is no interval.
    """
    halves = [e.half for e in estimates if e.half]
    largest = max((abs(e.mean) for e in estimates), default=0.0)
    if not halves and all(e.mean == round(e.mean) for e in estimates):
        return 0
    wanted = [1 - _magnitude(largest)] if halves else [3 - _magnitude(largest)]
    wanted += [1 - _magnitude(median(halves)), -_magnitude(min(halves))] if halves else []
    return min(max(*wanted, 0), MOST_DECIMALS)


def written(value: Estimate, places: int) -> str:
    """`3.12 ± 0.45`; the mean alone where one seed gives no interval."""
    mean = f"{value.mean:.{places}f}"
    return mean if value.half is None else f"{mean} ± {value.half:.{places}f}"


def _magnitude(value: float) -> int:
    return math.floor(math.log10(value)) if value else 0
