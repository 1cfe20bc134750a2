"""Posteriors against NumPy and SciPy in float64, and their gradients against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from jax import random

from genlab.config import ConfigError
from genlab.losses import posterior, spherical

D, N = 3, 20_000


def numbers(of, d=D, seed=0, scale=0.7):
    """Of one example."""
    return np.float32(np.random.default_rng(seed).normal(size=of.numbers(d)) * scale)


def draws(of, given, n=N, step=0):
    """Latents of one example, their log q, the latent without noise and the KL, 0 where there is
    none in closed form.
    """

    @jax.jit
    def drawn(given):
        rows = jnp.broadcast_to(given, (n, len(given)))
        z = of.draw(rows, random.key(7), step)
        return z, of.log_prob(rows, z), of.mean(given), of.kl(given) if of.kl else jnp.zeros(1)

    return tuple(np.float64(x) for x in drawn(given))


def test_full_covariance_against_scipy():
    of = posterior.full_covariance()
    given = numbers(of)
    z, log_q, centre, kl = draws(of, given)
    mean = np.float64(given[:D])
    factor = np.diag(np.exp(np.float64(given[D : 2 * D])))
    factor[np.tril_indices(D, -1)] = given[2 * D :]
    exact = scipy.stats.multivariate_normal(mean, factor @ factor.T)
    np.testing.assert_allclose(log_q, exact.logpdf(z), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(z.mean(0), mean, atol=0.08)
    np.testing.assert_allclose(np.cov(z.T), factor @ factor.T, atol=0.25)
    ratio = exact.logpdf(z) - scipy.stats.norm.logpdf(z).sum(1)
    np.testing.assert_allclose(kl[0], ratio.mean(), rtol=0.03)
    np.testing.assert_array_equal(centre, given[:D])


def test_a_mixture_and_its_implicit_gradient():
    """E (sum z)^2 of a mixture, with the products of its dimensions, has a gradient in closed form
    in all parameters.
    """
    of, k = posterior.mixture(2), 2
    given = numbers(of, seed=1)
    z, log_q, centre, _ = draws(of, given)
    logits, mean, log_variance = (
        np.float64(x) for x in (given[:k], given[k : k + k * D].reshape(k, D),
                                given[k + k * D :].reshape(k, D))
    )  # fmt: skip
    each = scipy.stats.norm(mean, np.exp(log_variance / 2)).logpdf(z[:, None]).sum(-1)
    exact = scipy.special.logsumexp(scipy.special.log_softmax(logits) + each, axis=1)
    np.testing.assert_allclose(log_q, exact, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(centre, mean[int(np.argmax(logits))])

    def seen(given):
        rows = jnp.broadcast_to(given, (N, len(given)))
        return (of.draw(rows, random.key(7), 0).sum(1) ** 2).mean()

    def second_moment(given):
        weight = jax.nn.softmax(given[:k])
        mean, log_variance = given[k:].reshape(2, k, D)
        return (weight * (mean.sum(1) ** 2 + jnp.exp(log_variance).sum(1))).sum()

    slope, wanted = jax.jit(lambda g: (jax.grad(seen)(g), jax.grad(second_moment)(g)))(given)
    np.testing.assert_allclose(slope, wanted, atol=0.06)
    with pytest.raises(ConfigError, match="components is 0"):
        posterior.mixture(0)


def test_gumbel_softmax_is_relaxed_in_training_and_one_hot_outside():
    of = posterior.gumbel_softmax(classes=3, temperature=0.3)
    colder = posterior.gumbel_softmax(3, lambda step: 0.3 / (1 + step))
    given = numbers(of, 6, scale=1.0)

    @jax.jit
    def seen(given, noise):
        rows, key = jnp.broadcast_to(given, (N, 6)), random.key(7)
        soft, hard = (of.draw(rows, key, step) for step in (0, None))
        even = of.prior.draw(noise)
        return (soft, hard, of.log_prob(rows, hard), of.kl(given), even,
                of.prior.log_prob(even[:2]), colder.draw(rows[:100], key, 9))  # fmt: skip

    noise = np.float32(np.random.default_rng(0).normal(size=(N, 6)))
    soft, hard, log_q, divergence, even, of_even, cold = map(np.float64, seen(given, noise))
    share = scipy.special.softmax(np.float64(given).reshape(2, 3), axis=1)
    np.testing.assert_allclose(soft.reshape(N, 2, 3).sum(-1), 1, rtol=1e-5)
    assert 0.02 < (soft.max() - soft).std() and ((soft > 0.01) & (soft < 0.99)).any()
    np.testing.assert_array_equal(np.unique(hard), [0, 1])
    np.testing.assert_allclose(hard.reshape(N, 2, 3).mean(0), share, atol=0.015)
    np.testing.assert_array_equal(
        soft.reshape(N, 2, 3).argmax(-1), hard.reshape(N, 2, 3).argmax(-1)
    )
    np.testing.assert_allclose(log_q, (hard * np.log(share).reshape(-1)).sum(1), rtol=1e-4)
    kl = (share * (np.log(share) + np.log(3))).sum()
    np.testing.assert_allclose(divergence[0], kl, rtol=1e-5)
    np.testing.assert_allclose(even.reshape(N, 2, 3).mean(0), 1 / 3, atol=0.015)
    np.testing.assert_allclose(of_even, -2 * np.log(3), rtol=1e-6)
    assert np.abs(cold - cold.round()).mean() < 0.2 * np.abs(soft - soft.round()).mean()
    with pytest.raises(ConfigError, match="multiple of 3"):
        of.numbers(7)
    with pytest.raises(ConfigError, match="temperature is 0"):
        posterior.gumbel_softmax(3, 0.0)


def test_joint_latents_are_those_of_their_parts():
    parts = posterior.gaussian(), posterior.gumbel_softmax(3)
    of = posterior.joint(*parts, sizes=(2, 3))
    given = numbers(of, 5)
    noise = np.float32(np.random.default_rng(1).normal(size=(4, 5)))

    @jax.jit
    def seen(given, noise):
        rows = jnp.broadcast_to(given, (4, len(given)))
        z, made = of.draw(rows, random.key(7), None), of.prior.draw(noise)
        whole = of.log_prob(rows, z), of.kl(given)
        log_q = parts[0].log_prob(rows[:, :4], z[:, :2]) + parts[1].log_prob(rows[:, 4:], z[:, 2:])
        kl = jnp.concatenate([parts[0].kl(given[:4]), parts[1].kl(given[4:])])
        return whole, (log_q, kl), made, of.prior.log_prob(made)

    whole, own, made, log_prior = seen(given, noise)
    np.testing.assert_allclose(whole[0], own[0], rtol=1e-5)
    np.testing.assert_allclose(whole[1], own[1], rtol=1e-6)
    np.testing.assert_array_equal(made[:, :2], noise[:, :2])
    np.testing.assert_array_equal(made[:, 2:], np.eye(3)[noise[:, 2:].argmax(1)])
    exact = scipy.stats.norm.logpdf(np.float64(noise[:, :2])).sum(1) - np.log(3)
    np.testing.assert_allclose(log_prior, exact, rtol=1e-5)
    with pytest.raises(ConfigError, match=r"encoder.latent=5"):
        of.numbers(6)
    with pytest.raises(ConfigError, match="closed form"):
        posterior.joint(posterior.mixture(), parts[0])
    with pytest.raises(ConfigError, match="each of the two parts"):
        posterior.joint(*parts, sizes=(5,))
    assert of.prior and posterior.joint(parts[0], posterior.full_covariance()).prior is None


SPHERE = spherical.von_mises_fisher()


@jax.jit
def on_the_sphere(given):
    """4,000 latents of one example, their log q, the KL and E w."""
    rows = jnp.broadcast_to(given, (4000, len(given)))
    z, kappa = SPHERE.draw(rows, random.key(7), 0), spherical.split(given)[1]
    cosine = spherical.mean_cosine(kappa, len(given) - 1)
    return z, SPHERE.log_prob(rows, z), SPHERE.kl(given)[0], cosine


VMF = ((3, 10.0, 0.9, 1.995732), (20, 100.0, 0.909092, 16.940417), (20, 5.0, None, None))


@pytest.mark.parametrize("m,kappa,cosine,kl", VMF)
def test_von_mises_fisher_against_bessel_functions(m, kappa, cosine, kl):
    """Moments of draws, density and KL against SciPy's Bessel functions and its vonmises_fisher."""
    kappa = np.float32(kappa)
    mu = np.random.default_rng(3).normal(size=m)
    mu /= np.linalg.norm(mu)
    given = np.float32([*mu, np.log(np.expm1(float(kappa) - 1))])
    z, log_q, found, cosine_found = map(np.float64, on_the_sphere(given))
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)
    exact = scipy.stats.vonmises_fisher(mu, kappa)
    np.testing.assert_allclose(log_q, exact.logpdf(z / np.linalg.norm(z, axis=1, keepdims=True)),
                               rtol=1e-4, atol=2e-3)  # fmt: skip
    ratio = scipy.special.ive(m / 2, kappa) / scipy.special.ive(m / 2 - 1, kappa)
    np.testing.assert_allclose((z @ mu).mean(), ratio, atol=4 * (z @ mu).std() / 4000**0.5)
    sideways = z - (z @ mu)[:, None] * mu
    np.testing.assert_allclose(sideways.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(cosine_found, ratio, rtol=1e-5)
    area = np.log(2) + m / 2 * np.log(np.pi) - scipy.special.gammaln(m / 2)
    np.testing.assert_allclose(found, area - exact.entropy(), rtol=1e-4)
    if kl:
        np.testing.assert_allclose([ratio, found], [cosine, kl], rtol=1e-4)


def test_a_draw_of_von_mises_fisher_is_differentiated_implicitly():
    """The slope of the mean cosine is A' = 1 - A^2 - (m - 1) A / kappa; that of one draw is the
    difference quotient of its quantile.
    """
    m, kappa = 6, np.float32(20.0)

    @jax.jit
    def seen(kappa):
        rows = jnp.full(8000, kappa)
        w = spherical.cosine(rows, m, random.key(0))
        moved = jax.grad(lambda k: spherical.implicit_cosine(w, k, m).sum())(rows)
        return w, moved

    w, moved = (np.float64(x) for x in seen(kappa))
    a = scipy.special.ive(3, 20.0) / scipy.special.ive(2, 20.0)
    np.testing.assert_allclose(moved.mean(), 1 - a**2 - 5 * a / 20, rtol=0.03)

    def distribution(w, kappa):
        t = np.cos(np.linspace(np.arccos(w), np.pi, 200_001))
        theta = np.linspace(0, np.pi, 400_001)
        of = lambda t, s: np.exp(kappa * (t - 1)) * s**4  # noqa: E731
        part = np.trapezoid(of(t, np.sqrt(1 - t**2)), np.linspace(np.arccos(w), np.pi, 200_001))
        return part / np.trapezoid(of(np.cos(theta), np.sin(theta)), theta)

    for row in (np.argmin(w), np.argmax(w), 0):
        rise = (distribution(w[row], 20.01) - distribution(w[row], 19.99)) / 0.02
        density = (distribution(w[row] + 1e-5, 20) - distribution(w[row] - 1e-5, 20)) / 2e-5
        np.testing.assert_allclose(moved[row], -rise / density, rtol=0.01)


def test_the_prior_of_a_sphere_is_even():
    prior, noise = SPHERE.prior, np.float32(np.random.default_rng(0).normal(size=(4000, 4)))
    z, log_p = map(np.asarray, jax.jit(lambda e: (prior.draw(e), prior.log_prob(e)))(noise))
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(z.T @ z / 4000, np.eye(4) / 4, atol=0.02)
    np.testing.assert_allclose(log_p, -np.log(2 * np.pi**2), rtol=1e-5)
    with pytest.raises(ConfigError, match="2 or more"):
        SPHERE.numbers(1)
