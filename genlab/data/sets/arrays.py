"""Sets that are arrays: the embedded digits, and whatever a user has in an npz file."""

from collections.abc import Mapping

import numpy as np

from genlab.config import ConfigError
from genlab.data import npz, sources
from genlab.data.sources import Resident, Source, Streamed


def arrays(
    path: str, validation: float = 0.1, test: float = 0.1, seed: int = 0, augment: tuple = ()
) -> Source:
    """An npz file with `image` uint8 [N, H, W, C] and perhaps `label` int [N] (0, 1, ...), or
    already split, with `train_image`, `train_label`, `test_image` ... Fractions are of the whole.
    """
    found, _ = npz.read(path)
    if "image" in found:
        n = len(found["image"])
        cut = int(validation * n), int(test * n)
        return from_arrays(found["image"], found.get("label"), *cut, seed, augment)
    names = [name.removesuffix("_image") for name in found if name.endswith("_image")]
    if "train" not in names:
        raise ConfigError(
            f"{path} holds {', '.join(found)}; it needs `image`, or `train_image`, `test_image` ..."
        )
    splits = {
        split: _checked(found[f"{split}_image"], found.get(f"{split}_label")) for split in names
    }
    return _source(splits, augment)


def from_arrays(
    image: np.ndarray,
    label: np.ndarray | None = None,
    validation: int = 0,
    test: int = 0,
    seed: int = 0,
    augment: tuple = (),
) -> Source:
    """Arrays in memory, uint8 [N, H, W, C], split by a permutation that `seed` fixes."""
    columns = _checked(image, label)
    if validation < 0 or test < 0 or validation + test >= len(image):
        raise ConfigError(
            f"validation {validation} and test {test} leave nothing to train on of {len(image)}: "
            "both are counts from 0 up"
        )
    order = np.random.default_rng(seed).permutation(len(image))
    cut = {
        "train": order[test + validation :],
        "validation": order[test : test + validation],
        "test": order[:test],
    }
    splits = {
        split: {name: column[rows] for name, column in columns.items()}
        for split, rows in cut.items()
        if len(rows)
    }
    return _source(splits, augment)


class Rows:
    """Columns read row by row: a reader of arrays too large for the device."""

    def __init__(self, columns: Mapping[str, np.ndarray]):
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns["image"])

    def __getitem__(self, i: int) -> dict[str, np.ndarray]:
        return {name: column[i] for name, column in self.columns.items()}


def _source(splits: Mapping[str, Mapping[str, np.ndarray]], augment: tuple) -> Source:
    shapes = {columns["image"].shape[1:] for columns in splits.values()}
    if len(shapes) > 1:
        raise ConfigError(f"the splits hold images of different shapes: {sorted(shapes)}")
    labels = [columns["label"] for columns in splits.values() if "label" in columns]
    classes = 1 + max(int(label.max()) for label in labels) if labels else 0
    if sum(columns["image"].nbytes for columns in splits.values()) <= sources.RESIDENT_BYTES:
        return Resident(splits, classes, tuple(augment))
    return Streamed({split: Rows(columns) for split, columns in splits.items()}, classes, augment)


def _checked(image: np.ndarray, label: np.ndarray | None) -> dict[str, np.ndarray]:
    if image.dtype != np.uint8 or image.ndim != 4 or not image.size:
        raise ConfigError(
            f"images are {image.dtype} {image.shape}; they must be uint8 [N, H, W, C] in 0..255 "
            "(genlab.data.to_uint8 converts from [-1, 1])"
        )
    if label is None:
        return {"image": image}
    if label.shape != (len(image),) or not np.issubdtype(label.dtype, np.integer):
        raise ConfigError(
            f"labels are {label.dtype} {label.shape}; they must be integers [{len(image)}], "
            "one for each image"
        )
    npz.check_labels(label)
    return {"image": image, "label": label.astype(np.int32)}
