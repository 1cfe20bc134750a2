"""What changes with a factor that was asked to change, and how unlike samples of one condition are:
both of sets of samples that the same latents or the same conditions were drawn for.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from genlab.data.columns import Column, Label
from genlab.editing.factors import Factor
from genlab.evaluation import asking
from genlab.metrics import control
from genlab.sampling.conditions import Stored

Made = Callable[[Array, Stored], np.ndarray]
"""Latents and stored conditions -> stored samples."""
Read = Callable[[np.ndarray], Mapping[str, np.ndarray]]
NEW = "new latents"  # the row of samples that have nothing but their conditions in common
MISREAD = "misread"  # the row of real pictures that agree in the factor, and are read unlike


class Pairs(NamedTuple):
    """Samples of one set of latents: `base`, and, for each asked factor by name, with another value
    of it; under NEW, the base's conditions with other latents.
    """

    base: np.ndarray
    others: dict[str, np.ndarray]

    def first(self, n: int) -> "Pairs":
        """The first `n` of them."""
        return Pairs(self.base[:n], {name: x[:n] for name, x in self.others.items()})


def pairs(
    made: Made, z: Array, other: Array, asked: Stored, factors: Mapping[str, Factor]
) -> Pairs:
    """Draws them."""
    others = {
        name: made(z, asking.changed(asked, factor, number))
        for number, (name, factor) in enumerate(factors.items())
    }
    return Pairs(made(z, asked), {**others, NEW: made(other, asked)})


def changes(
    found: Pairs, read: Read, factors: Mapping[str, Factor], spread: Mapping[str, float]
) -> dict[str, dict[str, Float[np.ndarray, " p"]]]:
    """By what was changed and by what is measured: `control.leakage` of each pair. A factor that is
    constant in the data is left out.
    """
    before = read(found.base)
    made = {}
    for name, images in found.others.items():
        after = read(images)
        made[name] = {
            f.name: control.leakage(f.of(before), f.of(after), spread[f.name], _period(f))
            for f in factors.values()
            if spread[f.name] > 0
        }
    return made


def leaked(found: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Float[np.ndarray, " p"]]:
    """By what was changed: the mean change of all other factors, of each pair."""
    rows = {}
    for name, by in found.items():
        others = [x for measured, x in by.items() if measured != name]
        if name != NEW and others:
            rows[name] = np.mean(others, axis=0)
    return rows


def spreads(factors: Mapping[str, Factor], stored: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Of each factor how unlike it is in two examples of the data."""
    return {name: f.spread(f.of(stored)) for name, f in factors.items()}


def misread(
    factor: Factor,
    true: Mapping[str, np.ndarray],
    measured: Mapping[str, np.ndarray],
    spread: float,
) -> float:
    """The change that a reader's mistakes alone make of two pictures: of two real ones with one
    label, and of the errors of two numbers, over the factor's spread.
    """
    period, values = _period(factor), factor.of(true)
    if not spread > 0:
        return float("nan")
    read = factor.of(measured)
    if period is None:
        order = np.argsort(values, kind="stable")
        a, b = order[:-1], order[1:]
        same = values[a] == values[b]
        return float((read[a] != read[b])[same].mean() / spread) if same.any() else float("nan")
    errors = control.difference(read, values, period)
    return control.spread(errors, period) / spread


def _period(factor: Factor) -> float | None:
    return None if isinstance(factor.kind, Label) else factor.period


def nearest(
    columns: Mapping[str, Column], asked: Stored, stored: Mapping[str, np.ndarray], m: int
) -> np.ndarray:
    """Rows of `stored` that are most like each of the conditions `asked`, [C, m]: those with the
    same labels before others, then by the distance of numbers as networks take them.
    """
    far = np.zeros((len(next(iter(asked.values()))), len(next(iter(stored.values())))))
    for name, values in asked.items():
        kind = columns[name]
        if isinstance(kind, Label):
            far += 1e6 * (values[:, None] != stored[name][None])
        else:
            a, b = (
                np.asarray(jax.device_get(kind.load(jnp.asarray(x))))
                for x in (values, stored[name])
            )
            far += sum((a[:, d, None] - b[None, :, d]) ** 2 for d in range(a.shape[1]))
    return np.argsort(far, axis=1, kind="stable")[:, :m]


def diversity(features: Float[np.ndarray, "n d"], conditions: int) -> Float[np.ndarray, " c"]:
    """`control.pairwise_distance` of rows that come condition by condition."""
    return control.pairwise_distance(features.reshape(conditions, -1, features.shape[1]))
