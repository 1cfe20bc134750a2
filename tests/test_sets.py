"""A set of images from anywhere: what is read, what is refused, and by what it is known."""

import zipfile

import numpy as np
import pytest
from helpers.shared import LABELS, REAL, image_folder
from PIL import Image

from genlab.config import ConfigError
from genlab.data import npz as npz_files
from genlab.evaluation.reading import Resize, read_set


def test_slices_and_rows_of_files_are_the_array(tmp_path):
    found = read_set(str(image_folder(tmp_path / "set", REAL))).images
    assert found.shape == REAL.shape and len(found) == 80
    for part in (slice(3, 9), slice(None), np.array([5, 2, 2])):
        assert np.array_equal(found[part], REAL[part])


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"image": REAL / 255}, r"quantise them.*rint\(x \* 255\)\.astype\(np\.uint8\)"),
        ({"image": REAL[..., 0]}, r"\(80, 8, 8\), expected \[N, H, W, C\].*x\[..., None\]"),
        ({"image": REAL.transpose(0, 3, 1, 2)}, r"x\.transpose\(0, 2, 3, 1\)"),
        ({"image": REAL, "label": LABELS[:3]}, "expected integers"),
        ({"x": REAL}, "holds x; it needs one of image, images, arr_0"),
        ({"image": REAL.repeat(4, -1)}, r"x\[\.\.\., :3\], or give --resize=bicubic:8x8"),
        ({"image": np.array([{}], dtype=object)}, "no npz file of arrays"),
    ],
)
def test_what_an_npz_must_hold_is_told(arrays, told, tmp_path):
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(ConfigError, match=told):
        read_set(str(tmp_path / "set.npz"))


def test_unreadable_files_are_refused_by_name(tmp_path):
    place = image_folder(tmp_path / "set", REAL[:5])
    (place / "broken.png").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"unreadable \(broken\.png\)"):
        read_set(str(place))


def test_a_folder_of_splits_is_no_set(tmp_path):
    image_folder(tmp_path / "all" / "test", REAL[:2])
    with pytest.raises(ConfigError, match=r"holds splits: give one of them, such as .*/test"):
        read_set(str(tmp_path / "all"))


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path.read_bytes()


def header_of(shape):
    return repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode()


def damaged(kind, path):
    """An npz file as it comes out of a kill, a bad disk or a wrong name."""
    whole = npz(path, image=REAL)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(whole[:-200])
    elif kind == "bad sum":
        path.write_bytes(whole[:1000] + b"\xff" * 9 + whole[1009:])
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, REAL)
    else:
        old, new = (header_of(shape) for shape in (REAL.shape, (3 * 10**9, 1000, 1, 1)))
        with zipfile.ZipFile(path) as archive:
            (inner,) = map(archive.read, archive.namelist())
        assert old[:-1] in inner
        inner = inner.replace(old[:-1] + b", }" + b" " * (len(new) - len(old)), new[:-1] + b", }")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("image.npy", inner)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("empty", "BadZipFile"),
        ("truncated", "BadZipFile"),
        ("bad sum", "CRC"),
        ("npy", "BadZipFile"),
        ("huge", "MemoryError|ValueError"),
    ],
)
def test_a_damaged_npz_is_refused_with_the_reason(kind, told, tmp_path):
    damaged(kind, tmp_path / "set.npz")
    with pytest.raises(ConfigError, match=rf"set.npz is no npz file .*damaged one .*({told})"):
        read_set(str(tmp_path / "set.npz"))


def test_an_npz_that_unpacks_without_bound_is_refused(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "set.npz", image=np.zeros((50, 64, 64, 1), np.uint8))
    assert read_set(str(tmp_path / "set.npz")).images.shape == (50, 64, 64, 1)
    monkeypatch.setattr(npz_files, "SPARE", 0)
    with pytest.raises(ConfigError, match="that unpack to"):
        read_set(str(tmp_path / "set.npz"))


def test_transparency_goes_over_white_where_that_was_asked_for(tmp_path):
    clear = np.zeros((2, 8, 8, 4), np.uint8)
    npz(tmp_path / "set.npz", image=clear)
    found = read_set(str(tmp_path / "set.npz"), Resize.of("box:8x8")).images
    assert found.shape == (2, 8, 8, 3) and (found == 255).all()


def test_a_set_is_known_by_all_that_it_holds(tmp_path):
    """Each differs from the first in one thing: pixels, shape, labels, their type, the resize."""
    path, labels = tmp_path / "set.npz", LABELS.astype(np.uint8)
    arrays = [
        {"image": REAL, "label": labels},
        {"image": 255 - REAL, "label": labels},
        {"image": REAL.reshape(80, 4, 16, 1), "label": labels},
        {"image": REAL, "label": labels[::-1]},
        {"image": REAL, "label": labels.view(np.int8)},
        {"image": REAL},
    ]
    known = []
    for held in arrays:
        npz(path, **held)
        known.append(read_set(str(path)).sha256)
    npz(path, **arrays[0])
    known.append(read_set(str(path), Resize.of("box:8x8x1")).sha256)
    assert len(set(known)) == 7
    assert read_set(str(path)).sha256 == known[0]


def test_a_folder_is_known_by_its_files_and_their_classes(tmp_path):
    made = {
        "first": image_folder(tmp_path / "first", REAL[:3], classes=[0, 0, 1]),
        "labels": image_folder(tmp_path / "labels", REAL[:3], classes=[0, 1, 1]),
        "pixels": image_folder(tmp_path / "pixels", REAL[1:4], classes=[0, 0, 1]),
        "classes": image_folder(tmp_path / "classes", REAL[:3], classes=[0, 0, 2]),
        "none": image_folder(tmp_path / "none", REAL[:3]),
    }
    known = {name: read_set(str(path)).sha256 for name, path in made.items()}
    resize = Resize.of("box:8x8x1")
    assert len({*known.values(), read_set(str(made["first"]), resize).sha256}) == 6
    (made["first"] / "class0" / "0000.png").rename(made["first"] / "class0" / "0000b.png")
    assert read_set(str(made["first"])).sha256 == known["first"]


def test_images_of_other_sizes_are_refused_with_what_to_do(tmp_path):
    place = image_folder(tmp_path / "set", REAL[:5])
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(place / "odd.png")
    told = r"1 not 8x8 \(odd\.png\): remove or mend them, or give --resize=bicubic:HxW"
    with pytest.raises(ConfigError, match=told) as caught:
        read_set(str(place))
    assert "skip" not in str(caught.value) and "resize=" in str(caught.value)
    (place / "class").mkdir()
    (place / "0000.png").rename(place / "class" / "0000.png")
    with pytest.raises(ConfigError, match="5 beside the folders of classes"):
        read_set(str(place), Resize.of("box:8x8x1"))


def test_a_resize_is_a_filter_and_a_shape():
    assert Resize.of(None) == (None, None, None)
    assert Resize.of("bicubic:32x16") == ("bicubic", (32, 16), None)
    assert Resize.of("box:8x8x1") == ("box", (8, 8), 1)


def test_a_resize_keeps_the_number_of_channels(tmp_path):
    """And lays transparency over white; another number is asked for by name."""
    rng = np.random.default_rng(0)
    for channels, kept in ((1, 1), (3, 3), (4, 3)):
        images = rng.integers(0, 256, (4, 8, 8, channels), np.uint8)
        np.savez(tmp_path / "set.npz", image=images)
        image_folder(tmp_path / f"folder{channels}", images)
        for place in ("set.npz", f"folder{channels}"):
            found = read_set(str(tmp_path / place), Resize.of("box:4x4"))
            assert found.images[:].shape == (4, 4, 4, kept)
            grey = read_set(str(tmp_path / place), Resize.of("box:4x4x1"))
            assert grey.images[:].shape == (4, 4, 4, 1)
