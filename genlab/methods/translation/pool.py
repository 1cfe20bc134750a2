"""The image pool: a critic is shown earlier samples too (Shrivastava et al. 2017, arXiv:1612.07828,
Section 2.3), one picture at a time as in CycleGAN's code.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax, random

from genlab.config import ConfigError
from genlab.runtime import collectives


class Pool(NamedTuple):
    """Pictures [size, ...], of which the first `held` are there."""

    pictures: Array
    held: Array


def empty(size: int, like: Array) -> Pool:
    """A pool for pictures `like` those of a batch."""
    return Pool(jnp.zeros((size, *like.shape[1:])), jnp.zeros((), jnp.float32))


def shown(pool: Pool, fake: Array, key: Array) -> tuple[Array, Pool]:
    """What the critic sees in place of `fake`, and the pool after: until it is full, each picture
    itself; then, by a half, a random earlier one, whose place the new one takes.

    Raises ConfigError under pmap: a pool is one for all devices.
    """
    if collectives.axis():
        raise ConfigError("a pool is one for all devices: use loop.placement='jit', or pool=0")
    size = len(pool.pictures)

    def one(pool: Pool, given: tuple[Array, Array]):
        new, own = given
        where, swap = random.split(own)
        filling = pool.held < size
        place = jnp.where(filling, pool.held, random.randint(where, (), 0, size)).astype(jnp.int32)
        swapped = random.bernoulli(swap, 0.5) & ~filling
        earlier = pool.pictures[place]
        kept = jnp.where(filling | swapped, new, earlier)
        after = Pool(pool.pictures.at[place].set(kept), pool.held + filling)
        return after, jnp.where(swapped, earlier, new)

    pool, seen = lax.scan(one, pool, (fake, random.split(key, len(fake))))
    return seen, pool
