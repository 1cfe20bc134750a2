"""Inversion where the answer is known: linear generators, and a generator's own samples."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.config import ConfigError
from genlab.editing.inversion import (
    Optimisation,
    Problem,
    from_draws,
    from_latents,
    learning_rate,
    squared,
    with_features,
)
from genlab.editing.noise import MAPS, autocorrelation, normalised
from genlab.editing.spaces import Space, drawn_for_rows, spread

RNG = np.random.default_rng(0)
A = np.float32(RNG.standard_normal((12, 4)))
USUAL = Optimisation()
X = np.float32(RNG.standard_normal((5, 12)))


def linear(shift=0.0):
    """x = A z + c, the condition a number added to every pixel."""

    def generate(z, cond):
        return z @ A.T + (0.0 if cond is None else cond["c"]) + shift

    return Space("z", generate, lambda key, n, cond: random.normal(key, (n, 4)))


@partial(jax.jit, static_argnames=("settings", "free"))
def inverted(x, cond=None, start=None, settings=USUAL, free=()):
    problem = Problem(linear(), x, jnp.arange(len(x)), squared, 2.0, free)
    if start is None:
        return from_draws(problem, cond, random.key(1), settings)
    return from_latents(problem, start, cond, random.key(1), settings)


def distance(a, b):
    """[B]: `squared`, by NumPy."""
    return np.square(a - b).mean(1)


def test_inverting_a_linear_generator_is_least_squares():
    found = inverted(X)
    expected = np.linalg.lstsq(np.asarray(A), np.asarray(X).T)[0].T
    np.testing.assert_allclose(found.latents, expected, atol=2e-3)
    np.testing.assert_allclose(found.loss, distance(expected @ A.T, X), rtol=1e-5)


def test_the_prior_makes_it_ridge_regression():
    """argmin |Az - x|^2 / 12 + prior |z|^2 / 4."""
    found = inverted(X, settings=Optimisation(prior=0.5, starts=1))
    ridge = np.linalg.solve(A.T @ A / 12 + 0.5 / 4 * np.eye(4), A.T @ X.T / 12).T
    np.testing.assert_allclose(found.latents, ridge, atol=2e-3)


def test_on_the_sphere_latents_keep_the_priors_norm():
    found = inverted(X, settings=Optimisation(steps=20, sphere=True, starts=1))
    np.testing.assert_allclose(np.linalg.norm(found.latents, axis=1), 2.0, rtol=1e-5)


def test_a_start_is_never_made_worse_and_the_best_of_several_is_kept():
    start = np.ones((5, 4), np.float32)
    wild = Optimisation(steps=5, rate=50.0)
    found = inverted(X, start=start, settings=wild)
    assert (found.loss <= distance(start @ A.T, X) + 1e-6).all()
    few = Optimisation(steps=3, starts=1)
    several = Optimisation(steps=3, starts=4)
    one, four = inverted(X, settings=few), inverted(X, settings=several)
    assert (four.loss <= one.loss).all() and (four.loss < one.loss).any()
    none = inverted(X, start=start, settings=Optimisation(steps=0))
    np.testing.assert_array_equal(none.latents, start)


def test_a_picture_is_inverted_by_itself():
    """Neither its latents nor its randomness depend on the pictures beside it."""
    noisy = Optimisation(steps=30, starts=2, explore=0.1)
    whole, part = inverted(X, settings=noisy), inverted(X[:2], settings=noisy)
    np.testing.assert_allclose(whole.latents[:2], part.latents, atol=1e-5)


def test_a_sample_is_found_again():
    z = np.float32(np.random.default_rng(3).normal(size=(5, 4)))
    found = inverted(z @ A.T)
    np.testing.assert_allclose(found.latents, z, atol=2e-3)


def test_conditions_that_are_asked_for_are_optimised_with_the_latents():
    z = np.float32(np.random.default_rng(3).normal(size=(5, 4)))
    c = np.linspace(-1, 1, 5, dtype=np.float32)[:, None]
    x = z @ A.T + c
    settings = Optimisation(steps=600, starts=1)
    free = inverted(x, {"c": np.zeros((5, 1), np.float32)}, settings=settings, free=("c",))
    np.testing.assert_allclose(free.cond["c"], c, atol=5e-3)
    held = inverted(x, {"c": np.zeros((5, 1), np.float32)}, settings=settings)
    assert (held.cond["c"] == 0).all() and held.loss.mean() > free.loss.mean() + 1e-3


def test_the_learning_rate_has_the_projectors_ramps():
    """Of 1000 steps at 0.1, as in StyleGAN2's projector.py."""
    rate = learning_rate(Optimisation(steps=1000, rate=0.1))
    found = [float(rate(jnp.float32(step))) for step in (0, 25, 50, 500, 750, 875)]
    np.testing.assert_allclose(found, [0, 0.05, 0.1, 0.1, 0.1, 0.05], atol=1e-6)


def test_exploration_is_noise_of_the_spaces_scale_that_ends():
    quiet, loud = (Optimisation(steps=40, starts=1, explore=e) for e in (0.0, 1.0))
    start = np.zeros((5, 4), np.float32)
    assert (
        inverted(X, start=start, settings=loud).latents
        != inverted(X, start=start, settings=quiet).latents
    ).any()
    latents = np.float32(3 + 2 * np.random.default_rng(0).normal(size=(4000, 4)))
    wide = jax.jit(spread)(latents)
    np.testing.assert_allclose(wide.mean, 3, atol=0.15)
    np.testing.assert_allclose(wide.scale, 4, rtol=0.05)  # 2 sqrt(4 dimensions)


def test_latents_of_a_row_are_its_own():
    rows = np.array([7, 2])
    taken = jax.jit(lambda rows: drawn_for_rows(linear(), random.key(0), rows, 3, None))
    both, second = jax.device_get((taken(rows), taken(rows[1:])))
    assert both.shape == (2, 3, 4) and (both[0] != both[1]).all()
    np.testing.assert_array_equal(both[1:], second)


def test_features_weigh_in_the_distance():
    distance = with_features(lambda x: x[:, :1] ** 2, weight=3.0)
    a, b = jnp.ones((1, 4)), jnp.zeros((1, 4))
    np.testing.assert_allclose(distance(a, b), 1.0 + 3.0)


def test_what_cannot_be_optimised_is_refused():
    with pytest.raises(ConfigError, match="1 or more starts"):
        Optimisation(starts=0)
    with pytest.raises(ConfigError, match="of 0 or more"):
        Optimisation(prior=-1.0)


SIZES = ((4, 4), (16, 16))


def longhand(noise):
    """[B]: Appendix D by loops, in float64."""
    found = []
    for row in np.asarray(noise, np.float64):
        total = 0.0
        for n in (row[:16].reshape(4, 4), row[16:].reshape(16, 16)):
            while True:
                r = len(n)
                across = sum(n[y, x] * n[y, x - 1] for y in range(r) for x in range(r)) / r**2
                down = sum(n[y, x] * n[y - 1, x] for y in range(r) for x in range(r)) / r**2
                total += across**2 + down**2
                if r <= 8:
                    break
                n = 2 * (n[::2, ::2] + n[1::2, ::2] + n[::2, 1::2] + n[1::2, 1::2]) / 4
        found.append(total)
    return found


def test_the_autocorrelation_of_noise_is_appendix_ds():
    noise = np.float32(np.random.default_rng(4).normal(0.3, 2, (2, 272)))
    got, maps = jax.jit(lambda x: (autocorrelation(x, SIZES), normalised(x, SIZES)))(noise)
    np.testing.assert_allclose(got, longhand(noise), rtol=1e-4)
    for part in (maps[:, :16], maps[:, 16:]):
        np.testing.assert_allclose(np.mean(part, 1), 0, atol=1e-5)
        np.testing.assert_allclose(np.var(part, 1), 1, rtol=1e-4)


def noisy():
    """x = A z, and one pixel more for each of the 16 of a map of noise."""

    def generate(z, cond):
        return jnp.concatenate([z @ A.T, cond[MAPS]], axis=1)

    return Space("w", generate, lambda key, n, cond: random.normal(key, (n, 4)), ((4, 4),))


def test_noise_maps_are_found_with_the_latents_as_far_as_they_are_noise():
    """A white map is found; a ramp, a picture, is not where its autocorrelation weighs."""
    z = np.float32(np.random.default_rng(3).normal(size=(2, 4)))
    start = np.float32(np.random.default_rng(5).normal(size=(2, 16)))
    ramp = np.repeat(np.linspace(-1, 1, 4), 4)
    wanted = np.float32([ramp, ramp]) / ramp.std()
    x = np.concatenate([z @ A.T, wanted], axis=1)

    @partial(jax.jit, static_argnames="weight")
    def found(weight):
        settings = Optimisation(steps=200, starts=1, noise=weight)
        problem = Problem(noisy(), x, jnp.arange(2), squared, 1.0, (MAPS,))
        return from_latents(problem, jnp.zeros((2, 4)), {MAPS: start}, random.key(0), settings)

    free, held = found(0.0), found(1e3)
    np.testing.assert_allclose(free.latents, z, atol=2e-2)
    np.testing.assert_allclose(free.cond[MAPS], wanted, atol=2e-2)
    for maps in (free.cond[MAPS], held.cond[MAPS]):
        np.testing.assert_allclose(np.var(maps, axis=1), 1, rtol=1e-4)
    assert (autocorrelation(held.cond[MAPS], ((4, 4),)) < 1e-3).all()
    assert (np.abs(held.cond[MAPS] - wanted).mean(1) > 0.1).all()
