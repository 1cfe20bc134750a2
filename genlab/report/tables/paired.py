"""The first variant against each of the others, paired by seed, in plain sentences."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from genlab.report.protocol import Result
from genlab.report.scores import Score, score
from genlab.report.statistics import Estimate, decimals, written
from genlab.report.tables.differences import ALPHA, Paired, holm, paired

LEGEND = (
    "Differences are paired by seed: their mean ± half-width of the 95 % t-interval; g is the mean "
    "over the standard deviation of the differences (Cohen's d_z) less its bias at few seeds "
    "(Hedges); p is of the paired t-test, by Holm over the comparisons of one score. "
    "Resolved is what has p below 0.05. The first variant of the file is compared with each of the "
    "others."
)


class Compared(NamedTuple):
    """One score of two variants. `sentence` is all of it in words."""

    score: str
    first: str
    other: str
    found: Paired
    p: float
    sentence: str


def compared(found: Sequence[Result], variants: Sequence[str]) -> list[Compared]:
    """Of every score, the first of the variants against each of the others.

    `found` are results of one protocol. Pairs that share fewer than two seeds are left out.
    """
    names = dict.fromkeys(name for result in found for name in result.scores)
    return [line for name in names for line in _compared(score(name), found, variants)]


def _compared(of: Score, found: Sequence[Result], variants: Sequence[str]) -> Iterable[Compared]:
    seeds = {v: _by_seed(of, found, v) for v in variants}
    first, *others = variants
    pairs = {other: _paired(of, seeds[first], seeds[other]) for other in others}
    pairs = {other: pair for other, pair in pairs.items() if pair is not None}
    adjusted = holm([pair.p for pair in pairs.values()])
    for (other, pair), p in zip(pairs.items(), adjusted, strict=True):
        yield Compared(of.name, first, other, pair, p, _sentence(of, first, other, pair, p))


def _by_seed(of: Score, found: Sequence[Result], variant: str) -> dict[int, float]:
    values = {r.seed: r.scores.get(of.name, math.nan) for r in found if r.variant == variant}
    return {seed: value for seed, value in values.items() if math.isfinite(value)}


def _paired(of: Score, first: dict[int, float], other: dict[int, float]) -> Paired | None:
    """First less other, or, of a score that has a value to come near, of their distances to it."""
    shared = sorted(first.keys() & other.keys())
    if len(shared) < 2:
        return None
    aim = of.distance if of.goal is not None and math.isfinite(of.goal) else float
    return paired([aim(first[s]) for s in shared], [aim(other[s]) for s in shared])


def _sentence(of: Score, first: str, other: str, pair: Paired, p: float) -> str:
    if pair.mean == 0 and pair.half == 0:
        return f"{of.name}: {first} and {other} are equal in each of {pair.n} seeds."
    size = Estimate(abs(pair.mean), pair.half, pair.n)
    by = written(size, decimals([size]))
    by += f" nearer to {of.goal:g}" if of.goal is not None and math.isfinite(of.goal) else ""
    told = f"{of.name}: {first} is {_direction(of, pair.mean)} than {other} by {by}"
    if pair.half == 0:
        return f"{told}, the same in each of {pair.n} seeds: no interval can be formed."
    effect = "" if pair.effect is None else f"g = {abs(pair.effect):.2g}, "
    verdict = "resolved" if p < ALPHA else "not resolved"
    return f"{told}; {verdict} at 5 % with {pair.n} seeds ({effect}p = {p:.2g})."


def _direction(of: Score, difference: float) -> str:
    if of.goal is None:
        return "higher" if difference > 0 else "lower"
    towards = difference > 0 if of.goal == math.inf else difference < 0
    return "better" if towards else "worse"
