"""Recalibration of BatchNorm: the arithmetic mean of what single batches have."""

import jax
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab import game
from genlab.config import ConfigError, build, spec
from genlab.data import digits
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp
from genlab.runs.folder import RunFolder
from genlab.sampling import previews
from genlab.sampling.batch_norm import STREAM, evaluation_variables, recalibrated
from genlab.sampling.conditions import spread


def first(n):
    """`n` labels of the first class, as networks are given them."""
    return np.eye(10, dtype=np.float32)[np.zeros(n, int)]


@pytest.fixture(scope="module")
def played():
    """(experiment, state) of the tiny GAN, whose generator has BatchNorm."""
    config = tiny.gan()
    config.recalibrate, config.batch_size = 3, 16
    e = build(config)
    batch = {"image": np.zeros((16, *tiny.SHAPE), np.float32), "label": first(16)}
    return e, jax.jit(lambda: game.init(e.method, e.optim, e.ema, random.key(0), batch))()


def test_every_running_statistic_becomes_its_mean_over_the_batches(played):
    e, state = played
    params, stats = evaluation_variables(e, state)
    key = random.fold_in(random.key(e.seed), STREAM)
    means, variances = [], []
    dense = params["gen"]["trunk"]["Dense_0"]["kernel"]
    drawn = jax.jit(
        lambda key: [e.method.latents(random.fold_in(key, number), 16) for number in range(3)]
    )
    for z in drawn(key):
        hidden = np.asarray(z, np.float64) @ np.asarray(dense, np.float64)
        means.append(hidden.mean(axis=0))
        variances.append(hidden.var(axis=0))
    found = jax.tree.leaves_with_path(stats["gen"]["batch_stats"]["trunk"]["BatchNorm_0"])
    by_name = {path[-1].key: value for path, value in found}
    np.testing.assert_allclose(by_name["mean"], np.mean(means, axis=0), atol=1e-5)
    np.testing.assert_allclose(by_name["var"], np.mean(variances, axis=0), rtol=1e-4)


def test_what_is_not_the_generators_stays(played):
    e, state = played
    stats = {**state.stats, "other": {"batch_stats": {"mean": np.ones(2, np.float32)}}}
    after = recalibrated(e.method, state.params, stats, random.key(0), 2, 8)
    np.testing.assert_array_equal(after["other"]["batch_stats"]["mean"], np.ones(2))


def test_every_label_is_met_in_small_batches():
    generator = spec(Generator, spec(mlp.Up, tiny.SHAPE, (16,), norm="BatchNorm"))
    critic = spec(Discriminator, spec(mlp.Down, (16,)))
    method = build(spec(GAN, generator, critic, latent=4, given=("label",)))
    batch = {"image": np.zeros((4, *tiny.SHAPE), np.float32), "label": first(4)}
    params, stats = jax.device_get(jax.jit(method.init)(random.key(0), batch))
    kernel = params["gen"]["trunk"]["Dense_0"]["kernel"].copy()
    kernel[: method.latent] = 0.0  # deaf to z: what differs is the labels
    trunk = {**params["gen"]["trunk"], "Dense_0": {"kernel": kernel}}
    params = {**params, "gen": {**params["gen"], "trunk": trunk}}
    label = spread(method, digits(), 12)["label"]
    assert set(label) == set(range(10))
    cond = {"label": np.eye(10, dtype=np.float32)[label]}
    each = [
        recalibrated(
            method, params, stats, random.key(0), 1, 4, {"label": cond["label"][at : at + 4]}
        )
        for at in (0, 4, 8)
    ]
    means = [jax.tree.leaves(one["gen"])[0] for one in each]
    assert len({float(mean.sum()) for mean in means}) == 3
    every = recalibrated(method, params, stats, random.key(0), 3, 4, cond)
    np.testing.assert_allclose(jax.tree.leaves(every["gen"])[0], np.mean(means, axis=0), rtol=1e-5)


def test_large_variances_are_as_exact_as_small_ones(played):
    e, state = played
    kernel = np.asarray(state.params["gen"]["trunk"]["Dense_0"]["kernel"])
    found = []
    for scale in np.float32([1.0, 1e4]):
        dense = {**state.params["gen"]["trunk"], "Dense_0": {"kernel": scale * kernel}}
        params = {**state.params, "gen": {"trunk": dense}}
        stats = recalibrated(e.method, params, state.stats, random.key(0), 2, 16)
        leaves = jax.tree_util.tree_leaves_with_path(
            stats["gen"]["batch_stats"]["trunk"]["BatchNorm_0"]
        )
        found.append(next(x for path, x in leaves if path[-1].key == "var"))
    np.testing.assert_allclose(found[1], 1e8 * found[0], rtol=1e-4)


def test_pictures_on_the_way_have_them_too(played, tmp_path, monkeypatch):
    e, state = played
    seen = []
    monkeypatch.setattr(
        previews,
        "evaluation_variables",
        lambda e, s: seen.append(e.recalibrate) or evaluation_variables(e, s),
    )
    previews.stages(e, RunFolder(tmp_path))(2, state)
    assert seen == [3]


def test_a_method_that_cannot_recalibrate_is_refused():
    config = tiny.vae()
    config.recalibrate = 4
    with pytest.raises(ConfigError, match="VAE has no `update_stats`"):
        build(config)
