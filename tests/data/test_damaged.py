"""Damaged versions of any source's pictures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.config import ConfigError
from genlab.data import damaged, from_arrays, from_columns
from genlab.data.columns import Image, Mask
from genlab.data.sets.damaged import COLUMNS
from genlab.data.sets.products import Damage
from genlab.evaluation import operators

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 8, 12, 3), dtype=np.uint8)
DAMAGE = Damage(holes=0.25, noise=0.1, blur=0.1, factor=2)
SOURCE = damaged(from_arrays(IMAGES, validation=2, test=4), COLUMNS, DAMAGE)


@pytest.fixture(scope="module")
def read():
    return SOURCE.read("test")


def test_each_column_is_the_picture_damaged_as_it_says(read):
    image, inside = read["image"].astype(float), read["holes"]
    assert {n: x.shape[1:] for n, x in read.items()} == {
        n: kind.stored for n, kind in SOURCE.columns.items()
    }
    assert (inside.sum((1, 2, 3)) == 24).all() and read["holes"].dtype == bool
    np.testing.assert_array_equal(read["masked"], np.where(inside, 128, read["image"]))
    grey = np.rint(image @ [0.299, 0.587, 0.114])
    assert np.abs(read["grey"][..., 0] - grey).max() <= 1
    means = image.reshape(4, 4, 2, 6, 2, 3).mean((2, 4))
    assert np.abs(read["small"] - means).max() <= 0.5001
    coarse = read["small"].repeat(2, 1).repeat(2, 2)
    np.testing.assert_array_equal(read["low_resolution"], coarse)
    clear = np.abs(image - 127.5) < 60  # noise there is not clipped
    first, again = ((read[n] - image)[clear] for n in ("noisy", "noisy_again"))
    assert first.std() == pytest.approx(25.5, rel=0.15) == again.std()
    assert abs(np.corrcoef(first, again)[0, 1]) < 0.15
    assert read["blurred"].std() < 0.9 * image.std()
    flat = damaged(from_arrays(np.full_like(IMAGES, 9)), ("blurred",), DAMAGE).read("train", 1)
    assert (flat["blurred"] == 9).all()  # to its edges


def test_operators_make_of_a_picture_what_was_given_of_it(read):
    """To a level, for both round."""
    made = {
        "small": operators.BlockMeans(2),
        "low_resolution": operators.BlockMeans(2, repeated=True),
        "grey": operators.Grey(),
        "blurred": operators.Blurred(0.1),
    }
    for name, again in made.items():
        found = again(read["image"])
        assert found.dtype == np.uint8 and found.shape == read[name].shape
        assert np.abs(found.astype(int) - read[name]).max() <= 1


def test_what_is_read_is_the_same_every_time_and_another_for_another_seed(read):
    for name, again in SOURCE.read("test").items():
        np.testing.assert_array_equal(again, read[name])
    other = damaged(SOURCE.source, ("holes",), DAMAGE, seed=1).read("test")
    assert not np.array_equal(other["holes"], read["holes"])
    assert len({x.tobytes() for x in read["holes"]}) == 4


def test_a_batch_is_damaged_anew_for_each_place_in_register_with_its_picture():
    held = SOURCE.fetch("train", 0, 0, 1, 6)
    key, rows = random.key(0), jnp.arange(6)
    program = jax.jit(lambda held, i, rows: SOURCE.batch(held, key, i, i, rows, 6))
    one, two = (program(held, jnp.int32(i), rows) for i in (0, 1))
    for found in (one, two):
        assert {n: x.shape[1:] for n, x in found.items()} == {
            n: kind.shape for n, kind in SOURCE.columns.items()
        }
        known = np.asarray(found["holes"]) == 0
        image, masked = (np.asarray(found[n]) for n in ("image", "masked"))
        np.testing.assert_allclose(np.where(known, masked - image, 0), 0, atol=1e-6)
        np.testing.assert_allclose(masked[~known[..., 0]], 1 / 255, atol=1e-6)
    assert not np.array_equal(one["holes"], two["holes"])
    turned = program(held, jnp.int32(1), rows[::-1])  # a row is the same wherever it is made
    np.testing.assert_array_equal(turned["noisy"], two["noisy"][::-1])


def test_some_of_its_columns_are_those_of_the_whole(read):
    part = SOURCE.only(("masked", "holes"))
    assert list(part.columns) == ["image", "masked", "holes"]
    np.testing.assert_array_equal(part.read("test")["masked"], read["masked"])
    assert list(SOURCE.only(("image",)).columns) == ["image"]
    assert SOURCE.count("train") == 6 and SOURCE.resident and set(SOURCE.splits) >= {"test"}
    assert SOURCE.columns["grey"] == Image((8, 12, 1))
    assert SOURCE.columns["small"] == Image((4, 6, 3))
    assert SOURCE.columns["holes"] == Mask((8, 12, 1))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"columns": ("maskd",)}, "'masked'"),
        ({"columns": ()}, "expected some of"),
        ({"of": "label"}, "expected the name of a column of images"),
        ({"columns": ("small",), "damage": Damage(factor=5)}, "no multiple"),
    ],
)
def test_what_cannot_be_damaged_is_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        damaged(from_arrays(IMAGES, np.arange(12)), **settings)


def test_a_column_of_that_name_is_not_hidden():
    source = from_columns({"image": IMAGES, "noisy": IMAGES})
    with pytest.raises(ConfigError, match="of its own"):
        damaged(source, ("noisy",))
