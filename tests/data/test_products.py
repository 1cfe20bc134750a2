"""Drawn products: items are pure functions of (seed, split, index), and as their factors say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from genlab import spec
from genlab.config import ConfigError, build
from genlab.data import products
from genlab.data.sets.products.factors import FACTORS

FEW = {"size": 16, "validation": 3, "test": 24}


@pytest.fixture(scope="module")
def source():
    return build(spec(products, **FEW))


@pytest.fixture(scope="module")
def held(source):
    return source.read("test")


def test_every_factor_is_a_column_in_its_range(source, held):
    assert set(held) == {"image", *FACTORS} == set(source.columns)
    assert held["image"].dtype == np.uint8 and held["image"].shape == (24, 16, 16, 3)
    for name, kind in FACTORS.items():
        np.testing.assert_array_equal(kind.check(name, held[name]), held[name])
        if not kind.cycle:
            assert kind.low[0] <= held[name].min() < held[name].max() <= kind.high[0]
        else:
            assert 0 <= held[name].min() < held[name].max() < kind.cycle


def test_counts_are_the_configs_and_a_train_split_without_end_has_any_number(source):
    assert [len(source.read(split)["image"]) for split in ("validation", "test")] == [3, 24]
    assert len(source.only(("x",)).read("train", 30_000)["x"]) == 30_000
    assert products(16, examples=7).count("train") == 7
    with pytest.raises(ConfigError, match="no split 'dev'"):
        source.read("dev")


def test_batches_are_the_items_that_are_read_each_once(source):
    """Of a finite split: a batch that covers it is a permutation of what is read."""
    source = source.only(("hue", "image"))
    held, key = source.fetch("test", 0, 0, 1, 24), jax.random.key(0)
    zero = jnp.int32(0)
    batch = jax.jit(lambda: source.batch(held, key, zero, zero, jnp.arange(24), 24))()
    read = source.read("test")
    order = [np.abs(read["hue"][:, 0] - hue).argmin() for hue in _hue(batch["hue"])]
    assert sorted(order) == list(range(24)) and order != list(range(24))
    np.testing.assert_allclose((batch["image"] + 1) * 127.5, read["image"][order], atol=1e-3)


def _hue(loaded):
    return np.arctan2(loaded[:, 1], loaded[:, 0]) / (2 * np.pi) % 1


def test_splits_and_seeds_have_no_item_in_common_and_no_item_comes_twice():
    source = products(16, columns=("x", "hue"), examples=0, validation=400, test=400)
    found = [source.read(split, 400)["hue"] for split in ("train", "validation", "test")]
    found += [products(16, columns=("hue",), seed=1).read("train", 400)["hue"]]
    assert len(np.unique(np.concatenate(found))) == 1600


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"size": 8}, "expected 16 to 256"),
        ({"columns": ("image", "hu")}, "did you mean 'hue'"),
        ({"columns": ()}, "expected one or more"),
        ({"test": 0}, "at least one held out"),
    ],
)
def test_products_that_cannot_be(given, told):
    with pytest.raises(ConfigError, match=told):
        products(**given)
