"""Standing statistics: the arithmetic mean of what single batches have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from jax import random

from genlab import game
from genlab.config import ConfigError, build
from genlab.standing import STREAM, shown, standing


@pytest.fixture(scope="module")
def played():
    """(experiment, state) of the tiny GAN, whose generator has BatchNorm."""
    config = tiny.gan()
    config.standing, config.batch_size = 3, 16
    e = build(config)
    batch = {"image": jnp.zeros((16, *tiny.SHAPE)), "cond": jnp.zeros(16, jnp.int32)}
    return e, game.init(e.method, e.optim, e.ema, random.key(0), batch)


def test_every_running_statistic_becomes_its_mean_over_the_batches(played):
    e, state = played
    params, stats = shown(e, state)
    key = random.fold_in(random.key(e.seed), STREAM)
    means, variances = [], []
    dense = params["gen"]["trunk"]["Dense_0"]["kernel"]
    for number in range(3):
        z = e.method.latents(random.fold_in(key, number), 16)
        first = np.asarray(z, np.float64) @ np.asarray(dense, np.float64)
        means.append(first.mean(axis=0))
        variances.append(first.var(axis=0))
    found = jax.tree.leaves_with_path(stats["gen"]["batch_stats"]["trunk"]["BatchNorm_0"])
    by_name = {path[-1].key: value for path, value in found}
    np.testing.assert_allclose(by_name["mean"], np.mean(means, axis=0), atol=1e-5)
    np.testing.assert_allclose(by_name["var"], np.mean(variances, axis=0), rtol=1e-4)


def test_what_is_not_the_generators_stays(played):
    e, state = played
    stats = {**state.stats, "other": {"batch_stats": {"mean": jnp.ones(2)}}}
    after = standing(e.method, state.params, stats, random.key(0), 2, 8)
    np.testing.assert_array_equal(after["other"]["batch_stats"]["mean"], np.ones(2))


def test_a_method_that_cannot_settle_is_refused(played):
    _, state = played
    vae = build(tiny.vae().method)
    with pytest.raises(ConfigError, match="VAE has no `settle`"):
        standing(vae, state.params, state.stats, random.key(0), 2, 8)
