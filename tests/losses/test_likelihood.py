"""Likelihoods against scipy in float64, and against the law that a density sums to one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from jax import random

from genlab.losses import likelihood
from genlab.losses.divergence import gaussian_kl, gaussian_log_prob


@pytest.fixture
def theta():
    return np.random.default_rng(0).normal(size=(6, 3, 3, 2))


def numerical(oracle, theta, step=1e-6):
    """Central differences of sum(oracle) in every entry of theta."""
    grads = np.zeros_like(theta)
    for i in np.ndindex(theta.shape):
        up, down = theta.copy(), theta.copy()
        up[i] += step
        down[i] -= step
        grads[i] = (oracle(up).sum() - oracle(down).sum()) / (2 * step)
    return grads


def check(made, oracle, theta, x):
    """Value [B] and gradient in theta equal the oracle's."""

    def total(theta, x):
        values = made.log_prob(theta, x)
        return values.sum(), values

    measured = jax.jit(jax.grad(total, has_aux=True))
    grads, got = measured(np.float32(theta), np.float32(x))
    np.testing.assert_allclose(got, oracle(theta), rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(grads, numerical(oracle, theta), rtol=2e-3, atol=2e-4)


def test_bernoulli(theta):
    theta = theta[..., :1]
    x = np.random.default_rng(1).uniform(-1, 1, theta.shape)

    def oracle(theta):
        p, y = 1 / (1 + np.exp(-theta)), (x + 1) / 2
        return (y * np.log(p) + (1 - y) * np.log(1 - p)).reshape(6, -1).sum(1)

    check(likelihood.bernoulli(), oracle, theta, x)
    np.testing.assert_allclose(likelihood.bernoulli().mean(jnp.zeros(3)), 0, atol=1e-7)


def test_gaussian(theta):
    theta = theta[..., :1]
    x = np.random.default_rng(1).uniform(-1, 1, theta.shape)

    def oracle(theta):
        return scipy.stats.norm(theta, 0.3).logpdf(x).reshape(6, -1).sum(1)

    check(likelihood.gaussian(0.3), oracle, theta, x)


def test_learned_gaussian(theta):
    x = np.random.default_rng(1).uniform(-1, 1, (6, 3, 3, 1))

    def oracle(theta):
        return (
            scipy.stats.norm(theta[..., :1], np.exp(theta[..., 1:])).logpdf(x).reshape(6, -1).sum(1)
        )

    check(likelihood.learned_gaussian(), oracle, theta, x)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_discretised_logistic(theta, levels):
    theta = theta * [1.0, 0.5] + [0.0, -1.5]
    ticks = np.linspace(-1, 1, levels)
    x = np.random.default_rng(1).choice(ticks, (6, 3, 3, 1))
    half = 1 / (levels - 1)

    def oracle(theta):
        law = scipy.stats.logistic(theta[..., :1], np.exp(theta[..., 1:]))
        upper = np.where(x > 1 - half, np.inf, x + half)
        lower = np.where(x < -1 + half, -np.inf, x - half)
        left, right = law.cdf(upper) - law.cdf(lower), law.sf(lower) - law.sf(upper)
        mass = np.where(x < theta[..., :1], left, right)  # each tail where float64 resolves it
        return np.log(mass).reshape(6, -1).sum(1)

    check(likelihood.discretised_logistic(levels), oracle, theta, x)


def test_discretised_logistic_is_a_distribution_over_its_levels():
    ticks = jnp.linspace(-1, 1, 17).reshape(17, 1, 1, 1)
    theta = jnp.broadcast_to(jnp.asarray([0.3, -2.0]), (17, 1, 1, 2))
    total = jnp.exp(jax.jit(likelihood.discretised_logistic(17).log_prob)(theta, ticks)).sum()
    np.testing.assert_allclose(total, 1, rtol=1e-5)


@pytest.mark.parametrize("log_s", [-7.0, -4.0, -1.0])
def test_and_so_it_is_over_the_levels_as_they_are_stored_in_8_bits(log_s):
    """Level k of 17 is stored as round(255 k / 16), up to 0.4 / 255 off its place."""
    stored = jnp.rint(jnp.arange(17) * 255 / 16) / 127.5 - 1
    theta = jnp.broadcast_to(jnp.asarray([0.31, log_s]), (17, 1, 1, 2))
    log_prob = jax.jit(likelihood.discretised_logistic(17).log_prob)
    log_p = log_prob(theta, stored.reshape(17, 1, 1, 1))
    np.testing.assert_allclose(jnp.exp(log_p).sum(), 1, rtol=1e-4)


@pytest.mark.parametrize("log_s", [-20.0, -7.0, 5.0])
def test_discretised_logistic_is_finite_far_from_the_data(log_s):
    made = likelihood.discretised_logistic(256)
    theta = jnp.broadcast_to(jnp.asarray([100.0, log_s]), (3, 1, 1, 2))
    x = jnp.asarray([-1.0, 0.0, 1.0]).reshape(3, 1, 1, 1)
    value, grads = jax.jit(jax.value_and_grad(lambda t: made.log_prob(t, x).sum()))(theta)
    assert np.isfinite(value) and np.isfinite(np.asarray(grads)).all()


def test_gaussian_kl_against_scipy_quadrature_and_monte_carlo():
    mean, log_variance = np.array([[0.7, -1.2]]), np.array([[0.3, -0.8]])
    got = float(gaussian_kl(jnp.float32(mean), jnp.float32(log_variance))[0])
    t = np.linspace(-12, 12, 20001)
    exact = sum(
        np.trapezoid(q.pdf(t) * (q.logpdf(t) - scipy.stats.norm.logpdf(t)), t)
        for q in (
            scipy.stats.norm(m, np.exp(v / 2))
            for m, v in zip(mean[0], log_variance[0], strict=True)
        )
    )
    np.testing.assert_allclose(got, exact, rtol=1e-5)
    z = mean + np.exp(log_variance / 2) * np.asarray(random.normal(random.key(0), (200_000, 2)))
    drawn = gaussian_log_prob(z, mean, log_variance) - gaussian_log_prob(z)
    np.testing.assert_allclose(got, drawn.mean(), rtol=0.02)


def test_gaussian_kl_gradient_and_zero():
    assert float(gaussian_kl(jnp.zeros((1, 3)), jnp.zeros((1, 3)))[0]) == 0
    mean, log_variance = jnp.asarray([[0.5, -2.0]]), jnp.asarray([[0.2, -1.0]])
    slopes = jax.jit(jax.grad(lambda m, v: gaussian_kl(m, v).sum(), argnums=(0, 1)))
    d_mean, d_log = slopes(mean, log_variance)
    np.testing.assert_allclose(d_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(d_log, (np.exp(log_variance) - 1) / 2, rtol=1e-5)
