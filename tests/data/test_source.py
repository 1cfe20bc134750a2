import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.augment import image
from genlab.config import ConfigError
from genlab.data import Image, Label, Mask, arrays, from_arrays, sources, to_uint8
from genlab.data.columns import normalise

KEY = random.key(7)
order = jax.jit(sources.shuffled, static_argnums=2)


def numbered(n):
    """A reader of `n` images of 2x2, of which each has one grey level, equal to its label."""
    return [{"image": np.full((2, 2, 1), i, np.uint8), "label": i} for i in range(n)]


def columns(n):
    return {"image": Image((2, 2, 1)), "label": Label(tuple(map(str, range(n))))}


def streamed(n, monkeypatch, augment=()):
    monkeypatch.setattr(sources, "RESIDENT_BYTES", 0)
    made = sources.from_readers({"train": numbered(n)}, columns(n), augment)
    assert isinstance(made, sources.Streamed)
    return made


PROGRAMS = {}  # of a source, which is held lest another one gets its id


def batch(made, i, size, seed=0, rows=None, key=KEY):
    """Batch `i` as training makes it, alone in its dispatch; labels as numbers."""
    held = made.fetch("train", seed, i, 1, size)
    rows = np.arange(size) if rows is None else rows
    _, program = PROGRAMS.setdefault(id(made), (made, jax.jit(made.batch, static_argnums=5)))
    found = jax.tree.map(np.asarray, program(held, key, np.int32(i), np.int32(0), rows, size))
    return found | ({"label": found["label"].argmax(-1)} if "label" in found else {})


@pytest.mark.parametrize(
    "n", [1, 3, 10, 1797, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 1000))]
)
def test_each_epoch_is_a_permutation(n):
    rows = np.asarray(order(KEY, np.arange(4 * n, dtype=np.int32), n)).reshape(4, n)
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.tile(np.arange(n), (4, 1)))
    if n >= 10:
        assert len(np.unique(rows, axis=0)) == 4
        assert not np.array_equal(rows[0], np.arange(n))


@pytest.mark.parametrize("ahead", [1, 16])
@pytest.mark.parametrize("permute", [lambda x: (x * 5 + 3) % 64, lambda x: x ^ 33])
def test_steps_taken_before_anyone_asks_lead_to_the_same_place(permute, ahead):
    """x -> 5 x + 3 has one cycle of 64, of which 11 places are inside; x -> x ^ 33 takes one step
    from outside of 0..32.
    """
    x, n = np.arange(11, dtype=np.uint32), 11 if permute(np.uint32(0)) == 3 else 33

    def alone(x):
        while (x := int(permute(x))) >= n:
            pass
        return x

    walk = jax.jit(lambda x: sources.walked(permute, n, permute(x), ahead))
    np.testing.assert_array_equal(walk(x), [alone(int(one)) for one in x])
    np.testing.assert_array_equal(walk(x), sources.walked(permute, n, permute(x)))


def test_a_gpu_asks_its_host_about_the_walk_after_the_steps_ahead():
    traced = order.trace(KEY, jax.ShapeDtypeStruct((64,), jnp.int32), 1797)
    far = sources.steps_ahead(1797, 4**6, 64)
    for platform, ahead in {"cuda": far, "rocm": far, "tpu": 0, "cpu": 0}.items():
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        keys, permutations = 1 + sources.ROUNDS, 1 + ahead + 1  # the last in the loop
        assert text.count("call @_mixed") == keys + permutations * sources.ROUNDS


@pytest.mark.parametrize("n, domain", [(1797, 4**6), (50_000, 4**8), (70_000, 4**9), (60, 64)])
def test_the_steps_ahead_are_as_many_as_walks_seldom_exceed(n, domain):
    """In one batch of 50 a walk is longer, one step fewer would not do; none at all where every
    place is inside, and no more than are compiled in a moment.
    """
    longer = [128 * (1 - n / domain) ** (sources.steps_ahead(n, domain, 128) - i) for i in (0, 1)]
    assert longer[0] <= 0.02 < longer[1]
    assert sources.steps_ahead(64, 64, 128) == 0 < sources.steps_ahead(60, 64, 0)
    assert sources.steps_ahead(17, 64, 10**6) == sources.steps_ahead(16_385, 4**8, 1_024) == 32


def test_a_row_does_not_depend_on_its_company():
    places = np.arange(5000, 5100, dtype=np.int32)
    together = np.asarray(order(KEY, places, 1797))
    np.testing.assert_array_equal(order(KEY, places[40:50], 1797), together[40:50])
    other = order(random.key(8), places, 1797)
    assert not np.array_equal(other, together)


def test_every_row_falls_on_every_place_equally_often():
    n, epochs = 10, 4000
    rows = np.asarray(order(KEY, np.arange(n * epochs, dtype=np.int32), n)).reshape(epochs, n)
    counts = np.stack([np.bincount(rows[:, place], minlength=n) for place in range(n)])
    chi2 = ((counts - epochs / n) ** 2 / (epochs / n)).sum()
    assert chi2 < 140  # 81 degrees of freedom: one in 10,000 true shuffles goes beyond
    pairs = np.bincount(rows[:, 0] * n + rows[:, 1], minlength=n * n).reshape(n, n)
    expected = epochs / (n * (n - 1))
    assert ((pairs[~np.eye(n, dtype=bool)] - expected) ** 2 / expected).sum() < 150  # 89


def test_late_positions_are_still_a_permutation():
    start = 2**32 - 1000  # the largest positions there are
    places = np.arange(1000, dtype=np.uint32) + np.uint32(start - start % 10)
    rows = np.asarray(order(KEY, places, 10))
    assert np.array_equal(np.sort(rows[:10]), np.arange(10))


def test_a_resident_epoch_shows_each_example_once():
    made = sources.from_readers({"train": numbered(10)}, columns(10))
    assert isinstance(made, sources.Resident) and made.columns == columns(10)
    labels = np.concatenate([batch(made, i, 4)["label"] for i in range(5)])
    np.testing.assert_array_equal(np.sort(labels[:10]), np.arange(10))
    np.testing.assert_array_equal(np.sort(labels[10:]), np.arange(10))


def test_a_streamed_epoch_shows_what_a_resident_one_does(monkeypatch):
    made = streamed(10, monkeypatch)
    batches = [batch(made, i, 4) for i in range(5)]
    labels = np.concatenate([b["label"] for b in batches])
    np.testing.assert_array_equal(np.sort(labels[:10]), np.arange(10))
    np.testing.assert_array_equal(np.sort(labels[10:]), np.arange(10))
    assert not np.array_equal(labels[:10], labels[10:])
    for b in batches:  # labels stay with their images, normalised as a resident source does
        np.testing.assert_array_equal(to_uint8(b["image"])[:, 0, 0, 0], b["label"])
        assert b["image"].dtype == jnp.float32


def test_a_stream_may_be_opened_anywhere(monkeypatch):
    whole = streamed(10, monkeypatch).fetch("train", 5, 0, 8, 4)
    made = streamed(10, monkeypatch)
    for first, batches in [(3, 2), (5, 3), (0, 1), (7, 1), (1, 4)]:
        part = made.fetch("train", 5, first, batches, 4)
        np.testing.assert_array_equal(part["label"], whole["label"][first : first + batches])
        np.testing.assert_array_equal(part["image"], whole["image"][first : first + batches])
    other = streamed(10, monkeypatch).fetch("train", 6, 0, 8, 4)
    assert not np.array_equal(other["label"], whole["label"])


@pytest.mark.parametrize("resident", [pytest.param(True, marks=pytest.mark.slow), False])
def test_an_augmented_batch_is_a_function_of_key_and_index(resident, monkeypatch):
    if not resident:
        monkeypatch.setattr(sources, "RESIDENT_BYTES", 0)
    pictures = np.random.default_rng(0).integers(0, 256, (10, 6, 6, 3), np.uint8)
    reader, picture = [{"image": x} for x in pictures], {"image": Image((6, 6, 3))}
    changes = (image.flip(), image.colour(0.2))
    first = sources.from_readers({"train": reader}, picture, changes)
    third = batch(first, 3, 4)["image"]
    again = sources.from_readers({"train": reader}, picture, changes)
    np.testing.assert_array_equal(batch(again, 3, 4)["image"], third)
    assert not np.array_equal(batch(again, 4, 4)["image"], third)
    assert not np.array_equal(batch(again, 3, 4, key=random.key(8))["image"], third)
    assert "label" not in batch(again, 3, 4)


@pytest.mark.parametrize("resident", [True, False])
def test_every_change_of_every_row_of_every_batch_has_draws_of_its_own(resident, monkeypatch):
    """A number is added and another subtracted: nothing happens where both are one."""
    if not resident:
        monkeypatch.setattr(sources, "RESIDENT_BYTES", 0)
    changes = (lambda x, key: x + random.uniform(key), lambda x, key: x - random.uniform(key))
    reader = [{"image": np.full((2, 2, 1), 100, np.uint8)}] * 8  # one picture, repeated
    made = sources.from_readers({"train": reader}, {"image": Image((2, 2, 1))}, changes)
    assert made.resident == resident
    held, rows = jax.tree.map(jnp.asarray, made.fetch("train", 0, 0, 2, 4)), jnp.arange(4)
    make = jax.jit(lambda i: made.batch(held, KEY, i, i, rows, 4)["image"])
    found = np.concatenate([make(jnp.int32(i)) for i in range(2)])[:, 0, 0, 0]
    assert len(np.unique(found)) == 8


def test_a_share_of_the_rows_is_read_as_the_whole_batch_has_them(monkeypatch):
    whole = streamed(10, monkeypatch).fetch("train", 5, 1, 3, 4)
    part = streamed(10, monkeypatch).fetch("train", 5, 1, 3, 4, rows=np.array([1, 3]))
    np.testing.assert_array_equal(part["label"], whole["label"][:, [1, 3]])


def test_rows_of_a_batch_can_be_made_alone():
    made = sources.from_readers({"train": numbered(10)}, columns(10), (image.colour(0.3),))
    whole, half = batch(made, 2, 4), batch(made, 2, 4, rows=np.array([2, 3]))
    np.testing.assert_array_equal(half["image"], whole["image"][2:])
    np.testing.assert_array_equal(half["label"], whole["label"][2:])


@pytest.mark.parametrize("resident", [True, False])
def test_reading_is_in_storage_order(resident, monkeypatch):
    if not resident:
        monkeypatch.setattr(sources, "RESIDENT_BYTES", 0)
    made = sources.from_readers({"train": numbered(5), "test": numbered(3)}, columns(5))
    assert made.count("train") == 5 and made.count("test") == 3
    np.testing.assert_array_equal(made.read("train", 2)["label"], [0, 1])
    assert made.read("test")["image"].shape == (3, 2, 2, 1)
    with pytest.raises(ConfigError, match="no split 'validation'; this set has train, test"):
        made.count("validation")


def test_levels_survive_the_way_there_and_back():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_uint8(jax.jit(normalise)(levels)), levels)


def in_register(n=10, side=8):
    """Pictures, masks and sketches that are one: each pixel of a picture says all three."""
    mask = np.random.default_rng(0).random((n, side, side, 1)) > 0.5
    picture = np.where(mask, 255, 0).astype(np.uint8)
    values = {"image": picture, "mask": mask, "sketch": picture, "label": np.arange(n)}
    kinds = {"image": Image((side, side, 1)), "mask": Mask((side, side, 1))}
    kinds |= {"sketch": Image((side, side, 1)), "label": Label(tuple(map(str, range(n))))}
    return kinds, [{name: x[i] for name, x in values.items()} for i in range(n)]


@pytest.mark.parametrize("resident", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_same_geometry_meets_all_that_is_in_register(resident, monkeypatch):
    if not resident:
        monkeypatch.setattr(sources, "RESIDENT_BYTES", 0)
    kinds, reader = in_register()
    moved = (image.flip(), image.crop(2), image.rotate(20.0), image.translate(0.2, fill=-1.0))
    made = sources.from_readers({"train": reader}, kinds, moved)
    assert made.resident == resident
    found = batch(made, 1, 8)
    np.testing.assert_allclose(found["mask"] * 2 - 1, found["image"], atol=1e-6)
    np.testing.assert_array_equal(found["sketch"], found["image"])
    plain = batch(sources.from_readers({"train": reader}, kinds), 1, 8)
    assert not np.array_equal(found["image"], plain["image"])
    np.testing.assert_array_equal(found["label"], plain["label"])


def test_colour_is_of_pictures_and_a_fill_colour_is_outside_of_a_mask():
    kinds, reader = in_register()
    change = (image.colour(brightness=0.5), image.translate(0.4, fill=0.5))
    found = batch(sources.from_readers({"train": reader}, kinds, change), 0, 10)
    assert set(np.unique(found["mask"])) == {0.0, 1.0}
    inside = np.asarray(found["mask"]) == 1
    assert (np.asarray(found["image"])[inside] > 0.4).all()
    assert len(np.unique(found["image"])) > 2


class Recording:
    """A reader that notes which columns it is asked for."""

    def __init__(self, rows, names=None, asked=None):
        self.rows, self.names, self.asked = rows, names, [] if asked is None else asked

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        self.asked.append(self.names)
        return {n: x for n, x in self.rows[i].items() if self.names is None or n in self.names}

    def only(self, names):
        return Recording(self.rows, tuple(names), self.asked)


@pytest.mark.parametrize("resident", [pytest.param(True, marks=pytest.mark.slow), False])
def test_some_columns_of_a_source_are_the_same_examples_in_the_same_order(resident, monkeypatch):
    kinds, rows = in_register()
    reader = Recording(rows)
    whole = sources.from_readers({"train": reader}, kinds, (image.flip(),))
    if not resident:
        whole = sources.Streamed({"train": reader}, kinds, (image.flip(),))
    reader.asked.clear()
    part = whole.only(("mask", "label"))
    assert set(part.columns) == set(part.fetch("train", 0, 0, 1, 4)) == {"mask", "label"}
    assert set(reader.asked) == (set() if resident else {("mask", "label")})
    for name, x in batch(part, 2, 4).items():
        np.testing.assert_array_equal(x, batch(whole, 2, 4)[name])
    assert set(part.read("train", 2)) == {"mask", "label"} and part.count("train") == 10


def test_rows_of_memory_are_read_by_one_thread_wherever_they_come_from(monkeypatch, tmp_path):
    """Threads that only copy wait for each other."""
    monkeypatch.setattr(sources, "RESIDENT_BYTES", 0)
    x = np.zeros((40, 2, 2, 1), np.uint8)
    np.savez(tmp_path / "x.npz", image=x)
    made = from_arrays(x), arrays(str(tmp_path / "x.npz"))
    assert [source.threads for source in made] == [1, 1]
    assert [source.only(["image"]).threads for source in made] == [1, 1]
