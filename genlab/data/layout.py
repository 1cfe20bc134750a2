"""How images lie in a folder: `CLASS/`, `SPLIT/CLASS/`, a CSV of attributes, or images alone."""

import functools
import logging
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from genlab.config import ConfigError
from genlab.data.attributes import Attributes, natural, stored
from genlab.data.attributes import attributes as read_attributes
from genlab.data.columns import Column, Label
from genlab.data.listing import some
from genlab.data.tables import table

SPLITS = ("train", "validation", "test")
FOLDERS = "folder"  # as label: the class folders, with columns of a table
SPELT = {  # names of the folders of splits, in any case
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
}  # fmt: skip


class Item(NamedTuple):
    """An image by its name under the folder; the split is "train" where the folder has none.

    values: of its other columns by name, as stored; a picture that is a file of its own is its Path
    pixels: sha256 of its pixels, once it was looked at
    """

    name: str
    split: str
    values: dict[str, Any]
    pixels: str = ""

    @property
    def label(self) -> int | None:
        """Its class, if it has one."""
        return self.values.get("label")


class Labelled(NamedTuple):
    """Items ordered by split, the kinds of their columns, images without a value, rows without an
    image, and a line for each column of a table.
    """

    items: list[Item]
    columns: dict[str, Column]
    unlabelled: set[str]
    missing: set[str]
    stated: tuple[str, ...] = ()


def labelled(
    root: Path,
    names: list[str],
    attributes: str | None,
    label: str | None,
    columns: tuple[str, ...] = (),
    kinds: Mapping[str, Column | str] = {},
    missing: Mapping[str, str] | str | None = None,
) -> Labelled:
    """What the folders and a table say of images.

    The column "label" is the folders, or the column `label` of the CSV `attributes` ("folder":
    the folders there too); `columns` of the CSV are called as they are there, "*" is all. All may
    be missing. `missing` says what becomes of empty cells: see `attributes.attributes`.
    """
    label = None if label is None else str(label)  # a column may be called 1
    columns = tuple(map(str, (columns,) if isinstance(columns, str | int) else columns))
    if attributes is None and (label is not None or columns):
        asked = f"label={label!r} is a column" if label else f"columns={columns} are columns"
        raise ConfigError(f"{asked}: give its CSV file too, as Table.file")
    by_folder = attributes is None or (label == FOLDERS and bool(columns))
    places, gone = _places(root, names, by_folder), set()
    found = _by_folder(places, kinds) if by_folder else Attributes({}, {}, set(), ())
    unlabelled = set(names) - found.values["label"].keys() if found.kinds else set()
    if attributes is not None:
        own = None if by_folder else label
        cells, gone = _rows(root, names, attributes, own, columns)
        table = read_attributes(f"{root / attributes}", cells, kinds, missing)
        unlabelled |= (set(names) - cells.keys()) | table.dropped
        kinds_, values = found.kinds | table.kinds, found.values | table.values
        found = Attributes(kinds_, values, set(), found.stated + table.stated)
    items = [
        Item(name, places[name][0], {c: x[name] for c, x in found.values.items()})
        for name in names
        if name not in unlabelled
    ]
    items.sort(key=lambda item: (SPLITS.index(item.split), item.name))
    return Labelled(items, found.kinds, unlabelled, gone, found.stated)


def _by_folder(
    places: Mapping[str, tuple[str, ...]], kinds: Mapping[str, Column | str]
) -> Attributes:
    """The column "label" of the folders that images lie in; no column where they lie in none."""
    texts = {name: _nfc(inner[0]) for name, (_, *inner) in places.items() if inner}
    if not texts:
        return Attributes({}, {}, set(), ())
    kind = kinds.get("label")
    if kind is None or isinstance(kind, str):
        kind = Label(tuple(sorted(set(texts.values()), key=natural)))
    values = dict(zip(texts, stored(kind, "label", texts), strict=True))
    return Attributes({"label": kind}, {"label": values}, set(), ())


def _rows(
    root: Path, names: list[str], attributes: str, label: str | None, columns: tuple[str, ...]
) -> tuple[dict[str, dict[str, str]], set[str]]:
    """The cells of each image by its name, and the names of rows without an image. A row names an
    image by its path in the folder or by its bare file name, with or without suffix.
    """
    ways = [lambda n: n, _name, _stem, lambda n: _name(_stem(n))]
    known = [Counter(way(_nfc(name)) for name in names) for way in ways]

    def is_image(text: str) -> bool:
        return any(_plain(text) in of for of in known[:2])

    rows = table(root / attributes, label, columns, is_image)
    by_key = {_plain(name): (name, row) for name, row in rows.items()}
    cells, used = {}, set()
    for name in names:
        for way, of in zip(ways, known, strict=True):
            key = way(_nfc(name))
            if key in by_key:
                used.add(by_key[key][0])
                if of[key] == 1:  # a bare file name in two folders says nothing
                    cells[name] = by_key[key][1]
                break
    if not cells:
        raise ConfigError(
            f"{attributes} names no image under {root}; it has {some(rows) or 'no rows'}"
        )
    return cells, rows.keys() - used


def _plain(text: str) -> str:
    """A path as the listing has it, however a table writes it."""
    return _nfc(text).replace("\\", "/").removeprefix("./")


def _nfc(text: str) -> str:
    """One of the two ways in which systems write a letter with an accent."""
    return unicodedata.normalize("NFC", text)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def partners(names: Collection[str], others: Collection[str]) -> dict[str, str]:
    """Of the files `others` the one for each image: of the same path but for the suffix, or else of
    the same bare stem, where that is one file's alone.
    """
    by_stem, by_bare = _unique(others, _stem), _unique(others, _bare)
    mine = Counter(map(_bare, names))
    found = {}
    for name in names:
        bare = by_bare.get(_bare(name)) if mine[_bare(name)] == 1 else None
        if other := by_stem.get(_stem(name)) or bare:
            found[name] = other
    return found


def _unique(names: Collection[str], key: Callable[[str], str]) -> dict[str, str]:
    count = Counter(map(key, names))
    return {key(name): name for name in names if count[key(name)] == 1}


def _stem(name: str) -> str:
    folder, slash, file = _nfc(name).rpartition("/")
    return folder + slash + (file.rpartition(".")[0] or file)


def _bare(name: str) -> str:
    return _stem(name).rpartition("/")[2]


def split_folders(names: Collection[str]) -> dict[str, str]:
    """The splits of the folders at the top that are named for one; {} where they are classes.

    ConfigError where some are splits and what the others are cannot be known.
    """
    tops = {name.split("/")[0] if "/" in name else "" for name in names}
    splits = {top: SPELT[top.lower()] for top in sorted(tops) if top.lower() in SPELT}
    others = sorted(tops - set(splits))
    if not others or not splits:
        return splits
    if len(set(splits.values())) > 1 or "" in others:
        beside = [other or "loose images" for other in others]
        raise ConfigError(
            f"it has {some(splits)} beside {some(beside)}: move these into the splits or out of "
            "the folder; where all of them are classes, put them into a folder train"
        )
    return {}


def _places(root: Path, names: list[str], flat: bool) -> dict[str, tuple[str, ...]]:
    """The split of every image and the folders it lies in there; a class is the first, `flat`."""
    try:
        splits = split_folders(names)
    except ConfigError as error:
        raise ConfigError(f"{root}: {error}") from None
    folders = {name: tuple(name.split("/")[:-1]) for name in names}
    if splits:
        return {name: (splits[top], *below) for name, (top, *below) in folders.items()}
    tops = {inner[0] for inner in folders.values() if inner}
    if odd := sorted(top for top in tops if top.lower() in SPELT):
        _warn_once(f"{root}: {odd[0]} is read as a class beside {some(sorted(tops - set(odd)))}")
    below = {inner[1] if inner[1:] else "" for inner in folders.values()}
    if flat and len(tops) == 1 and all(folders.values()) and len(below) > 1 and "" not in below:
        _warn_once(
            f"{root}: the first folder is the class, and there is one, {some(tops)}; for the "
            f"classes {some(sorted(below))} give the path {root / min(tops)}"
        )
    return {name: ("train", *inner) for name, inner in folders.items()}


@functools.cache
def _warn_once(message: str) -> None:
    logging.getLogger("genlab").warning(message)
