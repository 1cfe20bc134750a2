"""A folder of images as a source, read in place or from a copy that `genlab prepare` made."""

import functools
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError, fingerprint
from genlab.data.cleaning import Cleaning, examine
from genlab.data.columns import Column, Image, Label
from genlab.data.decoding import fitted, opened
from genlab.data.layout import SPLITS, Item, listing
from genlab.data.sources import Source, from_readers

__all__ = ["Cleaning", "Recipe", "examine", "folder", "in_place", "prepared"]
NO_LABEL = -1  # in a record


class Recipe(NamedTuple):
    """All that decides which pixels end up in which split: the arguments of `folder`."""

    path: str
    shape: tuple[int, int, int] | None = None
    attributes: str | None = None
    label: str | None = None
    problems: str = "skip"
    duplicates: str = "skip"
    validation: float = 0.1
    test: float = 0.1
    seed: int = 0
    resize: str | None = None


def folder(
    path: str,
    shape: tuple[int, int, int] | None = None,
    attributes: str | None = None,
    label: str | None = None,
    problems: str = "skip",
    duplicates: str = "skip",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    resize: str | None = None,
    augment: tuple = (),
) -> Source:
    """The images under `path`: in `CLASS/`, `SPLIT/CLASS/` (train, validation, test), or anyhow.

    shape:      (H, W, C), colours converted; None is the commonest size, grey only if all are
    attributes: a CSV in the folder, file names first; the class is column `label`, or the only one
    problems:   "skip" or "refuse" what is unreadable, unlabelled or of another size
    duplicates: "skip", "refuse" or "keep" all but the first of images with equal pixels
    validation, test: shares of train, drawn by `seed`, for splits that the folder does not have
    resize:     a Pillow filter such as "bicubic": cut to the aspect of `shape`, then resize

    Classes are numbered in sorted order. ConfigError if most images have another size than `shape`.
    """
    recipe = Recipe(
        path, shape, attributes, label, problems, duplicates, validation, test, seed, resize
    )
    found = prepared(recipe)
    if found is None and any(Path(path).glob("prepared-*")):
        _warn_once(f"{path}: its prepared copies have other options or files; reading in place")
    splits, cleaning = found or in_place(recipe)
    if cleaning.problems:
        _warn_once(f"{path}: {cleaning.summary()}")
    height, width, channels = cleaning.shape
    columns: dict[str, Column] = {"image": Image((height, width, channels))}
    if cleaning.classes:
        columns["label"] = Label(tuple(cleaning.classes))
    return from_readers(splits, columns, augment)


def in_place(recipe: Recipe) -> tuple[dict[str, "Files"], Cleaning]:
    """A reader of image files for each split that is not empty, in an order that the seed fixes."""
    items, cleaning = examine(*recipe[:6], recipe.resize)
    order = np.random.default_rng(recipe.seed).permutation(len(items))
    splits = {split: [items[i] for i in order if items[i].split == split] for split in SPLITS}
    shares = {"validation": recipe.validation, "test": recipe.test}
    pool = splits["train"]
    cuts = carved(len(pool), {s: share for s, share in shares.items() if not splits[s]})
    splits |= {split: pool[start:stop] for split, (start, stop) in cuts.items()}
    root = Path(recipe.path)
    readers = {s: Files(root, x, cleaning.shape, recipe.resize) for s, x in splits.items() if x}
    return readers, cleaning


def prepared(recipe: Recipe) -> tuple[dict[str, "Records"], Cleaning] | None:
    """The copy of exactly these files made by exactly this recipe, if there is one."""
    place = home(recipe)
    if not (place / "index.json").is_file():
        return None
    try:
        index = json.loads((place / "index.json").read_text())
        found: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in index["cleaning"].items()
        }
        cleaning = Cleaning(**found)
        readers = {s: Records(place / f"{s}.array_record", cleaning.shape) for s in index["counts"]}
        if {split: len(reader) for split, reader in readers.items()} != index["counts"]:
            raise ValueError(f"it should hold {index['counts']} images")
    except Exception as error:  # array_record has no error of its own
        raise ConfigError(f"{place} is damaged ({error}); delete it and prepare it again") from None
    return readers, cleaning


def home(recipe: Recipe) -> Path:
    """Where the prepared copy is: named by the recipe, and by the names and sizes of the files."""
    root = Path(recipe.path)
    files = {name: size for name, (size, _) in listing(root).items()}
    table = root / (recipe.attributes or "")
    digest = hashlib.sha256(table.read_bytes()).hexdigest() if table.is_file() else None
    return root / f"prepared-{fingerprint([recipe[1:], files, digest])[:12]}"


def carved(count: int, shares: Mapping[str, float]) -> dict[str, tuple[int, int]]:
    """Start and stop of train and of the splits cut off its end; at least one image each.

    ConfigError where nothing would be left to train on.
    """
    cuts, end = {}, count
    for split, share in shares.items():
        size = max(1, round(share * count)) if share else 0
        cuts[split], end = (end - size, end), end - size
    if end < 1 or min(shares.values(), default=0) < 0:
        told = " and ".join(f"{split}={share}" for split, share in shares.items())
        raise ConfigError(f"of {count} images in train, {told or 'this'} leaves none to train on")
    return {"train": (0, end)} | {split: cut for split, cut in cuts.items() if cut[0] < cut[1]}


@dataclass(frozen=True)
class Files:
    """Images read from their files, by index; OSError for a file that has gone since."""

    root: Path
    items: list[Item]
    shape: tuple[int, int, int]
    resize: str | None

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i) -> dict[str, Any]:
        item = self.items[i]
        image = fitted(opened(self.root / item.name), self.shape, self.resize)
        return {"image": image} | ({} if item.label is None else {"label": item.label})


class Records:
    """Images read from an ArrayRecord file: the label as int32, little-endian, then raw pixels."""

    def __init__(self, file: Path, shape: tuple[int, int, int]):
        from array_record.python.array_record_data_source import ArrayRecordDataSource

        self.shape, self._records = shape, ArrayRecordDataSource([str(file)])

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, i) -> dict[str, Any]:
        record = self._records[int(i)]
        label = int.from_bytes(record[:4], "little", signed=True)
        image = np.frombuffer(record, np.uint8, offset=4).reshape(self.shape)
        return {"image": image} | ({} if label == NO_LABEL else {"label": label})

    @staticmethod
    def encode(example: Mapping[str, Any]) -> bytes:
        """The record of an example."""
        label = example.get("label", NO_LABEL)
        return label.to_bytes(4, "little", signed=True) + example["image"].tobytes()


@functools.cache
def _warn_once(message: str) -> None:
    logging.getLogger("genlab").warning(message)
