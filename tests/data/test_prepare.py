import importlib.util
import json
import logging
import os
import sys
import time

import numpy as np
import pytest
import requests
from PIL import Image

from genlab.augment import image
from genlab.config import ConfigError, spec
from genlab.data import digits
from genlab.data.preparing import prepare, prepare_for
from genlab.data.records import Records
from genlab.data.sets.folder import Files, Recipe, Split, folder, home, in_place, prepared
from genlab.data.sets.tfds import tfds
from genlab.runtime.cache import cache

STAND_INS = '''
import gzip
import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image


class GenlabPictures(tfds.core.GeneratorBasedBuilder):  # registered: found by its name
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"image": tfds.features.Image(shape=(4, 4, 3))}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, downloads):
        return {"train": self._generate_examples(5)}

    def _generate_examples(self, count):
        for i in range(count):
            file = io.BytesIO()
            Image.new("RGB", (4, 4), (i, 20, 30)).save(file, "PNG")
            yield i, {"image": io.BytesIO(file.getvalue())}


class GenlabCompressed(GenlabPictures):
    def _split_generators(self, downloads):
        file = self.data_path.parent / "raw.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(b"pixels"))
        downloads.extract(str(file))  # for which TFDS imports TensorFlow
        return {"train": self._generate_examples(5)}


class GenlabByHand(GenlabPictures):
    MANUAL_DOWNLOAD_INSTRUCTIONS = """Register at the site,
    and put pictures.zip there."""

    def _split_generators(self, downloads):
        assert (downloads.manual_dir / "pictures.zip").exists()
        return {"train": self._generate_examples(5)}


class GenlabOffline(GenlabPictures):
    def _split_generators(self, downloads):
        import requests

        raise requests.ConnectionError("the network went away")
'''


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """Registers sets that TFDS can prepare here, or cannot."""
    root = tmp_path_factory.mktemp("tfds")
    package = root / "genlab_standins"  # TFDS wants a builder to live in a package directory
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "registered.py").write_text(STAND_INS)
    sys.path.insert(0, str(root))
    try:
        import genlab_standins.registered  # noqa: F401
    finally:
        sys.path.remove(str(root))


@pytest.fixture
def zoo(tmp_path):
    """Two classes of ten images; one more is broken, one more a duplicate."""
    rng = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        for i in range(10):
            pixels = rng.integers(0, 256, (6, 5, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / kind / f"{i}.png")
    Image.fromarray(pixels).save(tmp_path / "dog" / "again.png")
    (tmp_path / "dog" / "broken.png").write_bytes(b"no image")
    return tmp_path


def test_a_prepared_folder_gives_the_same_bytes(zoo):
    plain = folder(str(zoo))
    told = prepare(f"folder:{zoo}")
    assert "16 train, 2 validation, 2 test; 20 of 22 images used; 1 unreadable" in told
    readers, cleaning, contents = prepared(Recipe(str(zoo)))
    assert all(isinstance(reader, Records) for reader in readers.values())
    assert (cleaning, contents) == in_place(Recipe(str(zoo)))[1:]
    copied = folder(str(zoo))
    assert copied.columns == plain.columns and copied.columns["image"].shape == (6, 5, 3)
    for split in ("train", "validation", "test"):
        one, other = plain.read(split), copied.read(split)
        assert one.keys() == other.keys() == {"image", "label"}
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
            assert one[name].dtype == other[name].dtype


def test_an_unlabelled_folder_stays_so(tmp_path):
    for i in range(5):
        Image.new("L", (3, 3), i).save(tmp_path / f"{i}.png")
    prepare(str(tmp_path), options={"split": Split(0.0)})
    made = folder(str(tmp_path), split=Split(0.0))
    assert set(made.columns) == {"image"} and set(made.read("train")) == {"image"}


def test_preparing_twice_does_nothing(zoo):
    prepare(f"folder:{zoo}")
    place = home(Recipe(str(zoo)))
    stamps = {file.name: file.stat().st_mtime_ns for file in place.iterdir()}
    assert "is prepared already: 16 train, 2 validation, 2 test" in prepare(str(zoo))
    assert {file.name: file.stat().st_mtime_ns for file in place.iterdir()} == stamps
    assert set(stamps) == {
        "index.json",
        *(f"{s}.array_record" for s in prepared(Recipe(str(zoo)))[0]),
    }


def test_a_copy_serves_only_its_own_recipe_and_files(zoo):
    prepare(str(zoo), options={"shape": [3, 3, 1], "resize": "box"})
    assert folder(str(zoo), shape=(3, 3, 1), resize="box").columns["image"].shape == (3, 3, 1)
    assert prepared(Recipe(str(zoo), (3, 3, 1), resize="box")) is not None
    assert prepared(Recipe(str(zoo), (3, 3, 1), resize="bicubic")) is None
    assert prepared(Recipe(str(zoo), (3, 3, 1), resize="box", seed=1)) is None
    Image.new("RGB", (5, 6)).save(zoo / "cat" / "new.png")
    assert prepared(Recipe(str(zoo), (3, 3, 1), resize="box")) is None


def test_a_copy_of_other_options_is_not_taken_silently(zoo, caplog):
    prepare(str(zoo))
    with caplog.at_level(logging.WARNING, "genlab"):
        assert folder(str(zoo), shape=(3, 3, 3), resize="box").columns["image"].shape == (3, 3, 3)
    assert "prepared copies have other options; reading in place" in caplog.text


def test_files_saved_anew_at_the_same_size_are_not_served_from_the_old_copy(zoo, caplog):
    for file in zoo.rglob("*.png"):
        if "broken" not in file.name:
            Image.open(file).save(file.with_suffix(".bmp"))
        file.unlink()
    before = set(zoo.rglob("*"))
    place = prepare(str(zoo)).partition(":")[0]
    assert set(zoo.rglob("*")) == before  # nothing is written beside the images
    assert place.startswith(str(cache()))
    dark = folder(str(zoo)).read("train")["image"]
    for file in zoo.rglob("*.bmp"):
        size, times = file.stat().st_size, (file.stat().st_atime_ns, file.stat().st_mtime_ns)
        Image.open(file).point(lambda value: min(255, value + 40)).save(file)
        os.utime(file, ns=times)  # as `rsync -t` leaves it
        assert file.stat().st_size == size
    with caplog.at_level(logging.WARNING, "genlab"):
        bright = folder(str(zoo)).read("train")["image"]
    np.testing.assert_array_equal(bright, np.minimum(255, dark.astype(int) + 40))
    told = f"since it was prepared in {place}: 21 changed (cat/0.bmp, cat/1.bmp, cat/2.bmp ...)"
    assert told in caplog.text
    (zoo / "cat" / "0.bmp").rename(zoo / "cat" / "new.bmp")
    told = prepare(str(zoo))
    assert (
        f"since the copy in {place}, which can be deleted: 1 added (cat/new.bmp), 1 removed" in told
    )


def test_what_a_config_reads_can_be_prepared(zoo, stand_ins, tmp_path):
    data = spec(folder, str(zoo), shape=(3, 3, 1), resize="box", augment=(spec(image.flip),))
    assert "16 train" in prepare_for(data)
    assert prepared(Recipe(str(zoo), (3, 3, 1), resize="box")) is not None
    assert "5 train" in prepare_for(spec(tfds, "genlab_pictures", data_dir=str(tmp_path / "d")))
    with pytest.raises(ConfigError, match=r"genlab.data:digits needs no preparing"):
        prepare_for(spec(digits))


def test_a_copy_is_whole_or_not_there(zoo, monkeypatch):
    def fail(reader, i):
        raise OSError("the disk is full")

    monkeypatch.setattr(Files, "__getitem__", fail)
    with pytest.raises(ConfigError, match="the disk is full"):
        prepare(str(zoo))
    assert prepared(Recipe(str(zoo))) is None
    assert not any(home(Recipe(str(zoo))).parent.glob(f"*{home(Recipe(str(zoo))).name}*"))


@pytest.mark.parametrize("name", ["index.json", "train.array_record"])
def test_a_damaged_copy_says_so(zoo, name):
    prepare(str(zoo))
    file = home(Recipe(str(zoo))) / name
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(ConfigError, match=r"is damaged .*; delete it and prepare it again"):
        folder(str(zoo))


def test_cleaning_is_told_from_a_copy_too(zoo, caplog):
    prepare(str(zoo))
    index = json.loads((home(Recipe(str(zoo))) / "index.json").read_text())
    assert index["cleaning"]["classes"] == ["cat", "dog"]
    with caplog.at_level(logging.WARNING, "genlab"):
        folder(str(zoo))
    assert "1 unreadable (dog/broken.png); 1 duplicate (dog/again.png)" in caplog.text


def test_a_tfds_set_is_prepared_once(stand_ins, tmp_path):
    told = prepare("tfds:genlab_pictures", data_dir=str(tmp_path))
    assert told == f"{tmp_path}/genlab_pictures/1.0.0: 5 train"
    assert "is prepared already: 5 train" in prepare("tfds:genlab_pictures", str(tmp_path))
    made = tfds("genlab_pictures", data_dir=str(tmp_path), validation=0, test=0)
    assert set(made.read("train")["image"][:, 0, 0, 0]) == set(range(5))
    assert "tensorflow" not in sys.modules


def test_a_set_that_needs_tensorflow_says_so(stand_ins, tmp_path):
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is installed")
    with pytest.raises(ConfigError, match=r"pip install 'genlab\[tensorflow\]'") as caught:
        prepare("tfds:genlab_compressed", str(tmp_path))
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "genlab_compressed").glob("1.0.0*"))  # no half of a set


def test_a_set_to_be_fetched_by_hand_says_how(stand_ins, tmp_path):
    told = "give --manual_dir: Register at the site, and put pictures.zip there."
    with pytest.raises(ConfigError, match=told):
        prepare("tfds:genlab_by_hand", str(tmp_path))
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "pictures.zip").touch()
    assert "5 train" in prepare("tfds:genlab_by_hand", str(tmp_path), str(tmp_path / "manual"))


def test_offline_is_told_at_once(tmp_path, monkeypatch):
    asked = []

    def head(url, timeout):
        asked.append((url, timeout))
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "head", head)
    start = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        prepare("tfds:mnist", data_dir=str(tmp_path))
    told = str(caught.value)
    assert "cannot reach storage.googleapis.com; on a connected machine run" in told
    assert "train-images-idx3-ubyte.gz" in told and "--manual_dir" in told and "\n" not in told
    assert len(asked) == 1 and asked[0][1] <= 5 and time.monotonic() - start < 30


def test_files_that_are_here_are_not_asked_for(stand_ins, tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "head", lambda *_, **__: pytest.fail("asked the network"))
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").touch()
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").touch()
    with pytest.raises(Exception, match="wrong checksum"):  # TFDS was let at them
        prepare("tfds:mnist", str(tmp_path / "data"), manual_dir=str(tmp_path))


def test_a_network_that_goes_away_is_told(stand_ins, tmp_path):
    with pytest.raises(ConfigError, match="genlab_offline: cannot reach its server"):
        prepare("tfds:genlab_offline", str(tmp_path))


def test_what_cannot_be_prepared(zoo):
    with pytest.raises(ConfigError, match="give tfds:NAME or folder:PATH"):
        prepare("mnist")
    with pytest.raises(ConfigError, match="did you mean 'mnist'"):
        prepare("tfds:mnits")
    with pytest.raises(ConfigError, match="no argument 'resise'; did you mean 'resize'"):
        prepare(str(zoo), options={"resise": "box"})
    with pytest.raises(ConfigError, match="belong to TFDS sets"):
        prepare(str(zoo), data_dir="elsewhere")
    with pytest.raises(ConfigError, match="shape: options of a folder"):
        prepare("tfds:mnist", options={"shape": (8, 8, 1)})
