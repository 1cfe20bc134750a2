"""Penalties against closed forms: linear and quadratic critics have gradients that can be written
down.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.losses import penalties

B, D = 16, 5


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return jnp.float32(rng.normal(size=(B, D))), jnp.float32(rng.normal(size=(B, D)))


def linear(w):
    return lambda x: x @ w


def quadratic(matrix):
    return lambda x: 0.5 * jnp.einsum("bi,ij,bj->b", x, matrix, x)


def test_linear_critic(batch):
    w = jnp.float32([3, 0, -4, 0, 0])  # norm 5
    key = random.key(0)
    np.testing.assert_allclose(penalties.r1(linear(w), *batch, key), np.full(B, 12.5), rtol=1e-6)
    np.testing.assert_allclose(
        penalties.gradient_penalty(linear(w), *batch, key), np.full(B, 16.0), rtol=1e-5
    )
    np.testing.assert_allclose(
        penalties.gradient_penalty(linear(w / 5), *batch, key), 0, atol=1e-10
    )
    np.testing.assert_allclose(
        penalties.gradient_penalty(linear(w), *batch, key, target=3.0), np.full(B, 4.0), rtol=1e-5
    )


def test_one_sided_forgives_what_is_below_the_target(batch):
    w = jnp.float32([0.3, 0, -0.4, 0, 0])  # norm 1/2
    key = random.key(0)
    np.testing.assert_array_equal(
        penalties.one_sided_gradient_penalty(linear(w), *batch, key), np.zeros(B)
    )
    np.testing.assert_allclose(
        penalties.gradient_penalty(linear(w), *batch, key), np.full(B, 0.25), rtol=1e-5
    )
    np.testing.assert_allclose(
        penalties.one_sided_gradient_penalty(linear(4 * w), *batch, key), np.full(B, 1.0), rtol=1e-5
    )


def oracle_gradient_penalty(matrix, real, fake, a, target=1.0):
    """(|M x^| - target)^2 for the critic x M x / 2 with symmetric M, in float64."""
    x = real + a[:, None] * (fake - real)
    return (np.sqrt(((x @ matrix) ** 2).sum(1)) - target) ** 2


def test_gradient_penalty_takes_norms_per_example_and_one_coefficient_each(batch):
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(D, D))
    matrix = matrix + matrix.T
    key = random.key(3)
    got = penalties.gradient_penalty(quadratic(jnp.float32(matrix)), *batch, key)
    a = np.asarray(random.uniform(key, (B, 1)))[:, 0].astype(np.float64)
    assert len(np.unique(a)) == B
    expected = oracle_gradient_penalty(matrix, *(np.asarray(x, np.float64) for x in batch), a)
    np.testing.assert_allclose(got, expected, rtol=2e-4)


ORACLES = {  # of the critic x M x / 2, in float64, from the papers' equations
    "gradient_penalty": oracle_gradient_penalty,
    "one_sided_gradient_penalty": lambda matrix, real, fake, a: (
        np.maximum(0, np.linalg.norm((real + a[:, None] * (fake - real)) @ matrix, axis=1) - 1) ** 2
    ),
    "r1": lambda matrix, real, fake, a: ((real @ matrix) ** 2).sum(1) / 2,
}


@pytest.mark.parametrize("name", ORACLES)
def test_value_and_gradient_in_the_critic_equal_the_oracle(name, batch):
    """The gradient is second-order: finite differences go red if any part were detached."""
    rng = np.random.default_rng(2)
    matrix, direction = (m + m.T for m in rng.normal(size=(2, D, D)))
    key = random.key(4)

    def penalty(matrix):
        return getattr(penalties, name)(quadratic(matrix), *batch, key)

    a = np.asarray(random.uniform(key, (B, 1)))[:, 0].astype(np.float64)
    real, fake = (np.asarray(x, np.float64) for x in batch)
    np.testing.assert_allclose(
        penalty(jnp.float32(matrix)), ORACLES[name](matrix, real, fake, a), rtol=5e-4
    )
    grads = jax.grad(lambda m: penalty(m).mean())(jnp.float32(matrix))
    h = 1e-6
    up, down = (ORACLES[name](matrix + s * h * direction, real, fake, a).mean() for s in (1, -1))
    np.testing.assert_allclose(float((grads * direction).sum()), (up - down) / (2 * h), rtol=1e-3)


def test_r1_of_a_quadratic_critic_uses_the_data_alone(batch):
    matrix = jnp.eye(D) * 2
    real, fake = batch
    np.testing.assert_allclose(
        penalties.r1(quadratic(matrix), real, fake, random.key(0)),
        2 * (np.asarray(real) ** 2).sum(1),
        rtol=1e-5,
    )
    np.testing.assert_array_equal(
        penalties.r1(quadratic(matrix), real, fake, random.key(0)),
        penalties.r1(quadratic(matrix), real, 100 * fake, random.key(1)),
    )


def test_interpolates_lie_between_and_images_of_any_rank_work():
    real, fake = jnp.zeros((B, 4, 4, 1)), jnp.ones((B, 4, 4, 1))
    x = np.asarray(penalties.interpolates(real, fake, random.key(0)))
    assert (x.reshape(B, -1).std(axis=1) < 1e-7).all()  # one coefficient per example
    assert 0 <= x.min() and x.max() <= 1 and len(np.unique(x[:, 0, 0, 0])) == B


def test_patch_logits_count_by_their_mean(batch):
    real, fake = batch
    patches = lambda x: jnp.stack([x, 3 * x], axis=1)  # noqa: E731  logits [B, 2, D]: mean is 2 mean(x)
    value = penalties.r1(patches, real, fake, random.key(0))
    np.testing.assert_allclose(value, np.full(B, 0.5 * D * (2 / D) ** 2), rtol=1e-5)


@pytest.mark.parametrize("name", ["gradient_penalty", "one_sided_gradient_penalty", "r1"])
def test_finite_where_the_gradient_vanishes(name, batch):
    def value(w):
        return getattr(penalties, name)(linear(w), *batch, random.key(0)).mean()

    assert np.isfinite(np.asarray(jax.grad(value)(jnp.zeros(D)))).all()
