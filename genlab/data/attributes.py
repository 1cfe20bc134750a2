"""Cells of a table as columns: the kind of each, as given or inferred, and what becomes of cells
without a value.
"""

import logging
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError, choices
from genlab.data.columns import Column, Label, Numbers
from genlab.data.listing import some

RULES = ("drop", "class", "mean", "null")
CLASS = "missing"  # the name of the class of images without a label
EMPTY = ("na", "n/a", "nan", "null", "none", "?", "-")  # in a column of numbers, beside nothing
LISTED = 6  # classes that a line names
MANY = 20  # classes that are not worth a word, however few the images

Cells = dict[str, dict[str, str]]  # by image, then by column


class Attributes(NamedTuple):
    """The columns of a table.

    kinds:   by column
    values:  by column, as stored, then by image
    dropped: the images that are left out for want of a value
    stated:  a line for each column: its kind, how that is known, what was missing
    """

    kinds: dict[str, Column]
    values: dict[str, dict[str, Any]]
    dropped: set[str]
    stated: tuple[str, ...]


def attributes(
    where: str,
    cells: Cells,
    kinds: Mapping[str, Column | str],
    missing: Mapping[str, str] | str | None,
) -> Attributes:
    """The columns of a table's cells, those without a value as `missing` says: one rule, or one by
    column. "drop" leaves the image out, "class" makes a class "missing" of a label, "mean" and
    "null" fill a number with the mean of the others or with the middle of its range, which networks
    take as 0, the null condition; None refuses.

    Raises ConfigError, with counts, where values are missing and no rule says what to do.
    """
    columns = tuple(next(iter(cells.values()), {}))
    rules = _rules(columns, missing)
    lacking = {name: _empty(cells, name, kinds.get(name)) for name in columns}
    if without := {name: x for name, x in lacking.items() if x and rules[name] is None}:
        raise ConfigError(_refusal(where, without, len(cells)))
    dropped = {image for name, x in lacking.items() if rules[name] == "drop" for image in x}
    if dropped == cells.keys() and dropped:
        raise ConfigError(f"{where}: every image lacks a value; missing='drop' leaves none")
    kept = {image: row for image, row in cells.items() if image not in dropped}
    found = Attributes({}, {}, dropped, ())
    stated = []
    for name in columns:
        empty = [image for image in lacking[name] if image not in dropped]
        texts = {image: row[name] for image, row in kept.items() if image not in set(empty)}
        kind, how = _kind(where, name, texts, kinds.get(name))
        kind, value, filled = _filled(where, name, kind, texts, empty, rules[name])
        whole = texts | dict.fromkeys(empty, value)
        rows = stored(kind, name, {image: whole[image] for image in kept})
        found.kinds[name] = kind
        found.values[name] = dict(zip(kept, rows, strict=True))
        gone = len(lacking[name]) - len(empty)
        told = [how, f"{_images(gone)} left out" if gone else "", filled]
        stated.append(f"{name}: {described(kind)}, {'; '.join(filter(None, told))}")
    return found._replace(stated=tuple(stated))


def described(kind: Column) -> str:
    """A kind in a few words."""
    if isinstance(kind, Label):
        names = ", ".join(kind.names[:LISTED]) + (", ..." if kind.cycle > LISTED else "")
        return f"label of {kind.cycle} ({names})"
    if isinstance(kind, Numbers):
        return "; ".join(
            f"numbers {a:.6g} .. {b:.6g}" for a, b in zip(kind.low, kind.high, strict=True)
        )
    return type(kind).__name__


def typed(where: str, column: str, texts: Mapping[str, str]) -> Column:
    """The kind of a column of a table, of {file: text}: Numbers, with the smallest and the largest
    as their range, where all are numbers and some no integers; else a Label.
    """
    broken = [f"{text} for {name}" for name, text in texts.items() if _is_fraction(text)]
    if not broken:
        return Label(tuple(sorted(set(texts.values()), key=natural)))
    words = [f"{text} for {name}" for name, text in texts.items() if _number(text) is None]
    if column == "label" or words:
        beside = f" beside {words[0]}" if words else ", and numbers are no label"
        raise ConfigError(
            f"{where}: {column} holds {broken[0]}{beside}; a label is an integer or a word, and "
            "numbers are asked for by their own name, as columns=('age',)"
        )
    values = list(map(float, texts.values()))
    low, high = min(values), max(values)
    return Numbers((column,), (low,), (high if high > low else low + 1.0,))  # as `Numbers.of`


def stored(kind: Column, column: str, texts: Mapping[str, str]) -> np.ndarray:
    """The values of a table's column as its kind stores them: of texts, or of the numbers that all
    of them are where the kind is no label.
    """
    values = [_number(text) for text in texts.values()]
    if isinstance(kind, Label) or None in values:
        return kind.check(column, np.array(list(texts.values())))
    return kind.check(column, np.array(values, np.float32))


def natural(value: str) -> tuple[int, float, str]:
    """Sorts numbers by size, before words."""
    number = _number(value)
    return (1, 0, value) if number is None or not math.isfinite(number) else (0, number, value)


def _rules(
    columns: tuple[str, ...], missing: Mapping[str, str] | str | None
) -> dict[str, str | None]:
    """The rule of each column."""
    if missing is None or isinstance(missing, str):
        missing = {} if missing is None else dict.fromkeys(columns, missing)
    for name, rule in missing.items():
        if name not in columns:
            raise ConfigError(f"missing names {name!r}, no column{choices(name, columns)}")
        if rule not in RULES:
            raise ConfigError(f"missing={rule!r} for {name!r} is no rule{choices(rule, RULES)}")
    return {name: missing.get(name) for name in columns}


def _empty(cells: Cells, column: str, kind: Column | str | None) -> list[str]:
    """The images without a value; in a column of numbers, the words for none count as none."""
    texts = {image: row[column] for image, row in cells.items()}
    others = {text for text in texts.values() if text and text.lower() not in EMPTY}
    numeric = isinstance(kind, Numbers) or kind == "numbers"
    if (
        kind is None
        and column != "label"
        and others
        and all(_number(text) is not None for text in others)
    ):
        numeric = any(map(_is_fraction, others))
    return [i for i, t in texts.items() if not t or (numeric and t.lower() in EMPTY)]


def _refusal(where: str, without: Mapping[str, list[str]], count: int) -> str:
    told = "; ".join(f"{len(x)} have no {name} ({some(x)})" for name, x in without.items())
    return (
        f"{where}: of {count} images {told}. Say what to do: missing='drop' leaves them out, "
        "'class' makes a class 'missing' of a label, 'mean' or 'null' (the null condition) fills a "
        f"number; or by column, missing={{{next(iter(without))!r}: 'drop'}}"
    )


def _kind(
    where: str, column: str, texts: Mapping[str, str], asked: Column | str | None
) -> tuple[Column, str]:
    """The kind of a column, and how it is known."""
    if asked is not None and not isinstance(asked, str):
        return asked, "as kinds says"
    if asked not in (None, "label", "numbers"):
        raise ConfigError(f"kinds[{column!r}] is {asked!r}{choices(asked, ('label', 'numbers'))}")
    if asked == "label":
        return Label(tuple(sorted(set(texts.values()), key=natural))), "as kinds says"
    if asked == "numbers":
        if words := [f"{t} for {image}" for image, t in texts.items() if not _is_finite(t)]:
            raise ConfigError(f"{where}: {column} holds {words[0]}, and kinds says it is numbers")
        kind = Numbers.of(np.array(list(map(float, texts.values()))), column)
        if kind is None:
            raise ConfigError(f"{where}: {column} holds no number at all")
        return kind, "as kinds says"
    kind = typed(where, column, texts)
    if isinstance(kind, Numbers):
        return kind, "inferred from fractions"
    for doubt in _doubts(getattr(kind, "names", ()), len(texts)):
        logging.getLogger("genlab").warning(f"{where}: {column} {doubt}")
    if not all(_number(name) is not None for name in getattr(kind, "names", ())):
        return kind, "inferred from words"
    return kind, f"inferred from whole numbers (kinds={{{column!r}: 'numbers'}} makes it a number)"


def _doubts(names: tuple[str, ...], count: int) -> list[str]:
    """What is odd about the inferred classes of so many images."""
    found, spelt = [], {}
    if len(names) > max(MANY, count // 2):
        found.append(
            f"has {len(names)} classes for {count} images ({names[0]}, ...): if it is no label, "
            "write plain numbers (0.5), or leave it out of the columns"
        )
    for name in names:
        spelt.setdefault(name.casefold(), []).append(name)
    if twice := next((same for same in spelt.values() if len(same) > 1), None):
        found.append(f"has classes that differ in case alone: {', '.join(twice)}")
    return found


def _filled(
    where: str,
    column: str,
    kind: Column,
    texts: Mapping[str, str],
    empty: list[str],
    rule: str | None,
) -> tuple[Column, str, str]:
    """The kind, the text that stands for a missing value, and what to say of it."""
    fits = ("drop", "class") if isinstance(kind, Label) else ("drop", "mean", "null")
    if empty and rule not in fits:
        raise ConfigError(
            f"{where}: missing={rule!r} for {column!r}, which is {described(kind)}: give one of "
            f"{', '.join(fits)}"
        )
    if not empty:
        return kind, "", ""
    if isinstance(kind, Label):
        names = kind.names if CLASS in kind.names else (*kind.names, CLASS)
        return Label(names), CLASS, f"{_images(len(empty))} of the class {CLASS!r}"
    if kind.shape != kind.stored or not isinstance(kind, Numbers):
        raise ConfigError(f"{where}: {column!r} has neither mean nor middle: give missing='drop'")
    if rule == "mean":
        value, told = np.mean([float(t) for t in texts.values()]), "the mean"
    else:
        value, told = kind.store(np.zeros((1, 1)))[0, 0], "the null condition"
    return kind, repr(float(value)), f"{_images(len(empty))} at {value:.6g}, {told}"


def _images(count: int) -> str:
    return f"{count} image{'s' * (count != 1)} without"


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _is_fraction(value: str) -> bool:
    number = _number(value)
    return number is not None and not number.is_integer()


def _is_finite(value: str) -> bool:
    number = _number(value)
    return number is not None and math.isfinite(number)
