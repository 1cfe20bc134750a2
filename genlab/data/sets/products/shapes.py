"""Signed distances of the few shapes that every item is made of: negative inside, in the units of
the coordinates; values of one pixel or of a whole grid.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array

Numbers = Array | tuple[Any, ...]  # of a shape, in the order that it says
TINY = 1e-6  # under square roots, so that derivatives of every order exist at 0


def smooth_max(a: Array, b: Array, k: Array) -> Array:
    """max(a, b) with its edge rounded over `k` > 0: quadratic, once continuously differentiable.

    The polynomial smooth minimum of Quilez, "Smooth minimum" (2013), mirrored.
    """
    h = jnp.maximum(k - jnp.abs(a - b), 0.0)
    return jnp.maximum(a, b) + h * h / (4.0 * k)


def bar(x: Array, y: Array, b: Numbers) -> Array:
    """A tapered bar with rounded corners: the isosceles trapezoid about the axis from (ax, ay) to
    (bx, by), of half-width ra at the one end and rb at the other.

    b: ax, ay, bx, by, ra, rb, and the rounding k, [7]. Exact along the edges, and outside of the
    corners no more than the distance.
    """
    ax, ay, bx, by, ra, rb, k = (b[i] for i in range(7))
    dx, dy = bx - ax, by - ay
    length = jnp.sqrt(dx * dx + dy * dy + TINY)
    tx, ty = dx / length, dy / length
    slope = (rb - ra) / length
    steep = 1.0 / jnp.sqrt(1.0 + slope * slope)
    along = x * tx + y * ty - (ax * tx + ay * ty + length / 2)
    across = jnp.abs(x * ty - y * tx - (ax * ty - ay * tx))
    side = across * steep - along * (slope * steep) - (ra + rb) / 2 * steep
    return smooth_max(side, jnp.abs(along) - length / 2, k)


def ellipse(x: Array, y: Array, e: Numbers) -> Array:
    """An ellipse, filled or a ring, to first order in the distance (Quilez, "Ellipsoid" (2008):
    k1 (k1 - 1) / k2), exact for a circle.

    e: cx, cy, rx, ry, offset, width, [6]: |d + offset| - width of the ellipse's own d. A ring of
    half-width t is (0, t), a filled ellipse (F, F) with F beyond any distance.
    """
    cx, cy, rx, ry, offset, width = (e[i] for i in range(6))
    ix, iy = 1.0 / rx, 1.0 / ry
    u, v = (x - cx) * ix, (y - cy) * iy
    k1 = jnp.sqrt(u * u + v * v + TINY)
    k2 = jnp.sqrt((u * ix) ** 2 + (v * iy) ** 2 + TINY)
    d = k1 * (k1 - 1.0) / k2
    return jnp.abs(d + offset) - width


def coverage(d: Array, pixel: Array) -> Array:
    """The share of a pixel inside: 0..1, the smoothstep of the distance over one pixel's size."""
    t = jnp.clip(0.5 - d * (1.0 / (1.5 * pixel)), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
