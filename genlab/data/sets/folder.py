"""A folder of images as a source, read in place or from a copy that `genlab prepare` made."""

import functools
import hashlib
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError, as_dict, fingerprint, spec
from genlab.data.cleaning import Cleaning, examine, examined
from genlab.data.columns import Column
from genlab.data.decoding import fitted, opened
from genlab.data.layout import SPLITS, Item, carved, listing
from genlab.data.records import FORM, Field, Records
from genlab.data.sources import Source, from_readers

__all__ = [
    "Cleaning",
    "Files",
    "Recipe",
    "Records",
    "carved",
    "examine",
    "folder",
    "in_place",
    "prepared",
]


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
    columns: tuple[str, ...] = ()
    pairs: Mapping[str, str] = {}
    kinds: Mapping[str, Column] = {}


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
    columns: tuple[str, ...] = (),
    pairs: Mapping[str, str] = {},
    kinds: Mapping[str, Column] = {},
) -> Source:
    """The images under `path`: in `CLASS/`, `SPLIT/CLASS/` (train, validation, test), or anyhow.

    shape:      (H, W, C), colours converted; None is the commonest size, grey only if all are
    attributes: a CSV in the folder, file names first; the class is column `label`, or the only one
    problems:   "skip" or "refuse" what is unreadable, unlabelled, of another size or without
                partner
    duplicates: "skip", "refuse" or "keep" all but the first of images with equal pixels
    validation, test: shares of train, drawn by `seed`, for splits that the folder does not have
    resize:     a Pillow filter such as "bicubic": cut to the aspect of `shape`, then resize
    columns:    of the CSV, each a column under its own name: a Label of words or integers, or
                Numbers, with the extremes of the table as their range
    pairs:      other folders of pictures, by the name of their column: pairs={"sketch":
                "sketches"}; files of one stem are one example
    kinds:      of columns that files do not say: kinds={"mask": spec(Mask, (64, 64, 1))}

    Classes are numbered in sorted order. ConfigError if most images have another size than `shape`.
    """
    recipe = Recipe(
        path, shape, attributes, label, problems, duplicates, validation, test, seed, resize,
        columns, pairs, kinds,
    )  # fmt: skip
    found = prepared(recipe)
    if found is None and any(Path(path).glob("prepared-*")):
        _warn_once(f"{path}: its prepared copies have other options or files; reading in place")
    splits, cleaning = found or in_place(recipe)
    if cleaning.problems:
        _warn_once(f"{path}: {cleaning.summary()}")
    return from_readers(splits, next(iter(splits.values())).columns, augment)


def in_place(recipe: Recipe) -> tuple[dict[str, "Files"], Cleaning]:
    """A reader of image files for each split that is not empty, in an order that the seed fixes."""
    items, cleaning, columns = examined(*recipe[:6], recipe.resize, *recipe[10:])
    order = np.random.default_rng(recipe.seed).permutation(len(items))
    splits = {split: [items[i] for i in order if items[i].split == split] for split in SPLITS}
    shares = {"validation": recipe.validation, "test": recipe.test}
    pool = splits["train"]
    cuts = carved(len(pool), {s: share for s, share in shares.items() if not splits[s]})
    splits |= {split: pool[start:stop] for split, (start, stop) in cuts.items()}
    root = Path(recipe.path)
    readers = {s: Files(root, x, columns, recipe.resize) for s, x in splits.items() if x}
    return readers, cleaning


def prepared(recipe: Recipe) -> tuple[dict[str, Records], Cleaning] | None:
    """The copy of exactly these files made by exactly this recipe, if there is one."""
    place = home(recipe)
    if not (place / "index.json").is_file():
        return None
    try:
        index = json.loads((place / "index.json").read_text())
        if index.get("form") != FORM:
            _warn_once(f"{place} is a copy in an older form: prepare it again; reading in place")
            return None
        found: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in index["cleaning"].items()
        }
        fields = {name: Field.read(x, recipe.kinds.get(name)) for name, x in index["columns"]}
        readers = {s: Records(place / f"{s}.array_record", fields) for s in index["counts"]}
        if {split: len(reader) for split, reader in readers.items()} != index["counts"]:
            raise ValueError(f"it should hold {index['counts']} images")
        for reader in readers.values():
            reader[0]
        return readers, Cleaning(**found)
    except Exception as error:  # array_record has no error of its own
        raise ConfigError(f"{place} is damaged ({error}); delete it and prepare it again") from None


def home(recipe: Recipe) -> Path:
    """Where the prepared copy is: named by the recipe, and by the names and sizes of the files."""
    root = Path(recipe.path)
    table = root / (recipe.attributes or "")
    digest = hashlib.sha256(table.read_bytes()).hexdigest() if table.is_file() else None
    decides: list[Any] = [recipe[1:10], _sizes(root), digest]
    if any(recipe[10:]):
        plain = as_dict(spec(Recipe, *recipe))
        others = {path: _sizes(Path(path)) for path in recipe.pairs.values()}
        decides += [plain["columns"], plain["pairs"], plain["kinds"], others]
    return root / f"prepared-{fingerprint(decides)[:12]}"


def _sizes(root: Path) -> dict[str, int]:
    return {name: size for name, (size, _) in listing(root).items()}


@dataclass(frozen=True)
class Files:
    """Images read from their files, by index; OSError for a file that has gone since."""

    root: Path
    items: list[Item]
    columns: Mapping[str, Column]
    resize: str | None

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i) -> dict[str, Any]:
        item = self.items[i]
        return {name: self._value(item, name) for name in self.columns}

    def only(self, names: Collection[str]) -> "Files":
        """These columns of it; files of others are not opened."""
        return replace(self, columns={n: x for n, x in self.columns.items() if n in names})

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image."""
        height, width, channels = self.columns["image"].shape
        return height, width, channels

    def _value(self, item: Item, name: str) -> Any:
        value = self.root / item.name if name == "image" else item.values[name]
        if not isinstance(value, Path):
            return value
        kind = self.columns[name]
        how = self.resize if kind.coloured else self.resize and "nearest"
        height, width, channels = kind.shape
        picture = fitted(opened(value), (height, width, channels), how)
        return kind.check(name, picture[None])[0]


@functools.cache
def _warn_once(message: str) -> None:
    logging.getLogger("genlab").warning(message)
