"""Textures: how much of the second colour is at each place of an item."""

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
    turn = jnp.deg2rad(angle)
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    u, v = (x * cos + y * sin) * (1 / period), (y * cos - x * sin) * (1 / period)
    sharp = period / (1.5 * pixel)
    across, along = _wave(u), _wave(v)
    stripes = _edge(0.22 - across, sharp)
    found = {
        "stripes": stripes,
        "dots": _dots(u, v, sharp),
        "checks": 0.55 * stripes + 0.35 * _edge(0.14 - along, sharp),
        "gradient": _gradient(x, y, cos, sin, period),
        "knit": 0.85 * _edge(0.2 - _wave(v + 1.1 * (_wave(1.5 * u + 0.25) - 0.25)), sharp),
    }
    return sum((weights[name] * x for name, x in found.items()), jnp.zeros_like(x))


def one_hot(texture: Array) -> Array:
    """The weights of a stored label."""
    return jax.nn.one_hot(texture, len(TEXTURES), dtype=jnp.float32)


def _wave(u: Array) -> Array:
    """Distance to the middle of the period, 0..0.5."""
    return jnp.abs(u - jnp.floor(u) - 0.5)


def _edge(inside: Array, sharp: Array) -> Array:
    t = jnp.clip(0.5 + inside * sharp, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _gradient(x: Array, y: Array, cos: Array, sin: Array, period: Array) -> Array:
    """At twice the angle, so that it too is itself again after 180 degrees."""
    along = x * (cos * cos - sin * sin) + y * (2.0 * cos * sin)
    return jnp.clip(0.5 + along * (0.3 / period), 0.0, 1.0)


def _dots(u: Array, v: Array, sharp: Array) -> Array:
    """In rows, each moved by half a period against the last."""
    row = jnp.round(v * (1 / 0.7))
    along = v - 0.7 * row
    across = _wave(u + 0.5 * row + 0.5)
    radius = 0.27
    return _edge((radius**2 - across**2 - along**2) * (0.5 / radius), sharp)
