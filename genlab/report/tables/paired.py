"""The first variant against each of the others, paired by seed, in plain sentences."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from genlab.report.figures.strip import Strip, axis
from genlab.report.protocol import Result
from genlab.report.scores import Score, score
from genlab.report.statistics import Estimate, decimals, written
from genlab.report.tables.control import ignoring
from genlab.report.tables.differences import ALPHA, Paired, holm, paired

LEGEND = (
    "Differences are paired by seed: their mean ± half-width of the 95 % t-interval; g is the mean "
    "over the standard deviation of the differences (Cohen's d_z) less its bias at few seeds "
    "(Hedges); p is of the paired t-test, by Holm over the comparisons of one score. "
    "Resolved is what has p below 0.05. The first variant of the file is compared with each of the "
    "others."
)

NO_DIFFERENCE = Estimate(0.0, None, 1)


class Compared(NamedTuple):
    """One score of two variants. `sentence` is all of it in words; `strip` has the differences on
    one axis for all comparisons of the score, where its `baseline` is no difference.
    """

    score: str
    first: str
    other: str
    found: Paired
    p: float
    sentence: str
    strip: Strip | None = None


def compared(found: Sequence[Result], variants: Sequence[str]) -> list[Compared]:
    """Of every score, the first of the variants against each of the others.

    `found` are results of one protocol. Pairs that share fewer than two seeds are left out.
    """
    names = dict.fromkeys(name for result in found for name in result.scores)
    return [line for name in names for line in _compared(score(name), found, variants)]


def _compared(of: Score, found: Sequence[Result], variants: Sequence[str]) -> Iterable[Compared]:
    seeds = {v: _by_seed(of, found, v) for v in variants}
    (first, *others), idle = variants, ignoring(of.name, found)
    values = {other: _values(of, seeds[first], seeds[other]) for other in others}
    pairs = {other: paired(*both) for other, both in values.items() if len(both[0]) > 1}
    each = {other: [a - b for a, b in zip(*values[other], strict=True)] for other in pairs}
    adjusted = holm([pair.p for pair in pairs.values()])
    means = {other: Estimate(pair.mean, pair.half, pair.n) for other, pair in pairs.items()}
    along = axis(means.values(), (d for ds in each.values() for d in ds), NO_DIFFERENCE)
    for (other, pair), p in zip(pairs.items(), adjusted, strict=True):
        judged = of._replace(goal=None) if idle & {first, other} else of
        told, strip = (
            _sentence(judged, first, other, pair, p),
            along.strip(means[other], each[other]),
        )
        yield Compared(of.name, first, other, pair, p, told, strip)


def _by_seed(of: Score, found: Sequence[Result], variant: str) -> dict[int, float]:
    values = {r.seed: r.scores.get(of.name, math.nan) for r in found if r.variant == variant}
    return {seed: value for seed, value in values.items() if math.isfinite(value)}


def _values(
    of: Score, first: dict[int, float], other: dict[int, float]
) -> tuple[list[float], list[float]]:
    """Of the seeds that both have; distances, of a score that has a value to come near."""
    shared = sorted(first.keys() & other.keys())
    aim = of.distance if of.goal is not None and math.isfinite(of.goal) else float
    return [aim(first[s]) for s in shared], [aim(other[s]) for s in shared]


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
