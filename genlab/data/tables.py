"""Tables of attributes as people have them: commas, semicolons, tabs or spaces; with a header or
without.
"""

import codecs
import csv
import logging
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from genlab.config import ConfigError, did_you_mean
from genlab.data.attributes import EMPTY
from genlab.data.listing import some

WRITTEN = {  # numbers with commas, by the mark between thousands; the other is the decimal mark
    ".": re.compile(r"[-+]?(\d+|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?"),
    ",": re.compile(r"[-+]?(\d+|[1-9]\d{0,2}(,\d{3})+)(\.\d+)?"),
}


def table(
    path: Path, label: str | None, columns: tuple[str, ...], is_image: Callable[[str], bool]
) -> dict[str, dict[str, str]]:
    """{file name: {column: text}} of a table whose first column names files; "" where a cell is
    empty or lacking. Of the `columns` "*" stands for all but the label.

    A table whose first row names an image already has no header: its columns are "1", "2", ... A
    first line that only counts the rows, as in CelebA's lists, is passed over. ConfigError for what
    is no table, and for a column that is not there, or there twice.
    """
    header, rows, separator = _read(path, is_image)
    if label is None and not columns and len(header) == 2:
        label = header[1]
    if columns == ("*",):
        columns = tuple(name for name in header[1:] if name not in ("", label))
    named = {name: name for name in columns if name != "label" or not label}
    wanted = ({"label": label} if label else {}) | named
    for name in wanted.values() or [None]:
        if name not in header[1:]:
            hint = did_you_mean(name or "", header[1:])
            raise ConfigError(
                f"{path} has the columns {', '.join(header[1:])}: choose one as label, or several "
                f"as columns{hint}"
            )
        if header[1:].count(name) > 1:
            raise ConfigError(f"{path} has two columns called {name!r}: rename or delete one")
    if twice := [name for name, n in Counter(row[0] for row in rows).items() if n > 1]:
        raise ConfigError(f"{path} names {some(twice)} more than once: leave one row of each image")
    at = {name: header.index(column, 1) for name, column in wanted.items()}
    found = {}
    for row in rows:
        found[row[0]] = {n: row[i].strip() if i < len(row) else "" for n, i in at.items()}
    for name in at:
        _with_points(path, name, found, separator)
    return found


def _read(
    path: Path, is_image: Callable[[str], bool]
) -> tuple[list[str], list[list[str]], str | None]:
    """The header, the rows, and what separates cells: None for spaces."""
    try:
        with open(path, newline="", encoding=_encoding(path)) as file:
            lines = [line for line in file.read().splitlines() if line.strip()]
        if not lines:
            raise ValueError("it is empty")
        counted = len(lines) > 2 and lines[0].strip().isdecimal()
        if counted and int(lines[0]) in (len(lines) - 1, len(lines) - 2):
            lines = lines[1:]
        separator = max(",;\t", key=lines[0].count)
        if separator in lines[0]:
            header, *rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        else:
            separator, (header, *rows) = None, [line.split() for line in lines]
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: byte {error.start} is no UTF-8 text; save the table as UTF-8, in a "
            'spreadsheet "CSV UTF-8"'
        ) from None
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


def _encoding(path: Path) -> str:
    """UTF-8, or UTF-16 where the file begins as spreadsheets write "Unicode text"."""
    with open(path, "rb") as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _with_points(
    path: Path, column: str, rows: dict[str, dict[str, str]], separator: str | None
) -> None:
    """Numbers with a decimal comma or with commas or points between thousands as Python has them,
    in a column of `rows` that holds nothing but numbers. "1,200" may be either: a table with
    semicolons has decimal commas; in others a column of nothing else stays as it is, with a
    warning.
    """
    texts = [row[column] for row in rows.values()]
    texts = [text for text in texts if text and text.lower() not in EMPTY]
    if not (commas := [text for text in texts if "," in text]):
        return
    marks = [mark for mark, number in WRITTEN.items() if all(map(number.fullmatch, texts))]
    if len(marks) == 2 and separator != ";":
        logging.getLogger("genlab").warning(
            f"{path}: {column} holds {commas[0]!r}, a fraction or thousands: it is read as a word; "
            "for numbers write it with a point or without the comma"
        )
    elif marks:
        for row in rows.values():
            row[column] = row[column].replace(marks[0], "").replace(",", ".")
