"""Each objective against a float64 oracle written with probabilities, as the papers write it;
values and gradients.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.losses import adversarial

NAMES = ["minimax", "nonsaturating", "least_squares", "wasserstein", "hinge"]


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


ORACLES = {  # (critic, generator) of (real, fake), from the papers' equations
    "minimax": (
        lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)),
        lambda r, f: np.log(1 - sigmoid(f)),
    ),
    "nonsaturating": (
        lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)),
        lambda r, f: -np.log(sigmoid(f)),
    ),
    "least_squares": (
        lambda r, f: np.square(r - 1) / 2 + np.square(f) / 2,
        lambda r, f: np.square(f - 1) / 2,
    ),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "hinge": (lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f), lambda r, f: -f),
}


@pytest.fixture
def logits():
    rng = np.random.default_rng(0)
    return rng.normal(0, 3, 64), rng.normal(0, 3, 64)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", [0, 1], ids=["critic", "generator"])
def test_value_and_gradient_equal_the_oracle(name, side, logits):
    loss, oracle = getattr(adversarial, name)[side], ORACLES[name][side]
    real, fake = logits
    np.testing.assert_allclose(
        loss(jnp.float32(real), jnp.float32(fake)), oracle(real, fake), rtol=2e-5, atol=2e-6
    )
    step = 1e-6
    for which in (0, 1):
        got = jax.grad(lambda *args: loss(*args).sum(), argnums=which)(
            jnp.float32(real), jnp.float32(fake)
        )
        up, down = [real, fake], [real, fake]
        up[which], down[which] = up[which] + step, down[which] - step
        expected = (oracle(*up) - oracle(*down)) / (2 * step)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_known_points():
    zero = jnp.zeros(3)
    np.testing.assert_allclose(
        adversarial.nonsaturating.critic(zero, zero), 2 * np.log(2), rtol=1e-6
    )
    np.testing.assert_allclose(
        adversarial.nonsaturating.generator(zero, zero), np.log(2), rtol=1e-6
    )
    np.testing.assert_allclose(adversarial.minimax.generator(zero, zero), -np.log(2), rtol=1e-6)
    assert adversarial.hinge.critic(jnp.ones(1), -jnp.ones(1)) == 0
    assert adversarial.least_squares.critic(jnp.ones(1), jnp.zeros(1)) == 0


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(r=st.floats(-1e4, 1e4, width=32), f=st.floats(-1e4, 1e4, width=32))
def test_finite_for_extreme_logits_in_value_and_gradient(name, r, f):
    for loss in getattr(adversarial, name):
        value, grads = jax.value_and_grad(loss, argnums=(0, 1))(jnp.float32(r), jnp.float32(f))
        assert np.isfinite([value, *grads]).all()


@pytest.mark.parametrize("name", NAMES)
def test_equivariant_under_permutation_and_the_same_on_patches(name, logits):
    real, fake = map(jnp.float32, logits)
    order = np.random.default_rng(1).permutation(64)
    for loss in getattr(adversarial, name):
        np.testing.assert_array_equal(loss(real, fake)[order], loss(real[order], fake[order]))
        patches = loss(real.reshape(4, 4, 4), fake.reshape(4, 4, 4))
        np.testing.assert_array_equal(patches.reshape(-1), loss(real, fake))


def test_the_wasserstein_critic_does_not_see_a_constant_shift(logits):
    real, fake = map(jnp.float32, logits)
    shifted = adversarial.wasserstein.critic(real + 5, fake + 5)
    np.testing.assert_allclose(shifted, adversarial.wasserstein.critic(real, fake), atol=1e-5)
