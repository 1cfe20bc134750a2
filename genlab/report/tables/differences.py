"""Differences of two variants, pair by pair: the paired t-test, its effect size, and Holm's
correction of many tests.
"""

import math
from collections.abc import Sequence
from statistics import stdev
from typing import NamedTuple

import scipy

from genlab.report.statistics import LEVEL, estimate

ALPHA = 1 - LEVEL


class Paired(NamedTuple):
    """Differences of `n` pairs.

    mean:   of the differences; `half` is the half-width of its 95 % t-interval
    effect: mean over standard deviation, corrected for few pairs; None below 3 pairs or where all
            differences are equal
    p:      of the two-sided paired t-test; NaN where all differences are equal
    """

    mean: float
    half: float
    effect: float | None
    p: float
    n: int


def paired(a: Sequence[float], b: Sequence[float]) -> Paired:
    """`a` less `b`, pair by pair: methods that shared a seed, and so data order and first weights.

    The effect size is Cohen's d_z, mean / s of the differences, times Hedges' exact correction for
    n - 1 degrees of freedom, Γ(df / 2) / (√(df / 2) Γ((df - 1) / 2)) (Hedges 1981, J. Educ. Stat.
    6(2); d_z as in Lakens 2013, Front. Psychol. 4:863). Raises ValueError for unequal lengths and
    fewer than 2 pairs.
    """
    differences = [x - y for x, y in zip(a, b, strict=True)]
    found, n = estimate(differences), len(differences)
    if n < 2 or found is None or found.n < n or found.half is None:
        raise ValueError(
            f"{n} pairs, {found.n if found else 0} of them finite, were given; expected at least "
            "2, all finite: pair runs of the same seed"
        )
    spread = stdev(differences)
    if spread <= 1e-12 * max(abs(found.mean), 1e-300):  # equal but for rounding
        return Paired(found.mean, 0.0, None, math.nan, n)
    statistic = found.mean / (spread / math.sqrt(n))
    df = n - 1
    effect = None if n < 3 else found.mean / spread * correction(df)
    p = float(2 * scipy.stats.t.sf(abs(statistic), df))
    return Paired(found.mean, found.half, effect, p, n)


def correction(df: int) -> float:
    """What makes a standardised mean unbiased: 0.564 for 2 degrees of freedom, 1 for many."""
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


def holm(ps: Sequence[float]) -> list[float]:
    """p-values of one family, adjusted so that the chance of any false finding stays below the
    level at which they are read (Holm 1979, Scand. J. Stat. 6(2)). NaN, no test, counts for none.
    """
    adjusted, least = [math.nan] * len(ps), 0.0
    ranked = sorted((i for i, p in enumerate(ps) if not math.isnan(p)), key=lambda i: ps[i])
    for rank, i in enumerate(ranked):
        least = max(least, min(1.0, (len(ranked) - rank) * ps[i]))
        adjusted[i] = least
    return adjusted
