"""Toy densities: draws follow them, they integrate to one, entropies are the known ones."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.config import ConfigError
from genlab.data import grid, mixture, ring, swiss_roll
from genlab.data.columns import Points


@pytest.mark.parametrize(
    ("source", "nats"),
    [(ring(8, 1.0, 0.01), -4.2930), (grid(5, 2.0, 0.05), 0.0653), (ring(8, 2.0, 0.02), -2.9067)],
    ids=["pacgan-ring", "pacgan-grid", "unrolled-ring"],
)
def test_entropy_of_well_separated_modes(source, nats):
    """log K + log(2 pi e sigma^2): -E log p, by Monte Carlo over the source's own draws."""
    x = source.read("train", 20_000)["image"]
    np.testing.assert_allclose(-np.asarray(jax.jit(source.log_density)(x)).mean(), nats, atol=0.03)


SOURCES = {"ring": ring(3, 1.0, 0.3), "swiss_roll": swiss_roll()}
AREA = (8 / 200) ** 2  # of a cell of the grid


@cache
def log_density(name):
    """Of a source, on a grid of [-4, 4]^2."""
    ticks = np.linspace(-4, 4, 201)
    x = np.stack(np.meshgrid(ticks, ticks), -1).astype(np.float32)
    return np.asarray(jax.jit(lambda x: jax.lax.map(SOURCES[name].log_density, x))(x))


@pytest.mark.parametrize("name", SOURCES)
def test_densities_integrate_to_one(name):
    np.testing.assert_allclose(np.exp(log_density(name)).sum() * AREA, 1, atol=2e-3)


def test_draws_of_a_mixture_have_its_moments_and_modes_are_equally_likely():
    source = mixture(((0.0, 0.0), (4.0, 0.0)), std=0.5)
    x = source.read("test", 40_000)["image"]
    np.testing.assert_allclose(x.mean(0), [2, 0], atol=0.03)
    np.testing.assert_allclose(x.var(0), [4 + 0.25, 0.25], rtol=0.02)
    assert abs((x[:, 0] > 2).mean() - 0.5) < 0.01


def test_the_swiss_rolls_draws_follow_its_density():
    """The mean log-density of draws is minus the entropy, which quadrature gives too."""
    source, log_p = SOURCES["swiss_roll"], log_density("swiss_roll")
    entropy = -(np.exp(log_p) * log_p).sum() * AREA
    drawn = -np.asarray(jax.jit(source.log_density)(source.read("train", 5000)["image"])).mean()
    np.testing.assert_allclose(drawn, entropy, atol=0.05)


def test_the_ring_has_as_many_distinct_modes_as_it_says():
    assert len(np.unique(ring(8).means.round(4), axis=0)) == 8
    assert len(np.unique(grid(5).means, axis=0)) == 25 and grid(5).means.min() == -4


def test_batches_are_pure_in_key_and_index_and_splits_differ():
    source = ring()
    key, rows, made = random.key(0), np.arange(64), jax.jit(source.batch, static_argnums=5)

    def batch(split, i, rows=rows):
        held = jax.tree.map(jnp.asarray, source.fetch(split, 0, 0, 1, 64))
        return np.asarray(made(held, key, jnp.asarray(i), jnp.asarray(0), rows, 64)["image"])

    np.testing.assert_array_equal(batch("train", 3), batch("train", 3))
    assert not np.allclose(batch("train", 3), batch("train", 4))
    assert not np.allclose(batch("train", 3), batch("test", 3))
    np.testing.assert_array_equal(batch("train", 3)[16:32], batch("train", 3, rows[16:32]))
    assert source.columns == {"image": Points((2,))} and source.count("test") == 10_000


def test_mistakes_are_told():
    with pytest.raises(ConfigError, match="no split 'dev'"):
        ring().read("dev")
    with pytest.raises(ConfigError, match="K tuples of D numbers"):
        mixture((0.0, 1.0))
