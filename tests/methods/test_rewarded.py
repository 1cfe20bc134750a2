"""A generator rewarded: the terms against NumPy, the optimum in closed form, the controller."""

from functools import cache

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.config import ConfigError
from genlab.methods import GAN
from genlab.methods.gan.options import Option
from genlab.methods.gan.rewarded import rewarded
from genlab.nets.linear_reward import LinearReward

D, TASTE, OFFSET = 3, (0.6, 0.0, -0.8), 0.25


class Shifted(nn.Module):
    """z + b."""

    @nn.compact
    def __call__(self, z, cond=None, train=True):
        return z + self.param("b", nn.initializers.zeros, (D,))[None]


class Itself(nn.Module):
    """x, as features."""

    def __call__(self, x, cond=None, train=True):
        return x


class Summed(nn.Module):
    """One logit."""

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        return x @ self.param("w", nn.initializers.zeros, (D,))


def game(**settings):
    option = rewarded(LinearReward(Itself(), TASTE, OFFSET), Shifted(), **settings)
    return GAN(Shifted(), Summed(), latent=D, options=(option,))


@cache
def loss_of():
    """(b, b of the first model, coefficient, settings) -> (loss, (metrics, coefficient after)), and
    the slope in b.
    """
    batch = {"image": np.zeros((16, D), np.float32)}

    def loss(b, first, coefficient, settings):
        params = {"gen": {"b": b}, "first": {"b": first}, "disc": {"w": jnp.zeros(D)}, "reward": {}}
        stats = {"memory": {"distance_weight": coefficient}}
        value, (after, metrics) = game(**settings).generator_loss(
            params, stats, batch, random.key(1), jnp.asarray(0)
        )
        return value, (metrics, after["memory"]["distance_weight"])

    return jax.jit(jax.value_and_grad(loss, has_aux=True))


def played(b, first, coefficient, **settings):
    settings = {"weight": 0.5, "bound": 100.0, "budget": 0.2, "rate": 0.1, **settings}
    settings = {name: np.float32(value) for name, value in settings.items()}
    return loss_of()(np.float32(b), np.float32(first), np.float32(coefficient), settings)


def latents():
    return np.asarray(game().latents(random.fold_in(random.key(1), 0), 16), np.float64)


def test_the_terms_are_those_of_numpy():
    b, first = np.array([0.3, -0.2, 0.1]), np.array([0.1, 0.4, 0.0])
    (value, (metrics, after)), _ = played(b, first, 1.5, weight=0.7, bound=0.5, rate=0.5)
    z = latents()
    reward = np.maximum(0.5 - ((z + b) @ TASTE - OFFSET), 0).mean()
    distance = ((b - first) ** 2).mean() / 0.2
    assert (reward > 0) and np.any(((z + b) @ TASTE - OFFSET) > 0.5)  # some are beyond the bound
    np.testing.assert_allclose(metrics["reward"], reward, rtol=1e-5)
    np.testing.assert_allclose(metrics["distance"], distance, rtol=1e-5)
    np.testing.assert_allclose(value, np.log(2) + 0.7 * reward + 1.5 * distance, rtol=1e-5)
    np.testing.assert_allclose(after, 1.5 * (1 + 0.5 * np.clip(distance - 1, -0.2, 0.2)), rtol=1e-5)


def test_the_generator_moves_along_the_taste_as_far_as_the_distance_lets_it():
    """G(z) = z + b, r = w . x and c |b|^2 / (D budget): b = weight D budget w / (2 c)."""
    b = 0.5 * D * 0.2 * np.array(TASTE) / (2 * 2.0)
    _, slope = played(b, np.zeros(D), 2.0)
    np.testing.assert_allclose(slope, 0, atol=1e-6)


def test_the_distance_costs_more_where_it_is_beyond_the_budget_and_less_below():
    coefficients = [float(played(np.full(D, x), np.zeros(D), 1)[0][1][1]) for x in (1.0, 0.0)]
    np.testing.assert_allclose(coefficients, [1.02, 0.98], rtol=1e-6)


def test_the_networks_of_a_game_are_there_from_the_start_and_nobodys():
    method = game(coefficient=3.0)
    batch = {"image": np.zeros((4, D), np.float32)}
    params, stats = jax.eval_shape(method.init, random.key(0), batch)
    assert set(params) == {"gen", "disc", "first", "reward"}
    assert stats["memory"]["distance_weight"].shape == ()
    owned = [name for player in method.players().values() for name in player.owns]
    assert set(owned) == {"gen", "disc"}
    (option,) = method.options
    assert option.start(None) == 3.0


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"budget": 0.0}, "budget"), ({"bound": -1.0}, "bound"), ({"rate": 5.0}, "rate")],
)
def test_settings_that_make_no_sense_are_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        game(**settings)


def test_terms_that_share_a_name_are_refused():
    with pytest.raises(ConfigError, match="reward"):
        GAN(Shifted(), Summed(), latent=D, options=(Option(terms=("reward", "reward")),))
