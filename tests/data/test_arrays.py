import json

import numpy as np
import pytest

from genlab.config import ConfigError, as_dict, build, spec
from genlab.data import arrays, digits, from_arrays, from_columns, sources, to_uint8
from genlab.data.columns import Image, Label, Mask, Numbers
from genlab.data.named import named


def test_digits_are_all_there_once_with_17_levels():
    source = digits()
    assert [source.count(s) for s in ("train", "validation", "test")] == [997, 300, 500]
    assert source.columns == {"image": Image((8, 8, 1)), "label": Label(tuple("0123456789"))}
    images = np.concatenate([source.read(s)["image"] for s in ("train", "validation", "test")])
    assert images.dtype == np.uint8 and images.shape == (1797, 8, 8, 1)
    assert len(np.unique(images)) == 17 and images.max() == 255
    from sklearn.datasets import load_digits

    assert np.rint(images / 255 * 16).sum() == load_digits().images.sum()


def test_splits_follow_the_seed_and_do_not_overlap():
    a, b, c = digits(), digits(), digits(seed=1)
    np.testing.assert_array_equal(a.read("test")["image"], b.read("test")["image"])
    assert not np.array_equal(a.read("test")["image"], c.read("test")["image"])
    rows = [{x.tobytes() for x in a.read(s)["image"]} for s in ("train", "test")]
    assert len(rows[0] & rows[1]) == 0


def test_npz_files_whole_or_already_split(tmp_path):
    rng = np.random.default_rng(0)
    image, label = rng.integers(0, 256, (20, 4, 4, 3), np.uint8), rng.integers(0, 3, 20)
    np.savez(tmp_path / "whole.npz", image=image, label=label)
    whole = arrays(str(tmp_path / "whole.npz"), validation=0.1, test=0.2)
    assert [whole.count(s) for s in ("train", "validation", "test")] == [
        14,
        2,
        4,
    ] and whole.columns["label"].cycle == 3
    np.savez(tmp_path / "split.npz", train_image=image[:15], test_image=image[15:])
    split = arrays(str(tmp_path / "split.npz"))
    assert split.count("train") == 15 and set(split.columns) == {"image"}
    np.testing.assert_array_equal(split.read("test", 2)["image"], image[15:17])


def test_mistakes_are_told(tmp_path):
    images = np.zeros((10, 4, 4, 1), np.uint8)
    with pytest.raises(ConfigError, match=r"float32 \(10, 4, 4, 1\): images must be uint8"):
        from_arrays(images.astype(np.float32))
    with pytest.raises(ConfigError, match="leave nothing to train on of 10"):
        from_arrays(images, test=10)
    with pytest.raises(ConfigError, match=r"label -1 in row 0 \(10 of 10 rows"):
        from_arrays(images, np.full(10, -1), test=2)
    with pytest.raises(ConfigError, match=r"nowhere\.npz is no npz file of arrays"):
        arrays("nowhere.npz")
    np.savez(tmp_path / "odd.npz", pictures=images)
    with pytest.raises(ConfigError, match="no column 'image'; it holds pictures"):
        arrays(str(tmp_path / "odd.npz"), columns=("image",))
    with pytest.raises(ConfigError, match="no split 'dev'; this set has train"):
        digits().read("dev")


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"label": np.zeros(9, int)}, r"unlike numbers of rows \(image 10, label 9\)"),
        ({"label": np.zeros(10)}, "labels are float64"),
        ({"validation": -5}, "both are counts from 0 up"),
    ],
)
def test_labels_and_counts_are_checked(made, told):
    with pytest.raises(ConfigError, match=told):
        from_arrays(np.zeros((10, 4, 4, 1), np.uint8), **made)


def test_files_are_checked(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ConfigError, match="is no npz file of arrays"):
        arrays(str(tmp_path / "text.npz"))
    small, large = np.zeros((3, 4, 4, 1), np.uint8), np.zeros((3, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "shapes.npz", train_image=small, test_image=large)
    with pytest.raises(ConfigError, match="the splits hold image of different shapes"):
        arrays(str(tmp_path / "shapes.npz"))
    np.savez(tmp_path / "floats.npz", train_image=small / 2)
    with pytest.raises(ConfigError, match=r"float64 .*images must be uint8"):
        arrays(str(tmp_path / "floats.npz"))


def test_large_arrays_are_streamed(monkeypatch):
    monkeypatch.setattr(sources, "RESIDENT_BYTES", 100)
    large = digits()
    assert (
        not large.resident
        and large.columns["image"].shape == (8, 8, 1)
        and large.count("test") == 500
    )
    batch = large.fetch("train", 0, 0, 2, 4)
    assert batch["image"].shape == (2, 4, 8, 8, 1) and batch["label"].shape == (2, 4)


def test_uint8_conversion_is_the_inverse_of_normalisation():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_uint8(levels / 127.5 - 1), levels)
    np.testing.assert_array_equal(to_uint8(np.asarray([-3.0, 3.0])), [0, 255])


def test_data_by_name():
    assert named("digits").call == "genlab.data:digits"
    assert named("tfds:cifar10").name == "cifar10"
    assert named("folder:photos").path == "photos"
    with pytest.raises(ConfigError, match="did you mean 'swiss_roll'"):
        named("swissroll")


def test_digits_may_be_enlarged():
    small, large = digits(), digits(size=28)
    assert large.columns["image"].shape == (28, 28, 1) and large.count("test") == 500
    a, b = small.read("test", 20), large.read("test", 20)
    np.testing.assert_array_equal(a["label"], b["label"])
    brightness = [x["image"].reshape(20, -1).mean(axis=1) for x in (a, b)]
    assert np.corrcoef(*brightness)[0, 1] > 0.99
    with pytest.raises(ConfigError, match="they are 8x8"):
        digits(size=4)


def test_masks_come_as_truth_or_as_pictures():
    grey = np.zeros((3, 4, 4), np.uint8)
    grey[:, 1] = 200
    wanted = (grey > 0)[..., None]
    for values, kind in ((grey > 0, Mask((4, 4, 1))), (grey, Mask((4, 4, 1)))):
        np.testing.assert_array_equal(kind.check("mask", values), wanted)
    trimap = np.where(grey > 0, 3, 2).astype(np.uint8)
    with pytest.raises(ConfigError, match=r"hold \[2, 3\], none of which is inside, 128..255"):
        Mask((4, 4, 1)).check("mask", trimap)
    np.testing.assert_array_equal(Mask((4, 4, 1), (3, 3)).check("mask", trimap), wanted)


def test_kinds_stand_in_a_config_and_survive_json(tmp_path):
    words = np.array(["red", "blue", "red", "green"])
    degrees = np.array([0, 90, 180, 359])
    pictures = np.zeros((4, 2, 2, 1), np.uint8)
    np.savez(tmp_path / "a.npz", picture=pictures, word=words, turn=degrees, sure=degrees > 90)
    config = spec(
        arrays,
        str(tmp_path / "a.npz"),
        validation=0.0,
        test=0.0,
        kinds={"turn": spec(Numbers, ("degrees",), (0.0,), (360.0,))},
    )
    made = build(json.loads(json.dumps(as_dict(config))))
    assert made.columns == {
        "picture": Image((2, 2, 1)),
        "word": Label(("blue", "green", "red")),
        "turn": Numbers(("degrees",), (0.0,), (360.0,)),
        "sure": Label(("no", "yes")),
    }
    found = made.read("train")
    order = np.argsort(found["turn"][:, 0])
    assert found["word"][order].tolist() == [2, 0, 2, 1]
    assert found["sure"][order].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ({"trun": Label(("a",))}, "no column; did you mean 'turn'"),
        ({"turn": "Numbers"}, r"kinds\['turn'\] is 'Numbers', no kind of column: give a spec"),
        ({"turn": Numbers(("a", "b"), (0.0, 0.0), (1.0, 1.0))}, r"must be floats \[N, 2\]: a, b"),
        ({"turn": Label(("a", "b"))}, "label 2 in row 2"),
    ],
)
def test_a_kind_that_does_not_fit_is_told(kinds, told):
    with pytest.raises(ConfigError, match=told):
        from_columns({"turn": np.arange(4), "word": np.array(list("abcd"))}, kinds)
