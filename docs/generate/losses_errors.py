"""Largest errors of the losses, in float32, against the float64 oracles of the tests."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from losses import test_adversarial, test_penalties, test_regularisers
from losses.objective_oracles import ORACLES
from losses.penalty_oracles import SHAPE, B, Theta, Z, parameters


def error(got, wanted) -> float:
    """Largest difference, relative to the largest number."""
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


def of_objective(name: str) -> tuple[float, float]:
    """(in value, in gradient) of both players, in every version that has an oracle."""
    values, slopes, step = [], [], 1e-6
    for case in (case for case in ORACLES if case.split(",")[0] == name):
        pair, memory = test_adversarial.logits(case, 12), ORACLES[case].memory
        for side in (0, 1):
            oracle, wanted = ORACLES[case][side], np.zeros_like(pair)
            for index in np.ndindex(pair.shape):
                nudge = np.zeros_like(pair)
                nudge[index] = step
                up, down = oracle(*pair + nudge, *memory), oracle(*pair - nudge, *memory)
                wanted[index] = (up - down) / 2 / step
            loss = test_adversarial.losses(case, side)
            value, got = jax.value_and_grad(lambda r, f, loss=loss: loss(r, f).mean(), (0, 1))(
                *map(jnp.float32, pair)
            )
            values.append(error(value, oracle(*pair, *memory)))
            slopes.append(error(got, wanted))
    return max(values), max(slopes)


def _along(oracle: Callable, theta: Theta, grads: Theta) -> float:
    """Error of a gradient along eight random directions in the space of all parameters."""
    rng, step, got, wanted = np.random.default_rng(11), 1e-6, [], []
    for _ in range(8):
        way = parameters(rng)
        up, down = (
            oracle(Theta(*(p + s * step * w for p, w in zip(theta, way, strict=True))))
            for s in (1, -1)
        )
        wanted.append((up - down) / 2 / step)
        got.append(sum((np.float64(g) * w).sum() for g, w in zip(grads, way, strict=True)))
    return error(got, wanted)


def of_penalty(name: str) -> tuple[float, float]:
    """Likewise, on a quadratic critic, by default and with the arguments of the test."""
    rng = np.random.default_rng(0)
    batch = tuple(jnp.float32(0.7 * rng.normal(size=(B, *SHAPE))) for _ in range(2))
    theta, draw = parameters(np.random.default_rng(2)), test_penalties.drawn(batch)
    errors = []
    for given in (given for case, given in test_penalties.cases() if case == name):

        def mean(critic, given=given):
            quadratic = test_penalties.quadratic(critic)
            values = test_penalties.call(name, quadratic, batch, **given)
            return values.mean(), values

        def oracle(moved, given=given):
            return test_penalties.oracle(name, moved, draw, theta, **given)

        start = Theta(*map(jnp.float32, theta))
        (_, values), grads = jax.value_and_grad(mean, has_aux=True)(start)
        slope = _along(lambda moved, oracle=oracle: oracle(moved).mean(), theta, grads)
        errors.append((error(values, oracle(theta)), slope))
    return tuple(map(max, zip(*errors, strict=True)))


def of_regulariser(name: str) -> tuple[float, float]:
    """Likewise, on a quadratic critic and a linear generator."""
    rng = np.random.default_rng(0)
    real, z = jnp.float32(0.7 * rng.normal(size=(B, *SHAPE))), jnp.float32(rng.normal(size=(B, Z)))
    theta, draw = parameters(np.random.default_rng(2)), test_regularisers.drawn((real, z))
    errors = []
    for given in (given for case, given in test_regularisers.CASES if case == name):

        def mean(networks, given=given):
            scene = test_regularisers.as_scene(networks, real, z)
            values = test_regularisers.call(name, scene, **given)
            return values.mean(), values

        def oracle(moved, given=given):
            return np.asarray(test_regularisers.oracle(name, moved, draw, theta, **given))

        start = test_regularisers.in_float32(theta)
        (_, values), grads = jax.value_and_grad(mean, has_aux=True)(start)
        slope = _along(lambda moved, oracle=oracle: oracle(moved).mean(), theta, grads)
        errors.append((error(values, oracle(theta)), slope))
    return tuple(map(max, zip(*errors, strict=True)))


def rounded_up(error: float) -> str:
    """The next of 1, 2, 5, 10, ... above: what another processor gives too."""
    power = 10.0 ** math.floor(math.log10(max(error, 1e-9)))
    digit = next(d for d in (1, 2, 5, 10) if d * power >= error)
    return f"{digit * power:.0e}"
