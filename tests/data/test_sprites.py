"""The sprites: every combination once, pictures as their factors say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.config import ConfigError
from genlab.data import sprites
from genlab.data.sets.sprites import COUNT, COUNTS, FACTORS, picture

MIDDLE = {"scale": 5, "orientation": 0, "x": 0, "y": 31}


def drawn(size=64, **factors):
    """Pictures as booleans, [B, size, size]."""
    wide = {n: jnp.atleast_1d(jnp.asarray(factors.get(n, MIDDLE.get(n, 0)))) for n in FACTORS}
    b = max(len(v) for v in wide.values())
    wide = {n: jnp.broadcast_to(v, (b,)) for n, v in wide.items()}
    return np.asarray(jax.jit(picture, static_argnames="size")(**wide, size=size))[..., 0] == 255


def test_every_combination_is_in_one_split_once():
    source = sprites(validation=500, test=2000).only(tuple(FACTORS))
    held = {split: source.read(split) for split in ("train", "validation", "test")}
    at = [np.ravel_multi_index([of[name] for name in FACTORS], COUNTS) for of in held.values()]
    assert [len(x) for x in at] == [COUNT - 2500, 500, 2000]
    np.testing.assert_array_equal(np.sort(np.concatenate(at)), np.arange(COUNT))
    means = [held["test"][name].mean() / (n - 1) for name, n in zip(FACTORS, COUNTS, strict=True)]
    np.testing.assert_allclose(means, 0.5, atol=0.05)  # held out evenly


def test_a_batch_is_of_its_split_and_as_read():
    source = sprites(validation=8, test=8)
    read = source.read("test")
    assert read["image"].dtype == np.uint8 and set(np.unique(read["image"])) == {0, 255}
    held = source.fetch("test", 0, 0, 1, 8)
    batch = jax.jit(lambda h: source.batch(h, random.key(1), jnp.asarray(0), 0, jnp.arange(8), 8))
    made = batch(held)
    white = np.asarray(made["image"]).reshape(8, -1) > 0
    rows = [int(np.argmax(((read["image"].reshape(8, -1) > 0) == x).all(1))) for x in white]
    assert sorted(rows) == list(range(8))
    np.testing.assert_array_equal(made["shape"].argmax(1), read["shape"][rows])
    with pytest.raises(ConfigError, match="no split 'dev'"):
        source.count("dev")
    with pytest.raises(ConfigError, match="needs one"):
        sprites(test=0)
    with pytest.raises(ConfigError, match="size=8"):
        sprites(size=8)


def test_pictures_are_as_their_factors_say():
    square, ellipse, heart = drawn(shape=np.arange(3))
    rows, columns = np.nonzero(square)  # centred on 16 from the left and 48 from above
    np.testing.assert_allclose([rows.mean(), columns.mean()], [47.5, 15.5], atol=0.01)
    assert square.sum() == 20 * 20  # centres within half a side of 9.6
    assert abs(ellipse.sum() - np.pi * 12.8 * 7.25) < 8
    assert np.ptp(np.nonzero(ellipse)[1]) == 25 and np.ptp(np.nonzero(ellipse)[0]) == 13
    np.testing.assert_array_equal(heart, heart[:, np.r_[31:-1:-1, 32:64]])  # about the column 16
    assert heart[48 - 9, 16] and heart[48 + 8, 16] and not heart[48 + 8, 24]  # the point below
    sizes = drawn(scale=np.arange(6)).sum((1, 2))
    np.testing.assert_allclose(sizes / sizes[-1], np.linspace(0.5, 1, 6) ** 2, atol=0.08)
    moved = drawn(x=np.array([0, 31]), y=np.array([0, 31]))
    np.testing.assert_array_equal(np.roll(moved[0], (32, 32), (0, 1)), moved[1])
    turned = drawn(shape=1, x=16, y=16, orientation=np.array([0, 39, 10]))
    assert (turned[0] != turned[1]).sum() <= 4  # the first and the last angle are the same
    assert (turned[0] != turned[2]).sum() > 20


def test_fewer_pixels_show_the_same_shape():
    """A pixel of the smaller picture is as the four that it stands for, where those are alike."""
    assert sprites(size=32).columns["image"].shape == (32, 32, 1)
    where = {"shape": np.arange(3), "x": 16, "y": 5, "orientation": 3}
    whole = drawn(**where).reshape(3, 32, 2, 32, 2).mean((2, 4))
    small = drawn(32, **where)
    alike = (whole == 0) | (whole == 1)
    assert (small != whole)[alike].mean() < 1e-3  # a corner that none of the four sees
    assert alike.mean() > 0.9 and (small.sum((1, 2)) > 20).all()
