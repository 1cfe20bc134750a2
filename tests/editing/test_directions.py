"""Directions where the answer is known: generators that are linear."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import drawn

from genlab.config import ConfigError
from genlab.editing import directions
from genlab.editing.layers import activations, layer_outputs, style_matrix

RNG = np.random.default_rng(0)
A = RNG.standard_normal((9, 4)) * np.array([4.0, 3.0, 2.0, 1.0])
_, _, V = np.linalg.svd(A)


def white(n, d=4):
    """Latents whose own covariance is exactly the identity."""
    z = RNG.standard_normal((n, d))
    left, _, right = np.linalg.svd(z - z.mean(0), full_matrices=False)
    return np.sqrt(n) * left @ right


def same(found, expected, atol=1e-6):
    """Equal up to the sign of each."""
    np.testing.assert_allclose(np.abs(np.sum(found * expected, axis=-1)), 1, atol=atol)


def test_sefa_finds_the_right_singular_vectors_strongest_first():
    same(directions.sefa(A, 3), V[:3])
    rows = directions.unit_rows(A)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1)
    np.testing.assert_allclose(np.sum(rows * A, 1), np.linalg.norm(A, axis=1))


def test_ganspace_of_a_linear_layer_finds_them_too():
    z = white(300)
    same(directions.ganspace(z, z @ A.T + 5.0, 4), V)
    same(directions.principal(z @ np.diag([1.0, 5.0, 2.0, 3.0]) + 7.0, 2), np.eye(4)[[1, 3]])


def test_a_supervised_direction_is_the_attributes_own():
    normal = directions.unit(np.array([1.0, -2.0, 0.5, 0.0]))
    z = RNG.standard_normal((2000, 4)) @ np.diag([1.0, 0.3, 1.0, 2.0]) + 1.0
    number = directions.supervised(z, 3 * z @ normal + 2)
    same(directions.unit(number.slope), normal, 1e-4)
    np.testing.assert_allclose(number.fit, 1, atol=1e-4)
    yes = directions.supervised(z, (z @ normal > 0).astype(float))
    same(directions.unit(yes.slope), normal, 0.02)
    nothing = directions.supervised(z, RNG.standard_normal(2000))
    assert nothing.fit < 0.02
    with pytest.raises(ConfigError, match="nearly all 2000 samples"):
        directions.supervised(z, np.ones(2000))


def test_a_conditional_direction_is_orthogonal_to_the_others():
    a, b, c = directions.unit(RNG.standard_normal((3, 6)))
    one = directions.conditional(a, b[None])
    np.testing.assert_allclose(one, directions.unit(a - (a @ b) * b))  # as InterFaceGAN
    two = directions.conditional(a, np.stack([b, c]))
    np.testing.assert_allclose([two @ b, two @ c], 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(two), 1)
    with pytest.raises(ConfigError, match="keep fewer"):
        directions.conditional(a, np.stack([a, b]))


def test_random_directions_are_of_norm_1_and_fixed_by_their_seed():
    found = directions.random_directions(8, 5, seed=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    np.testing.assert_array_equal(found, directions.random_directions(8, 5, seed=1))


class Net(nn.Module):
    """Two layers that are affine in the latent, one beside a condition, one that is not."""

    @nn.compact
    def __call__(self, z, c):
        given = nn.Dense(2, name="given")(c)
        x = nn.Dense(3, name="first")(jnp.concatenate([z, given], -1))
        style = nn.Dense(2, name="style")(z)
        return nn.Dense(2, name="last")(nn.relu(x)) + style


@pytest.fixture(scope="module")
def net():
    """(its parameters, z -> images)."""
    c = np.ones((1, 2), np.float32)
    params = drawn(Net(), np.ones((1, 4), np.float32), c)
    return params["params"], lambda z: Net().apply(params, z, jnp.broadcast_to(c, (len(z), 2)))


def test_the_style_matrix_is_of_the_layers_affine_in_the_latent(net):
    params, generate = net
    a, b = np.float32(np.random.default_rng(1).normal(size=(2, 4)))
    found = style_matrix(generate, a, b)
    expected = [params["first"]["kernel"][:4].T, params["style"]["kernel"].T]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-6)
    with pytest.raises(ConfigError, match="affine in the latent"):
        style_matrix(lambda z: jnp.sin(z), a, b)


def test_activations_are_of_the_first_layer_behind_a_nonlinearity(net):
    _, generate = net
    a, b = np.float32(np.random.default_rng(1).normal(size=(2, 4)))
    z = np.float32(np.random.default_rng(2).normal(size=(5, 4)))
    found = activations(generate, a, b)(z)
    np.testing.assert_array_equal(found, layer_outputs(generate, z)[3])
    with pytest.raises(ConfigError, match="no linen layers"):
        activations(lambda z: jnp.sin(z), a, b)
