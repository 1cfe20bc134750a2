"""Two sets of images from anywhere, for `genlab evaluate`: a folder, or one npz file."""

import hashlib
import io
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError, did_you_mean
from genlab.data import npz
from genlab.data.columns import Image
from genlab.data.columns.image import as_bytes
from genlab.data.decoding import FILTERS, PIXELS, checked, explained, opened, resized
from genlab.data.layout import labelled, split_folders
from genlab.data.listing import listing, some
from genlab.data.sets.folder import Files

IMAGES = ("image", "images", "arr_0")  # arr_0 is what np.savez calls an array without a name
LABELS = ("label", "labels", "arr_1")
LOSSY = (".gif", ".jpg", ".jpeg", ".webp")


class Resize(NamedTuple):
    """A Pillow filter, the size (H, W) to bring every image to, and the number of channels, None
    for that of the images; (None, None) leaves them.
    """

    kind: str | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None

    def shape(self, channels: int) -> tuple[int, int, int] | None:
        """The shape of images that have so many channels: transparency is laid over white."""
        if self.size is None:
            return None
        return *self.size, self.channels or min(channels, 3)

    @classmethod
    def of(cls, text: str | None) -> "Resize":
        """What `--resize=bicubic:32x32`, or `:32x32x1` to make them grey, asks for."""
        if not text:
            return cls()
        kind, _, size = text.partition(":")
        sides = size.split("x")
        whole = all(side.isdecimal() and len(side) < 10 for side in sides)
        if kind not in FILTERS or len(sides) not in (2, 3) or not whole:
            hint = did_you_mean(kind, FILTERS) if kind not in FILTERS else ""
            raise ConfigError(
                f"--resize={text}: give a filter and a size, as in bicubic:32x32, or, to change "
                f"the channels too, bicubic:32x32x1{hint}"
            )
        height, width, *channels = (int(side) for side in sides)
        if height * width > PIXELS or channels == [4]:
            raise ConfigError(
                f"--resize={text}: give at most {PIXELS} pixels an image, and 1 or 3 channels"
            )
        checked((height, width, *(channels or [3])), kind)
        return cls(kind, (height, width), channels[0] if channels else None)


class ImageSet(NamedTuple):
    """images: uint8 [N, H, W, C], or files that are read a slice at a time; sha256: of the contents
    and labels; classes: names of the labels, where folders gave them; files: what they were.
    """

    images: Any
    labels: np.ndarray | None
    sha256: str
    classes: tuple[str, ...]
    files: str


class Pictures:
    """Image files as if they were one array: slices and rows are read when asked for."""

    def __init__(self, files: Files):
        self.files = files
        self.shape = (len(files), *files.shape)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, part) -> np.ndarray:
        rows = np.arange(len(self))[part]
        made = np.empty((rows.size, *self.files.shape), np.uint8)
        for at, i in enumerate(rows.ravel()):
            made[at] = self.files[int(i)]["image"]
        return made.reshape(*rows.shape, *self.files.shape)


def read_set(path: str, resize: Resize = Resize()) -> ImageSet:  # noqa: B008
    """The images at `path`; ConfigError names the files that cannot be used.

    An npz file holds `image`, `images` or `arr_0`, uint8 [N, H, W, C], and perhaps `label`,
    `labels` or `arr_1` [N]. A folder holds images, or folders of them by class.
    """
    place = Path(path)
    if os.path.isdir(place):
        return _folder(place, resize)
    if place.suffix == ".npz" and os.path.isfile(place):
        return _npz(place, resize)
    raise ConfigError(f"{path} is neither a folder of images nor an npz file that exists")


def alike(real: ImageSet, other: ImageSet, name: str = "fake") -> None:
    """ConfigError for images of unlike shape, or of unlike classes where both have names; `name` is
    what the other set is called.
    """
    a, b = (tuple(one.images.shape[1:]) for one in (real, other))
    if a != b:
        size = "x".join(map(str, a))
        raise ConfigError(
            f"real images are {size} and {name} ones {'x'.join(map(str, b))}: bring both to one "
            f"size and kind with --resize=bicubic:{size}, which the protocol will say"
        )
    if real.classes and other.classes and real.classes != other.classes:
        odd = sorted(set(real.classes) ^ set(other.classes))
        raise ConfigError(
            f"only one of the real and {name} sets has the classes {some(odd)}: name them alike"
        )


def _folder(place: Path, resize: Resize) -> ImageSet:
    files, ignored = listing(place)
    if splits := split_folders(files):
        given = next((name for name, split in splits.items() if split == "test"), min(splits))
        raise ConfigError(f"{place} holds splits: give one of them, such as {place / given}")
    items, columns, unlabelled, *_ = labelled(place, list(files), None, None)
    classes: tuple[str, ...] = getattr(columns.get("label"), "names", ())
    items = sorted(items, key=lambda item: item.name)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        names = [item.name for item in items]
        looks = dict(zip(names, pool.map(_look, [place / name for name in names]), strict=True))
    shape = _common(looks)
    shape = resize.shape(shape[2]) or shape
    unlike = {name: y for name, y in looks.items() if y.shape and y.shape[:2] != shape[:2]}
    problems = {
        "unreadable": [explained(n, place / n) for n, look in looks.items() if not look.shape],
        f"not {shape[0]}x{shape[1]}": [] if resize.kind else list(unlike),
        "beside the folders of classes": sorted(unlabelled),
        "of formats that are not read": ignored,
    }
    if found := [f"{len(x)} {what} ({some(x)})" for what, x in problems.items() if x]:
        sized = "" if resize.kind or not unlike else ", or give --resize=bicubic:HxW for one size"
        raise ConfigError(
            f"{place}: every image is scored, and here are {'; '.join(found)}: remove or mend "
            f"them{sized}"
        )
    digest = hashlib.sha256(repr((shape, resize, classes)).encode())
    for item in items:
        digest.update(looks[item.name].sha256)
        digest.update(str(item.label).encode())
    labels = np.array([item.label for item in items]) if classes else None
    kinds = sorted({Path(item.name).suffix.lower().removeprefix(".") for item in items})
    pictures = Pictures(Files(place, items, {"image": Image(shape)}, resize.kind))
    return ImageSet(pictures, labels, digest.hexdigest(), classes, ", ".join(kinds))


class _Look(NamedTuple):
    """Of a file: sha256 of its bytes, and the picture's shape, or None where there is none."""

    sha256: bytes
    shape: tuple[int, int, int] | None


def _look(file: Path) -> _Look:
    try:
        if not file.is_file():  # a pipe, a device
            return _Look(b"", None)
        data = file.read_bytes()
        picture = opened(io.BytesIO(data))
    except OSError:
        return _Look(b"", None)
    channels = 1 if picture.mode in ("L", "LA") else 3
    return _Look(hashlib.sha256(data).digest(), (picture.height, picture.width, channels))


def _common(looks: dict[str, _Look]) -> tuple[int, int, int]:
    """The commonest size, grey only if all are."""
    shapes = [look.shape for look in looks.values() if look.shape] or [(0, 0, 1)]
    (height, width), _ = Counter(shape[:2] for shape in shapes).most_common(1)[0]
    return height, width, max(shape[2] for shape in shapes)


def _npz(place: Path, resize: Resize) -> ImageSet:
    held, names = npz.read(place, IMAGES + LABELS)
    images = next((held[name] for name in IMAGES if name in held), None)
    labels = next((held[name] for name in LABELS if name in held), None)
    if images is None:
        raise ConfigError(f"{place} holds {some(names)}; it needs one of {', '.join(IMAGES)}")
    images = as_bytes(images)
    _check(place, images, labels, resize)
    if resize.kind and (shape := resize.shape(images.shape[-1])):
        images = np.stack([resized(image, shape, resize.kind) for image in images])
    kind = None if labels is None else labels.dtype.str
    digest = hashlib.sha256(repr((images.shape, resize, kind)).encode())
    for array in (images, labels):
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return ImageSet(images, labels, digest.hexdigest(), (), "npz")


def _check(place: Path, images: np.ndarray, labels: np.ndarray | None, resize: Resize) -> None:
    if images.dtype != np.uint8:
        raise ConfigError(
            f"{place}: images are {images.dtype}; scores are of 8-bit images: quantise them first, "
            "np.clip(np.rint((x + 1) * 127.5), 0, 255).astype(np.uint8) from [-1, 1], "
            "np.rint(x * 255).astype(np.uint8) from [0, 1]"
        )
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or not images.size:
        first = images.ndim == 4 and images.shape[1] in (1, 3, 4)
        advice = "x.transpose(0, 2, 3, 1)" if first else "grey ones with a last axis, x[..., None]"
        raise ConfigError(f"{place}: images are {images.shape}, expected [N, H, W, C]: {advice}")
    if images.shape[-1] == 4 and not resize.kind:
        size = "x".join(map(str, images.shape[1:3]))
        raise ConfigError(
            f"{place}: images are {images.shape}, with transparency: drop it, x[..., :3], or give "
            f"--resize=bicubic:{size}, which lays them over white"
        )
    if labels is None:
        return
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise ConfigError(
            f"{place}: labels are {labels.dtype} {labels.shape}, expected integers [N]"
        )
    npz.check_labels(labels, f"{place}: ")
