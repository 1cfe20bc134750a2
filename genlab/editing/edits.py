"""Edits: latents moved along directions, cut towards their mean, mixed; and what changed by it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.editing.factors import Factor, Target

Array = np.ndarray
Latents = Float[Array, "n d"]


def moved(latents: Latents, direction: Float[Array, "*n d"], by: Float[Array, " k"]):
    """Latents [N, K, D] at distances `by` along a direction, one for all or one for each."""
    along = np.broadcast_to(direction, latents.shape)
    return latents[:, None] + np.asarray(by)[None, :, None] * along[:, None]


def truncated(latents: Latents, mean: Float[Array, " d"], psi: float) -> Latents:
    """mean + psi (w - mean): the truncation trick in w (Karras et al. 2019, arXiv:1812.04948,
    Appendix B); in z, where the mean is 0, a scale.
    """
    return mean + psi * (latents - mean)


def mixed(first: Latents, other: Latents, layers: int, since: int) -> Float[Array, "n l d"]:
    """Styles of each of `layers` layers: those of `first`, from layer `since` on those of `other`
    (style mixing: Karras et al. 2019, Section 3.1). ConfigError for a layer that is not there.
    """
    if not 0 <= since <= layers:
        raise ConfigError(f"styles are mixed from layer {since} on; the network has {layers}")
    own = np.arange(layers) < since
    return np.where(own[None, :, None], first[:, None], other[:, None])


class Changes(NamedTuple):
    """What an edit changed, by its strength; each in units of the factor's mean absolute difference
    between unrelated examples: 1 is as different as another sample is.

    by:       strengths [K]
    wanted:   [K], mean over the pictures, signed
    unwanted: of each other factor [K], mean absolute change
    """

    by: Float[Array, " k"]
    wanted: Float[Array, " k"]
    unwanted: dict[str, Float[Array, " k"]]

    @property
    def leakage(self) -> Float[Array, " k"]:
        """The mean over the other factors, NaN where there are none: StyleSpace's attribute
        dependency in another unit (Wu et al. 2020, arXiv:2011.12799).
        """
        others = [np.full(len(self.by), np.nan), *self.unwanted.values()]
        there = np.isfinite(others)
        return np.where(there, others, 0.0).sum(0) / np.where(there.any(0), there.sum(0), np.nan)


def of_conditions(
    targets: Sequence[Sequence[Target]],
    known: Mapping[str, Factor],
    unit: Mapping[str, float],
    before: Mapping[str, Array],
    after: Mapping[str, Array],
) -> Changes:
    """Compares what is measured of N pictures with what is measured of each under K other
    conditions: `wanted` is the mean over what a condition asks for, which is no `unwanted` of it
    (NaN there).
    """
    k, names = len(targets), [name for name in known if unit[name] > 0]
    wanted, unwanted = np.full(k, np.nan), {name: np.full(k, np.nan) for name in names}
    for i, asked in enumerate(targets):
        rows = {name: np.asarray(x)[i::k] for name, x in after.items()}
        found = [changes(t, known, unit, before, rows, np.zeros(1)) for t in asked]
        own = {target.factor.name for target in asked}
        if found:
            wanted[i] = np.mean([one.wanted[0] for one in found])
        for name in set(names) - own:
            other = known[name]
            change = np.abs(other.difference(other.of(rows), other.of(before)))
            unwanted[name][i] = change.mean() / unit[name]
    return Changes(np.arange(k, dtype=np.float64), wanted, unwanted)


class AtEqual(NamedTuple):
    """An edit at the strength at which it changes what is wanted by a given amount.

    by:       that strength; NaN where the strengths tried do not reach the amount
    unwanted: the other factors' changes there
    """

    by: float
    unwanted: dict[str, float]

    @property
    def leakage(self) -> float:
        """The mean over the other factors."""
        return float(np.mean(list(self.unwanted.values()) or [np.nan]))


def changes(
    target: Target,
    known: Mapping[str, Factor],
    unit: Mapping[str, float],
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    by: Float[Array, " k"],
) -> Changes:
    """Compares what is measured of N pictures before an edit and of N K after it, row upon row.

    unit: of each factor (`Factor.spread`); a factor that never varies is left out
    """
    k = len(by)

    def both(factor: Factor) -> tuple[Array, Array]:
        return factor.of(after), np.repeat(factor.of(before), k, axis=0)

    def mean(each: Array, factor: Factor) -> Array:
        return each.reshape(-1, k).mean(0) / unit[factor.name]

    own = target.factor
    wanted = mean(target.gain(*both(own)), own)
    others = [f for f in known.values() if f.name != own.name and unit[f.name] > 0]
    unwanted = {f.name: mean(np.abs(f.difference(*both(f))), f) for f in others}
    return Changes(np.asarray(by, np.float64), wanted, unwanted)


def at_equal(found: Changes, amount: float) -> AtEqual:
    """The edit where what is wanted changed by `amount`: interpolated between the strengths from 0
    upwards, at the first that reaches it.
    """
    up = np.flatnonzero(found.by >= 0)
    up = up[np.argsort(found.by[up])]
    reached = np.flatnonzero(found.wanted[up] >= amount)
    if not reached.size or (reached[0] == 0 and found.by[up[0]] > 0):
        return AtEqual(np.nan, dict.fromkeys(found.unwanted, np.nan))
    last, first = up[max(reached[0] - 1, 0)], up[reached[0]]
    rise = found.wanted[first] - found.wanted[last]
    share = 0.0 if rise == 0 else (amount - found.wanted[last]) / rise

    def between(x: Array) -> float:
        return float(x[last] + share * (x[first] - x[last]))

    return AtEqual(between(found.by), {n: between(x) for n, x in found.unwanted.items()})
