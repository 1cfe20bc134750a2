"""Likelihoods against scipy in float64, and against the law that a density sums to one."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from jax import random

from genlab.config import ConfigError
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
    mean = jax.jit(likelihood.bernoulli().mean)(np.zeros(3, np.float32))
    np.testing.assert_allclose(mean, 0, atol=1e-7)


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


def test_continuous_bernoulli(theta):
    theta = theta[..., :1]
    theta[0, 0, :, 0] = -0.2, 1e-3, 8.0  # within the series, near its middle, far out
    x = np.random.default_rng(1).uniform(-1, 1, theta.shape)

    def oracle(theta):
        y, p = (x + 1) / 2, scipy.special.expit(theta)
        integral = (2 * p - 1) / theta  # of p^y (1 - p)^(1 - y) over [0, 1]
        log_p = y * np.log(p) + (1 - y) * np.log(1 - p) - np.log(2 * integral)
        return log_p.reshape(6, -1).sum(1)

    check(likelihood.continuous_bernoulli(), oracle, theta, x)


def test_laplace(theta):
    x = np.random.default_rng(1).uniform(-1, 1, (6, 3, 3, 1))

    def learned(theta):
        law = scipy.stats.laplace(theta[..., :1], np.exp(theta[..., 1:]))
        return law.logpdf(x).reshape(6, -1).sum(1)

    def fixed(theta):
        return scipy.stats.laplace(theta, 0.3).logpdf(x).reshape(6, -1).sum(1)

    check(likelihood.learned_laplace(), learned, theta, x)
    check(likelihood.laplace(0.3), fixed, theta[..., :1], x)


def test_the_optimal_gaussian_has_the_variance_that_is_best_for_the_batch(theta):
    theta = theta[..., :1]
    x = np.random.default_rng(1).uniform(-1, 1, theta.shape)

    def oracle(theta):
        best = np.sqrt(((x - theta) ** 2).mean())
        return scipy.stats.norm(theta, best).logpdf(x).reshape(6, -1).sum(1)

    made = likelihood.optimal_gaussian()
    check(made, oracle, theta, x)
    mse = ((x - theta) ** 2).mean()
    log_prob = jax.jit(made.log_prob)
    got = np.mean(log_prob(np.float32(theta), np.float32(x)))
    np.testing.assert_allclose(got, -9 / 2 * (np.log(2 * np.pi * mse) + 1), rtol=1e-5)
    perfect = log_prob(np.float32(x), np.float32(x))
    np.testing.assert_allclose(perfect, -9 / 2 * np.log(2 * np.pi * 1e-6), rtol=1e-5)


def test_categorical(theta):
    theta = np.random.default_rng(0).normal(size=(6, 2, 1, 2 * 5))
    x = np.random.default_rng(1).choice(np.linspace(-1, 1, 5), (6, 2, 1, 2))

    def oracle(theta):
        log_p = scipy.special.log_softmax(theta.reshape(6, 2, 1, 2, 5), axis=-1)
        at = np.rint((x + 1) * 2).astype(int)
        return np.take_along_axis(log_p, at[..., None], axis=-1).reshape(6, -1).sum(1)

    check(likelihood.categorical(5), oracle, theta, x)
    with pytest.raises(ConfigError, match="at least two"):
        likelihood.categorical(1)


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


CONTINUOUS = likelihood.continuous_bernoulli()
LAWS = {  # of one channel: (likelihood, theta of a narrow law in the middle, its values)
    "bernoulli": (likelihood.bernoulli(), [0.4], [-1.0, 1.0]),
    "continuous_bernoulli": (CONTINUOUS, [2.0], (-1, 1)),
    "flat_continuous_bernoulli": (CONTINUOUS, [0.0], (-1, 1)),
    "gaussian": (likelihood.gaussian(0.2), [0.3], (-1, 1.6)),
    "learned_gaussian": (likelihood.learned_gaussian(), [-0.2, -1.7], (-2, 2)),
    "laplace": (likelihood.laplace(0.05), [0.3], (-1, 2)),
    "learned_laplace": (likelihood.learned_laplace(), [0.1, -2.5], (-2, 2)),
    "discretised_logistic": (likelihood.discretised_logistic(), [0.1, -2.5], 256),
    "logistic_mixture": (
        likelihood.logistic_mixture(2), [0.2, -0.3, -0.4, 0.5, -3.0, -2.5], 256,
    ),
    "categorical": (likelihood.categorical(5), [0.1, 1.0, -0.5, 0.3, 0.8], 5),
}  # fmt: skip


def values_and_weights(support):
    """Numbers to sum a law over: its values, its levels, or a grid between two numbers."""
    if isinstance(support, tuple):
        grid = np.linspace(*support, 4001)
        return grid, np.full(4001, grid[1] - grid[0]) * np.r_[0.5, np.ones(3999), 0.5]
    values = np.linspace(-1, 1, support) if isinstance(support, int) else np.array(support)
    return values, np.ones(len(values))


ROWS = 20_000


@partial(jax.jit, static_argnums=0)
def of_law(made, theta, x):
    """log p of these numbers, the mean, and draws."""
    wide = lambda n: jnp.broadcast_to(theta, (n, 1, 1, len(theta)))  # noqa: E731
    drawn = made.sample(wide(ROWS), random.key(0))
    return made.log_prob(wide(len(x)), x.reshape(-1, 1, 1, 1)), made.mean(wide(1)), drawn


@pytest.mark.parametrize("name", LAWS)
def test_a_law_sums_to_one_and_its_mean_and_samples_have_its_moments(name):
    made, theta, support = LAWS[name]
    x, weights = values_and_weights(support)
    log_p, mean, drawn = of_law(made, np.float32(theta), np.float32(x))
    p, drawn = np.exp(np.float64(log_p)) * weights, np.float64(drawn).ravel()
    first, second = (p * x).sum(), (p * x**2).sum()
    np.testing.assert_allclose(p.sum(), 1, atol=1e-4)
    np.testing.assert_allclose(float(mean[0, 0, 0, 0]), first, atol=2e-3)
    error = 4 * np.sqrt((second - first**2) / ROWS)
    np.testing.assert_allclose(drawn.mean(), first, atol=error)
    np.testing.assert_allclose(drawn.var(), second - first**2, rtol=0.06)


LEVELS = {  # thetas of one channel: in the middle, at and beyond both ends, narrow and wide
    "discretised_logistic": (likelihood.discretised_logistic(), [
        [m, s] for m in (-1.5, -1, -0.498, 0.3, 0.9, 1) for s in (-9, -5, -2, 1)
    ]),
    "logistic_mixture": (likelihood.logistic_mixture(2), [
        [0.5, -1, m, 0.996, s, -3] for m in (-1, 0.1, 1.2) for s in (-8, -4, 0)
    ]),
    "categorical": (likelihood.categorical(), np.random.default_rng(0).normal(size=(3, 256)) * 5),
}  # fmt: skip


@pytest.mark.parametrize("name", LEVELS)
def test_the_mass_of_all_256_levels_is_one(name):
    made, thetas = LEVELS[name]
    theta = jnp.repeat(jnp.float32(thetas), 256, axis=0)[:, None, None, :]
    x = jnp.tile(jnp.float32(np.arange(256) / 127.5 - 1), len(thetas)).reshape(-1, 1, 1, 1)
    mass = np.exp(np.float64(jax.jit(made.log_prob)(theta, x))).reshape(len(thetas), 256)
    np.testing.assert_allclose(mass.sum(axis=1), 1, atol=1e-4)


def test_a_mixture_of_logistics_is_the_papers_of_three_channels():
    k, levels = 2, 9
    rng = np.random.default_rng(0)
    theta = rng.normal(size=(2, 2, 1, 10 * k)) * np.r_[np.ones(4 * k), np.full(6 * k, 0.7)]
    ticks = np.linspace(-1, 1, levels)
    x = rng.choice(ticks, (2, 2, 1, 3))
    x[0, 0, 0], x[0, 1, 0] = (-1, 1, 1), (1, -1, 0)
    half = 1 / (levels - 1)

    def mass(x, m, s):
        upper = 1 if x > 1 - half else scipy.special.expit((x + half - m) / np.exp(s))
        return upper - (0 if x < -1 + half else scipy.special.expit((x - half - m) / np.exp(s)))

    def pixel(theta, x):
        logits, (r, g, b), (sr, sg, sb), (a, c, d) = np.split(theta.reshape(10, k), [1, 4, 7])
        a, c, d = np.tanh([a, c, d])
        p = 0
        for j, weight in enumerate(scipy.special.softmax(logits[0])):
            green, blue = g[j] + a[j] * x[0], b[j] + c[j] * x[0] + d[j] * x[1]
            p += (
                weight
                * mass(x[0], r[j], sr[j])
                * mass(x[1], green, sg[j])
                * mass(x[2], blue, sb[j])
            )
        return np.log(p)

    def oracle(theta):
        return np.array([
            sum(pixel(t, v) for t, v in zip(ts[:, 0], xs[:, 0], strict=True))
            for ts, xs in zip(theta, x, strict=True)
        ])  # fmt: skip

    made = likelihood.logistic_mixture(k, levels)
    assert made.width(3) == 10 * k and likelihood.logistic_mixture().width(3) == 100
    check(made, oracle, theta, x)

    drawn = jax.jit(made.sample)(jnp.tile(jnp.float32(theta[:1]), (6000, 1, 1, 1)), random.key(0))
    first = drawn[:, 0, 0]  # how often each of the levels of one pixel is drawn, of 729
    at = np.rint((np.asarray(first) + 1) / 2 * (levels - 1)).astype(int)
    seen = np.bincount(at @ [81, 9, 1], minlength=729) / len(at)
    every = ticks[np.stack(np.unravel_index(np.arange(729), (9, 9, 9)), axis=1)]
    p = np.exp([pixel(theta[0, 0, 0], v) for v in every])
    np.testing.assert_allclose(p.sum(), 1, rtol=1e-9)
    np.testing.assert_allclose(seen, p, atol=4 * np.sqrt(p.max() / len(at)))
    expected = (p[:, None] * every).sum(axis=0)
    np.testing.assert_allclose(np.asarray(first).mean(axis=0), expected, atol=0.05)


OF_17_LEVELS = jax.jit(likelihood.discretised_logistic(17).log_prob)


@pytest.mark.parametrize("log_s", [-7.0, -4.0, -1.0])
def test_and_so_it_is_over_the_levels_as_they_are_stored_in_8_bits(log_s):
    """Level k of 17 is stored as round(255 k / 16), up to 0.4 / 255 off its place."""
    stored = np.float32(np.rint(np.arange(17) * 255 / 16) / 127.5 - 1)
    theta = np.broadcast_to(np.float32([0.31, log_s]), (17, 1, 1, 2))
    log_p = OF_17_LEVELS(theta, stored.reshape(17, 1, 1, 1))
    np.testing.assert_allclose(np.exp(log_p).sum(), 1, rtol=1e-4)


OF_256_LEVELS = jax.jit(
    jax.value_and_grad(lambda theta, x: likelihood.discretised_logistic().log_prob(theta, x).sum())
)


@pytest.mark.parametrize("log_s", [-20.0, -7.0, 5.0])
def test_discretised_logistic_is_finite_far_from_the_data(log_s):
    theta = np.broadcast_to(np.float32([100.0, log_s]), (3, 1, 1, 2))
    value, grads = OF_256_LEVELS(theta, np.float32([-1.0, 0.0, 1.0]).reshape(3, 1, 1, 1))
    assert np.isfinite(value) and np.isfinite(np.asarray(grads)).all()


def test_gaussian_kl_against_scipy_quadrature_and_monte_carlo():
    mean, log_variance = np.array([[0.7, -1.2]]), np.array([[0.3, -0.8]])
    got = float(jax.jit(gaussian_kl)(np.float32(mean), np.float32(log_variance))[0])
    t = np.linspace(-12, 12, 20001)
    exact = sum(
        np.trapezoid(q.pdf(t) * (q.logpdf(t) - scipy.stats.norm.logpdf(t)), t)
        for q in (
            scipy.stats.norm(m, np.exp(v / 2))
            for m, v in zip(mean[0], log_variance[0], strict=True)
        )
    )
    np.testing.assert_allclose(got, exact, rtol=1e-5)
    noise = np.random.default_rng(0).normal(size=(200_000, 2))
    z = np.float32(mean + np.exp(log_variance / 2) * noise)
    ratio = lambda z: gaussian_log_prob(z, mean, log_variance) - gaussian_log_prob(z)  # noqa: E731
    np.testing.assert_allclose(got, np.mean(jax.jit(ratio)(z)), rtol=0.02)


def test_gaussian_kl_gradient_and_zero():
    zero = np.zeros((1, 3), np.float32)
    assert float(jax.jit(gaussian_kl)(zero, zero)[0]) == 0
    mean, log_variance = np.float32([[0.5, -2.0]]), np.float32([[0.2, -1.0]])
    slopes = jax.jit(jax.grad(lambda m, v: gaussian_kl(m, v).sum(), argnums=(0, 1)))
    d_mean, d_log = slopes(mean, log_variance)
    np.testing.assert_allclose(d_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(d_log, (np.exp(log_variance) - 1) / 2, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("gaussian", {"sigma": 0.0}, "sigma is 0.0: give a number above 0"),
        ("laplace", {"scale": -1}, "scale is -1"),
        ("optimal_gaussian", {"smallest": float("nan")}, "smallest is nan"),
        ("discretised_logistic", {"levels": 1}, "at least two"),
        ("logistic_mixture", {"levels": 0}, "at least two"),
        ("logistic_mixture", {"mixtures": 0}, "mixtures is 0: give a whole number"),
    ],
)
def test_numbers_without_meaning_are_refused(name, arguments, says):
    with pytest.raises(ConfigError, match=says):
        getattr(likelihood, name)(**arguments)


def test_losses_of_pictures_in_place_of_a_likelihood():
    rng = np.random.default_rng(0)
    theta, x = (
        np.float32(rng.normal(size=(3, 4, 4, 1))),
        np.float32(rng.uniform(-1, 1, (3, 4, 4, 1))),
    )
    of = likelihood.compared({"l1": 2.0, "l2": 0.5})
    apart = np.tanh(np.float64(theta)) - x
    exact = -(2 * np.abs(apart) + 0.5 * apart**2).reshape(3, -1).mean(1)
    np.testing.assert_allclose(jax.jit(of.log_prob)(theta, x), exact, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(of.mean)(theta), np.tanh(theta), rtol=1e-6)
    assert of.sample is None and not of.normalised and of.width(3) == 3
    with pytest.raises(ConfigError, match="no 'l3'"):
        likelihood.compared({"l3": 1.0})
    with pytest.raises(ConfigError, match=r"ms_ssim: no argument 'windows'.*'window'"):
        likelihood.compared({"ms_ssim": {"weight": 1.0, "windows": 3}})
