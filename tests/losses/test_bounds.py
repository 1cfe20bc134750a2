"""Bounds on log p(x) in the model of Rainforth et al. 2018 (arXiv:1802.04537), whose
answers are known: z ~ N(mu, I), x | z ~ N(z, I), q(z | x) = N(A x + b, s2 I).
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from jax import lax, random

from genlab.config import ConfigError
from genlab.losses import bounds
from genlab.losses.divergence import gaussian_log_prob

X = np.array([[0.4, -1.0], [2.0, 0.1], [-0.3, 0.7]])
S2 = 2 / 3
P, Q = {"mu": np.array([0.3, -0.2])}, {"A": np.array(0.55), "b": np.array([0.1, 0.2])}


def log_joint(params, z):
    return gaussian_log_prob(params["x"] - z) + gaussian_log_prob(z - params["mu"][None, None]), ()


def value(bound, p, q, x, noise, s2=S2):
    """The bound of each example for noise [b, k, d]."""
    x = x[:, None]
    posterior = (q["A"] * x + q["b"][None, None], jnp.log(s2) * jnp.ones((1, 1, 1)))
    z = posterior[0] + jnp.sqrt(s2) * noise
    joint = lambda params, z: log_joint({**params, "x": x}, z)  # noqa: E731
    log_q = lambda q, z: gaussian_log_prob(z, *q)  # noqa: E731
    return bounds.estimated(bound, p, posterior, z, joint, log_q)[0]


def iwae_weights(log_w):
    return scipy.special.softmax(log_w, axis=1)


def miwae_weights(log_w, m):
    groups = log_w.reshape(len(log_w), m, -1)
    return (scipy.special.softmax(groups, axis=2) / m).reshape(log_w.shape)


def log_mean(log_w, axis=1):
    return scipy.special.logsumexp(log_w, axis=axis) - np.log(log_w.shape[axis])


def even(log_w):
    return np.full_like(log_w, 1 / log_w.shape[1])


def mixed(log_w):
    return 0.3 * even(log_w) + 0.7 * iwae_weights(log_w)


def none(log_w):
    return 0 * log_w


ORACLES = {  # bound, its value, and the weights of decoder, path and score
    "elbo": (bounds.elbo(6), lambda w: w.mean(1), even, even, even),
    "iwae": (bounds.iwae(6), log_mean, *[iwae_weights] * 3),
    "miwae": (
        bounds.miwae(2, 3), lambda w: log_mean(w.reshape(3, 2, 3), 2).mean(1),
        *[lambda w: miwae_weights(w, 2)] * 3,
    ),
    "ciwae": (
        bounds.ciwae(6, 0.3), lambda w: 0.3 * w.mean(1) + 0.7 * log_mean(w), mixed, mixed, mixed,
    ),
    "piwae": (
        bounds.piwae(2, 3), log_mean, iwae_weights, *[lambda w: miwae_weights(w, 2)] * 2,
    ),
    "stl": (bounds.stl(6), log_mean, iwae_weights, iwae_weights, none),
    "dreg": (bounds.dreg(6), log_mean, iwae_weights, lambda w: iwae_weights(w) ** 2, none),
}  # fmt: skip


@pytest.mark.parametrize("name", ORACLES)
def test_value_and_gradients_equal_the_oracle(name):
    bound, of, decoder, path, score = ORACLES[name]
    noise = np.random.default_rng(0).normal(size=(3, 6, 2))
    x, m = X[:, None], Q["A"] * X[:, None] + Q["b"]
    z = m + np.sqrt(S2) * noise
    log_w = (
        -0.5 * ((x - z) ** 2 + (z - P["mu"]) ** 2 - noise**2 - np.log(S2) + np.log(2 * np.pi))
    ).sum(-1)
    a, b, c = (weights(log_w)[..., None] for weights in (decoder, path, score))
    of_mean = b * ((P["mu"] - z) + (x - z) + (z - m) / S2) - c * (z - m) / S2
    expected = {"mu": (a * (z - P["mu"])).sum((0, 1)), "A": (of_mean * x).sum(),
                "b": of_mean.sum((0, 1))}  # fmt: skip

    def summed(p, q):
        values = value(bound, p, q, np.float32(X), np.float32(noise))
        return values.sum(), values

    p, q = jax.tree.map(np.float32, (P, Q))
    slopes, got = jax.jit(jax.grad(summed, argnums=(0, 1), has_aux=True))(p, q)
    np.testing.assert_allclose(got, of(log_w), rtol=1e-5, atol=1e-5)
    for key, slope in {**slopes[0], **slopes[1]}.items():
        np.testing.assert_allclose(slope, expected[key], rtol=1e-4, atol=2e-5, err_msg=key)


def test_bounds_of_the_same_weights_are_ordered():
    log_w = np.float32(np.random.default_rng(0).normal(size=(50, 12)) * 3)
    compared = bounds.elbo(12), bounds.ciwae(12), bounds.iwae(12), bounds.miwae(3, 4)
    compared = *compared, bounds.dreg(12), bounds.miwae(12, 1)
    values = jax.jit(lambda log_w: [bound.value(log_w) for bound in compared])(log_w)
    elbo, ciwae, iwae, miwae, dreg, ones = jax.device_get(values)
    for low, high in ((elbo, ciwae), (ciwae, iwae), (elbo, miwae), (miwae, iwae)):
        assert (low < high).all()
    np.testing.assert_array_equal(iwae, dreg)
    np.testing.assert_allclose(ones, elbo, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["elbo", "iwae", "miwae", "ciwae", "piwae", "stl", "dreg"])
def test_at_the_true_posterior_every_bound_is_exact_and_without_noise(name):
    """log p(x) = log N(x; mu, 2 I). The gradients through the latents alone are 0 there."""
    q = {"A": np.float32(0.5), "b": np.float32(P["mu"] / 2)}
    noise = np.float32(np.random.default_rng(0).normal(size=(3, 6, 2)))
    bound = ORACLES[name][0]

    def summed(q):
        values = value(bound, jax.tree.map(np.float32, P), q, np.float32(X), noise, 0.5)
        return values.sum(), values

    slopes, got = jax.jit(jax.grad(summed, has_aux=True))(q)
    exact = -0.5 * ((X - P["mu"]) ** 2 / 2 + np.log(4 * np.pi)).sum(1)
    np.testing.assert_allclose(got, exact, rtol=1e-5)
    if name in ("stl", "dreg"):
        np.testing.assert_allclose(slopes["b"], 0, atol=1e-5)


def slopes_of_the_signal(name, samples):
    """Slopes, in log K, of |E g| / sd(g) of mu and of b, and the last |E g| of b: one example."""
    x = jnp.float32([[1.0, -1.2]])  # log p(x) has a slope in both numbers of mu
    p, q = {"mu": jnp.float32([0.5, -0.5])}, {"A": jnp.float32(0.5), "b": jnp.float32([0.9, 0.4])}

    def moments(number):
        bound = getattr(bounds, name)(number)

        def one(key):
            noise = random.normal(key, (512, number, 2))
            slope = jax.vmap(
                jax.grad(lambda p, q, n: value(bound, p, q, x, n[None]).sum(), argnums=(0, 1)),
                in_axes=(None, None, 0),
            )(p, q, noise)
            return jnp.stack([slope[0]["mu"], slope[1]["b"]])

        drawn = lax.map(one, random.split(random.key(0), 128))  # [128, 2, 512, 2]
        mean, deviation = drawn.mean((0, 2)), drawn.std((0, 2))
        return (jnp.abs(mean) / deviation).mean(1), jnp.abs(mean[1]).mean()

    found = [jax.jit(moments, static_argnums=0)(k) for k in samples]
    snr = np.log([each[0] for each in found])
    return np.polyfit(np.log(samples), snr, 1)[0], float(found[-1][1])


@pytest.mark.slow
def test_the_signal_of_gradients_grows_or_falls_with_the_root_of_the_samples():
    """IWAE: +1/2 for the decoder, -1/2 for the encoder, DReG: +1/2 for both; STL's mean is not
    that of the bound (Rainforth et al. 2018; Tucker et al. 2018).
    """
    samples = (8, 16, 32, 64)
    (decoder, encoder), iwae = slopes_of_the_signal("iwae", samples)
    np.testing.assert_allclose([decoder, encoder], [0.5, -0.5], atol=0.15)
    (decoder, encoder), dreg = slopes_of_the_signal("dreg", samples)
    np.testing.assert_allclose([decoder, encoder], [0.5, 0.5], atol=0.15)
    assert slopes_of_the_signal("stl", samples)[1] > 3 * max(iwae, dreg)


def test_what_makes_no_bound_is_refused():
    with pytest.raises(ConfigError, match=r"samples is 0"):
        bounds.iwae(0)
    with pytest.raises(ConfigError, match=r"groups is 1.5"):
        bounds.miwae(1.5)
    with pytest.raises(ConfigError, match=r"beta is 2.0"):
        bounds.ciwae(5, 2.0)
