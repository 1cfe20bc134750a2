"""Annealed importance sampling of probabilistic PCA, x | z ~ N(W z, s^2 I), whose log p(x) is that
of N(0, W W^T + s^2 I) (Tipping & Bishop 1999).
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, random
from scipy.stats import multivariate_normal

from genlab.losses.divergence import gaussian_log_prob
from genlab.metrics.annealing import Prior, _hamiltonian, ais, bdmc, sigmoidal
from genlab.metrics.bound import importance_weighted
from genlab.nets.priors import Mixture

RNG = np.random.default_rng(0)
W, NOISE = RNG.normal(size=(6, 2)), 0.5
Z = RNG.normal(size=(24, 2))
X = Z @ W.T + NOISE * RNG.normal(size=(24, 6))
LOG_P = multivariate_normal(np.zeros(6), W @ W.T + NOISE**2 * np.eye(6)).logpdf(X)


def log_likelihood(z):
    return gaussian_log_prob(
        jnp.float32(X), z @ jnp.float32(W).T, 2 * jnp.log(NOISE) * jnp.ones(())
    )


@pytest.fixture(scope="module")
def bounds():
    """(lower, upper) of 24 examples with 4 chains, over few temperatures and many."""

    def found(count):
        run = lambda key: bdmc(log_likelihood, key, jnp.float32(Z), sigmoidal(count), 4, 5)  # noqa: E731
        return np.asarray(jax.jit(run)(random.key(1)), np.float64)

    return found(5), found(250)


def test_many_temperatures_find_the_exact_likelihood(bounds):
    """Within 0.1 nat on average over the examples, whose errors are near 0.2 each."""
    lower, upper = bounds[1]
    for found in (lower, upper):
        assert abs((found - LOG_P).mean()) < 0.1
        np.testing.assert_allclose(found, LOG_P, atol=1.0)


def test_the_bounds_enclose_the_likelihood_and_close(bounds):
    (low, high), (lower, upper) = (found.mean(axis=1) for found in bounds)
    exact, noise = LOG_P.mean(), 0.1
    assert low < exact - noise and exact + noise < high
    assert low < lower < exact + noise and exact - noise < upper < high


def test_the_weights_are_unbiased_however_few_the_temperatures():
    """E exp(log_p) = p(x) exactly: 30,000 chains over 4 temperatures, within 4 standard errors."""
    peaked = lambda z: -0.5 * ((3 * z - 1) ** 2).sum(axis=-1)  # noqa: E731
    exact = -0.5 * np.log(10) - 0.5 / 10  # of N(1; 0, 1 + 9), less its constant
    run = jax.jit(lambda key: ais(peaked, key, (1, 1), sigmoidal(4), chains=30000, leapfrog=3))
    found = run(random.key(3))
    assert abs(float(found.log_p[0]) - exact) < 4 / np.sqrt(found.effective[0]) < 0.05
    assert 0.3 < found.acceptance[0] < 0.95


def test_chains_start_from_a_prior_and_keep_to_it():
    """E exp(log_p) = p(x) of two Gaussians as prior, in closed form, from 4 temperatures."""
    peaked = lambda z: -0.5 * ((3 * z - 1) ** 2).sum(axis=-1)  # noqa: E731
    two = Mixture(2)
    held = {"logits": jnp.zeros(2), "mean": jnp.array([[-2.0], [1.0]]),
            "log_variance": jnp.log(jnp.array([[0.25], [1.0]]))}  # fmt: skip
    prior = Prior(
        lambda noise: two.apply({"params": held}, noise, method="draw"),
        lambda z: two.apply({"params": held}, z),
    )
    spread = np.array([0.25, 1.0]) + 1 / 9
    away = (1 / 3 - np.array([-2.0, 1.0])) ** 2 / spread
    exact = np.log(0.5 * (np.exp(-away / 2) / np.sqrt(9 * spread)).sum())
    found = jax.jit(lambda key: ais(peaked, key, (1, 2), sigmoidal(4), 30000, 3, prior=prior))(
        random.key(3)
    )
    assert abs(float(found.log_p[0]) - exact) < 4 / np.sqrt(found.effective[0]) < 0.1


def test_elbo_iwae_and_ais_come_in_that_order(bounds):
    """From a proposal wider than the posterior, as an encoder's may be, at as many draws."""
    posterior = np.linalg.inv(W.T @ W / NOISE**2 + np.eye(2))
    mean, std = jnp.float32(X @ W @ posterior / NOISE**2), 2 * np.sqrt(np.diag(posterior)).max()

    def log_weight(key):
        z = mean + std * random.normal(key, mean.shape)
        log_q = gaussian_log_prob(z - mean, 0.0, 2 * jnp.log(std) * jnp.ones(()))
        return log_likelihood(z) + gaussian_log_prob(z) - log_q

    elbo, iwae = jax.jit(lambda key: importance_weighted(log_weight, key, 4))(random.key(0))
    assert elbo.mean() < iwae.mean() < bounds[1][0].mean() < LOG_P.mean() + 0.1


def test_moves_leave_a_gaussian_as_it_is_and_refuse_what_is_not_finite():
    """N(1, 0.5^2): mean and variance of 20,000 chains that start in it, after 5 moves."""
    log_density = lambda z: -2 * ((z - 1) ** 2).sum(axis=-1)  # noqa: E731
    broken = lambda z: jnp.where(z < 1e9, -(z**2), jnp.nan).sum(axis=-1)  # noqa: E731

    @jax.jit
    def seen(z, key):
        move = lambda z, key: _hamiltonian(log_density, key, z, jnp.array([0.7]), 3)  # noqa: E731
        z, accepted = lax.scan(move, z, random.split(key, 5))
        return z, accepted, *_hamiltonian(broken, key, z, jnp.array([1e12]), 1)

    start = np.float32(1 + 0.5 * np.random.default_rng(0).normal(size=(20000, 1, 1)))
    z, accepted, stayed, never = map(np.asarray, seen(start, random.key(10)))
    assert 0.5 < accepted[-1, 0] < 0.99
    np.testing.assert_allclose([z.mean(), z.var()], [1, 0.25], atol=0.015)
    np.testing.assert_array_equal(stayed, z)
    assert never == 0


def test_step_sizes_adapt_to_each_example():
    """Likelihoods of precision 1 and 2,500, from one step size that suits neither."""
    scale = jnp.array([1.0, 50.0])
    peaked = lambda z: -0.5 * ((scale[:, None] * z) ** 2).sum(axis=-1)  # noqa: E731
    run = jax.jit(lambda key: ais(peaked, key, (2, 2), sigmoidal(200), chains=8, step_size=0.5))
    found = run(random.key(0))
    assert ((found.acceptance > 0.5) & (found.acceptance < 0.85)).all()


def test_the_schedule_runs_from_0_to_1_and_is_symmetric():
    t = sigmoidal(11)
    assert (t[0], t[-1]) == (0.0, 1.0)
    np.testing.assert_allclose(t + t[::-1], 1, rtol=1e-12)
    s = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    assert t[2] == pytest.approx((s(-2.4) - s(-4)) / (s(4) - s(-4)), rel=1e-12)
    assert np.diff(t).argmax() in (4, 5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"temperatures": np.linspace(0.1, 1, 5)}, r"5 numbers .*rising from 0 to 1.*sigmoidal"),
        ({"temperatures": np.linspace(1, 0, 5)}, "rising from 0 to 1"),
        ({"temperatures": np.array([0.0])}, "at least 2"),
        ({"chains": 0}, "chains is 0"),
        ({"leapfrog": 0}, "leapfrog 0"),
        ({"step_size": 0.0}, "step_size 0.0"),
    ],
)
def test_refuses_what_is_no_schedule(given, message):
    with pytest.raises(ValueError, match=message):
        ais(log_likelihood, random.key(0), Z.shape, **{"temperatures": sigmoidal(3), **given})
    with pytest.raises(ValueError, match="count is 1"):
        sigmoidal(1)
