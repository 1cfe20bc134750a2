"""`LatentSpace`: how much of its latent a VAE uses, against the VAE's own functions."""

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
from genlab.losses import posterior
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
    codes = np.arange(8.0).reshape(4, 2)
    between = interpolations(codes, steps=3)
    np.testing.assert_array_equal(between[[0, 2, 3, 5]], codes[[0, 2, 1, 3]])
    np.testing.assert_array_equal(between[1], (codes[0] + codes[2]) / 2)


def test_a_posterior_without_units_of_its_own_is_refused(context):
    config = tiny.vae().method
    config.posterior = spec(posterior.full_covariance)
    broken = EvaluationContext({}, build(config), digits(), {}, {}, "test", random.key(1))
    with pytest.raises(ConfigError, match=r"LatentSpace needs .* KL of their own"):
        LatentSpace()(broken)


def test_codes_and_prior_are_drawn_on_one_scale():
    z = np.random.default_rng(0).normal(size=(500, 2))
    sheet = aggregate(10 * z, z)
    left, right = sheet[:, :64, 0] < 255, sheet[:, 65:, 0] < 255
    assert sheet.shape == (64, 129, 1) and (sheet[:, 64] == 128).all()
    extent = [np.ptp(np.nonzero(side)[1]) for side in (left, right)]
    assert extent[0] > 50 and 2 < extent[1] < 14
