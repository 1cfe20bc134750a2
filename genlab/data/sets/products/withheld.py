"""Stretches of factors that the train split leaves out, so that interpolation and extrapolation can
be measured on pictures there are.
"""

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array

from genlab.config import ConfigError, choices
from genlab.data.columns import Numbers
from genlab.data.sets.products.factors import FACTORS, ends

Stretches = tuple[tuple[float, float], ...]
Withheld = tuple[tuple[str, Stretches], ...]
"""Factors by name, and of each its stretches, from low to high, as stored."""


def withheld_of(given: Mapping[str, Stretches]) -> Withheld:
    """What a config gives, in order; ConfigError for a factor that is no number, and for stretches
    that leave its range, overlap or leave nothing of it.
    """
    numbers = [name for name, kind in FACTORS.items() if isinstance(kind, Numbers)]
    if odd := [name for name in given if name not in numbers]:
        hint = choices(odd[0], numbers)
        raise ConfigError(f"withheld: {odd[0]!r} is no number of products{hint}")
    return tuple((name, _sorted(name, given[name])) for name in numbers if name in given)


def _sorted(name: str, given: Stretches) -> Stretches:
    low, high = ends(name)
    try:
        found = sorted((float(a), float(b)) for a, b in given)
    except (TypeError, ValueError):
        found = []
    at = [low, *(x for pair in found for x in pair), high]
    left = high - low - sum(b - a for a, b in found)
    if not found or at != sorted(at) or any(a == b for a, b in found) or left < 1e-3 * (high - low):
        raise ConfigError(
            f"withheld: {name}={given!r}; expected ((from, to), ...) within {low:g} to {high:g}, "
            "that do not overlap and leave some of it"
        )
    return tuple(found)


def around(shares: Array, withheld: Withheld) -> Array:
    """Shares of the factors' ranges, [len(FACTORS)], even over 0..1, to such as are even over what
    is not withheld.
    """
    for name, stretches in withheld:
        (low, high), i = ends(name), list(FACTORS).index(name)
        cuts = [((a - low) / (high - low), (b - a) / (high - low)) for a, b in stretches]
        share = shares[i] * (1.0 - sum(length for _, length in cuts))
        for start, length in cuts:
            share = jnp.where(share >= start, share + length, share)
        shares = shares.at[i].set(share)
    return shares
