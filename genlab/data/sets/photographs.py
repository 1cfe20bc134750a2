"""Patches of the pictures that scikit-image and scikit-learn carry."""

import functools

import numpy as np

from genlab.config import ConfigError, choices
from genlab.data.bundled import bundled
from genlab.data.columns import Image, Label
from genlab.data.decoding import fitted, opened
from genlab.data.sources import Resident, Source

SKLEARN, SKIMAGE = "sklearn/datasets/images", "skimage/data"
FILES = {  # all that lie in the wheels of scikit-learn and scikit-image 0.25 and later
    "china": f"{SKLEARN}/china.jpg",
    "flower": f"{SKLEARN}/flower.jpg",
    "astronaut": f"{SKIMAGE}/astronaut.png",
    "chelsea": f"{SKIMAGE}/chelsea.png",
    "coffee": f"{SKIMAGE}/coffee.png",
    "hubble": f"{SKIMAGE}/hubble_deep_field.jpg",
    "ihc": f"{SKIMAGE}/ihc.png",
    "motorcycle": f"{SKIMAGE}/motorcycle_left.png",
    "retina": f"{SKIMAGE}/retina.jpg",
    "rocket": f"{SKIMAGE}/rocket.jpg",
    "brick": f"{SKIMAGE}/brick.png",
    "camera": f"{SKIMAGE}/camera.png",
    "cell": f"{SKIMAGE}/cell.png",
    "coins": f"{SKIMAGE}/coins.png",
    "grass": f"{SKIMAGE}/grass.png",
    "gravel": f"{SKIMAGE}/gravel.png",
    "moon": f"{SKIMAGE}/moon.png",
}
SCENES = ("china", "flower", "astronaut", "hubble", "motorcycle", "rocket")
SPLITS = ("train", "validation", "test")


def photographs(
    size: int = 64,
    pictures: tuple[str, ...] = SCENES,
    validation: tuple[str, ...] = ("coffee",),
    test: tuple[str, ...] = ("chelsea",),
    examples: int = 2_000,
    held_out: int = 200,
    stride: int | None = None,
    channels: int = 3,
    seed: int = 0,
    augment: tuple = (),
) -> Source:
    """Square patches, uint8 [size, size, channels], of named pictures: the first ten of FILES
    are in colour, brick to moon grey (most are in the public domain or CC0, the
    two of scikit-learn CC BY 2.0). Columns: image; picture, the index into all the pictures named,
    those trained on first.

    pictures:   trained on; those of `validation` and `test` are held out whole
    examples:   patches to train on, and `held_out` in each other split, at places that `seed`
                fixes, equally many of each picture but for the remainder
    stride:     instead, every patch of a regular grid this many pixels apart
    channels:   3, or 1 for grey

    ConfigError for a picture there is not, one in two splits, one smaller than `size`, and where
    scikit-image is not installed: `pip install 'genlab[photographs]'`.
    """
    names = [tuple(part) for part in (pictures, validation, test)]
    _check(names, size, examples, held_out, stride, channels)
    known = [name for part in names for name in part]
    splits = {}
    for split, part in enumerate(names):
        if not part:
            continue
        images = [_picture(name, channels) for name in part]
        if stride is None:
            count = held_out if split else examples
            patches, of = _anywhere(images, size, count, np.random.default_rng([seed, split]))
        else:
            patches, of = _on_a_grid(images, size, stride)
        label = np.array([known.index(name) for name in part], np.int32)[of]
        splits[SPLITS[split]] = {"image": patches, "picture": label}
    columns = {"image": Image((size, size, channels)), "picture": Label(tuple(known))}
    return Resident(splits, columns, tuple(augment))


def _check(names, size, examples, held_out, stride, channels) -> None:
    known = [name for part in names for name in part]
    for name in known:
        if name not in FILES:
            hint = choices(name, FILES)
            raise ConfigError(f"no picture called {name!r}{hint}")
        if known.count(name) > 1:
            raise ConfigError(f"the picture {name!r} is named twice; splits share no picture")
    if not names[0]:
        raise ConfigError("pictures=() leaves nothing to train on; name at least one")
    if min(size, examples, held_out, 1 if stride is None else stride) < 1:
        raise ConfigError(
            f"size={size}, examples={examples}, held_out={held_out}, stride={stride}; "
            "expected at least 1 of each"
        )
    if channels not in (1, 3):
        raise ConfigError(f"channels={channels}; expected 3, or 1 for grey")
    for name in known:
        height, width = _picture(name, channels).shape[:2]
        if size > min(height, width):
            raise ConfigError(f"size={size} is larger than {name!r}, of {height}x{width} pixels")


@functools.lru_cache(maxsize=2 * len(FILES))
def _picture(name: str, channels: int) -> np.ndarray:
    """uint8 [H, W, channels], whole."""
    own = FILES[name].startswith(SKLEARN)
    file = bundled("scikit-learn" if own else "scikit-image", FILES[name], "photographs")
    picture = opened(file)
    return fitted(picture, (picture.height, picture.width, channels))


def _anywhere(images, size, count, rng) -> tuple[np.ndarray, np.ndarray]:
    """`count` patches [N, size, size, C] of the pictures in turn, and which picture each is of."""
    of = np.arange(count) % len(images)
    corners = [rng.integers(0, np.array(images[i].shape[:2]) - size + 1) for i in of]
    cut = [images[i][y : y + size, x : x + size] for i, (y, x) in zip(of, corners, strict=True)]
    return np.stack(cut), of


def _on_a_grid(images, size, stride) -> tuple[np.ndarray, np.ndarray]:
    """Every patch whose corner is a multiple of `stride`, by picture, row and column."""
    windows = [
        np.lib.stride_tricks.sliding_window_view(x, (size, size), (0, 1))[::stride, ::stride]
        for x in images
    ]
    cut = [x.reshape(-1, *x.shape[2:]).transpose(0, 2, 3, 1) for x in windows]
    return np.concatenate(cut), np.repeat(np.arange(len(cut)), [len(x) for x in cut])
