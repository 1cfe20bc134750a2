"""Scores by part: of each class, of each column. They stand in a table beneath the scores."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

SAMPLES, REAL, SHUFFLED = "samples", "real data", "shuffled conditions"
"""Of what a row is: SHUFFLED are the samples, each with the conditions of another: chance."""


class Ranged(NamedTuple):
    """A value with its 95 % bootstrap interval over the samples."""

    value: float
    low: float
    high: float


Parts = Mapping[str, Mapping[str, Mapping[str, "float | Ranged"]]]
"""Of what (SAMPLES, REAL, ...), then by the part's name, then by the score's."""


class PerClass(float):
    """A score of all examples that also keeps that of each class, by label."""

    each: dict[int, float]

    def __new__(cls, value: float, each: Mapping[int, float]) -> "PerClass":
        """`value` over all classes; `each` of them."""
        made = super().__new__(cls, value)
        made.each = dict(each)
        return made


def by_class(
    found: Sequence[Mapping[str, float]], names: Sequence[str] = ()
) -> dict[str, dict[str, float]]:
    """Of scores found several times those that keep each class's, means over the times by the
    class's name (its number where there are no names), then by score.
    """
    kept = [(score, value.each) for one in found for score, value in one.items()
            if isinstance(value, PerClass)]  # fmt: skip
    made: dict[str, dict[str, float]] = {}
    for label in sorted({label for _, each in kept for label in each}):
        name = names[label] if 0 <= label < len(names) else str(label)
        values: dict[str, list[float]] = {}
        for score, each in kept:
            if label in each:
                values.setdefault(score, []).append(each[label])
        made[name] = {score: float(np.mean(x)) for score, x in values.items()}
    return made


def class_table(
    found: Sequence[Mapping[str, float]], baselines: Mapping[str, float], names: Sequence[str] = ()
) -> dict[str, Parts]:
    """The table "class" of scores and their baselines; {} where none keeps each class's."""
    of = {SAMPLES: by_class(found, names), REAL: by_class([baselines], names)}
    rows = {what: parts for what, parts in of.items() if parts}
    return {"class": rows} if SAMPLES in rows else {}


def plain(tables: Mapping[str, Parts]) -> dict[str, Any]:
    """Tables as JSON has them: a value, null where it is not finite, or [value, low, high]."""
    return {
        name: {
            what: {
                part: {score: _plain(value) for score, value in scores.items()}
                for part, scores in parts.items()
            }
            for what, parts in table.items()
        }
        for name, table in tables.items()
    }


def _plain(value: float | Ranged) -> Any:
    if isinstance(value, Ranged):
        return [_plain(x) for x in value]
    return float(value) if np.isfinite(value) else None
