"""Two sets of images from anywhere, for `genlab evaluate`: a folder, or one npz file."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError, did_you_mean
from genlab.data.cleaning import examine
from genlab.data.folder import Files
from genlab.data.image import FILTERS, checked, resized
from genlab.data.layout import SPLITS, some

IMAGES = ("image", "images", "arr_0")  # arr_0 is what np.savez calls an array without a name
LABELS = ("label", "labels", "arr_1")
LOSSY = (".jpg", ".jpeg", ".webp")


class Resize(NamedTuple):
    """A Pillow filter and the shape to bring every image to; (None, None) leaves them."""

    kind: str | None = None
    shape: tuple[int, int, int] | None = None

    @classmethod
    def of(cls, text: str | None) -> "Resize":
        """What `--resize=bicubic:32x32`, or `:32x32x1` for grey, asks for."""
        if not text:
            return cls()
        kind, _, size = text.partition(":")
        sides = size.split("x")
        if kind not in FILTERS or len(sides) not in (2, 3) or not all(map(str.isdigit, sides)):
            hint = did_you_mean(kind, FILTERS) if kind not in FILTERS else ""
            raise ConfigError(
                f"--resize={text}: give a filter and a size, as in bicubic:32x32, or, for grey, "
                f"bicubic:32x32x1{hint}"
            )
        shape = tuple(int(side) for side in sides)
        return cls(kind, checked(shape if len(shape) == 3 else (*shape, 3), kind))


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
    if place.is_dir():
        return _folder(place, resize)
    if place.suffix == ".npz" and place.is_file():
        return _npz(place, resize)
    raise ConfigError(f"{path} is neither a folder of images nor an npz file that exists")


def alike(real: ImageSet, fake: ImageSet) -> None:
    """ConfigError for images of unlike shape, or of unlike classes where both have names."""
    a, b = (tuple(one.images.shape[1:]) for one in (real, fake))
    if a != b:
        told = "x".join(map(str, a))
        raise ConfigError(
            f"real images are {told} and fake ones {'x'.join(map(str, b))}: bring both to one size "
            f"and kind with --resize=bicubic:{told}, which the protocol will say"
        )
    if real.classes and fake.classes and real.classes != fake.classes:
        odd = sorted(set(real.classes) ^ set(fake.classes))
        raise ConfigError(f"only one of the sets has the classes {some(odd)}: name them alike")


def _folder(place: Path, resize: Resize) -> ImageSet:
    if splits := [split for split in SPLITS if (place / split).is_dir()]:
        raise ConfigError(f"{place} holds splits: give one of them, such as {place / splits[-1]}")
    try:
        items, cleaning = examine(
            str(place), resize.shape, problems="refuse", duplicates="keep", resize=resize.kind
        )
    except ConfigError as error:
        if "resize=" not in str(error):
            raise
        raise ConfigError(f"{str(error).split(': give')[0]}: give --resize=bicubic:HxW") from None
    items = sorted(items)
    kinds = sorted({Path(item.name).suffix.lower() for item in items})
    digest = hashlib.sha256(repr((cleaning.shape, resize, cleaning.classes)).encode())
    for item in items:
        digest.update(hashlib.sha256((place / item.name).read_bytes()).digest())
        digest.update(str(item.label).encode())
    labels = np.array([item.label for item in items]) if cleaning.classes else None
    pictures = Pictures(Files(place, items, cleaning.shape, resize.kind))
    said = ", ".join(kind.removeprefix(".") for kind in kinds)
    return ImageSet(pictures, labels, digest.hexdigest(), cleaning.classes, said)


def _npz(place: Path, resize: Resize) -> ImageSet:
    try:
        with np.load(place, allow_pickle=False) as file:
            held = {name: file[name] for name in file.files if name in IMAGES + LABELS}
            names = file.files
    except (OSError, ValueError) as error:
        raise ConfigError(f"{place} is no npz file of arrays ({type(error).__name__})") from None
    images = next((held[name] for name in IMAGES if name in held), None)
    labels = next((held[name] for name in LABELS if name in held), None)
    if images is None:
        raise ConfigError(f"{place} holds {some(names)}; it needs one of {', '.join(IMAGES)}")
    _check(place, images, labels)
    if resize.kind:
        images = np.stack([resized(image, resize.shape, resize.kind) for image in images])
    digest = hashlib.sha256(repr((images.shape, resize)).encode())
    for array in (images, labels):
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return ImageSet(images, labels, digest.hexdigest(), (), "npz")


def _check(place: Path, images: np.ndarray, labels: np.ndarray | None) -> None:
    if images.dtype != np.uint8:
        raise ConfigError(
            f"{place}: images are {images.dtype}; scores are of 8-bit images: quantise them first, "
            "np.clip(np.rint((x + 1) * 127.5), 0, 255).astype(np.uint8) from [-1, 1], "
            "np.rint(x * 255) from [0, 1]"
        )
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or not len(images):
        first = images.ndim == 4 and images.shape[1] in (1, 3, 4)
        advice = "x.transpose(0, 2, 3, 1)" if first else "grey ones with a last axis, x[..., None]"
        raise ConfigError(f"{place}: images are {images.shape}, expected [N, H, W, C]: {advice}")
    fits = labels is None or (labels.shape == images.shape[:1] and labels.dtype.kind in "iu")
    if not fits:
        raise ConfigError(
            f"{place}: labels are {labels.dtype} {labels.shape}, expected integers [N]"
        )
