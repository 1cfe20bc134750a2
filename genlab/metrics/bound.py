"""Likelihood bounds of latent-variable models, in nats per image."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray


def importance_weighted(
    log_weight: Callable[[PRNGKeyArray], Float[Array, " b"]], key: PRNGKeyArray, k: int
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """(ELBO, IWAE bound) from `k` draws of `log_weight(key) -> log p(x, z) - log q(z | x)`.

    The mean of the log weights, and the log of the mean weight (Burda, Grosse & Salakhutdinov 2016,
    arXiv:1509.00519, Section 3): ELBO <= IWAE(k) <= log p(x) in expectation, and the second
    inequality becomes tight as k grows.
    """
    if k < 1:
        raise ValueError(f"k is {k}; the bound needs at least one draw")
    weights = jax.lax.map(log_weight, random.split(key, k))
    return weights.mean(axis=0), jax.nn.logsumexp(weights, axis=0) - jnp.log(k)


def bits_per_dimension(nats: float, dimensions: int) -> float:
    """-nats / (dimensions ln 2): for likelihoods of discrete pixels."""
    return float(-nats / (dimensions * np.log(2)))
