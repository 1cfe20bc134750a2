"""Tables of attributes as people have them: commas, semicolons, tabs or spaces; with a header or
without.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

from genlab.config import ConfigError, did_you_mean
from genlab.data.listing import some

DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


def table(
    path: Path, label: str | None, columns: tuple[str, ...], is_image: Callable[[str], bool]
) -> dict[str, dict[str, str]]:
    """{file name: {column: text}} of a table whose first column names files; "" where a cell is
    empty or lacking. Of the `columns` "*" stands for all but the label.

    A table whose first row names an image already has no header: its columns are "1", "2", ... A
    first line that only counts the rows, as in CelebA's lists, is passed over. ConfigError for what
    is no table, and for a column that is not there.
    """
    header, rows, separator = _read(path, is_image)
    if label is None and not columns and len(header) == 2:
        label = header[1]
    if columns == ("*",):
        columns = tuple(name for name in header[1:] if name != label)
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
    found = {}
    for row in rows:
        found[row[0]] = {n: row[i].strip() if i < len(row) else "" for n, i in at.items()}
    return _with_points(found, at) if separator == ";" else found


def _read(
    path: Path, is_image: Callable[[str], bool]
) -> tuple[list[str], list[list[str]], str | None]:
    """The header, the rows, and what separates cells: None for spaces."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [line for line in file.read().splitlines() if line.strip()]
        counted = len(lines) > 2 and lines[0].strip().isdecimal()
        if counted and int(lines[0]) in (len(lines) - 1, len(lines) - 2):
            lines = lines[1:]
        separator = max(",;\t", key=lines[0].count)
        if separator in lines[0]:
            header, *rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        else:
            separator, (header, *rows) = None, [line.split() for line in lines]
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise ConfigError(f"attributes: {path} is no CSV with a header ({error})") from None
    rows = [[row[0].strip(), *row[1:]] for row in rows]
    header = [name.strip() for name in header]
    if is_image(header[0]):
        header, rows = ["file", *map(str, range(1, len(header)))], [header, *rows]
    elif rows and all(len(row) == len(header) + 1 for row in rows):
        header = ["file", *header]  # CelebA's header names attributes alone
    if separator is None and (long := [row for row in rows if len(row) > len(header)]):
        raise ConfigError(
            f"{path}: {' '.join(long[0])[:200]!r} has {len(long[0])} words under a header of "
            f"{len(header)}: separate cells by commas where a name holds spaces"
        )
    return header, rows, separator


def _with_points(
    found: dict[str, dict[str, str]], columns: Collection[str]
) -> dict[str, dict[str, str]]:
    """Decimal commas as points, in columns that hold nothing but numbers."""
    for column in columns:
        texts = [row[column] for row in found.values()]
        commas = [text for text in texts if DECIMAL_COMMA.fullmatch(text)]
        others = [text for text in texts if text and not DECIMAL_COMMA.fullmatch(text)]
        if commas and all(text.lstrip("+-").isdecimal() for text in others):
            for row in found.values():
                row[column] = row[column].replace(",", ".")
    return found
