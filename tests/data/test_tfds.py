"""Stand-ins, written to disk by TFDS itself, are read the way the real sets are."""

import json
import logging
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from genlab.config import ConfigError, as_dict, build, spec
from genlab.data import Image, Label, Mask, Numbers, sources
from genlab.data.sets.tfds import tfds

STAND_INS = """
import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image


def pixels(split, i, height=32, width=32, channels=3, levels=256):
    rng = np.random.default_rng([len(split), i])
    return rng.integers(0, levels, (height, width, channels), np.uint8)


def png(image):  # a numpy array would be encoded by TensorFlow
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(file, "PNG")
    file.seek(0)
    return file


class StandIn(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")
    COUNTS = {"train": 50, "test": 20}
    FEATURES = {
        "image": tfds.features.Image(shape=(32, 32, 3)),
        "label": tfds.features.ClassLabel(num_classes=10),
    }

    def _info(self):
        features = tfds.features.FeaturesDict(self.FEATURES)
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, downloads):
        return {s: self._generate_examples(s, n) for s, n in self.COUNTS.items()}

    def _generate_examples(self, split, count):
        for i in range(count):
            yield i, self.example(split, i)

    def example(self, split, i):
        return {"image": png(pixels(split, i)), "label": i % 10}


class Cifar10(StandIn, skip_registration=True):  # under the name and version of the real one
    VERSION = tfds.core.Version("3.0.2")
    FEATURES = {"id": tfds.features.Text(), **StandIn.FEATURES}

    def example(self, split, i):
        return {"id": str(i), **super().example(split, i)}


class Mnist(StandIn, skip_registration=True):
    VERSION = tfds.core.Version("3.0.1")
    COUNTS = {"train": 9, "test": 4}
    FEATURES = {**StandIn.FEATURES, "image": tfds.features.Image(shape=(28, 28, 1))}

    def example(self, split, i):
        return {"image": png(pixels(split, i, 28, 28, 1)), "label": i % 10}


class Faces(StandIn, skip_registration=True):
    COUNTS = {"train": 10, "validation": 4}
    FEATURES = {
        "image": tfds.features.Image(shape=(12, 8, 3)),
        "attributes": {"Male": np.bool_, "age": np.int64},
    }

    def example(self, split, i):
        face = png(pixels(split, i, 12, 8))
        return {"image": face, "attributes": {"Male": i % 2 == 0, "age": i}}


class Scenes(StandIn, skip_registration=True):
    COUNTS = {"train": 8, "test": 4}
    FEATURES = {
        "image": tfds.features.Image(shape=(12, 12, 3)),
        "sketch": tfds.features.Image(shape=(12, 12, 1)),
        "segmentation_mask": tfds.features.Image(shape=(12, 12, 1)),  # 1, 2 and 3, as of pets
        "species": tfds.features.ClassLabel(names=["cat", "dog"]),
        "traits": {"tame": np.bool_, "old": np.bool_},
        "pose": {"yaw": np.float32, "far": np.int64},
        "centre": tfds.features.Tensor(shape=(2,), dtype=np.float32),
        "breed": tfds.features.Text(),
    }

    def example(self, split, i):
        trimap = 1 + pixels(split, i, 12, 12, 1, levels=3)
        return {
            "image": png(pixels(split, i, 12, 12)),
            "sketch": png(pixels(split, i, 12, 12, 1)),
            "segmentation_mask": png(trimap),
            "species": i % 2,
            "traits": {"tame": i % 2 == 0, "old": i > 3},
            "pose": {"yaw": i / 2, "far": 10 * i},
            "centre": np.array([i, -i], np.float32),
            "breed": "any",
        }


class Photos(StandIn, skip_registration=True):
    FEATURES = {**StandIn.FEATURES, "image": tfds.features.Image(shape=(None, None, 3))}

    def example(self, split, i):
        return {"image": png(pixels(split, i, 8 + i % 3, 10)), "label": 0}


class Sprites(StandIn, skip_registration=True):
    FEATURES = {"image": tfds.features.Image(shape=(8, 8, 1))}

    def example(self, split, i):
        return {"image": png(pixels(split, i, 8, 8, 1, levels=2))}
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(the module of stand-ins, the data_dir that they are prepared in)."""
    root = tmp_path_factory.mktemp("tfds")
    package = root / "standins"  # TFDS wants a builder to live in a package directory
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "sets.py").write_text(STAND_INS)
    sys.path.insert(0, str(root))
    try:
        from standins import sets
    finally:
        sys.path.remove(str(root))
    for name in ("Cifar10", "Mnist", "Faces", "Scenes", "Photos", "Sprites"):
        made = getattr(sets, name)(data_dir=root / "data", file_format="array_record")
        made.download_and_prepare()
    return sets, str(root / "data")


def test_a_set_is_read_and_split(written):
    sets, data_dir = written
    made = tfds("cifar10", data_dir=data_dir)
    assert isinstance(made, sources.Resident)
    assert made.columns["image"].shape == (32, 32, 3) and made.columns["label"].cycle == 10
    assert {s: made.count(s) for s in ("train", "validation", "test")} == {
        "train": 45,
        "validation": 5,
        "test": 20,
    }
    wanted = {(sets.pixels("train", i).tobytes(), i % 10) for i in range(50)}
    parts = [made.read("train"), made.read("validation")]
    found = {
        (image.tobytes(), int(label))
        for part in parts
        for image, label in zip(part["image"], part["label"], strict=True)
    }
    assert found == wanted


def test_it_is_what_tfds_itself_reads(written):
    import tensorflow_datasets

    own = tensorflow_datasets.data_source(
        "cifar10",
        split="test",
        data_dir=written[1],
        download=False,
        builder_kwargs={"file_format": "array_record"},
    )
    test = tfds("cifar10", data_dir=written[1]).read("test")
    np.testing.assert_array_equal(test["image"], [example["image"] for example in own])
    np.testing.assert_array_equal(test["label"], [example["label"] for example in own])


def test_tensorflow_is_never_imported(written):
    script = f"""
        import sys
        from genlab.data.sets.tfds import tfds
        assert "tensorflow_datasets" not in sys.modules  # until it is needed
        assert "grain" not in sys.modules and "PIL" not in sys.modules
        made = tfds("cifar10", data_dir={written[1]!r}, shape=(16, 16, 1), resize="bicubic")
        assert made.columns["image"].shape == (16, 16, 1)
        assert "tensorflow_datasets" in sys.modules and "tensorflow" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=120)


def test_a_stream_reads_the_same_images(written, monkeypatch):
    resident = tfds("cifar10", data_dir=written[1])
    monkeypatch.setattr(sources, "RESIDENT_BYTES", 0)
    streamed = tfds("cifar10", data_dir=written[1])
    assert isinstance(streamed, sources.Streamed)
    np.testing.assert_array_equal(streamed.read("train")["image"], resident.read("train")["image"])
    epoch = streamed.fetch("train", 0, 0, 9, 5)  # 9 batches of 5: an epoch of 45
    seen = {image.tobytes() for image in epoch["image"].reshape(45, -1)}
    assert seen == {image.tobytes() for image in resident.read("train")["image"]}


def test_grey_images(written):
    made = tfds("mnist", data_dir=written[1], validation=0.3)
    assert made.columns["image"].shape == (28, 28, 1)
    assert [made.count(split) for split in ("train", "validation", "test")] == [6, 3, 4]


def test_inner_features_and_a_set_without_labels(written):
    unlabelled = tfds("faces", data_dir=written[1])
    assert set(unlabelled.columns) == {"image"} and set(unlabelled.read("train")) == {"image"}
    assert [unlabelled.count(s) for s in ("train", "validation", "test")] == [9, 4, 1]
    made = tfds("faces", label="attributes/Male", data_dir=written[1], test=0)
    assert made.columns["label"].names == ("no", "yes") and set(made.read("train")["label"]) == {
        0,
        1,
    }
    with pytest.raises(ConfigError, match="no split 'test'"):
        made.count("test")


def test_any_feature_is_a_column(written):
    sets, data_dir = written
    wanted = ("image", "species", "traits/tame", "traits", "pose/yaw", "pose", "centre")
    config = spec(tfds, "scenes", data_dir=data_dir, columns=wanted, validation=0.0)
    made = build(json.loads(json.dumps(as_dict(config))))
    assert made.columns == {
        "image": Image((12, 12, 3)),
        "species": Label(("cat", "dog")),
        "traits/tame": Label(("no", "yes")),
        "traits": Numbers(("old", "tame"), (0.0, 0.0), (1.0, 1.0)),
        "pose/yaw": Numbers(("pose/yaw",), (0.0,), (3.5,)),
        "pose": Numbers(("far", "yaw"), (0.0, 0.0), (70.0, 3.5)),
        "centre": Numbers(("centre/0", "centre/1"), (0.0, -7.0), (7.0, 0.0)),
    }
    found = made.read("train")
    which = [int(x) for x in found["centre"][:, 0]]
    assert sorted(which) == list(range(8))
    for row, i in enumerate(which):
        np.testing.assert_array_equal(found["image"][row], sets.pixels("train", i, 12, 12))
        assert found["species"][row] == i % 2 and found["traits/tame"][row] == (i + 1) % 2
        np.testing.assert_array_equal(found["traits"][row], [i > 3, i % 2 == 0])
        np.testing.assert_array_equal(found["pose"][row], [10 * i, i / 2])


def test_a_mask_is_a_feature_with_a_kind_and_stays_in_register(written):
    sets, data_dir = written
    kinds = {"segmentation_mask": spec(Mask, (6, 6, 1), inside=(1, 1))}
    config = spec(
        tfds,
        "scenes",
        data_dir=data_dir,
        columns=("image", "sketch", "segmentation_mask", "centre"),
        kinds=kinds,
        shape=(6, 6, 3),
        resize="nearest",
    )
    made = build(config)
    assert made.columns["sketch"] == Image((6, 6, 1))
    found = made.read("test")
    for row, i in enumerate(found["centre"][:, 0].astype(int)):
        trimap = 1 + sets.pixels("test", i, 12, 12, 1, levels=3)
        np.testing.assert_array_equal(found["segmentation_mask"][row], trimap[1::2, 1::2] == 1)
        np.testing.assert_array_equal(
            found["sketch"][row], sets.pixels("test", i, 12, 12, 1)[1::2, 1::2]
        )
    plain = {"segmentation_mask": Mask((12, 12, 1))}
    with pytest.raises(ConfigError, match=r"none of which is inside, 128..255"):
        tfds("scenes", data_dir=data_dir, columns=("segmentation_mask",), kinds=plain)
    small = {"segmentation_mask": made.columns["segmentation_mask"]}
    with pytest.raises(ConfigError, match=r"images \(12, 12, 1\) in 'segmentation_mask', not"):
        tfds("scenes", data_dir=data_dir, columns=("segmentation_mask",), kinds=small)


def test_pictures_that_no_column_needs_are_not_decoded(written, monkeypatch):
    import tensorflow_datasets

    monkeypatch.setattr(sources, "RESIDENT_BYTES", 0)
    made = tfds("scenes", data_dir=written[1], columns=("image", "sketch", "species"))
    decoded = []
    feature = tensorflow_datasets.features.Image
    original = feature.decode_example_np

    def noted(self, example):
        decoded.append(self.shape)
        return original(self, example)

    monkeypatch.setattr(feature, "decode_example_np", noted)
    species = made.only(("species",)).fetch("train", 0, 0, 1, 4)
    assert set(species) == {"species"} and not decoded
    part = made.only(("sketch", "species")).fetch("train", 0, 0, 1, 4)
    assert set(part) == {"sketch", "species"} and set(decoded) == {(12, 12, 1)}
    whole = made.fetch("train", 0, 0, 1, 4)
    np.testing.assert_array_equal(part["sketch"], whole["sketch"])
    np.testing.assert_array_equal(species["species"], whole["species"])


def test_splits_may_be_given(written):
    config = spec(tfds, "cifar10", data_dir=written[1], splits={"train": "train+test[:5]"})
    made = build(config)
    assert made.count("train") == 55
    with pytest.raises(ConfigError, match=r"splits: train='trian'.*Unknown split"):
        tfds("cifar10", data_dir=written[1], splits={"train": "trian"})


def test_images_of_many_sizes_need_a_shape(written):
    with pytest.raises(ConfigError, match=r"many sizes; give shape=.* and resize='bicubic'"):
        tfds("photos", data_dir=written[1])
    made = tfds("photos", data_dir=written[1], shape=(8, 8, 3), resize="box")
    assert made.read("test")["image"].shape == (20, 8, 8, 3)
    with pytest.raises(ConfigError, match=r"has images \(12, 8, 3\), not \(8, 8, 3\)"):
        tfds("faces", data_dir=written[1], shape=(8, 8, 3))


def test_black_and_white_as_0_and_1_is_brought_to_full_range(written, caplog):
    with caplog.at_level(logging.WARNING, "genlab"):
        made = tfds("sprites", data_dir=written[1])
    assert set(np.unique(made.read("train")["image"])) == {0, 255}
    assert "sprites stores pixels as 0 and 1" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": "fashion_mnist"}, "run: genlab prepare tfds:fashion_mnist --data_dir "),
        ({"name": "cifar_10"}, "no set 'cifar_10'; did you mean 'cifar10'"),
        ({"name": "cifar10", "image": "imag"}, "no feature 'imag'; did you mean 'image'"),
        ({"name": "cifar10", "image": "label"}, "no uint8 image"),
        ({"name": "cifar10", "label": "id"}, "neither class nor yes or no"),
        ({"name": "faces", "label": "attributes/age"}, "neither class nor yes or no"),
        ({"name": "scenes", "columns": ("image", "bred")}, "no feature 'bred'; did you mean"),
        ({"name": "scenes", "columns": ("breed",)}, r"'breed' is Text.*give its kind, kinds="),
        ({"name": "scenes", "columns": ("image",), "kinds": {"mask": 1}}, "which is no column"),
        ({"name": "cifar10", "validation": 1.0}, "leaves none to train on"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(written, arguments, told):
    with pytest.raises(ConfigError, match=told) as caught:
        tfds(**arguments, data_dir=written[1])
    assert "\n" not in str(caught.value)


def test_a_set_in_another_format_is_not_read(written, tmp_path):
    folder = tmp_path / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    for name in ("dataset_info.json", "features.json"):
        text = (Path(written[1]) / "mnist" / "3.0.1" / name).read_text()
        (folder / name).write_text(text.replace("array_record", "tfrecord"))
    with pytest.raises(ConfigError, match="prepared in another format"):
        tfds("mnist", data_dir=str(tmp_path))
