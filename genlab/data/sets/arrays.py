"""Sets that are arrays: in memory, or in an npz file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from genlab.augment.image import Augmentation
from genlab.config import ConfigError
from genlab.data import npz, sources
from genlab.data.columns import Column, checked, inferred
from genlab.data.sources import Resident, Source, Streamed
from genlab.runs.data_files import Contents

SPLITS = ("train", "validation", "test")


def arrays(
    path: str,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    augment: tuple = (),
    columns: tuple[str, ...] = (),
    kinds: Mapping[str, Column] = {},
) -> Source:
    """An npz file with an array [N, ...] for each column, or already split: `train_image`,
    `train_label`, `test_image` ... Fractions are of the whole.

    columns: the names of those to read; () for all
    kinds:   of columns whose values do not say it (see `data.columns.inferred`)
    """
    found, _ = npz.read(path)
    contents = {path: {name: _sha256(x) for name, x in found.items()}}
    names = {name.partition("_")[2] for name in found if name.startswith("train_")}
    if not names:
        chosen = _chosen(path, found, columns)
        n = len(next(iter(chosen.values())))
        cut = int(validation * n), int(test * n)
        made = from_columns(chosen, kinds, *cut, seed, augment)
        return _of_files(made, contents)
    splits = {
        split: {
            name: found[f"{split}_{name}"] for name in sorted(names) if f"{split}_{name}" in found
        }
        for split in dict.fromkeys(name.partition("_")[0] for name in found)
    }
    splits = {split: _chosen(path, held, columns) for split, held in splits.items() if held}
    return _of_files(_source(*_alike(path, splits, kinds), augment), contents)


def from_arrays(
    image: np.ndarray,
    label: np.ndarray | None = None,
    validation: int = 0,
    test: int = 0,
    seed: int = 0,
    augment: tuple = (),
) -> Source:
    """Images in memory, uint8 [N, H, W, C], perhaps with labels [N], split by a permutation that
    `seed` fixes.
    """
    given = {"image": image} if label is None else {"image": image, "label": label}
    return from_columns(given, {}, validation, test, seed, augment)


def from_columns(
    columns: Mapping[str, Any],
    kinds: Mapping[str, Column] = {},
    validation: int = 0,
    test: int = 0,
    seed: int = 0,
    augment: Sequence[Augmentation] = (),
) -> Source:
    """Columns in memory, each [N, ...], split by a permutation that `seed` fixes; the kind of one
    that is not given is inferred from its values.

    Raises ConfigError for values that are no column, or leave nothing to train on.
    """
    stored, found = checked(columns, kinds)
    count = len(next(iter(stored.values())))
    if validation < 0 or test < 0 or validation + test >= count:
        raise ConfigError(
            f"validation {validation} and test {test} leave nothing to train on of {count}: "
            "both are counts from 0 up"
        )
    order = np.random.default_rng(seed).permutation(count)
    cut = {
        "train": order[test + validation :],
        "validation": order[test : test + validation],
        "test": order[:test],
    }
    splits = {
        split: {name: column[rows] for name, column in stored.items()}
        for split, rows in cut.items()
        if len(rows)
    }
    return _source(splits, found, augment)


def _of_files(source: Source, contents: Contents) -> Source:
    """The source, which says what it was read from."""
    if isinstance(source, Resident):
        return replace(source, contents=contents)
    assert isinstance(source, Streamed)
    return Streamed(source.splits, source.columns, source.augment, source.threads, contents)


def _sha256(values: np.ndarray) -> str:
    """Of what an array holds, whatever the file around it."""
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape}".encode())
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


class Rows:
    """Columns read row by row: a reader of arrays too large for the device."""

    def __init__(self, columns: Mapping[str, np.ndarray]):
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, i: int) -> dict[str, np.ndarray]:
        return {name: column[i] for name, column in self.columns.items()}


def _chosen(
    path: str, found: Mapping[str, np.ndarray], columns: tuple[str, ...]
) -> dict[str, np.ndarray]:
    missing = [name for name in columns if name not in found]
    if missing or not found:
        lacking = repr(missing[0]) if found else "any array"
        raise ConfigError(f"{path} has no column {lacking}; it holds {', '.join(found) or 'none'}")
    if empty := [name for name in columns or found if not len(found[name])]:
        raise ConfigError(f"{path}: {empty[0]!r} is empty, {found[empty[0]].shape}: it has no rows")
    return {name: found[name] for name in columns or found}


def _alike(
    path: str, splits: Mapping[str, Mapping[str, np.ndarray]], kinds: Mapping[str, Column]
) -> tuple[dict, dict[str, Column]]:
    """The splits as stored, and one kind for each column: of the values of all splits."""
    names = list(splits["train"])
    for split, held in splits.items():
        if set(held) != set(names):
            odd = sorted(set(names) ^ set(held))[0]
            raise ConfigError(f"{path}: {odd!r} is in one of train and {split} and not in both")
    shapes = {name: {x[name].shape[1:] for x in splits.values()} for name in names}
    if unlike := [name for name, found in shapes.items() if len(found) > 1]:
        raise ConfigError(
            f"{path}: the splits hold {unlike[0]} of different shapes: {sorted(shapes[unlike[0]])}"
        )
    found = {
        name: kinds.get(name) or inferred(name, np.concatenate([x[name] for x in splits.values()]))
        for name in names
    }
    return {split: checked(held, found)[0] for split, held in splits.items()}, found


def _source(
    splits: Mapping[str, Mapping[str, np.ndarray]],
    columns: Mapping[str, Column],
    augment: Sequence[Augmentation],
) -> Source:
    size = sum(x.nbytes for held in splits.values() for x in held.values())
    if size <= sources.RESIDENT_BYTES:
        return Resident(splits, columns, tuple(augment))
    held = {split: Rows(found) for split, found in splits.items()}
    return Streamed(held, columns, augment, threads=1)  # rows of memory: more wait for each other
