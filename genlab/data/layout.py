"""How images lie in a folder: `CLASS/`, `SPLIT/CLASS/`, a CSV of attributes, or images alone."""

import functools
import logging
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError
from genlab.data.columns import Column, Label, Numbers
from genlab.data.listing import some
from genlab.data.tables import table

SPLITS = ("train", "validation", "test")
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


def labelled(
    root: Path,
    names: list[str],
    attributes: str | None,
    label: str | None,
    columns: tuple[str, ...] = (),
    kinds: Mapping[str, Column] = {},
) -> tuple[list[Item], dict[str, Column], set[str], set[str]]:
    """Items ordered by split, the kinds of their columns, images without a value, rows without an
    image.

    The column "label" is the folders, or the column `label` of the CSV `attributes`; `columns` of
    the CSV are called as they are there. All may be missing.
    """
    label = None if label is None else str(label)  # a column may be called 1
    columns = tuple(map(str, (columns,) if isinstance(columns, str | int) else columns))
    if attributes is None and (label is not None or columns):
        asked = f"label={label!r} is a column" if label else f"columns={columns} are columns"
        raise ConfigError(f"{asked}: give its CSV file as attributes=... too")
    places, missing = _places(root, names, attributes is None), set()
    if attributes is None:
        cells = {n: {"label": _nfc(f[0])} for n, (_, *f) in places.items() if f}
        kinds = {
            "label": Label(tuple(sorted({row["label"] for row in cells.values()}, key=_natural))),
            **kinds,
        }
    else:
        cells, missing = _rows(root, names, attributes, label, columns)
    found: dict[str, Column] = {}
    values: dict[str, dict[str, Any]] = {name: {} for name in names}
    for column in next(iter(cells.values()), {}):
        texts = {name: row[column] for name, row in cells.items()}
        found[column] = kinds.get(column) or typed(f"{root / (attributes or '')}", column, texts)
        for name, value in zip(texts, stored(found[column], column, texts), strict=True):
            values[name][column] = value
    items = [Item(name, places[name][0], values[name]) for name in names]
    items.sort(key=lambda item: (SPLITS.index(item.split), item.name))
    unlabelled = {item.name for item in items if not item.values and found}
    return [item for item in items if item.name not in unlabelled], found, unlabelled, missing


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
        raise ConfigError(f"{attributes} names no image under {root}; it has {some(rows)}")
    return cells, rows.keys() - used


def _plain(text: str) -> str:
    """A path as the listing has it, however a table writes it."""
    return _nfc(text).replace("\\", "/").removeprefix("./")


def _nfc(text: str) -> str:
    """One of the two ways in which systems write a letter with an accent."""
    return unicodedata.normalize("NFC", text)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def typed(where: str, column: str, texts: Mapping[str, str]) -> Column:
    """The kind of a column of a table, of {file: text}: Numbers, with the smallest and the largest
    as their range, where all are numbers and some no integers; else a Label.
    """
    broken = [f"{text} for {name}" for name, text in texts.items() if _is_fraction(text)]
    if not broken:
        return Label(tuple(sorted(set(texts.values()), key=_natural)))
    words = [f"{text} for {name}" for name, text in texts.items() if _number(text) is None]
    if column == "label" or words:
        beside = f" beside {words[0]}" if words else ", and numbers are no label"
        raise ConfigError(
            f"{where}: {column} holds {broken[0]}{beside}; a label is an integer or a word, and "
            "numbers are asked for by their own name, as columns=('age',)"
        )
    values = np.array(list(map(float, texts.values())))
    return Numbers((column,), (values.min().item(),), (values.max().item(),))


def stored(kind: Column, column: str, texts: Mapping[str, str]) -> np.ndarray:
    """The values of a table's column as its kind stores them: of texts, or of the numbers that all
    of them are where the kind is no label.
    """
    values = [_number(text) for text in texts.values()]
    if isinstance(kind, Label) or None in values:
        return kind.check(column, np.array(list(texts.values())))
    return kind.check(column, np.array(values, np.float32))


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


def _natural(value: str) -> tuple[int, float, str]:
    """Sorts numbers by size, before words."""
    number = _number(value)
    return (1, 0, value) if number is None or not math.isfinite(number) else (0, number, value)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _is_fraction(value: str) -> bool:
    number = _number(value)
    return number is not None and not number.is_integer()
