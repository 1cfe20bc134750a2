"""Try-on, against NumPy in float64."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.config import ConfigError, build, spec
from genlab.methods.gan.comparison import Comparison
from genlab.methods.tryon import TryOn

KEY, ROUND, SHAPE = random.key(1), 0, (3, 2, 2, 3)
RNG = np.random.default_rng(0)
BODY, GARMENT = RNG.uniform(-1, 1, (2, *SHAPE))
WORN = RNG.random((*SHAPE[:3], 1)) < 0.5
WORN[2] = False  # nothing is worn: the loss is finite
DRESSED = np.where(WORN, BODY + 0.5, BODY)
BATCH = {n: jnp.float32(x) for n, x in (("body", BODY), ("garment", GARMENT), ("dressed", DRESSED))}


class Halved(nn.Module):
    """a times the garment."""

    @nn.compact
    def __call__(self, z, cond=None, train=True):
        """A picture."""
        return self.param("a", nn.initializers.constant(0.5), ()) * cond["garment"]


class Painted(nn.Module):
    """a times the body, and as much as the mask before its sigmoid."""

    @nn.compact
    def __call__(self, z, cond=None, train=True):
        """A channel more than a picture has."""
        a = self.param("a", nn.initializers.constant(0.8), ())
        return a * jnp.concatenate([cond["body"], cond["warped"][..., :1]], -1)


CONFIG = spec(TryOn, spec(Halved), spec(Painted), spec(Comparison, {"l1": 2.0}), mask=3.0)


def test_try_on_is_a_warp_where_the_garment_is_worn_and_a_composition():
    method = build(CONFIG)
    params, stats = method.init(KEY, BATCH)
    warped = 0.5 * GARMENT
    m = np.broadcast_to(WORN, SHAPE)
    inside = [np.abs(warped - DRESSED)[i][m[i]].mean() if m[i].any() else 0 for i in range(3)]
    share = 1 / (1 + np.exp(-0.8 * warped[..., :1]))
    made = share * warped + (1 - share) * np.tanh(0.8 * BODY)
    composing = 2 * np.abs(made - DRESSED).mean() + 3 * np.abs(share - WORN).mean()
    players = method.players()
    found = {
        name: jax.jit(player.loss)(params, stats, BATCH, KEY, ROUND)[0]
        for name, player in players.items()
    }
    np.testing.assert_allclose(found["match"], np.mean(inside), rtol=1e-5)
    np.testing.assert_allclose(found["gen"], composing, rtol=1e-5)
    assert players["gen"].beside and players["gen"].owns == ("gen",)
    cond = {name: BATCH[name] for name in method.given}
    np.testing.assert_allclose(
        method.generate(params, stats, method.latents(KEY, 3), cond), made, rtol=1e-5, atol=1e-6
    )


def test_networks_that_do_not_fit_are_refused():
    wrong = build(spec(TryOn, spec(Halved), spec(Halved), spec(Comparison, {"l1": 2.0})))
    with pytest.raises((ConfigError, KeyError)):
        jax.eval_shape(wrong.init, KEY, BATCH)
    with pytest.raises(ConfigError, match="three columns"):
        build(
            spec(TryOn, spec(Halved), spec(Painted), spec(Comparison, {"l1": 2.0}), body="dressed")
        )
