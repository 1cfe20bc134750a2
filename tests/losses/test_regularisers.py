"""Regularisers against closed forms, on a quadratic critic and a linear generator."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.devices import on_devices
from jax import random
from losses.penalty_oracles import REGULARISERS, SHAPE, B, D, Draw, Theta, Z, parameters, public

from genlab.losses import regularisers
from genlab.losses.penalties import Carried
from genlab.losses.regularisers import Scene
from genlab.runtime import collectives

NAMES = public(regularisers, "scene")
ARGUMENTS = {  # besides the defaults
    "latent_consistency_critic": dict(sigma=0.3),
    "latent_consistency_generator": dict(sigma=0.3),
    "path_length": dict(decay=0.4),
}
MEMORY = {"path_length": (0.7,)}
KEY = random.key(1)
CASES = [(name, {}) for name in NAMES] + list(ARGUMENTS.items())


def flat(x):
    return x.reshape(len(x), -1)


def as_scene(theta, real, z, key=KEY):
    """The scene of float32 networks with these parameters."""

    def critic(x):
        x = flat(x)
        return 0.5 * ((x @ theta.m) * x).sum(1) + x @ theta.b

    def generator(z):
        return (z @ theta.a).reshape(len(z), *SHAPE)

    params = {
        "net": {
            "Conv_0": {"kernel": theta.m.reshape(2, 2, -1, D), "bias": theta.b},
            "Block_0": {"Dense_0": {"kernel": theta.a}, "Embed_0": {"embedding": 9 * theta.a}},
        },
        "other": {"Dense_0": {"kernel": theta.f}},
    }
    features = lambda x: flat(x) @ theta.f  # noqa: E731

    def maps(x):
        x = flat(x)
        return (x @ theta.f, (x @ theta.m).reshape(-1, *SHAPE)), (x[:, :8] @ theta.f[:8],)

    return Scene(critic, features, generator, real, generator(z), z, params, key, maps)


def call(name, scene, **arguments):
    """The values, whether or not there is a memory."""
    regulariser = getattr(regularisers, name)
    if isinstance(regulariser, Carried):
        return regulariser.fn(scene, *MEMORY[name], **arguments)[0]
    return regulariser(scene, **arguments)


def oracle(name, theta, draw, at, **arguments):
    if name in MEMORY:
        return REGULARISERS[name](theta, draw, at, MEMORY[name], **arguments)[0]
    return REGULARISERS[name](theta, draw, **arguments)


@pytest.fixture
def batch():
    """Real images [B, ...] and latents [B, Z]."""
    rng = np.random.default_rng(0)
    return np.float32(0.7 * rng.normal(size=(B, *SHAPE))), np.float32(rng.normal(size=(B, Z)))


@jax.jit
def noises(key):
    return random.normal(key, (B, *SHAPE)), random.normal(key, (B, Z))


def drawn(batch, key=KEY):
    """The batch and the code's random numbers, in float64."""
    real, z, noise, dz = (np.float64(x) for x in (*batch, *noises(key)))
    return Draw(flat(real), None, z, None, flat(noise), dz)


def in_float32(theta):
    return Theta(*map(np.float32, theta))


def test_every_regulariser_and_every_argument_of_one_has_an_oracle():
    assert set(NAMES) == set(REGULARISERS)
    for name in NAMES:
        regulariser = getattr(regularisers, name)
        carried = isinstance(regulariser, Carried)
        known = list(inspect.signature(regulariser.fn if carried else regulariser).parameters)
        own = known[1 + (len(regulariser.start) if carried else 0) :]
        assert set(own) == set(ARGUMENTS.get(name, {})), name


@pytest.mark.parametrize("name, arguments", CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_value_and_gradient_in_all_parameters_equal_the_oracle(name, arguments, batch):
    """Finite differences go red if anything but a moving average were detached."""
    rng = np.random.default_rng(2)
    theta, draw = parameters(rng), drawn(batch)

    def mean(theta):
        values = call(name, as_scene(theta, *batch), **arguments)
        return values.mean(), values

    found = jax.jit(jax.value_and_grad(mean, has_aux=True))(in_float32(theta))
    (_, values), grads = jax.device_get(found)
    expected = np.asarray(oracle(name, theta, draw, theta, **arguments))
    assert values.shape == expected.shape and values.dtype == jnp.float32
    np.testing.assert_allclose(values, expected, rtol=2e-3, atol=1e-5)
    h, moves = 1e-6, 0
    for i in range(len(theta)):  # a network at a time, so that none hides behind another
        direction = parameters(rng)[i]
        up, down = (
            np.mean(
                oracle(name, theta._replace(**{theta._fields[i]: moved}), draw, theta, **arguments)
            )
            for moved in (theta[i] + h * direction, theta[i] - h * direction)
        )
        slope = float((grads[i] * direction).sum())
        np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=3e-3, atol=1e-6)
        moves += abs(up - down) / h > 1e-4
    assert moves


@pytest.mark.parametrize("name", NAMES)
def test_finite_where_networks_are_constant(name, batch):
    zero = Theta(*(np.zeros_like(p) for p in in_float32(parameters(np.random.default_rng(3)))))
    loss = jax.value_and_grad(lambda t: call(name, as_scene(t, *batch)).mean())
    value, grads = jax.jit(loss)(zero)
    assert all(np.isfinite(x).all() for x in (value, *grads))


def test_patch_logits_count_by_their_mean(batch):
    @jax.jit
    def both(theta):
        scene, term = as_scene(theta, *batch), regularisers.latent_consistency_critic
        patches = lambda x: jnp.outer(scene.critic(x), jnp.array([0.0, 1.0, 5.0]))  # noqa: E731
        return term(scene._replace(critic=patches)), 4 * term(scene)

    values, twice = both(in_float32(parameters(np.random.default_rng(4))))
    np.testing.assert_allclose(values, twice, rtol=1e-4, atol=1e-7)


def test_path_lengths_are_averaged_slowly_and_vanish_for_an_isometry(batch):
    """The Jacobian of z -> (z, 0, ...) has |J^T y|^2 = the sum of the first Z of y^2."""
    fn, (a,) = regularisers.path_length.fn, regularisers.path_length.start
    theta = in_float32(parameters(np.random.default_rng(5)))
    theta = theta._replace(a=np.eye(Z, D, dtype=np.float32))
    assert a == 0.0
    taken = jax.jit(lambda key, a: fn(as_scene(theta, *batch, key=key), a))
    expected = 0.0
    for i in range(3):
        key = random.key(i)
        values, (a,) = taken(key, a)
        y = drawn(batch, key).noise[:, :Z] / np.sqrt(8)
        lengths = np.linalg.norm(y, axis=1)
        expected += 0.01 * (lengths.mean() - expected)
        np.testing.assert_allclose(a, expected, rtol=1e-5)
        np.testing.assert_allclose(values, (lengths - expected) ** 2, rtol=1e-4)


def test_known_points(batch):
    theta = in_float32(parameters(np.random.default_rng(6)))
    orthonormal = np.float32(np.linalg.qr(np.random.default_rng(7).normal(size=(D, D)))[0])
    kernels = {"net": {"Dense_0": {"kernel": 3 * orthonormal}}}

    @jax.jit
    def values(theta, kernels):
        scene = as_scene(theta, *batch)._replace(params=kernels)
        apart = scene._replace(features=lambda x: jnp.eye(len(x)))
        alike = scene._replace(features=lambda x: -2 * jnp.ones((len(x), 3)))
        away = regularisers.pulling_away(apart), regularisers.pulling_away(alike)
        same = scene._replace(real=scene.fake[::-1])
        return regularisers.orthogonal(scene), away, regularisers.feature_matching(same)

    orthogonal, (apart, alike), matching = values(theta, kernels)
    np.testing.assert_allclose(orthogonal, 0, atol=1e-8)
    np.testing.assert_allclose(apart, np.zeros(B), atol=1e-9)
    np.testing.assert_allclose(alike, np.ones(B), rtol=1e-5)
    np.testing.assert_allclose(matching, 0, atol=1e-10)


def test_on_two_devices_batch_statistics_are_those_of_the_global_batch(batch):
    theta = in_float32(parameters(np.random.default_rng(8)))

    def both(theta, real, z):
        scene = as_scene(theta, real, z)
        matching, away = regularisers.feature_matching(scene), regularisers.pulling_away(scene)
        return matching + away.mean(), (matching, away)

    def move(theta, real, z):
        own = as_scene(theta, real, z, key=collectives.device_key(KEY))
        _, (a,) = regularisers.path_length.fn(own, 0.5)
        gradient, values = collectives.grad(lambda t: both(t, real, z), theta, has_aux=True)
        return collectives.mean(gradient), values, a

    mapped = on_devices(move, in_axes=(None, 0, 0))
    parts = [x.reshape(2, B // 2, *x.shape[1:]) for x in batch]
    gradients, (matching, away), a = mapped(theta, *parts)
    expected, values = jax.jit(jax.grad(both, has_aux=True))(theta, *batch)
    np.testing.assert_allclose(matching, [values[0]] * 2, rtol=1e-4)
    np.testing.assert_allclose(away, [values[1]] * 2, rtol=1e-4)
    for got, whole in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(got[0], whole, rtol=1e-3, atol=1e-6)
    assert a[0] == a[1]
