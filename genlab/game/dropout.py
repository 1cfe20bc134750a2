"""Dropout of conditions: a model that is trained with and without them can be guided by the
difference (classifier-free guidance: Ho & Salimans 2022, arXiv:2207.12598, there of diffusion
models; here `G(z, null) + s (G(z, c) - G(z, null))` of what a generator or a decoder gives).

A row is dropped as a whole, and is zeros then. `GIVEN` among the columns says which rows are there.
"""

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError
from genlab.nets.conditions import GIVEN
from genlab.schedules import Weight, at

DROPPED = 108  # a stream of randomness under a move's key
Columns = Mapping[str, Array]


def dropped(cond: Columns, share: Weight, key: Array, step: Array) -> dict[str, Array]:
    """`cond` without a random `share` of its rows, and which are left."""
    rows = len(next(iter(cond.values())))
    kept = random.bernoulli(random.fold_in(key, DROPPED), 1 - at(share, step), (rows,))
    return _kept(cond, kept.astype(jnp.float32))


def marked(cond: Columns) -> dict[str, Array]:
    """`cond` with all of its rows, unless it says itself which it has."""
    if GIVEN in cond:
        return dict(cond)
    return {**cond, GIVEN: jnp.ones((len(next(iter(cond.values()))), 1))}


def null(cond: Columns) -> dict[str, Array]:
    """As many rows, all of them dropped."""
    return _kept(cond, jnp.zeros(len(next(iter(cond.values())))))


def check(name: str, share: Weight, given: tuple[str, ...]) -> None:
    """ConfigError for a share that is none, and where nothing is given that could be dropped."""
    if isinstance(share, int | float) and not 0 < share < 1:
        raise ConfigError(f"{name}({share}): it is a share of the examples, above 0 and below 1")
    if not given:
        raise ConfigError(f"{name}: the method is given nothing; name columns in `given`")


def _kept(cond: Columns, kept: Array) -> dict[str, Array]:
    wide = {name: kept.reshape(-1, *(1,) * (x.ndim - 1)) for name, x in cond.items()}
    found = {name: x * wide[name].astype(x.dtype) for name, x in cond.items()}
    return {**found, GIVEN: kept[:, None]}
