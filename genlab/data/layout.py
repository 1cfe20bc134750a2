"""How images lie in a folder: `CLASS/`, `SPLIT/CLASS/`, a CSV of attributes, or images alone."""

import csv
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from genlab.config import ConfigError, did_you_mean, one_line

SPLITS = ("train", "validation", "test")
SUFFIXES = tuple(".bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp".split())


class Item(NamedTuple):
    """An image by its name under the folder; the split is "train" where the folder has none."""

    name: str
    split: str
    label: int | None


def listing(root: Path) -> dict[str, tuple[int, int]]:
    """Every image file under a folder: name to (bytes, mtime), without hidden and prepared ones."""
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
                found[(inside / name).as_posix()] = (stat.st_size, stat.st_mtime_ns)
    if not found:
        raise ConfigError(f"no images under {root} (looked for {' '.join(SUFFIXES)})")
    return dict(sorted(found.items()))


def _unlisted(error: OSError) -> None:
    raise ConfigError(f"cannot list {error.filename}: {error.strerror}")


def labelled(root: Path, names: list[str], attributes: str | None, label: str | None):
    """Items ordered by split, class names, images without a class, rows without an image.

    Classes are the folders, or column `label` of the CSV `attributes`; both may be None.
    """
    if attributes is None and label is not None:
        raise ConfigError(f"label={label!r} is a column: give its CSV file as attributes=... too")
    places, missing = _places(root, names, attributes is None), set()
    if attributes is None:
        values = {name: folders[0] for name, (_, *folders) in places.items() if folders}
    else:
        table = _table(root / attributes, label)
        keys = {name: name if name in table else name.split("/")[-1] for name in names}
        shared = Counter(keys.values())  # a bare file name in two folders says nothing
        values = {n: table[key] for n, key in keys.items() if key in table and shared[key] == 1}
        missing = table.keys() - set(keys.values())
        if not values:
            raise ConfigError(f"{attributes} names no image under {root}; it has {some(table)}")
    classes = sorted(set(values.values()), key=_natural)
    number = {value: i for i, value in enumerate(classes)}
    labels = {name: number[value] for name, value in values.items()}
    items = [Item(name, places[name][0], labels.get(name)) for name in names]
    items.sort(key=lambda item: (SPLITS.index(item.split), item.name))
    unlabelled = {item.name for item in items if item.label is None and classes}
    usable = [item for item in items if item.name not in unlabelled]
    return usable, tuple(classes), unlabelled, missing


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


def _table(path: Path, column: str | None) -> dict[str, str]:
    """{file name: class} from a CSV; a row whose cell is empty is left out."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"attributes: {path} is no CSV with a header ({error})") from None
    columns = header[1:]
    if column is None and len(columns) == 1:
        column = columns[0]
    if column not in columns:
        hint = did_you_mean(column or "", columns)
        raise ConfigError(f"{path} has the columns {', '.join(columns)}: choose one as label{hint}")
    at = header.index(column, 1)
    if twice := [name for name, n in Counter(row[0] for row in rows).items() if n > 1]:
        raise ConfigError(f"{path} names {some(twice)} more than once")
    table = {row[0]: row[at].strip() for row in rows if len(row) > at and row[at].strip()}
    if odd := [f"{value} for {name}" for name, value in table.items() if _is_fraction(value)]:
        raise ConfigError(f"{path}: {column} holds {odd[0]}; a label is an integer or a word")
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


def _is_fraction(value: str) -> bool:
    try:
        return not float(value).is_integer()
    except ValueError:
        return False
