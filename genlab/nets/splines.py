"""Monotonic rational-quadratic splines on [-bound, bound], the identity outside (Durkan et al.
2019, arXiv:1906.04032, Section 3.1), with widths, heights and slopes of at least 1e-3. `knots` are
3 bins - 1 unbounded numbers for each x: widths, heights, and slopes between pieces.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

SMALLEST = 1e-3  # share of a bin, and slope, of a spline
UNIT_SLOPE = float(np.log(np.expm1(1 - SMALLEST)))  # with which a slope begins at 1


def bent(
    x: Float[Array, "*b"], knots: Float[Array, "*b numbers"], bound: float
) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    """(y, log dy / dx) of a rational-quadratic spline for each x, the same outside of the bound."""
    left, low, wide, high, here, there = _pieces(x, knots, bound, False)
    mean, clipped = high / wide, jnp.clip(x, -bound, bound)
    t = (clipped - left) / wide
    bottom = mean + (here + there - 2 * mean) * t * (1 - t)
    y = low + high * (mean * t**2 + here * t * (1 - t)) / bottom
    top = there * t**2 + 2 * mean * t * (1 - t) + here * (1 - t) ** 2
    log_slope = 2 * jnp.log(mean) + jnp.log(top) - 2 * jnp.log(bottom)
    inside = jnp.abs(x) < bound
    return jnp.where(inside, y, x), jnp.where(inside, log_slope, 0.0)


def unbent(
    y: Float[Array, "*b"], knots: Float[Array, "*b numbers"], bound: float
) -> Float[Array, "*b"]:
    """The x of each y (Durkan et al. 2019, arXiv:1906.04032)."""
    left, low, wide, high, here, there = _pieces(y, knots, bound, True)
    mean, up = high / wide, jnp.clip(y, -bound, bound) - low
    more = up * (here + there - 2 * mean)
    a, b, c = high * (mean - here) + more, high * here - more, -mean * up
    root = jnp.sqrt(jnp.maximum(b**2 - 4 * a * c, 0.0))
    x = left + wide * 2 * c / (-b - root)
    return jnp.where(jnp.abs(y) < bound, x, y)


class _Pieces(NamedTuple):
    """The piece of a spline that each number is in: where it begins, its sizes and its slopes."""

    left: Array
    low: Array
    wide: Array
    high: Array
    here: Array
    there: Array


def _pieces(x: Array, knots: Array, bound: float, of_output: bool) -> _Pieces:
    """The pieces that hold x among the inputs, or among the outputs."""
    bins = (knots.shape[-1] + 1) // 3
    shares = [SMALLEST + (1 - SMALLEST * bins) * jax.nn.softmax(part) for part in (
        knots[..., :bins], knots[..., bins : 2 * bins]
    )]  # fmt: skip
    inner = SMALLEST + jax.nn.softplus(knots[..., 2 * bins :] + UNIT_SLOPE)
    slopes = jnp.pad(inner, [(0, 0)] * x.ndim + [(1, 1)], constant_values=1.0)
    ends = [jnp.cumsum(part, axis=-1) * 2 * bound - bound for part in shares]
    clipped = jnp.clip(x, -bound, bound)[..., None]
    at = (clipped >= ends[of_output][..., :-1]).sum(axis=-1, keepdims=True)
    pick = lambda of, at: jnp.take_along_axis(of, at, axis=-1)[..., 0]  # noqa: E731
    wide, high = (2 * bound * pick(part, at) for part in shares)
    left, low = (pick(end, at) - size for end, size in zip(ends, (wide, high), strict=True))
    return _Pieces(left, low, wide, high, pick(slopes, at), pick(slopes, at + 1))
