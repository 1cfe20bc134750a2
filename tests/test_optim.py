"""Transformations and averages against closed forms; optax's optimism against its paper."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny

from genlab.config import ConfigError, build, spec
from genlab.game import optim
from genlab.train.program import prepare

PARAMS = {
    "Dense_0": {
        "kernel": np.float32([[0.5, -0.03], [0.009, -2.0]]),
        "bias": np.float32([0.7, -0.001]),
    }
}
GRADS = jax.tree.map(lambda x: np.sin(5 * x), PARAMS)


def played(transformation, params, gradients, moves):
    """Parameters before each move and after the last, in a list."""

    @jax.jit
    def move(params, state):
        updates, state = transformation.update(gradients(params), state, params)
        return optax.apply_updates(params, updates), state

    state, seen = jax.jit(transformation.init)(params), [params]
    for _ in range(moves):
        params, state = move(params, state)
        seen.append(params)
    return seen


def test_clipped_weights_lie_in_their_box():
    plain = optax.sgd(0.01)
    clipped = optax.chain(plain, optim.clip_weights(0.02))
    free = played(plain, PARAMS, lambda _: GRADS, 1)[1]
    boxed = played(clipped, PARAMS, lambda _: GRADS, 1)[1]
    for a, b in zip(jax.tree.leaves(free), jax.tree.leaves(boxed), strict=True):
        np.testing.assert_allclose(b, np.clip(np.float64(a), -0.02, 0.02), atol=1e-7)
        assert float(jnp.abs(b).max()) <= 0.02 + 1e-7
    inner = np.abs(free["Dense_0"]["bias"]) < 0.02
    assert inner.any()  # what is within moves as it would


def test_clipping_only_kernels_leaves_biases_free():
    plain = optax.sgd(0.01)
    chained = optax.chain(plain, optim.clip_weights(0.02, only="kernel"))
    free = played(plain, PARAMS, lambda _: GRADS, 1)[1]["Dense_0"]
    boxed = played(chained, PARAMS, lambda _: GRADS, 1)[1]["Dense_0"]
    np.testing.assert_array_equal(boxed["bias"], free["bias"])
    assert float(jnp.abs(boxed["kernel"]).max()) <= 0.02 + 1e-7


def test_clipping_says_what_is_wrong():
    with pytest.raises(ConfigError, match=r"called 'kernal'; did you mean 'kernel'"):
        optim.clip_weights(0.1, only="kernal").init(PARAMS)
    with pytest.raises(ValueError, match="needs the parameters"):
        optim.clip_weights(0.1).update(GRADS, optax.EmptyState())


def test_historical_averaging_is_the_gradient_of_its_penalty():
    weight, rate = 0.3, 0.5
    chained = optax.chain(optim.historical_averaging(weight), optax.sgd(rate))
    theta = {"a": jnp.array([1.0, -2.0]), "b": jnp.array(3.0)}

    def cost(theta):
        return jnp.sin(theta["a"]).sum() + theta["b"] ** 2 / 4

    seen = played(chained, theta, jax.grad(cost), 5)
    flat = [np.float64([*t["a"], t["b"]]) for t in seen]
    expected = [flat[0]]
    for t in range(5):
        here = expected[-1]
        past = np.mean(expected[:-1], axis=0) if t else here
        slope = np.array([np.cos(here[0]), np.cos(here[1]), here[2] / 2])
        expected.append(here - rate * (slope + weight * 2 * (here - past)))
    np.testing.assert_allclose(flat, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="needs the parameters"):
        optim.historical_averaging(0.1).update(theta, None)


def test_historical_averaging_calms_a_game_that_cycles():
    """min_x max_y x y by simultaneous gradient descent: out without it, in with it."""

    def size(weight):
        chained = optax.chain(optim.historical_averaging(weight), optax.sgd(0.1))
        seen = played(chained, jnp.array([1.0, 0.0]), lambda p: jnp.array([p[1], -p[0]]), 60)
        return float(jnp.linalg.norm(seen[-1]))

    assert size(0.0) == pytest.approx(1.01**30, rel=1e-4)
    assert size(1.0) < 1.0


def test_simultaneous_descent_spirals_out_and_optimism_converges():
    """On min_x max_y x y descent grows by sqrt(1 + h^2) a step; the optimistic iterates are
    w' = w - 2 h g + h g_before (Daskalakis et al. 2018, arXiv:1711.00141) and shrink.
    """
    h, start = 0.1, np.array([1.0, 0.5])
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])  # (x, y) -> gradients to descend, (y, -x)
    slope = lambda p: jnp.asarray(turn, jnp.float32) @ p  # noqa: E731
    sizes = np.linalg.norm(played(optax.sgd(h), jnp.float32(start), slope, 20), axis=1)
    np.testing.assert_allclose(sizes[1:] / sizes[:-1], np.sqrt(1 + h**2), rtol=1e-6)

    expected = [start, start - h * turn @ start]
    for _ in range(399):
        before, here = expected[-2:]
        expected.append(here - 2 * h * turn @ here + h * turn @ before)
    seen = np.stack(played(optax.optimistic_gradient_descent(h), jnp.float32(start), slope, 400))
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    assert np.linalg.norm(seen[-1]) < 0.2 * np.linalg.norm(start)


def test_optimistic_adam_without_nesterov_is_the_paper_s():
    """theta' = theta - 2 h m/(sqrt v + e) + h the same of the move before, m and v unbiased."""
    h, b1, b2 = 0.05, 0.5, 0.9
    made = optax.optimistic_adam_v2(h, b1=b1, b2=b2, nesterov=False)
    seen = played(made, jnp.array([1.0, 0.5]), lambda p: jnp.stack([p[1], -p[0]]), 12)
    theta, m, v, last = np.array([1.0, 0.5]), 0.0, 0.0, None
    for t in range(1, 13):
        g = np.array([theta[1], -theta[0]])
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        ratio = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + 1e-8)
        theta = theta - 2 * h * ratio + h * (ratio if last is None else last)
        last = ratio
    np.testing.assert_allclose(seen[-1], theta, rtol=1e-5)


def test_ramped_forgets_half_in_its_half_life():
    decay = optim.ramped(half_life=1000, batch=10, ramp=0.05)
    assert float(decay(0)) == 0.0
    for step in (1, 7, 1000, 1999, 2000, 2001, 10**6):
        images = min(1000, 10 * step * 0.05)
        assert float(decay(step)) == pytest.approx(0.5 ** (10 / images), rel=1e-6)
    assert float(optim.ramped(1000, 10, ramp=None)(0)) ** 100 == pytest.approx(0.5, rel=1e-5)
    assert float(decay(jnp.int32(2**31 - 1))) == pytest.approx(0.5**0.01, rel=1e-6)  # no overflow


def test_ramped_follows_a_schedule_of_its_half_life():
    decay = optim.ramped(optim.cosine(0.0, 5000.0, 100), batch=50, ramp=None)
    assert float(decay(0)) == 0.0
    assert float(decay(50)) == pytest.approx(0.5 ** (50 / 2500), rel=1e-6)
    assert float(decay(100)) == float(decay(1000)) == pytest.approx(0.5**0.01, rel=1e-6)


def test_from_round_the_average_is_the_network_until_it_starts():
    decay, average = optim.from_round(3, 0.9), 0.0
    for step, network in enumerate([5.0, 6.0, 7.0, 8.0, 9.0]):
        average = decay(step) * average + (1 - decay(step)) * network
    assert [float(decay(step)) for step in (0, 2, 3, 9)] == pytest.approx([0, 0, 0.9, 0.9])
    assert float(average) == pytest.approx(0.9 * (0.9 * 7 + 0.1 * 8) + 0.1 * 9, rel=1e-6)
    assert float(optim.from_round(3, optim.ramped(1000, 10, None))(4)) == pytest.approx(0.5**0.01)


def test_cosine_goes_from_start_to_end_and_stays():
    value = optim.cosine(0.0, 0.55, 200)
    points = {0: 0.0, 50: 0.55 * (1 - np.cos(np.pi / 4)) / 2, 100: 0.275, 200: 0.55, 999: 0.55}
    for step, expected in points.items():
        assert float(value(step)) == pytest.approx(expected, abs=1e-7)
    down, theirs = optim.cosine(2e-4, 5e-5, 100), optax.cosine_decay_schedule(2e-4, 100, 0.25)
    for step in (0, 13, 60, 100, 140):
        assert float(down(step)) == pytest.approx(float(theirs(step)), rel=1e-5)


def test_chains_are_configs_with_numbers_that_may_be_tracers():
    node = spec(
        optax.chain,
        spec(optim.historical_averaging, 0.1),
        spec(optax.rmsprop, 5e-5),
        spec(optim.clip_weights, 0.01),
    )
    made = build(node)
    made.update(GRADS, made.init(PARAMS), PARAMS)

    def clipped(bound):
        made = build({"call": "genlab.game.optim:clip_weights", "bound": bound, "only": None})
        return made.update(GRADS, made.init(PARAMS), PARAMS)[0]

    both = jax.vmap(clipped)(jnp.array([0.01, 0.02]))
    one = clipped(0.02)
    for a, b in zip(jax.tree.leaves(both), jax.tree.leaves(one), strict=True):
        np.testing.assert_allclose(a[1], b, rtol=1e-6)


@pytest.mark.parametrize("scaled", [optax.sgd, optax.scale_by_schedule])
def test_a_rate_that_is_0_long_before_the_end_is_said(scaled):
    """Three critic moves a round: over 20 rounds the schedule of the critic ends in the seventh."""
    rate = spec(optax.linear_schedule, 0.1, 0.0, 20)
    config = tiny.wgan_gp(optim=spec(optax.chain, spec(optax.clip, 1.0), spec(scaled, rate)))
    config.loop.steps = 20
    with pytest.warns(match=r"optim.disc: .* 0 from move 20 on, of 60: .* moves, 3 a round"):
        prepare(config)
    config.optim.disc = spec(optax.sgd, spec(optax.linear_schedule, 0.1, 0.0, 60))
    prepare(config)  # without a warning, which would be an error
