"""Divergences of a VAE's latent against NumPy in float64 and against Gaussians in closed form."""

import itertools

import jax
import numpy as np
import optax
import pytest
import scipy.special
import scipy.stats
from helpers.devices import on_devices
from jax import random

from genlab.config import ConfigError
from genlab.losses import divergence
from genlab.losses.divergence import Codes

B, D, KEY = 6, 2, random.key(3)


def drawn(b=B, d=D, seed=0):
    rng = np.random.default_rng(seed)
    mean, log_variance = rng.normal(size=(b, d)), rng.normal(size=(b, d)) * 0.5 - 1
    z = mean + np.exp(log_variance / 2) * rng.normal(size=(b, d))
    return gaussian(z, mean, log_variance)


def gaussian(*numbers):
    """Codes of a Gaussian posterior: z, mean, log-variance."""
    z, mean, log_variance = map(np.float32, numbers)
    log_q = scipy.stats.norm(mean, np.exp(log_variance / 2)).logpdf(z).sum(1)
    return Codes(z, np.float32(log_q), mean, log_variance, KEY, np.int32(0))


def of(term, codes, **arguments):
    return np.asarray(jax.jit(lambda c: term(c, **arguments))(codes))


def log_q_each(codes):
    """log q(z_id | x_jd), [i, j, d]."""
    mean, deviation = np.float64(codes.mean)[None], np.exp(np.float64(codes.log_variance)[None] / 2)
    return scipy.stats.norm(mean, deviation).logpdf(np.float64(codes.z)[:, None])


def test_both_kls():
    codes = drawn()
    kl = of(divergence.kl, codes)
    m, v = np.float64(codes.mean), np.exp(np.float64(codes.log_variance))
    np.testing.assert_allclose(kl, 0.5 * (m**2 + v - 1 - np.log(v)).sum(1), rtol=1e-5)
    ratio = log_q_each(codes)[np.arange(B), np.arange(B)] - scipy.stats.norm.logpdf(codes.z)
    np.testing.assert_allclose(of(divergence.monte_carlo_kl, codes), ratio.sum(1), rtol=1e-4)


def test_free_bits_are_of_the_batchs_mean_and_capacity_follows_its_schedule():
    codes = drawn()._replace(step=np.int32(5))
    m, v = np.float64(codes.mean), np.exp(np.float64(codes.log_variance))
    each = 0.5 * (m**2 + v - 1 - np.log(v))
    between = each.mean(0).mean()
    free = of(divergence.free_bits, codes, nats=float(between))
    np.testing.assert_allclose(free, np.maximum(between, each.mean(0)).sum(), rtol=1e-5)
    assert abs(free - np.maximum(between, each).mean(0).sum()) > 0.05
    np.testing.assert_allclose(of(divergence.free_bits, codes, nats=0.0), each.sum(1).mean(), 1e-5)
    ratio = of(divergence.monte_carlo_kl, codes)
    held = of(divergence.free_nats, codes, nats=float(ratio.mean()) + 0.5)
    np.testing.assert_allclose(held, ratio.mean() + 0.5, rtol=1e-5)
    np.testing.assert_allclose(of(divergence.free_nats, codes, nats=0.0), ratio.mean(), rtol=1e-5)
    two = codes._replace(kls=np.float32(each))  # parts, of which one is below the least
    of_parts = of(divergence.free_nats, two, nats=float(between))
    np.testing.assert_allclose(of_parts, np.maximum(between, each.mean(0)).sum(), rtol=1e-5)
    rising = optax.linear_schedule(0.0, 100.0, 10)
    far = of(divergence.capacity, codes, nats=rising)
    np.testing.assert_allclose(far, 50 - each.sum(1).mean(), rtol=1e-5)


KERNELS = {
    "imq_mmd": lambda s: sum(
        4 * c / (4 * c + s) for c in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    ),
    "rbf_mmd": lambda s: np.exp(-s / 4),
}  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_mmd(name):
    codes = drawn()
    prior, z, kernel = np.float64(random.normal(KEY, (B, D))), np.float64(codes.z), KERNELS[name]
    pairs = [(i, j) for i in range(B) for j in range(B)]
    k = lambda x, y: kernel(((x - y) ** 2).sum())  # noqa: E731
    within = sum(k(z[i], z[j]) + k(prior[i], prior[j]) for i, j in pairs if i != j)
    across = sum(k(z[i], prior[j]) for i, j in pairs)
    expected = within / (B * (B - 1)) - 2 * across / B**2
    values = of(getattr(divergence, name), codes)
    assert values.shape == (B,)
    np.testing.assert_allclose(values.mean(), expected, rtol=1e-4)
    same = gaussian(*[np.random.default_rng(1).normal(size=(400, 4))] * 3)
    wide = same._replace(z=1.5 * same.z)
    far, near = (of(getattr(divergence, name), c).mean() for c in (wide, same))
    assert abs(near) < 0.02 < far


def test_a_learned_prior_takes_the_place_of_the_normal():
    """Its log-density in the KL, its draws in an MMD and a sliced distance."""
    plain = drawn()
    codes = plain._replace(log_p=plain.log_q - 3)
    np.testing.assert_allclose(of(divergence.monte_carlo_kl, codes), 3, rtol=1e-5)
    shifted = lambda key: 5 + random.normal(key, (B, D))  # noqa: E731
    terms = divergence.imq_mmd, divergence.sliced_wasserstein

    @jax.jit
    def both(c):
        there, moved = c._replace(from_prior=shifted), c._replace(z=c.z - 5)
        return [(term(there), term(moved)) for term in terms]

    for there, moved in both(plain):
        np.testing.assert_allclose(there, moved, rtol=1e-4, atol=1e-5)


def test_capacities_are_of_each_part_and_the_norm_of_the_latent():
    kls = np.float32(np.random.default_rng(1).uniform(0, 4, (B, 2)))
    codes = drawn()._replace(kls=kls, step=np.int32(5))
    rising = optax.linear_schedule(0.0, 8.0, 10)
    found, kl, norm = jax.jit(
        lambda c: (
            divergence.capacities(c, nats=(rising, 1.0)),
            divergence.kl(c),
            divergence.squared_norm(c),
        )
    )(codes)
    np.testing.assert_allclose(found, np.abs(kls.mean(0) - [4, 1]).sum(), rtol=1e-5)
    np.testing.assert_allclose(kl, kls.sum(1), rtol=1e-6)
    np.testing.assert_allclose(norm, (codes.z**2).sum(1) / 2, 1e-5)
    with pytest.raises(ConfigError, match="2 capacities, and the latent has 1 parts"):
        divergence.capacities(drawn(), (1.0, 2.0))


def test_moments_of_dip_vae():
    codes = drawn()
    spread = np.diag(np.exp(np.float64(codes.log_variance)).mean(0))
    for term, extra in ((divergence.moments, 0), (divergence.aggregate_moments, spread)):
        c = np.cov(np.float64(codes.mean).T, bias=True) + extra
        off, on = 2 * c[0, 1] ** 2, ((np.diag(c) - 1) ** 2).sum()
        np.testing.assert_allclose(of(term, codes, diagonal=3.0), off + 3 * on, rtol=1e-5)


def test_sliced_wasserstein():
    codes = drawn(40, 1)
    prior = np.asarray(random.normal(random.split(KEY)[0], (40, 1)))
    expected = ((np.sort(codes.z[:, 0]) - np.sort(prior[:, 0])) ** 2).mean()
    np.testing.assert_allclose(of(divergence.sliced_wasserstein, codes), expected, rtol=1e-4)
    z = np.float32(np.random.default_rng(0).normal(size=(3000, 16)))  # W2^2 of a shift, over 16
    shifted = codes._replace(z=z + np.float32([1] + [0] * 15))
    far = of(divergence.sliced_wasserstein, shifted, projections=200)
    np.testing.assert_allclose(far, 1 / 16, atol=0.015)


def test_the_three_terms_of_the_kl_add_up_and_weighted_sampling_is_the_papers():
    codes, log_q = drawn(), log_q_each(drawn())
    parts = (divergence.mutual_information, divergence.total_correlation,
             divergence.dimension_wise_kl)  # fmt: skip
    weighted = {"examples": 50, "sampling": "weighted"}

    @jax.jit
    def both(c):
        sums = [
            sum(part(c, examples=50, sampling=sampling) for part in parts)
            for sampling in ("weighted", "stratified")
        ]
        return sums, divergence.monte_carlo_kl(c), divergence.total_correlation(c, **weighted)

    sums, kl, tc = both(codes)
    for whole in sums:
        np.testing.assert_allclose(whole, kl, atol=1e-4)
    n_m = np.log(50 * B)
    together = scipy.special.logsumexp(log_q.sum(-1), axis=1) - n_m
    apart = (scipy.special.logsumexp(log_q, axis=1) - n_m).sum(-1)
    np.testing.assert_allclose(tc, together - apart, atol=1e-4)


def test_stratified_sampling_has_no_bias_for_the_posterior_of_the_set():
    """q(z) of six examples, as the mean over all batches of three that hold the first one."""
    codes = drawn()
    exact = np.exp(log_q_each(codes).sum(-1)).mean(1)[0]
    estimates = []
    own = codes.log_q[0]
    information = jax.jit(lambda c: divergence.mutual_information(c, examples=6)[1])
    for others in itertools.combinations(range(1, 6), 2):
        rows = np.array([others[0], 0, others[1]])  # not in front, nor in the last place
        batch = Codes(*(x[rows] for x in codes[:4]), *codes[4:])
        estimates.append(np.exp(float(own - information(batch))))
    np.testing.assert_allclose(np.mean(estimates), exact, rtol=1e-4)


def test_the_total_correlation_of_a_gaussian():
    """Codes of correlation r with a wide posterior: -log(1 - r^2) / 2; weighted sampling is off by
    log N.
    """
    n, rng = 1500, np.random.default_rng(0)
    covariance = np.array([[1.0, 0.85], [0.85, 1.0]])
    mean = rng.multivariate_normal(np.zeros(2), covariance, n)
    z = mean + 0.5 * rng.normal(size=(n, 2))
    codes = gaussian(z, mean, np.full((n, 2), np.log(0.25)))
    whole = covariance + 0.25 * np.eye(2)
    exact = 0.5 * (np.log(np.diag(whole)).sum() - np.linalg.slogdet(whole)[1])
    term = divergence.total_correlation
    tc, off = jax.jit(lambda c: (term(c, n), term(c, n, sampling="weighted")))(codes)
    np.testing.assert_allclose(tc.mean(), exact, atol=0.06)
    np.testing.assert_allclose(off.mean() - tc.mean(), np.log(n), rtol=1e-3)


def test_what_a_total_correlation_lacks_is_said():
    for arguments, message in (
        ({}, "examples is 0 and the batch has 6"),
        ({"examples": 5}, "examples is 5"),
        ({"examples": 50, "sampling": "stratifed"}, "stratified"),
    ):
        with pytest.raises(ConfigError, match=message):
            divergence.total_correlation(drawn(), **arguments)


@pytest.mark.parametrize(
    "name", ["free_bits", "capacity", "aggregate_moments", "total_correlation", "imq_mmd"]
)
def test_on_two_devices_a_divergence_is_that_of_the_global_batch(name):
    """Draws from the prior are each device's own: an MMD has the two halves' there."""
    arguments = {"total_correlation": {"examples": 50}}.get(name, {})
    term, codes = getattr(divergence, name), drawn()
    halves = [x.reshape(2, B // 2, *x.shape[1:]) for x in codes[:4]]
    keys = random.split(KEY, 2)

    def move(z, log_q, mean, log_variance, key):
        return term(Codes(z, log_q, mean, log_variance, key, 0), **arguments)

    mapped = on_devices(move)(*halves, keys)
    if name == "imq_mmd":
        prior = np.concatenate([random.normal(key, (B // 2, D)) for key in keys])
        z = np.float64(codes.z)
        pick = lambda x, y: KERNELS[name](((x[:, None] - y[None]) ** 2).sum(-1))  # noqa: E731
        off = ~np.eye(B, dtype=bool)
        expected = (pick(z, z) + pick(prior, prior))[off].mean() - 2 * pick(z, prior).mean()
        np.testing.assert_allclose(np.mean(mapped), expected, rtol=1e-3)
    else:
        whole = of(term, codes, **arguments)
        expected = whole.reshape(2, -1) if whole.ndim else [whole] * 2
        np.testing.assert_allclose(mapped, expected, rtol=1e-4)
