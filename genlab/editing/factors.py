"""Factors: what is measured of pictures, as numbers that can be regressed on and compared."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Label, Numbers
from genlab.editing import differences

Measure = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""Stored examples -> columns of what is in them, by name, as stored [N, ...]."""


class Factor(NamedTuple):
    """One number or one label of a column.

    at: which of the column's numbers; 0 for a label
    """

    name: str
    column: str
    kind: Label | Numbers
    at: int = 0

    @property
    def period(self) -> float:
        """After which its values repeat; 0 where they do not."""
        periods = getattr(self.kind, "period", ())
        return periods[self.at] if periods else 0.0

    def of(self, measured: Mapping[str, np.ndarray]) -> np.ndarray:
        """Its values [N], as stored."""
        values = np.asarray(measured[self.column])
        return values if isinstance(self.kind, Label) else values[:, self.at]

    def difference(self, after: np.ndarray, before: np.ndarray) -> Float[np.ndarray, " n"]:
        """By how much values changed: signed, the short way round where there is a period; 1 for
        another label.
        """
        period = None if isinstance(self.kind, Label) else self.period
        return differences.difference(after, before, period)

    def spread(self, values: np.ndarray) -> float:
        """The mean absolute difference of two unrelated examples: the unit of changes."""
        return differences.spread(values, None if isinstance(self.kind, Label) else self.period)


class Target(NamedTuple):
    """What a direction is to change: a factor, or how near it is to one of its values.

    value: a label's number or, of a factor with a period, where to; None for more of a number
    """

    factor: Factor
    value: float | None = None

    @property
    def name(self) -> str:
        """As it was asked for."""
        if self.value is None:
            return self.factor.name
        if isinstance(self.factor.kind, Label):
            return f"{self.factor.name}={self.factor.kind.names[int(self.value)]}"
        return f"{self.factor.name}={self.value:g}"

    def score(self, values: np.ndarray) -> Float[np.ndarray, " n"]:
        """What is regressed on the latents: the number, whether it is the label, the cosine of the
        angle to the value.
        """
        if isinstance(self.factor.kind, Label):
            return (values == self.value).astype(np.float64)
        if self.factor.period:
            return np.cos(2 * np.pi * (values - self.value) / self.factor.period)
        return np.asarray(values, np.float64)

    def gain(self, after: np.ndarray, before: np.ndarray) -> Float[np.ndarray, " n"]:
        """By how much each example came nearer to what was wanted, in the factor's own unit: of a
        factor with a period the angle's loss, of a label -1, 0 or 1.
        """
        if self.value is None:
            return self.factor.difference(after, before)
        if isinstance(self.factor.kind, Label):
            return self.score(after) - self.score(before)
        far_before, far_after = (
            np.abs(self.factor.difference(x, np.full(len(x), self.value))) for x in (before, after)
        )
        return far_before - far_after


def factors(columns: Mapping[str, Any], measured: Iterable[str]) -> dict[str, Factor]:
    """The factors of the measured columns, by name: a column's own name, and COLUMN.NUMBER where a
    column has several numbers. Columns of other kinds have none.
    """
    found = {}
    for name in measured:
        kind = columns.get(name)
        if isinstance(kind, Label):
            found[name] = Factor(name, name, kind)
        elif isinstance(kind, Numbers):
            for at, number in enumerate(kind.names):
                own = name if len(kind.names) == 1 else f"{name}.{number}"
                found[own] = Factor(own, name, kind, at)
    return found


def target(known: Mapping[str, Factor], text: str) -> Target:
    """What `hue`, `hue=0.6` or `category=dress` asks for.

    Raises ConfigError for a factor that is not measured, a value that it cannot have, and a label
    or an angle without a value.
    """
    name, equals, value = text.partition("=")
    if name not in known:
        hint = did_you_mean(name, known) or f"; measured are {', '.join(known) or 'none'}"
        raise ConfigError(f"no factor {name!r} to find a direction of{hint}")
    factor = known[name]
    label = isinstance(factor.kind, Label)
    if not equals:
        if label:
            raise ConfigError(f"{name} is a label: say which, as {name}={factor.kind.names[0]}")
        return Target(factor)
    if not label and not factor.period:
        raise ConfigError(f"{text}: {name} is a number: ask for {name}, and say by how much")
    return Target(factor, float(factor.kind.parse(value) if label else _number(value, text)))


def wanted(known: Mapping[str, Factor], values: Mapping[str, Any]) -> tuple[Target, ...]:
    """The targets of values of columns, as stored: one for each of their factors that is known."""
    return tuple(
        Target(factor, float(np.ravel(values[factor.column])[factor.at]))
        for factor in known.values()
        if factor.column in values
    )


def _number(value: str, text: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = np.nan
    if not np.isfinite(found):
        raise ConfigError(f"{text}: {value!r} is no number")
    return found
