"""Penalties on the critic's input gradient, each `(critic, real, fake, key) -> [B]`, unreduced.

`critic` maps images to logits [B] or patch logits [B, h, w] (their mean counts). A gradient is per
example, so the critic must treat examples independently: no BatchNorm. Compute them in float32:
their own derivative is second-order.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, random

EPS = 1e-12  # under the root, for a finite gradient where the norm is zero


def squared_norms(critic: Callable, x: Array) -> Array:
    """|grad_x critic(x)|^2 per example, [B]; over all of an example's dimensions."""

    def score(x):
        logits = critic(x)
        return logits.reshape(len(logits), -1).mean(axis=1).sum()

    return (jax.grad(score)(x).reshape(len(x), -1) ** 2).sum(axis=1)


def interpolates(real: Array, fake: Array, key: Array) -> Array:
    """x + a (G(z) - x) with one a ~ U[0, 1] per example (Gulrajani et al. 2017, arXiv:1704.00028,
    Algorithm 1).
    """
    a = random.uniform(key, (len(real),) + (1,) * (real.ndim - 1))
    return real + a * (fake - real)


def gradient_penalty(critic, real, fake, key, target: float = 1.0) -> Array:
    """(|grad D(x^)| - target)^2 on interpolates (Gulrajani et al. 2017, arXiv:1704.00028, Eq. 3);
    weight 10 there.
    """
    norm = jnp.sqrt(squared_norms(critic, interpolates(real, fake, key)) + EPS)
    return (norm - target) ** 2


def one_sided_gradient_penalty(critic, real, fake, key, target: float = 1.0) -> Array:
    """max(0, |grad D(x^)| - target)^2 on interpolates: WGAN-LP (Petzka et al. 2018,
    arXiv:1709.08894).
    """
    norm = jnp.sqrt(squared_norms(critic, interpolates(real, fake, key)) + EPS)
    return jax.nn.relu(norm - target) ** 2


def r1(critic, real, fake, key) -> Array:
    """|grad D(x)|^2 / 2 on data: weight gamma gives the gamma/2 of Mescheder et al. 2018,
    arXiv:1801.04406, Eq. 9.
    """
    return squared_norms(critic, real) / 2
