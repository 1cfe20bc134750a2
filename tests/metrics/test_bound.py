"""Bounds on a model with a known likelihood: x | z ~ N(z, I), z ~ N(0, I), so x ~ N(0, 2 I) and z |
x ~ N(x / 2, I / 2).
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from jax import random

from genlab.losses.divergence import gaussian_log_prob
from genlab.metrics.bound import bits_per_dimension, importance_weighted

X = np.float32(np.random.default_rng(0).normal(0, 2**0.5, (200, 4)))
LOG_P = scipy.stats.norm(0, 2**0.5).logpdf(X).sum(1)


def log_weight(mean, variance):
    """log p(x, z) - log q(z | x) at z ~ N(mean, variance)."""

    def draw(key):
        z = mean + np.sqrt(variance) * random.normal(key, X.shape)
        joint = gaussian_log_prob(X - z) + gaussian_log_prob(z)
        return joint - gaussian_log_prob(z - mean, 0.0, np.log(variance) * jnp.ones(()))

    return draw


def bounds(mean, variance, key, *ks):
    """(ELBO, IWAE) of each number of draws, by one program."""
    key, log = random.key(key), log_weight(mean, variance)
    return jax.device_get(jax.jit(lambda: [importance_weighted(log, key, k) for k in ks])())


def test_exact_and_without_variance_at_the_true_posterior():
    for bound in np.ravel(bounds(X / 2, 0.5, 1, 1, 5)).reshape(4, -1):
        np.testing.assert_allclose(bound, LOG_P, rtol=1e-4, atol=1e-4)


def test_bounds_tighten_with_k_and_reach_the_likelihood():
    found = bounds(X / 2 + np.float32(0.3), 0.8, 2, 1, 10, 100, 2000)
    iwae = [float(b.mean()) for _, b in found]
    assert iwae[0] < iwae[1] < iwae[2] < LOG_P.mean() + 0.02
    np.testing.assert_allclose(iwae[3], LOG_P.mean(), atol=0.01)
    kl = (
        4 * 0.5 * (0.8 / 0.5 + 0.09 / 0.5 - 1 - np.log(0.8 / 0.5))
    )  # ELBO = log p - KL(q || posterior)
    np.testing.assert_allclose(float(found[3][0].mean()), LOG_P.mean() - kl, atol=0.02)


def test_bits_and_mistakes():
    assert bits_per_dimension(-8 * 64 * np.log(2), 64) == pytest.approx(8)
    with pytest.raises(ValueError, match="at least one draw"):
        importance_weighted(log_weight(X, 1.0), random.key(0), 0)
