"""How images lie in a folder: `CLASS/`, `SPLIT/CLASS/`, a CSV of attributes, or images alone."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError, did_you_mean, one_line
from genlab.data.columns import Column, Label, Numbers

SPLITS = ("train", "validation", "test")
SUFFIXES = tuple(".bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp".split())


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


def listing(root: Path) -> dict[str, tuple[int, int, int]]:
    """Every image file under a folder: name to (bytes, mtime, ctime), without hidden ones."""
    if not root.is_dir():
        raise ConfigError(f"no folder {root}")
    found = {}
    for place, folders, names in os.walk(root, onerror=_unlisted, followlinks=True):
        inside = Path(place).relative_to(root)
        # Links may form a ring. A layout has two levels of folders; the third is there to complain.
        below = [f for f in folders if not f.startswith((".", "prepared-"))]
        folders[:] = below if len(inside.parts) < 3 else []
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                file = os.path.join(place, name)
                stat = os.stat(file) if os.path.exists(file) else os.lstat(file)  # a broken link
                found[(inside / name).as_posix()] = stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
    if not found:
        raise ConfigError(f"no images under {root} (looked for {' '.join(SUFFIXES)})")
    return dict(sorted(found.items()))


def _unlisted(error: OSError) -> None:
    raise ConfigError(f"cannot list {error.filename}: {error.strerror}")


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
    if attributes is None and (label is not None or columns):
        asked = f"label={label!r} is a column" if label else f"columns={columns} are columns"
        raise ConfigError(f"{asked}: give its CSV file as attributes=... too")
    places, missing = _places(root, names, attributes is None), set()
    if attributes is None:
        cells = {n: {"label": folders[0]} for n, (_, *folders) in places.items() if folders}
    else:
        table = _table(root / attributes, label, columns)
        keys = {name: name if name in table else name.split("/")[-1] for name in names}
        shared = Counter(keys.values())  # a bare file name in two folders says nothing
        cells = {n: table[key] for n, key in keys.items() if key in table and shared[key] == 1}
        missing = table.keys() - set(keys.values())
        if not cells:
            raise ConfigError(f"{attributes} names no image under {root}; it has {some(table)}")
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
    return name.rpartition(".")[0]


def _bare(name: str) -> str:
    return _stem(name).rpartition("/")[2]


def _places(root: Path, names: list[str], flat: bool) -> dict[str, tuple[str, ...]]:
    """The split of every image and the folders it lies in there; at most one if `flat`."""
    places = {name: tuple(name.split("/")[:-1]) for name in names}
    tops = {folders[0] if folders else "loose images" for folders in places.values()}
    if tops & set(SPLITS):
        if other := sorted(tops - set(SPLITS)):
            raise ConfigError(
                f"{root} has {some(sorted(tops & set(SPLITS)))} beside {some(other)}; "
                "name the folders of the splits train, validation and test"
            )
    else:
        places = {name: ("train", *folders) for name, folders in places.items()}
    deep = [name for name, folders in places.items() if len(folders) > 2]
    if flat and deep:
        raise ConfigError(f"{root}/{deep[0]} lies too deep: images go in CLASS/ or SPLIT/CLASS/")
    return places


def _table(path: Path, label: str | None, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """{file name: {column: text}} from a CSV; a row with an empty cell is left out."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"attributes: {path} is no CSV with a header ({error})") from None
    if label is None and not columns and len(header) == 2:
        label = header[1]
    named = {name: name for name in columns if name != "label" or not label}
    wanted = ({"label": label} if label else {}) | named
    for name in wanted.values() or [None]:
        if name not in header[1:]:
            hint = did_you_mean(name or "", header[1:])
            raise ConfigError(
                f"{path} has the columns {', '.join(header[1:])}: choose one as label, or several "
                f"as columns{hint}"
            )
    if twice := [name for name, n in Counter(row[0] for row in rows).items() if n > 1]:
        raise ConfigError(f"{path} names {some(twice)} more than once")
    at = {name: header.index(column, 1) for name, column in wanted.items()}
    table = {}
    for row in rows:
        cells = {name: row[i].strip() for name, i in at.items() if i < len(row)}
        if len(cells) == len(at) and all(cells.values()):
            table[row[0]] = cells
    return table


def some(names) -> str:
    """Up to three of the names, for a message."""
    names = list(names)
    return ", ".join(one_line(name, 200) for name in names[:3]) + (" ..." if len(names) > 3 else "")


def _natural(value: str) -> tuple[int, int, str]:
    """Sorts integers by size, before words."""
    try:
        return 0, int(value), value
    except ValueError:
        return 1, 0, value


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _is_fraction(value: str) -> bool:
    number = _number(value)
    return number is not None and not number.is_integer()
