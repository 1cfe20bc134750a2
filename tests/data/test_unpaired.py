import jax
import numpy as np
import pytest
from helpers.tiny import gan
from jax import random

from genlab.config import ConfigError, build, spec
from genlab.data import (
    digits,
    from_arrays,
    from_columns,
    misaligned,
    ring,
    single,
    sources,
    unpaired,
)
from genlab.data.sources import Streamed
from genlab.train.program import prepare

KEY = random.key(3)


def numbered(n):
    """Pictures of which each has one grey level, its number, and a label that says it."""
    levels = np.arange(n)
    return from_arrays(
        np.uint8(levels)[:, None, None, None] + np.zeros((2, 2, 1), np.uint8), levels
    )


def made(monkeypatch, resident, sizes=(10, 10, 7)):
    with monkeypatch.context() as patch:
        patch.setattr(sources, "RESIDENT_BYTES", 2**20 if resident else 0)
        return unpaired({name: numbered(n) for name, n in zip("abc", sizes, strict=True)})


def batch(source, held, i, size):
    """Batch `i`, on the host."""
    at = np.int32(i), np.int32(0), np.arange(size, dtype=np.int32)
    return jax.device_get(jax.jit(lambda held: source.batch(held, KEY, *at, size))(held))


def drawn(source, i, size, seed=0):
    """The numbers of the examples in batch `i`, by column."""
    found = batch(source, source.fetch("train", seed, i, 1, size), i, size)
    return {n: np.rint((x[:, 0, 0, 0] + 1) * 127.5) for n, x in found.items() if x.ndim == 4}


@pytest.mark.parametrize("resident", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_each_column_has_an_order_of_its_own(resident, monkeypatch):
    source = made(monkeypatch, resident)
    assert source.resident == resident and source.splits == ("train",)
    assert source.count("train") == 10
    assert list(source.columns) == ["a", "a/label", "b", "b/label", "c", "c/label"]
    found = drawn(source, 0, 70)
    for name, n in {"a": 10, "b": 10, "c": 7}.items():  # whole epochs, each a permutation
        assert (
            np.sort(found[name].reshape(-1, n)) == np.sort(found["a" if n == 10 else "c"][:n])
        ).all()
        assert len(set(found[name])) == n
    assert not np.array_equal(found["a"], found["b"])
    again = drawn(made(monkeypatch, resident), 0, 70)
    np.testing.assert_array_equal(found["c"], again["c"])
    other = {name: len(x) for name, x in source.read("train").items()}
    assert other == {"a": 10, "a/label": 10, "b": 10, "b/label": 10, "c": 7, "c/label": 7}


@pytest.mark.parametrize("resident", [True, False])
def test_some_of_its_columns_keep_their_order(resident, monkeypatch):
    source = made(monkeypatch, resident)
    whole, part = drawn(source, 1, 4), source.only(("b", "c"))
    assert list(part.columns) == ["b", "c"] and set(part.parts) == {"b", "c"}
    assert set(part.parts["b"].columns) == {"image"}
    found = drawn(part, 1, 4)
    np.testing.assert_array_equal(found["b"], whole["b"])
    np.testing.assert_array_equal(found["c"], whole["c"])
    assert list(source.only(("a/label",)).columns) == ["a/label"]


def test_what_is_streamed_makes_all_streamed(monkeypatch):
    streamed = Streamed({"train": [{"x": np.float32([i])} for i in range(5)]}, points().columns)
    source = unpaired({"a": numbered(10), "x": streamed})
    assert not source.resident and set(source.columns) == {"a", "a/label", "x"}
    assert source.fetch("train", 0, 0, 2, 4)["a"]["image"].shape == (2, 4, 2, 2, 1)
    with pytest.raises(ConfigError, match="'p' is drawn, which goes with sets on the device"):
        unpaired({"p": ring(), "x": streamed})


def points():
    return from_columns({"x": np.arange(5, dtype=np.float32)[:, None]})


def test_it_stands_in_a_config_and_is_trained_on():
    parts = {"image": spec(digits), "other": spec(digits, seed=1)}
    training = prepare(gan(data=spec(unpaired, parts), method={"given": ("other/label",)}))
    assert set(training.source.columns) == {"image", "other/label"}
    source = build(spec(unpaired, parts))
    assert [source.count(split) for split in source.splits] == [997, 300, 500]


def test_a_part_may_be_one_example_in_all_splits():
    whole = from_columns(numbered(12).splits["train"], {}, 4, 3)
    one, third = single(whole, row=2), whole.read("train")["image"][2]
    assert [one.count(split) for split in ("train", "validation", "test")] == [1, 4, 3]
    assert all((one.read(split)["image"] == third).all() for split in one.splits)
    source = unpaired({"a": numbered(12), "style": one})
    assert set(drawn(source, 3, 5)["style"]) == {float(third[0, 0, 0])}
    with pytest.raises(ConfigError, match="no row 5; the training examples are 5"):
        single(whole, row=5)


def test_parts_that_cannot_be_meant():
    with pytest.raises(ConfigError, match="give two sources or more"):
        unpaired({"a": numbered(3)})
    with pytest.raises(ConfigError, match="'b' is 'photos'; give the spec of a source"):
        unpaired({"a": numbered(3), "b": "photos"})


def test_columns_of_a_set_with_pairs_may_be_of_other_rows_in_training():
    """An epoch has every row once in either order; what is read keeps its pairs."""
    source = misaligned(numbered(12), ("label",))
    held = source.fetch("train", 0, 0, 1, 12)
    found = batch(source, held, 0, 12)
    levels = np.rint((found["image"][:, 0, 0, 0] + 1) * 127.5)
    labels = found["label"].argmax(-1)
    assert sorted(levels) == sorted(labels) == list(range(12))
    assert (levels == labels).mean() < 0.5
    own = batch(numbered(12).only(("image",)), held["here"], 0, 12)
    np.testing.assert_array_equal(found["image"], own["image"])
    read = source.read("train")
    np.testing.assert_array_equal(read["image"][:, 0, 0, 0], read["label"])
    assert not hasattr(source.only(("image",)), "apart")
    with pytest.raises(ConfigError, match="did you mean 'label'"):
        misaligned(numbered(3), ("labl",))
