"""Kinds of columns: what is loaded is stored again as it was; each can be seen and kept."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image as Picture

from genlab.config import ConfigError
from genlab.data.columns import Image, Label, Mask, Numbers, Points, Tokens, checked, inferred

RNG = np.random.default_rng(0)
KINDS = {
    "image": (Image((4, 5, 3)), RNG.integers(0, 256, (6, 4, 5, 3), np.uint8)),
    "mask": (Mask((4, 5, 1)), RNG.random((6, 4, 5, 1)) > 0.5),
    "label": (Label(("cat", "dog", "owl")), np.array([0, 2, 1, 1, 0, 2], np.int32)),
    "numbers": (
        Numbers(("hue", "size"), (0.0, -1.0), (1.0, 3.0)),
        np.float32(RNG.uniform((0, -1), (1, 3), (6, 2))),
    ),
    "points": (Points((2,)), np.float32(RNG.normal(size=(6, 2)))),
    "tokens": (
        Tokens(("", "a", "red", "hat"), 3),
        np.array([[1, 2, 3], [1, 3, 0], [3, 0, 0], [2, 3, 0], [0, 0, 0], [2, 2, 2]], np.int32),
    ),
    "hue": (
        Numbers(("hue",), (0.0,), (1.0,), (1.0,)),
        np.float32(RNG.uniform(0.1, 0.9, (6, 1))),
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_loaded_is_stored_as_it_was(name):
    kind, values = KINDS[name]
    stored = kind.check(name, values)
    loaded = np.asarray(kind.load(jnp.asarray(stored)))
    assert loaded.dtype == np.float32 and loaded.shape == (6, *kind.shape)
    assert stored.shape == (6, *kind.stored)
    again = kind.store(loaded)
    assert again.dtype == stored.dtype
    np.testing.assert_allclose(again, stored, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_a_few_are_drawn_and_one_is_written(name, tmp_path):
    kind, values = KINDS[name]
    sheet = kind.draw(values, 3)
    assert sheet.dtype == np.uint8 and sheet.ndim == 3 and np.ptp(sheet) > 0
    file = kind.write(values[1], tmp_path / "00001")
    assert file.stem == "00001" and file.is_file()
    if file.suffix == ".png":
        with Picture.open(file) as picture:
            scale = 255 if name == "mask" else 1
            np.testing.assert_array_equal(
                np.asarray(picture).reshape(values[1].shape), scale * values[1].astype(int)
            )
    elif file.suffix == ".json":
        found = json.loads(file.read_text())
        np.testing.assert_allclose([found[n] for n in kind.names], values[1], rtol=1e-6)
    else:
        words = {"label": "owl", "tokens": "a hat"}
        wanted = words.get(name) or " ".join(f"{x:.9g}" for x in values[1])
        assert file.read_text().strip() == wanted


def test_networks_are_given_labels_one_hot_and_ranges_from_minus_one_to_one():
    label, numbers = KINDS["label"][0], KINDS["numbers"][0]
    np.testing.assert_array_equal(label.load(jnp.array([2, 0])), [[0, 0, 1], [1, 0, 0]])
    soft = jnp.array([[0.5, 0.25, 0.25]])
    np.testing.assert_array_equal(label.load(soft), soft)
    ends = jnp.array([[0.0, -1.0], [1.0, 3.0]])
    np.testing.assert_allclose(numbers.load(ends), [[-1, -1], [1, 1]])


def test_values_that_cover_a_kind_and_values_as_a_person_types_them():
    label, numbers = KINDS["label"][0], KINDS["numbers"][0]
    assert label.spread(np.arange(5), 5).tolist() == [0, 1, 2, 0, 1]
    np.testing.assert_allclose(numbers.spread(np.arange(3), 3), [[0, -1], [0.5, 1], [1, 3]])
    assert (label.parse("dog"), label.parse("2")) == (1, 2)
    np.testing.assert_allclose(numbers.parse("0.25,2"), [0.25, 2.0])
    for kind, text, told in [
        (label, "dgo", "did you mean 'dog'"),
        (label, "3", "labels are cat, dog, owl"),
        (numbers, "0.5", "give 2 numbers"),
        (numbers, "a,b", "give 2 numbers"),
    ]:
        with pytest.raises(ConfigError, match=told):
            kind.parse(text)


def test_values_are_written_as_they_are_typed_varied_in_steps_and_known_to_be_out_of_range():
    label, numbers = KINDS["label"][0], KINDS["numbers"][0]
    assert [label.text(x) for x in label.steps(None, None, None)] == ["cat", "dog", "owl"]
    assert numbers.text(numbers.parse("0.25,2")) == "0.25,2"
    np.testing.assert_allclose(numbers.steps(None, None, 3), [[0, -1], [0.5, 1], [1, 3]])
    np.testing.assert_allclose(numbers.steps("1,0", "0,2", 3), [[1, 0], [0.5, 1], [0, 2]])
    assert numbers.steps(None, None, None).shape == (9, 2)
    assert numbers.beyond(numbers.steps(None, None, None)) == ""
    assert KINDS["hue"][0].beyond(np.float32([[1.25]])) == ""  # a quarter
    assert "is outside -1 .. 3" in numbers.beyond(numbers.parse("0.5,4")[None])
    for steps, told in [
        (lambda: label.steps("cat", None, None), "neither from, to nor steps"),
        (lambda: numbers.steps(None, None, 1), "at least 2"),
        (lambda: numbers.steps("1,0", "1,0", 3), "from 1,0 to 1,0 nothing varies"),
        (lambda: numbers.steps("0", None, None), "give 2 numbers"),
    ]:
        with pytest.raises(ConfigError, match=told):
            steps()


def test_a_kind_is_inferred_from_values_or_asked_for():
    for name, (kind, values) in KINDS.items():
        if name not in ("numbers", "label", "hue", "tokens"):
            assert inferred(name, values) == kind
    assert inferred("kind", np.array(["b", "a", "b"])) == Label(("a", "b"))
    assert inferred("hue", np.array([0.5, 0.25])) == Numbers(("hue",), (0.25,), (0.5,))
    with pytest.raises(ConfigError, match="or give its kind"):
        inferred("odd", np.zeros((3, 2, 2), np.int64))
    with pytest.raises(ConfigError, match=r"unlike numbers of rows \(a 2, b 3\)"):
        checked({"a": np.arange(2), "b": np.arange(3)}, {})
    with pytest.raises(ConfigError, match=r"row 1 .*must be finite"):
        checked({"hue": np.array([0.0, np.nan])}, {"hue": Numbers(("hue",), (0.0,), (1.0,))})


def test_numbers_with_a_period_have_no_seam():
    kind = Numbers(("hue", "size"), (0.0, 1.0), (1.0, 3.0), period=(1.0, 0.0))
    assert kind.shape == (3,) and kind.stored == (2,)
    loaded = np.asarray(kind.load(jnp.array([[0.001, 1.0], [0.999, 1.0], [0.25, 2.0]])))
    np.testing.assert_allclose(loaded[0], loaded[1], atol=0.02)
    np.testing.assert_allclose(loaded[2], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(kind.store(3 * loaded[2:])[:, 0], [0.25], atol=1e-6)
    np.testing.assert_allclose(
        kind.difference([[0.95, 1.0], [0.1, 3.0]], [[0.05, 2.0], [0.3, 1.0]]),
        [[-0.1, -1.0], [-0.2, 2.0]],
    )
    np.testing.assert_allclose(kind.spread(np.arange(4), 4)[:, 0], [0, 0.25, 0.5, 0.75])


@pytest.mark.parametrize(
    ("high", "period", "told"),
    [(1.0, (1.0, 2.0), "a period for each"), (2.0, (1.0,), "more than its period")],
)
def test_periods_that_cannot_be(high, period, told):
    with pytest.raises(ConfigError, match=told):
        Numbers(("hue",), (0.0,), (high,), period)


def test_tokens_are_text():
    kind = KINDS["tokens"][0]
    assert kind.parse("a red hat").tolist() == [1, 2, 3] and kind.text(kind.parse("hat")) == "hat"
    assert kind.check("said", np.array(["a hat", "red"])).tolist() == [[1, 3, 0], [2, 0, 0]]
    for text, told in [
        ("a rde hat", "did you mean 'red'"),
        ("a a red hat", "4 words, more than 3"),
    ]:
        with pytest.raises(ConfigError, match=told):
            kind.parse(text)
    with pytest.raises(ConfigError, match=r"row 1 .*must be 0 \.\. 3"):
        kind.check("said", np.array([[0, 1, 2], [0, 4, 0]]))
    with pytest.raises(ConfigError, match="give '' first"):
        Tokens(("a", "b"), 3)
