"""A folder of images as a source, read in place or from a copy that `genlab prepare` made."""

import functools
import hashlib
import json
import logging
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from genlab.config import ConfigError, as_dict, fingerprint, spec
from genlab.data.cleaning import Cleaning, examine, examined
from genlab.data.columns import Column
from genlab.data.contents import file_sha256, seen
from genlab.data.decoding import fitted, opened
from genlab.data.layout import Item
from genlab.data.listing import listing
from genlab.data.records import FORM, Field, Records
from genlab.data.sources import Source, from_readers
from genlab.data.splits import divided
from genlab.runs.data_files import changes
from genlab.runs.files import object_in
from genlab.runtime.cache import cache

__all__ = [
    "Cleaning",
    "Faults",
    "Files",
    "Recipe",
    "Records",
    "Split",
    "Table",
    "examine",
    "folder",
    "in_place",
    "prepared",
    "recipe",
]


class Recipe(NamedTuple):
    """All that decides which pixels end up in which split: the arguments of `folder`, in a row."""

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
    kinds: Mapping[str, Column | str] = {}
    split_by: str = "name"
    missing: Mapping[str, str] | str | None = None

    @property
    def own_kinds(self) -> dict[str, Column]:
        """The kinds that are given whole, not by the name of a kind."""
        return {name: kind for name, kind in self.kinds.items() if not isinstance(kind, str)}


@dataclass(frozen=True)
class Table:
    """A table of what is in the pictures of a folder.

    file:    a CSV in the folder, file names first; None for no table
    label:   the column of it that is the class, by default the only one; or "folder", the folder
             that an image lies in
    columns: of the CSV, each a column under its own name, ("*",) for all: a Label of words or
             integers, or Numbers, with the extremes of the table as their range
    missing: what becomes of empty cells: one rule, or one by column. "drop" leaves the image out,
             "class" makes a class "missing" of a label, "mean" or "null" (the null condition) fills
             a number; None refuses them, with counts
    """

    file: str | None = None
    label: str | None = None
    columns: tuple[str, ...] = ()
    missing: Mapping[str, str] | str | None = None


@dataclass(frozen=True)
class Split:
    """Splits that a folder does not have, drawn of train.

    validation, test: their shares, drawn by `seed`
    by: "name" or "content": by a hash of each image's own name or pixels, so that adding images
        moves no other; "position" as versions before did (see `data.splits`)
    """

    validation: float = 0.1
    test: float = 0.1
    seed: int = 0
    by: str = "name"


@dataclass(frozen=True)
class Faults:
    """What becomes of images that something is wrong with.

    problems:   "skip" or "refuse" what is unreadable, unlabelled, of another size or without
                partner
    duplicates: "skip", "refuse" or "keep" all but the first of images with equal pixels
    """

    problems: str = "skip"
    duplicates: str = "skip"


def recipe(
    path: str,
    shape: tuple[int, int, int] | None = None,
    resize: str | None = None,
    table: Table = Table(),
    pairs: Mapping[str, str] = {},
    kinds: Mapping[str, Column | str] = {},
    split: Split = Split(),
    faults: Faults = Faults(),
) -> Recipe:
    """The arguments of `folder` in one row."""
    return Recipe(
        path, shape, table.file, table.label, faults.problems, faults.duplicates, split.validation,
        split.test, split.seed, resize, table.columns, pairs, kinds, split.by, table.missing,
    )  # fmt: skip


def folder(
    path: str,
    shape: tuple[int, int, int] | None = None,
    resize: str | None = None,
    table: Table = Table(),
    pairs: Mapping[str, str] = {},
    kinds: Mapping[str, Column | str] = {},
    split: Split = Split(),
    faults: Faults = Faults(),
    augment: tuple = (),
) -> Source:
    """The images under `path`: in `CLASS/`, `SPLIT/CLASS/` (train, validation, test), or anyhow.

    shape:  (H, W, C), colours converted; None is the commonest size, grey only if all are
    resize: a Pillow filter such as "bicubic": cut to the aspect of `shape`, then resize
    table:  of what is in the pictures, spec(Table, "table.csv", columns=("colour",))
    pairs:  other folders of pictures, by the name of their column: pairs={"sketch": "sketches"};
            files of one stem are one example
    kinds:  of columns that files do not say: kinds={"mask": spec(Mask, (64, 64, 1))}; of the table
            also "label" or "numbers", where something else would be inferred
    split:  how train, validation and test are drawn where folders do not say it
    faults: what becomes of files that cannot be used, and of equal ones

    Classes are numbered in sorted order. ConfigError if most images have another size than `shape`.
    """
    made = recipe(path, shape, resize, table, pairs, kinds, split, faults)
    return _source(made, augment)


def _source(recipe: Recipe, augment: tuple) -> Source:
    path = recipe.path
    found = prepared(recipe)
    if found is None and (told := _other_copies(recipe)):
        _warn_once(f"{path}: {told}; reading in place")
    splits, cleaning, contents = found or in_place(recipe)
    if cleaning.problems:
        _warn_once(f"{path}: {cleaning.summary()}")
    return from_readers(splits, next(iter(splits.values())).columns, augment, contents)


class Divided(NamedTuple):
    """A reader for each split that is not empty, what was found, and the files that are used."""

    splits: "Mapping[str, Files | Records]"
    cleaning: Cleaning
    contents: dict[str, dict[str, str]]


def in_place(recipe: Recipe) -> Divided:
    """Readers of the image files, in an order that the seed fixes."""
    found = examined(*recipe[:6], recipe.resize, *recipe[10:13], recipe.missing)
    shares = {"validation": recipe.validation, "test": recipe.test}
    splits = divided(found.items, shares, recipe.seed, recipe.split_by, recipe.path)
    root = Path(recipe.path)
    readers = {s: Files(root, x, found.columns, recipe.resize) for s, x in splits.items() if x}
    return Divided(readers, found.cleaning, found.contents)


def prepared(recipe: Recipe) -> Divided | None:
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
        fields = {name: Field.read(x, recipe.own_kinds.get(name)) for name, x in index["columns"]}
        readers = {s: Records(place / f"{s}.array_record", fields) for s in index["counts"]}
        if {split: len(reader) for split, reader in readers.items()} != index["counts"]:
            raise ValueError(f"it should hold {index['counts']} images")
        for reader in readers.values():
            reader[0]
        return Divided(readers, Cleaning(**found), index["contents"])
    except Exception as error:  # array_record has no error of its own
        raise ConfigError(f"{place} is damaged ({error}); delete it and prepare it again") from None


def home(recipe: Recipe) -> Path:
    """Where the prepared copy is, in the cache: named by the folder, by the recipe, and by the
    names and contents of the files.
    """
    return _shelf() / f"{_stem(recipe)}-{fingerprint(held(recipe))[:12]}"


def held(recipe: Recipe) -> dict[str, dict[str, str]]:
    """{folder: {name: sha256}} of all that the recipe reads from, used or not."""
    found = {}
    for path in (recipe.path, *recipe.pairs.values()):
        root = Path(path)
        found[path] = {name: one.sha256 for name, one in seen(root, listing(root).files).items()}
    if recipe.attributes is not None:
        found[recipe.path][recipe.attributes] = file_sha256(Path(recipe.path, recipe.attributes))
    return found


def earlier(recipe: Recipe) -> tuple[Path, str] | None:
    """The last copy made by this recipe of other files, and how those differ from today's."""
    now = home(recipe)
    copies = [place for place in _shelf().glob(f"{_stem(recipe)}-*") if place != now]
    for place in sorted(copies, key=lambda place: place.stat().st_mtime, reverse=True):
        before = object_in(place / "index.json").get("held", {})
        pairs = [(before.get(path, {}), names, path) for path, names in held(recipe).items()]
        told = [f"{changes(old, new)} in {path}" for old, new, path in pairs if old != new]
        return place, "; ".join(told)
    return None


def _other_copies(recipe: Recipe) -> str:
    """What to say of copies of this folder that are not what the recipe asks for; or nothing."""
    if found := earlier(recipe):
        return f"since it was prepared in {found[0]}: {found[1]}"
    if any(_shelf().glob(f"{_folder_name(recipe)}-*")):
        return "its prepared copies have other options"
    if any(Path(recipe.path).glob("prepared-*/index.json")):
        return "a copy that an earlier version left in it is not used: prepare it again"
    return ""


def _shelf() -> Path:
    return cache() / "prepared"


def _folder_name(recipe: Recipe) -> str:
    """A folder's own name, as far as any system takes it, and a hash of the whole path."""
    place = Path(recipe.path).resolve()
    plain = re.sub(r"[^A-Za-z0-9_.]+", "_", place.name)[:40]
    return f"{plain}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:8]}"


def _stem(recipe: Recipe) -> str:
    options = as_dict(spec(Recipe, "", *recipe[1:]))
    if recipe.missing is None:  # copies of before had no such option
        del options["missing"]
    return f"{_folder_name(recipe)}-{fingerprint(options)[:8]}"


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
