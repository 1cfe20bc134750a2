"""Likelihoods p(x | theta) of images in [-1, 1] under a decoder's output theta, in nats per image.

Each factory returns a `Likelihood`; the decoder must give `parameters` channels for each image
channel.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

Data = Float[Array, "b *shape c"]
Theta = Float[Array, "b *shape pc"]  # `parameters` channels for each of the data


class Likelihood(NamedTuple):
    """parameters: decoder channels per image channel; log_prob: (theta, x) -> log p(x | theta) in
    nats; mean: theta -> E[x].
    """

    parameters: int
    log_prob: Callable[[Theta, Data], Float[Array, " b"]]
    mean: Callable[[Theta], Data]


def bernoulli() -> Likelihood:
    """Pixels as probabilities: y log s(theta) + (1 - y) log(1 - s(theta)), y = (x + 1) / 2 (Kingma
    & Welling 2014, arXiv:1312.6114, Appendix C.1). For grey values it is a loss and not a
    normalised density.
    """

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        y = (x + 1) / 2
        return _sum(y * theta - jax.nn.softplus(theta))

    return Likelihood(
        1, log_prob, lambda theta: jnp.tanh(theta / 2)
    )  # 2 sigmoid(t) - 1 = tanh(t / 2)


def gaussian(sigma: float = 0.1) -> Likelihood:
    """N(x; theta, sigma^2) with one fixed sigma, in units of [-1, 1] (Kingma & Welling 2014,
    arXiv:1312.6114, C.2).
    """

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        return _sum(
            -0.5 * ((x - theta) / sigma) ** 2 - jnp.log(sigma) - 0.5 * math.log(2 * math.pi)
        )

    return Likelihood(1, log_prob, lambda theta: jnp.clip(theta, -1, 1))


def learned_gaussian() -> Likelihood:
    """N(x; m, s^2) per pixel, theta = (m, log s) along channels (Kingma & Welling 2014,
    arXiv:1312.6114, C.2).
    """

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        m, log_s = jnp.split(theta, 2, axis=-1)
        return _sum(-0.5 * ((x - m) * jnp.exp(-log_s)) ** 2 - log_s - 0.5 * math.log(2 * math.pi))

    return Likelihood(2, log_prob, lambda theta: jnp.clip(jnp.split(theta, 2, axis=-1)[0], -1, 1))


def discretised_logistic(levels: int = 256) -> Likelihood:
    """Mass that a logistic (m, log s) puts on each of `levels` equal bins centred on -1 .. 1, the
    outer ones unbounded (Kingma et al. 2016, arXiv:1606.04934; Salimans et al. 2017,
    arXiv:1701.05517, Eq. 2).
    """
    half = 1.0 / (levels - 1)

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        m, log_s = jnp.split(theta, 2, axis=-1)
        x = jnp.round((x + 1) / (2 * half)) * (2 * half) - 1  # 8-bit storage is off the levels
        scale = jnp.exp(-jnp.maximum(log_s, -7.0))
        upper, lower = (x - m + half) * scale, (x - m - half) * scale
        # log(sigmoid(u) - sigmoid(l)) = log s(u) + log s(-l) + log(1 - exp(l - u)), stable in
        # either tail
        inside = -jax.nn.softplus(-upper) - jax.nn.softplus(lower) + _log1mexp(2 * half * scale)
        first, last = -jax.nn.softplus(-upper), -jax.nn.softplus(lower)
        at_end = jnp.where(x < -1 + half, first, jnp.where(x > 1 - half, last, inside))
        return _sum(at_end)

    return Likelihood(2, log_prob, lambda theta: jnp.clip(jnp.split(theta, 2, axis=-1)[0], -1, 1))


def _log1mexp(a: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """log(1 - exp(-a)) for a > 0, accurate at both ends (Maechler 2012)."""
    small = a < math.log(2)
    near = jnp.log(-jnp.expm1(-jnp.where(small, a, 1.0)))
    far = jnp.log1p(-jnp.exp(-jnp.where(small, 1.0, a)))
    return jnp.where(small, near, far)


def _sum(x: Data) -> Float[Array, " b"]:
    return x.reshape(len(x), -1).sum(axis=1)
