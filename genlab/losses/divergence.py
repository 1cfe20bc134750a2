"""Divergences between the distributions inside a model, in nats per example."""

import math

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def gaussian_kl(
    mean: Float[Array, "*b z"], log_variance: Float[Array, "*b z"]
) -> Float[Array, "*b"]:
    """KL(N(mean, exp(log_variance)) || N(0, I)) (Kingma & Welling 2014, arXiv:1312.6114, Appendix
    B).
    """
    return 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(axis=-1)


def gaussian_log_prob(
    z: Float[Array, "*b z"],
    mean: Float[Array, "..."] | float = 0.0,
    log_variance: Float[Array, "..."] | float = 0.0,
) -> Float[Array, "*b"]:
    """log N(z; mean, exp(log_variance)) (Kingma & Welling 2014, arXiv:1312.6114, Appendix B)."""
    squares = (z - mean) ** 2 * jnp.exp(-jnp.asarray(log_variance))
    return -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(axis=-1)
