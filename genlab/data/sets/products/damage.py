"""What can happen to a picture, and to the item in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError
from genlab.data.sets.products import render
from genlab.data.sets.products.categories import FILLED
from genlab.data.sets.products.shapes import bar, coverage, ellipse

FLAWS = ("none", "scratch", "hole", "stain")
CORNERS = 7  # of the stroke that makes a picture's holes
CANDIDATES = 48  # places of which a defect takes the first that is well inside of the item
DEEP = 0.07  # that is, this far from its edge


@dataclass(frozen=True)
class Damage:
    """How much of it.

    holes:  the share of the pixels of `masked` that is missing
    noise:  standard deviation of `noisy`, of pixels in 0..1, before they are clipped
    blur:   standard deviation of `blurred`, as a share of the frame
    factor: sides of `low_resolution` are so many times smaller
    """

    holes: float = 0.25
    noise: float = 0.1
    blur: float = 0.04
    factor: int = 4

    def __post_init__(self):
        if not 0 < self.holes < 1 or self.noise < 0 or self.blur <= 0 or self.factor < 1:
            raise ConfigError(
                f"{self}: holes is a share within 0..1, noise at least 0, blur above 0, factor a "
                "whole number from 1"
            )


class Defect(NamedTuple):
    """A flaw of an item: which, where (bool [size, size, 1]), and the colour that is mixed in."""

    kind: Array
    mask: Array
    cover: Array
    colour: Array

    def shown(self, image: Array) -> Array:
        """The picture with it."""
        return image + self.cover * (self.colour[None, None] - image)


def holes(key: Array, height: int, width: int, share: float) -> Array:
    """Free-form holes, bool [height, width, 1]: a thick stroke through random corners, after Yu et
    al. 2019 (arXiv:1806.03589, Section 4.2), as wide as makes it `share` of the pixels.
    """
    x, y = render.grid(height, width)
    corners = random.uniform(key, (CORNERS, 2), minval=-0.9, maxval=0.9)
    away = jnp.full(height * width, jnp.inf)
    for a, b in pairwise(corners):
        across = b - a
        along = ((x - a[0]) * across[0] + (y - a[1]) * across[1]) / (across @ across + 1e-6)
        along = jnp.clip(along, 0.0, 1.0)
        squared = (x - a[0] - along * across[0]) ** 2 + (y - a[1] - along * across[1]) ** 2
        away = jnp.minimum(away, squared)
    count = max(1, round(share * height * width))
    return (away <= jnp.sort(away)[count - 1]).reshape(height, width, 1)


def small(image: Array, factor: int) -> Array:
    """Means of blocks of `factor` pixels a side, [H / factor, W / factor, C]."""
    height, width, channels = image.shape
    blocks = image.reshape(height // factor, factor, width // factor, factor, channels)
    return blocks.mean((1, 3))


def coarse(image: Array, factor: int) -> Array:
    """Means of blocks of `factor` pixels a side, shown at the same size."""
    return jnp.repeat(jnp.repeat(small(image, factor), factor, axis=0), factor, axis=1)


def blurred(image: Array, share: float) -> Array:
    """Gaussian blur of a standard deviation of `share` of the frame's height; edges are not
    darkened.
    """
    height, width, _ = image.shape
    down, across = (_spread(n, share * height) for n in (height, width))
    return jnp.einsum("hi,ijc,wj->hwc", down, image, across, precision="highest")


def _spread(count: int, deviation: float) -> Array:
    """Gaussian weights of each pixel of a line for each."""
    at = jnp.arange(count, dtype=jnp.float32)
    weights = jnp.exp(-0.5 * ((at[:, None] - at[None]) / deviation) ** 2)
    return weights / weights.sum(1, keepdims=True)


def defect(factors: Mapping[str, Array], key: Array, size: int) -> Defect:
    """Of the item, on the item: each of FLAWS is equally likely."""
    kind_key, place, turn, tone = random.split(key, 4)
    kind = random.randint(kind_key, (), 0, len(FLAWS))
    x, y = render.grid(size)
    found = render.drawing(factors, (jnp.asarray(x), jnp.asarray(y)), size)
    cx, cy = _inside(factors, place, size)
    angle, length, radius = random.uniform(
        turn, (3,), minval=jnp.array([0.0, 0.12, 0.06]), maxval=jnp.array([jnp.pi, 0.25, 0.1])
    )
    dx, dy = length * jnp.cos(angle), length * jnp.sin(angle)
    scratch = bar(found.x, found.y, (cx - dx, cy - dy, cx + dx, cy + dy, 0.03, 0.012, 0.01))
    hole = ellipse(found.x, found.y, (cx, cy, radius, 0.8 * radius, FILLED, FILLED))
    d = jnp.stack([jnp.full_like(found.x, 1.0), scratch, hole, _stain(found, cx, cy, dx, dy)])
    d = jnp.maximum(jnp.take(d, kind, axis=0), found.whole)
    colours = jnp.array(
        [[0.0, 0.0, 0.0], [0.93, 0.93, 0.9], [0.07, 0.06, 0.06], [0.36, 0.25, 0.13]]
    )
    strength = jnp.take(jnp.array([0.0, 0.9, 0.95, 0.72]), kind)
    cover = (strength * coverage(d, found.pixel)).reshape(size, size, 1)
    colour = jnp.take(colours, kind, axis=0) * random.uniform(tone, (), minval=0.85, maxval=1.0)
    return Defect(kind.astype(jnp.int32), (d < 0).reshape(size, size, 1), cover, colour)


def _stain(found: render.Drawing, cx: Array, cy: Array, dx: Array, dy: Array) -> Array:
    """Three drops that run into one another."""
    drops = ((0.0, 0.0, 0.13), (0.5, 0.3, 0.09), (-0.35, 0.5, 0.07))
    return jnp.stack(
        [
            ellipse(
                found.x, found.y,
                (cx + a * dx - b * dy, cy + a * dy + b * dx, r, 0.85 * r, FILLED, FILLED),
            )
            for a, b, r in drops
        ]
    ).min(0)  # fmt: skip


def _inside(factors: Mapping[str, Array], key: Array, size: int) -> tuple[Array, Array]:
    """A random place well inside of the item, in its own coordinates."""
    x, y = random.uniform(key, (2, CANDIDATES), minval=-0.9, maxval=0.9)
    found = render.drawing(factors, (x, y), size)
    deep = jnp.maximum(found.main, found.whole)
    chosen = jnp.where((deep < -DEEP).any(), jnp.argmax(deep < -DEEP), jnp.argmin(deep))
    return found.x[chosen], found.y[chosen]
