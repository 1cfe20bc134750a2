"""Levenberg-Marquardt, of a few numbers at a time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

SLACK = 0.15  # how far beyond its range a fitted number may be, in ranges
Slopes = Callable[[Array], tuple[Array, Array]]


def by_forward_mode(error: Callable[[Array], Array]) -> Slopes:
    """A residual [P] of an argument [D] with its derivatives, [D, P]."""

    def slopes(x):
        r, push = jax.linearize(error, x)
        return r, jax.vmap(push)(jnp.eye(len(x)))

    return slopes


def least_squares(
    error: Callable[[Array], Array], guess: Array, steps: Any, slopes: Slopes | None = None
) -> tuple[Array, Array]:
    """The argument [D] of a residual [P], and its mean square, by Levenberg-Marquardt (Marquardt
    1963), within SLACK of 0..1.
    """
    slopes = slopes or by_forward_mode(error)

    def step(_, held):
        x, damping, value = held
        r, j = slopes(x)
        square = j @ j.T
        change = jnp.linalg.solve(
            square + damping * jnp.diag(jnp.diag(square)) + 1e-7 * len(r) * jnp.eye(len(x)),
            j @ r,
        )
        tried = jnp.clip(x - change, -SLACK, 1 + SLACK)
        new = (error(tried) ** 2).mean()
        better = new < value
        x = jnp.where(better, tried, x)
        return x, jnp.where(better, damping * 0.3, damping * 5), jnp.minimum(new, value)

    start = guess, jnp.array(0.05), (error(guess) ** 2).mean()
    x, _, value = jax.lax.fori_loop(0, steps, step, start)
    return x, value
