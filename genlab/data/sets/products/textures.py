"""Textures: how much of the second colour is at each place of an item."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from genlab.data.sets.products.factors import TEXTURES


def share(x: Array, y: Array, texture: Array, period: Array, angle: Array, pixel: Array) -> Array:
    """0..1, of item coordinates `x` and `y`.

    texture: weights of TEXTURES, [6]; one-hot, or a mixture
    period:  in item units; `pixel` the size of a pixel in the same
    angle:   in degrees; every texture is the same again after 180
    """
    weights = {name: texture[i] for i, name in enumerate(TEXTURES)}
    at = _grid(x, y, period, angle, pixel)
    found = {name: pattern(at) for name, pattern in PATTERNS.items()}
    return sum((weights[name] * x for name, x in found.items()), jnp.zeros_like(x))


def pattern(name: str, x: Array, y: Array, period: Array, angle: Array, pixel: Array) -> Array:
    """`share` of one texture by its name; none of the others is worked out."""
    if name not in PATTERNS:
        return jnp.zeros_like(x)
    return PATTERNS[name](_grid(x, y, period, angle, pixel))


def one_hot(texture: Array) -> Array:
    """The weights of a stored label."""
    return jax.nn.one_hot(texture, len(TEXTURES), dtype=jnp.float32)


class Grid(NamedTuple):
    """Places in periods, across and along the texture, and as they are; how sharp its edges are."""

    u: Array
    v: Array
    x: Array
    y: Array
    cos: Array
    sin: Array
    period: Array
    sharp: Array


def _grid(x: Array, y: Array, period: Array, angle: Array, pixel: Array) -> Grid:
    turn = jnp.deg2rad(angle)
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    u, v = (x * cos + y * sin) * (1 / period), (y * cos - x * sin) * (1 / period)
    return Grid(u, v, x, y, cos, sin, period, period / (1.5 * pixel))


def _wave(u: Array) -> Array:
    """Distance to the middle of the period, 0..0.5."""
    return jnp.abs(u - jnp.floor(u) - 0.5)


def _edge(inside: Array, sharp: Array) -> Array:
    t = jnp.clip(0.5 + inside * sharp, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _stripes(at: Grid) -> Array:
    return _edge(0.22 - _wave(at.u), at.sharp)


def _checks(at: Grid) -> Array:
    return 0.55 * _stripes(at) + 0.35 * _edge(0.14 - _wave(at.v), at.sharp)


def _gradient(at: Grid) -> Array:
    """At twice the angle, so that it too is itself again after 180 degrees."""
    cos, sin = at.cos, at.sin
    along = at.x * (cos * cos - sin * sin) + at.y * (2.0 * cos * sin)
    return jnp.clip(0.5 + along * (0.3 / at.period), 0.0, 1.0)


def _dots(at: Grid) -> Array:
    """In rows, each moved by half a period against the last."""
    row = jnp.round(at.v * (1 / 0.7))
    along = at.v - 0.7 * row
    across = _wave(at.u + 0.5 * row + 0.5)
    radius = 0.27
    return _edge((radius**2 - across**2 - along**2) * (0.5 / radius), at.sharp)


def _knit(at: Grid) -> Array:
    wool = at.v + 1.1 * (_wave(1.5 * at.u + 0.25) - 0.25)
    return 0.85 * _edge(0.2 - _wave(wool), at.sharp)


PATTERNS: dict[str, Callable[[Grid], Array]] = {
    "stripes": _stripes, "dots": _dots, "checks": _checks, "gradient": _gradient, "knit": _knit,
}  # fmt: skip
"""Of every texture but plain, which has none."""
