"""Textures: how much of the second colour is at each place of an item."""

import jax
import jax.numpy as jnp
from jax import Array

from genlab.data.sets.products.factors import TEXTURES


def share(x: Array, y: Array, texture: Array, period: Array, angle: Array, pixel: Array) -> Array:
    """0..1, of item coordinates `x` and `y`.

    texture: weights of TEXTURES, [6]; one-hot, or a mixture
    period:  in item units; `pixel` the size of a pixel in the same
    angle:   in degrees
    """
    weights = {name: texture[i] for i, name in enumerate(TEXTURES)}
    turn = jnp.deg2rad(angle)
    cos, sin = jnp.cos(turn) / period, jnp.sin(turn) / period
    u, v = x * cos + y * sin, y * cos - x * sin
    sharp = period / (1.5 * pixel)
    across, along = _wave(u), _wave(v)
    stripes = _edge(0.22 - across, sharp)
    found = {
        "stripes": stripes,
        "dots": _dots(u, v, sharp),
        "checks": 0.55 * stripes + 0.35 * _edge(0.14 - along, sharp),
        "gradient": jnp.clip(0.5 + 0.3 * u, 0.0, 1.0),
        "knit": 0.85 * _edge(0.2 - _wave(v + 1.1 * _wave(1.5 * u)), sharp),
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


def _dots(u: Array, v: Array, sharp: Array) -> Array:
    """In rows, each moved by half a period against the last."""
    row = jnp.floor(v * (1 / 0.7))
    along = v - 0.7 * (row + 0.5)
    across = _wave(u + 0.5 * row)
    radius = 0.27
    return _edge((radius**2 - across**2 - along**2) * (0.5 / radius), sharp)
