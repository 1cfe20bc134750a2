"""Where the decoder begins: silhouettes of many random items, compared about their centre."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random
from jax.scipy.ndimage import map_coordinates

from genlab.data.sets.products import render
from genlab.data.sets.products.factors import CATEGORIES, drawn, ends
from genlab.data.sets.products.shapes import coverage
from genlab.runtime import compiler

EACH = 600  # of a category
SIDE = 20  # of a silhouette as it is compared
POSE = ("length", "width", "flare", "x", "y", "scale", "rotation")


class Bank(NamedTuple):
    """Items [N]: their poses [N, 7] in shares of their range, and what they are compared by."""

    pose: Array
    centre: Array
    spread: Array
    silhouette: Array


@functools.lru_cache(maxsize=4)
def bank(size: int) -> Bank:
    """EACH items of each category in turn, drawn at `size`; made once in a process."""
    count = EACH * len(CATEGORIES)
    found = compiler.jit(_made, static_argnums=1)(np.arange(count, dtype=np.uint32), size)
    return jax.tree.map(np.asarray, found)


def _made(index: Array, size: int) -> Bank:
    def one(i):
        factors = drawn(random.fold_in(random.key(0), i)) | {
            "category": (i // EACH).astype(jnp.int32)
        }
        at = render.places(size)
        found = render.drawing(factors, at, size)
        mask = coverage(found.whole, found.pixel).reshape(size, size)
        centre, spread = moments(mask)
        return Bank(jnp.stack([share(n, factors[n][0]) for n in POSE]), centre, spread,
                    normalised(mask, centre, spread))  # fmt: skip

    return jax.lax.map(one, index, batch_size=100)


def share(name: str, value: Array) -> Array:
    """Where in its range a factor is, 0..1."""
    low, high = ends(name)
    return (value - low) / (high - low)


def moments(mask: Array) -> tuple[Array, Array]:
    """The centre (x, y) of a mask [H, W], and the root of its area, in half-frames."""
    x, y = (a.reshape(mask.shape) for a in render.places(len(mask)))
    area = mask.sum() + 1e-3
    centre = jnp.stack([(mask * x).sum(), (mask * y).sum()]) / area
    return centre, jnp.sqrt(area) * 2 / len(mask)


def normalised(mask: Array, centre: Array, spread: Array) -> Array:
    """A mask about its centre in its size, [SIDE * SIDE], of length 1."""
    size = len(mask)
    ticks = jnp.linspace(-1.3, 1.3, SIDE) * spread
    x, y = jnp.meshgrid(ticks + centre[0], ticks + centre[1])
    at = [(a + 1) * size / 2 - 0.5 for a in (y, x)]
    found = map_coordinates(mask, at, order=1, mode="constant").ravel()
    return found / (jnp.linalg.norm(found) + 1e-6)
