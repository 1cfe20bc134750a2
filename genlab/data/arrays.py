"""Sets that are arrays: the embedded digits, and whatever a user has in an npz file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from genlab.config import ConfigError
from genlab.data.source import Resident


def digits(validation: int = 300, test: int = 500, seed: int = 0, augment: tuple = ()) -> Resident:
    """1,797 scans of handwritten digits, 8x8 with 17 grey levels: scikit-learn's copy of UCI
    optdigits' test part (Alpaydin & Kaynak 1998), split by a permutation that `seed` fixes. Stored
    as uint8, level k as round(255 k / 16).
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    image = np.rint(found.images[..., None] * (255 / 16)).astype(np.uint8)
    return from_arrays(
        image, found.target, validation=validation, test=test, seed=seed, augment=augment
    )


def arrays(
    path: str, validation: float = 0.1, test: float = 0.1, seed: int = 0, augment: tuple = ()
) -> Resident:
    """An npz file with `image` uint8 [N, H, W, C] and optionally `label` int [N] (0, 1, ...); or
    already split, with `train_image`, `train_label`, `test_image` ... Fractions are of the whole.
    """
    if not Path(path).is_file():
        raise ConfigError(
            f"no file {path}: data.path names an npz with `image` uint8 [N, H, W, C] and perhaps "
            "`label`"
        )
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files}
    if "image" in found:
        n = len(found["image"])
        return from_arrays(
            found["image"], found.get("label"), int(validation * n), int(test * n), seed, augment
        )
    names = [name.removesuffix("_image") for name in found if name.endswith("_image")]
    if not names:
        raise ConfigError(
            f"{path} holds {', '.join(found)}; it needs `image`, or `train_image`, `test_image` ..."
        )
    splits = {
        split: {
            part: found[f"{split}_{part}"]
            for part in ("image", "label")
            if f"{split}_{part}" in found
        }
        for split in names
    }
    return Resident(splits, _classes(splits), tuple(augment))


def from_arrays(
    image: np.ndarray,
    label: np.ndarray | None = None,
    validation: int = 0,
    test: int = 0,
    seed: int = 0,
    augment: tuple = (),
) -> Resident:
    """Arrays in memory, uint8 [N, H, W, C], split by a permutation that `seed` fixes: for
    notebooks.
    """
    if image.dtype != np.uint8 or image.ndim != 4:
        raise ConfigError(
            f"images are {image.dtype} {image.shape}; they must be uint8 [N, H, W, C] in 0..255 "
            "(genlab.data.to_uint8 converts from [-1, 1])"
        )
    if validation + test >= len(image):
        raise ConfigError(
            f"validation {validation} + test {test} leave nothing to train on of {len(image)} "
            "images"
        )
    order = np.random.default_rng(seed).permutation(len(image))
    cut = {
        "test": order[:test],
        "validation": order[test : test + validation],
        "train": order[test + validation :],
    }
    columns = {"image": image} | ({} if label is None else {"label": np.asarray(label, np.int32)})
    splits = {
        split: {name: column[rows] for name, column in columns.items()}
        for split, rows in reversed(cut.items())
        if len(rows)
    }
    return Resident(splits, _classes(splits), tuple(augment))


def _classes(splits: Mapping) -> int:
    labels = [part["label"] for part in splits.values() if "label" in part]
    if not labels:
        return 0
    lowest, highest = min(map(np.min, labels)), max(map(np.max, labels))
    if lowest < 0:
        raise ConfigError(f"labels go from {lowest} to {highest}; they must be 0, 1, ...")
    return int(highest) + 1
