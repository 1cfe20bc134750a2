"""`LatentSpace`: how much of its latent a VAE uses, against the VAE's own functions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab.config import ConfigError, build, override, spec
from genlab.data import digits
from genlab.evaluation import EvaluationContext, LatentSpace
from genlab.evaluation.latent_space import aggregate, interpolations, traversals
from genlab.nets import mlp


@pytest.fixture(scope="module")
def context():
    """An untrained VAE of digits, two of whose four units carry nothing."""
    config = tiny.vae().method
    override(config, "encoder.trunk", spec(mlp.Down, (16,)))
    method = build(config)
    batch = {"image": jnp.zeros((4, *tiny.SHAPE))}
    params, stats = jax.jit(method.init)(random.key(0), batch)
    kernel = params["encoder"]["posterior"]["kernel"]
    params["encoder"]["posterior"]["kernel"] = kernel.at[:, jnp.array([1, 3, 5, 7])].set(0.0)
    return EvaluationContext({}, method, digits(), params, stats, "test", random.key(1))


def test_units_rate_distortion_and_pictures(context):
    found = LatentSpace(samples=150)(context)
    x = context.batch[0][:150]
    held = context.params, context.stats

    @jax.jit
    def seen(params, stats, x):
        of = context.method
        bound = of.elbo(params, stats, x, random.key(3)).mean()
        return of.encode(params, stats, x), of.unit_kl(params, stats, x), bound

    mean, kl, bound = seen(*held, x)
    np.testing.assert_allclose(found.scores["active_units"], (np.var(mean, axis=0) > 0.01).sum())
    assert found.scores["active_units"] == 2
    np.testing.assert_allclose(found.scores["rate"], kl.sum(1).mean(), rtol=1e-5)
    np.testing.assert_allclose(found.scores["rate"] + found.scores["distortion"], -bound, rtol=0.02)
    table = found.tables["unit"]["samples"]
    assert list(table) == ["z0", "z1", "z2", "z3"] and table["z1"]["kl"] < 1e-6 < table["z0"]["kl"]
    assert found.scores["prior_gap"] > 0.05
    assert set(found.pictures) == {"traversals", "interpolations", "aggregate"}
    assert found.pictures["traversals"].shape == (2 * 9 + 1, 9 * 9 + 1, 1)  # of two


def test_traversals_move_one_unit_and_interpolations_end_at_both_codes():
    rows = traversals(np.zeros(3), np.array([1.0, 2.0, 3.0]), np.array([2, 0]), steps=5)
    assert rows.shape == (10, 3)
    np.testing.assert_array_equal(rows[:5, 2], [-6, -3, 0, 3, 6])
    np.testing.assert_array_equal(rows[:5, :2], 0)
    np.testing.assert_array_equal(rows[5:, 0], [-2, -1, 0, 1, 2])
    moved = traversals(np.zeros(2), np.ones(2), np.array([1]), steps=3, middle=np.array([9, 5]))
    np.testing.assert_array_equal(moved[:, 1], [3, 5, 7])
    codes = np.arange(8.0).reshape(4, 2)
    between = interpolations(codes, steps=3)
    np.testing.assert_array_equal(between[[0, 2, 3, 5]], codes[[0, 2, 1, 3]])
    np.testing.assert_array_equal(between[1], (codes[0] + codes[2]) / 2)


@dataclasses.dataclass(frozen=True)
class Halves:
    """Codes are the means of a picture's halves, and pictures have them; without noise."""

    makes: str = "image"
    given: tuple[str, ...] = ()
    wide: int = 2

    def latents(self, key, n):
        return random.normal(key, (n, self.wide))

    def generate(self, params, stats, z, cond=None):
        return jnp.repeat(z[:, :2], 32, axis=1).reshape(-1, 8, 8, 1)

    def encode(self, params, stats, x, cond=None):
        return x.reshape(len(x), 2, 32).mean(-1)


class Bounded(Halves):
    """With a likelihood of e^-3, weights of e^-5 and two levels; of latents at the origin alone."""

    def posterior_draw(self, params, stats, x, key, cond=None):
        return self.encode(params, stats, x) + 0.01

    def log_likelihood(self, params, stats, x, z, cond=None):
        return jnp.full(len(x), -3.0)

    def log_weight(self, params, stats, x, key, cond=None):
        return jnp.full(len(x), -5.0)

    def level_kl(self, params, stats, x, key, cond=None):
        return jnp.full((len(x), 2), jnp.array([0.5, 1.5])[None])

    def supported(self, z):
        return 0 * z


class Coded(Halves):
    """Whose codes are whole numbers."""

    def quantise(self, params, stats, x, cond=None):
        return ()

    def codebook_sizes(self):
        return ()


def looked_at(method):
    """At the digits."""
    return LatentSpace(samples=60)(
        EvaluationContext({}, method, digits(), {}, {}, "test", random.key(1))
    )


def test_what_a_method_has_is_what_is_seen_of_its_latents():
    found = looked_at(Bounded())
    assert found.scores["rate"] == 2 and found.scores["distortion"] == 3
    levels = found.tables["level"]["samples"]
    assert [levels[f"level{i}"]["kl"] for i in range(2)] == [0.5, 1.5]
    assert set(found.tables["unit"]["samples"]["z0"]) == {"variance", "mean", "deviation"}
    assert len(np.unique(found.pictures["traversals"])) == 2  # grey, and the white between
    assert set(found.scores) == set(LatentSpace.gives)
    x = digits().read("test")["image"][:60] / 127.5 - 1
    variance = x.reshape(60, 2, 32).mean(-1).var(axis=0)
    assert found.scores["active_units"] == (variance > 0.01).sum()
    other = looked_at(Halves(wide=3))  # codes are not what it generates from
    assert set(other.scores) == {"active_units"} and other.pictures == {}
    assert set(other.tables) == {"unit"}
    with pytest.raises(ConfigError, match="give CodebookUsage"):
        looked_at(Coded())
    with pytest.raises(ConfigError, match=r"LatentSpace needs .* has no encode"):
        LatentSpace().check(build(tiny.gan().method), digits())


def test_codes_and_prior_are_drawn_on_one_scale():
    z = np.random.default_rng(0).normal(size=(500, 2))
    sheet = aggregate(10 * z, z)
    left, right = sheet[:, :64, 0] < 255, sheet[:, 65:, 0] < 255
    assert sheet.shape == (64, 129, 1) and (sheet[:, 64] == 128).all()
    extent = [np.ptp(np.nonzero(side)[1]) for side in (left, right)]
    assert extent[0] > 50 and 2 < extent[1] < 14
