"""Penalties against closed forms: linear and quadratic critics have gradients that can be written
down.
"""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.devices import on_devices
from jax import random
from losses.penalty_oracles import (
    PENALTIES,
    SHAPE,
    B,
    D,
    Draw,
    Theta,
    Z,
    critic,
    parameters,
    public,
)

from genlab.augment import image
from genlab.losses import penalties
from genlab.methods.gan import terms
from genlab.runtime import collectives

NAMES = public(penalties, "critic", "real", "fake", "key")
FIXED = dict(
    augment=(lambda image, key: image[:, ::-1], lambda image, key: jnp.roll(image, 1, axis=1))
)
ARGUMENTS = {  # besides the defaults
    "gradient_penalty": dict(target=0.25),
    "one_sided_gradient_penalty": dict(target=0.25),
    "wasserstein_divergence": dict(p=2.5),
    "dragan": dict(c=0.3, k=0.25),
    "balanced_consistency": dict(samples=0.25, **FIXED),
    "consistency": FIXED,
    "lecam": dict(decay=0.5),
    "one_sided_lecam": dict(decay=0.5),
}
MEMORY = {"lecam": (0.3, -0.2, 0.5), "one_sided_lecam": (-0.3, 0.2, 0.5)}
KEY = random.key(4)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return tuple(np.float32(0.7 * rng.normal(size=(B, *SHAPE))) for _ in range(2))


@jax.jit
def numbers(key):
    """The coefficients and the noise that the code draws."""
    return random.uniform(key, (B, 1)), random.normal(key, (B, *SHAPE)).reshape(B, D)


def drawn(batch, key=KEY):
    """The batch and the code's random numbers, in float64."""
    real, fake = (np.float64(x.reshape(B, D)) for x in batch)
    a, noise = numbers(key)
    return Draw(real, fake, np.zeros((B, Z)), np.float64(a), np.float64(noise), np.zeros((B, Z)))


def quadratic(theta, patches=(1.0,)):
    def logits(x):
        x = x.reshape(len(x), -1)
        values = 0.5 * ((x @ jnp.float32(theta.m)) * x).sum(1) + x @ jnp.float32(theta.b)
        return jnp.outer(values, jnp.array(patches)).reshape(len(x), 1, -1)

    return logits


def linear(w):
    return lambda x: x.reshape(len(x), -1) @ jnp.float32(w)


def call(name, critic, batch, key=KEY, **arguments):
    """The values, whether or not there is a memory."""
    penalty = getattr(penalties, name)

    @jax.jit
    def values(batch, key):
        if isinstance(penalty, penalties.Carried):
            return penalty.fn(critic, *batch, key, *MEMORY[name], **arguments)[0]
        return penalty(critic, *batch, key, **arguments)

    return values(tuple(batch), key)


def oracle(name, theta, draw, at, **arguments):
    if name in MEMORY:
        return PENALTIES[name](theta, draw, at, MEMORY[name], **arguments)[0]
    return PENALTIES[name](theta, draw, **arguments)


def cases():
    """Every penalty with its defaults (a fixed augmentation, where it has one) and with others."""
    for name in NAMES:
        yield name, {k: v for k, v in ARGUMENTS.get(name, {}).items() if k == "augment"}
        if set(ARGUMENTS.get(name, {})) - {"augment"}:
            yield name, ARGUMENTS[name]


def test_every_penalty_and_every_argument_of_one_has_an_oracle():
    assert set(NAMES) == set(PENALTIES)
    for name in NAMES:
        penalty = getattr(penalties, name)
        carried = isinstance(penalty, penalties.Carried)
        known = list(inspect.signature(penalty.fn if carried else penalty).parameters)
        own = known[4 + (len(penalty.start) if carried else 0) :]
        assert set(own) == set(ARGUMENTS.get(name, {})), name


@pytest.mark.parametrize(
    "name, arguments", list(cases()), ids=lambda x: x if isinstance(x, str) else ""
)
def test_value_and_gradient_in_the_critic_equal_the_oracle(name, arguments, batch):
    """The gradient is second-order: finite differences go red if any part were detached."""
    rng = np.random.default_rng(2)
    theta, direction, draw = parameters(rng), parameters(rng), drawn(batch)

    def mean(m, b):
        values = call(name, quadratic(Theta(m, b, 0, 0)), batch, **arguments)
        return values.mean(), values

    m, b = jnp.float32(theta.m), jnp.float32(theta.b)
    (_, values), grads = jax.jit(jax.value_and_grad(mean, (0, 1), has_aux=True))(m, b)
    assert values.shape == (B,) and values.dtype == jnp.float32
    expected = oracle(name, theta, draw, theta, **arguments)
    assert (expected > 0).any()
    np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-5)
    h = 1e-6
    moved = [
        Theta(*(p + s * h * d for p, d in zip(theta, direction, strict=True))) for s in (1, -1)
    ]
    up, down = (oracle(name, t, draw, theta, **arguments).mean() for t in moved)
    slope = float((grads[0] * direction.m).sum() + (grads[1] * direction.b).sum())
    assert abs(up - down) / h > 1e-3
    np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=2e-3)


def some(*kept):
    """Every penalty, those of another kind than the rest by default."""
    return [pytest.param(n, marks=[pytest.mark.slow] * (n not in kept)) for n in NAMES]


@pytest.mark.parametrize("name", some("gradient_penalty", "consistency", "drift", "lecam"))
def test_patch_logits_count_by_their_mean(name, batch):
    theta = parameters(np.random.default_rng(3))
    arguments = FIXED if "consistency" in name else {}
    patches = quadratic(theta, (0.0, 1.0, 5.0))
    twice = theta._replace(m=2 * theta.m, b=2 * theta.b)
    expected = oracle(name, twice, drawn(batch), twice, **arguments)
    np.testing.assert_allclose(
        call(name, patches, batch, **arguments), expected, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize(
    "name", some("dragan", "gradient_penalty", "wasserstein_divergence", "max_gradient_penalty")
)
def test_finite_where_the_gradient_vanishes(name, batch):
    arguments = FIXED if "consistency" in name else {}

    def value(w):
        return call(name, linear(w), batch, **arguments).mean()

    assert np.isfinite(np.asarray(jax.jit(jax.grad(value))(np.zeros(D, np.float32)))).all()


def test_linear_critic(batch):
    w = np.zeros(D)
    w[[0, 2]] = 3, -4  # norm 5
    expected = {
        "r1": 12.5,
        "r2": 12.5,
        "gradient_penalty": 16.0,
        "one_sided_gradient_penalty": 16.0,
        "dragan": 16.0,
        "zero_centred": 25.0,
        "wasserstein_divergence": 5.0**6,
        "max_gradient_penalty": 25.0,
    }

    @jax.jit
    def everything(batch):
        unit = [call(name, linear(w / 5), batch) for name in ("gradient_penalty", "dragan")]
        return {name: call(name, linear(w), batch) for name in expected}, unit

    values, unit = everything(batch)
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], np.full(B, value), rtol=1e-5)
    for value in unit:
        np.testing.assert_allclose(value, 0, atol=1e-10)
    np.testing.assert_allclose(
        call("gradient_penalty", linear(w), batch, target=3.0), np.full(B, 4.0), rtol=1e-5
    )


def test_one_sided_forgives_what_is_below_the_target(batch):
    w = np.zeros(D)
    w[[0, 2]] = 0.3, -0.4  # norm 1/2
    one_sided = "one_sided_gradient_penalty"
    np.testing.assert_array_equal(call(one_sided, linear(w), batch), np.zeros(B))
    np.testing.assert_allclose(
        call("gradient_penalty", linear(w), batch), np.full(B, 0.25), rtol=1e-5
    )
    np.testing.assert_allclose(call(one_sided, linear(4 * w), batch), np.full(B, 1.0), rtol=1e-5)


@pytest.mark.parametrize(
    "name, ignored", [("r1", 1), ("r2", 0), ("dragan", 1), ("drift", 1), ("consistency", 1)]
)
def test_penalties_on_data_or_samples_alone(name, ignored, batch):
    other = list(batch)
    other[ignored] = 100 * other[ignored]
    critic = quadratic(parameters(np.random.default_rng(5)))
    arguments = FIXED if name == "consistency" else {}
    taken = jax.jit(lambda batch: call(name, critic, batch, **arguments))
    values, same = taken(batch), taken(tuple(other))
    np.testing.assert_array_equal(values, same)


def test_interpolates_lie_between_with_one_coefficient_per_example():
    real, fake = np.zeros((B, *SHAPE), np.float32), np.ones((B, *SHAPE), np.float32)
    x = np.asarray(jax.jit(penalties.interpolates)(real, fake, random.key(0)))
    assert (x.reshape(B, -1).std(axis=1) < 1e-7).all()
    assert 0 <= x.min() and x.max() <= 1 and len(np.unique(x[:, 0, 0, 0])) == B


def test_augmentations_come_in_order_with_a_key_for_each_and_each_image():
    def shift(image, key):
        return 2 * image + random.uniform(key)

    x = np.zeros((B, *SHAPE), np.float32)
    made = jax.jit(lambda x: [penalties.augmented(x, KEY, (shift,) * n) for n in (1, 2)])(x)
    once, twice = (np.asarray(y)[:, 0, 0, 0] for y in made)
    assert len(np.unique(once)) == B and len(np.unique(twice - 2 * once)) == B
    assert (once != twice - 2 * once).all()


def test_consistency_flips_and_translates_by_an_eighth_and_is_balanced():
    rng = np.random.default_rng(6)
    x = np.float32(rng.normal(size=(B, 8, 8, 1)))
    w = np.float32(rng.normal(size=64))
    usual = (image.flip(), image.translate(0.125))

    def values(name, **arguments):
        return getattr(penalties, name)(linear(w), x, x, KEY, **arguments)

    @jax.jit
    def everything(x):
        data = values("balanced_consistency", samples=0.0)
        names = "consistency", "balanced_consistency"
        return data, [(values(name), values(name, augment=usual)) for name in names]

    data, ((plain, given), (both, again)) = jax.device_get(everything(x))
    np.testing.assert_array_equal(plain, given)
    assert (given > 0).any()
    np.testing.assert_array_equal(both, again)
    assert not np.allclose(both, 2 * data)  # samples have augmentations of their own


@pytest.mark.parametrize("name", MEMORY)
def test_lecam_averages_logits_without_bias_and_this_batch_included(name, batch):
    theta, rng = parameters(np.random.default_rng(7)), np.random.default_rng(8)
    carried = getattr(penalties, name)
    memory, means = carried.start, []
    taken = jax.jit(partial(carried.fn, quadratic(theta)), static_argnames="decay")
    for _ in range(3):
        images = [np.float32(rng.normal(size=(B, *SHAPE))) for _ in range(2)]
        _, memory = taken(*images, KEY, *memory, decay=0.75)
        means.append([critic(theta, np.float64(x.reshape(B, D))).mean() for x in images])
        weights = 0.75 ** np.arange(len(means))[::-1]
        anchors = np.average(means, axis=0, weights=weights)
        np.testing.assert_allclose(np.array(memory[:2]) / memory[2], anchors, rtol=1e-4)
    _, memory = taken(*batch, KEY, *carried.start)
    np.testing.assert_allclose(memory[2], 0.01, rtol=1e-5)  # decay 0.99


@pytest.mark.parametrize("name", MEMORY)
def test_a_memory_moves_once_each_time_its_penalty_is_taken(name, batch):
    critic = quadratic(parameters(np.random.default_rng(7)))
    named = terms.resolved(penalties, {name: 1.0}, "penalties")

    @jax.jit
    def both(batch):
        given = {name: MEMORY[name]}, 0, KEY, lambda key: (critic, *batch, key)
        _, memory = terms.measured(named, *given)
        return memory, getattr(penalties, name).fn(critic, *batch, KEY, *MEMORY[name])[1]

    memory, once = both(batch)
    np.testing.assert_allclose(memory[name], once, rtol=1e-6)


def test_a_one_sided_lecam_is_silent_where_samples_rank_above_data(batch):
    def above(x):
        return x.reshape(len(x), -1).mean(axis=1)

    ordered = np.zeros_like(batch[0]), np.ones_like(batch[1])
    sides = penalties.lecam.fn, penalties.one_sided_lecam.fn
    taken = jax.jit(lambda *x: [fn(above, *x, KEY, 0.0, 0.0, 0.0)[0] for fn in sides])
    both, silent = taken(*ordered)
    np.testing.assert_allclose(both, np.full(B, 2.0), rtol=1e-5)
    np.testing.assert_array_equal(silent, np.zeros(B))


def test_on_two_devices_batch_statistics_are_those_of_the_global_batch(batch):
    theta = parameters(np.random.default_rng(9))
    m, b = jnp.float32(theta.m), jnp.float32(theta.b)

    def both(m, b, real, fake):
        critic = quadratic(Theta(m, b, 0, 0))
        highest = penalties.max_gradient_penalty(critic, real, real, KEY)
        anchored, memory = penalties.lecam.fn(critic, real, fake, KEY, *MEMORY["lecam"])
        return (highest + anchored).mean(), ((highest, anchored), memory)

    def move(m, b, real, fake):
        own = collectives.grad(lambda m: both(m, b, real, fake), m, has_aux=True)
        gradient, (values, memory) = own
        return collectives.mean(gradient), values, memory

    split = [x.reshape(2, B // 2, *SHAPE) for x in batch]
    mapped = on_devices(move, in_axes=(None, None, 0, 0))
    gradients, parts, memories = mapped(m, b, *split)
    expected, values, memory = jax.jit(move)(m, b, *batch)
    np.testing.assert_allclose(gradients[0], expected, rtol=1e-3, atol=1e-4)
    for whole, part in zip(values, parts, strict=True):
        np.testing.assert_allclose(part.reshape(B), whole, rtol=1e-4)
    for whole, part in zip(memory, memories, strict=True):
        np.testing.assert_allclose(part, [float(whole)] * 2, rtol=1e-5)
