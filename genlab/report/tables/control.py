"""Leakage of samples that ignore what is asked of them: nothing changes with it, and that is no
merit.
"""

import math
from collections.abc import Iterable, Sequence

from genlab.report.protocol import Result, listed
from genlab.report.tables.parts import SAMPLES

LEAKAGE = "leakage"
OBEYED = ("accuracy", "r2")  # of a factor: whether samples have what was asked for
BY_FACTOR, CHANCE = "factor", "shuffled conditions"  # the table, and its rows of chance


def ignoring(name: str, found: Sequence[Result]) -> frozenset[str]:
    """The variants of which a score says nothing: of a leakage, those that have no factor as asked
    beyond chance in every run. None where chance was not measured, and of other scores.
    """
    if not name.endswith(LEAKAGE):
        return frozenset()
    prefix = name.removesuffix(LEAKAGE)
    runs: dict[str, list[set[str] | None]] = {}
    for result in found:
        runs.setdefault(result.variant, []).append(_obeyed(result, prefix))
    return frozenset(variant for variant, each in runs.items() if _nothing(each))


def notes(found: Sequence[Result]) -> Iterable[str]:
    """Of which variants a leakage says nothing, a sentence for each such score."""
    for name in dict.fromkeys(s for r in found for s in r.scores):
        if variants := sorted(ignoring(name, found)):
            yield (
                f"{name} is not compared for {listed(variants)}: samples there have what is asked "
                "for no more often than by chance, so that nothing changes with it."
            )


def _nothing(each: Sequence[set[str] | None]) -> bool:
    """Whether no factor is in all; False where one is not known."""
    known = [one for one in each if one is not None]
    return len(known) == len(each) and not set.intersection(*known)


def _obeyed(result: Result, prefix: str) -> set[str] | None:
    """The factors whose interval lies above that of chance; None where no interval is known."""
    table = result.tables.get(BY_FACTOR, {})
    samples, chance = table.get(SAMPLES, {}), table.get(CHANCE, {})
    pairs = [
        (factor, scores[s], chance[factor][s])
        for factor, scores in samples.items()
        for s in (prefix + score for score in OBEYED)
        if s in scores and s in chance.get(factor, {})
    ]
    known = [(f, own, by) for f, own, by in pairs if math.isfinite(own.low + by.high)]
    return {factor for factor, own, by in known if own.low > by.high} if known else None
