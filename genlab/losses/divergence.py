"""Divergences between the distributions inside a model, in nats per example."""

import math

import jax.numpy as jnp
from jax import Array


def gaussian_kl(mean: Array, log_variance: Array) -> Array:
    """KL(N(mean, exp(log_variance)) || N(0, I)), [B, D] -> [B] (Kingma & Welling 2014,
    arXiv:1312.6114, Appendix B).
    """
    return 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(axis=-1)


def gaussian_log_prob(
    z: Array, mean: Array | float = 0.0, log_variance: Array | float = 0.0
) -> Array:
    """log N(z; mean, exp(log_variance)), [..., D] -> [...] (Kingma & Welling 2014, arXiv:1312.6114,
    Appendix B).
    """
    squares = (z - mean) ** 2 * jnp.exp(-jnp.asarray(log_variance))
    return -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(axis=-1)
