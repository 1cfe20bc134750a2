"""Conditions for samples: values that cover the columns a method is given, and reading them."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Column, Label
from genlab.data.columns.column import Parses, Spreads, Writes
from genlab.data.sources import Readable
from genlab.game import Method

Stored = dict[str, np.ndarray]
STREAM = 80  # rows drawn for the columns that a request does not name


def spread(
    method: Method, source: Readable, n: int, given: Sequence[str] | None = None
) -> Stored | None:
    """Stored conditions of `n` samples: labels in turn, the first given fastest, numbers in even
    steps, anything else from the rows of `held_out`. None for a method that is given nothing.

    given: some of the columns that the method is given; None: all
    """
    given = method.given if given is None else given
    found, stride = {}, 1
    for name in given:
        column = source.columns[name]
        if isinstance(column, Spreads):
            found[name] = column.spread(np.arange(n) // stride, -(-n // stride))
            stride = stride * column.cycle if column.cycle else n
    rows = [name for name in given if name not in found]
    if rows:
        stored = source.read(held_out(source), n)
        found |= {name: repeated(stored[name], n) for name in rows}
    return {name: found[name] for name in given} or None


def as_in_data(
    columns: Mapping[str, Column],
    kept: Mapping[str, np.ndarray],
    fixed: Mapping[str, np.ndarray],
    n: int,
    seed: int,
) -> tuple[Stored, str]:
    """Stored conditions of `n` samples from the training rows `kept` with a run, and which rows
    those were, in words. A row is taken whole, so that columns go together as they do in the data;
    it is one of those with the labels that are `fixed`, where there are any.
    """
    count = len(next(iter(kept.values())))
    fits, labels = np.ones(count, bool), {}
    for name, value in fixed.items():
        kind = columns[name]
        if name in kept and isinstance(kind, Label):
            fits &= kept[name] == value
            labels[name] = kind.text(value)
    told = f"training rows ({count} kept with the run)"
    if labels:
        asked = ", ".join(f"{name}={text}" for name, text in labels.items())
        whose = f"the {fits.sum()} training rows" if fits.any() else "training rows, none of them"
        told = f"{whose} with {asked} (of {count} kept with the run)"
    at = np.flatnonzero(fits) if fits.any() else np.arange(count)
    rows = at[np.random.default_rng([STREAM, seed]).integers(len(at), size=n)]
    return {name: x[rows] for name, x in kept.items() if name not in fixed}, told


def rows_of(method: Method, stored: Mapping[str, np.ndarray], n: int) -> Stored | None:
    """The conditions of `n` rows of stored examples, from the first again where they end."""
    return {name: repeated(stored[name], n) for name in method.given} or None


def loaded(source: Readable, stored: Mapping[str, np.ndarray] | None) -> dict[str, Array] | None:
    """Stored conditions as networks are given them."""
    if stored is None:
        return None
    return {name: source.columns[name].load(jnp.asarray(x)) for name, x in stored.items()}


def read_given(*texts: str) -> dict[str, str]:
    """The values typed as "category=dress,hue=0.6" by the names of columns; a part without "=" goes
    on the value before it, as in "position=0.3,0.7".

    Raises ConfigError for a text that does not begin with NAME=VALUE, and for a name given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name = ""
        for part in text.split(","):
            before, equals, value = part.partition("=")
            if not equals and not name:
                raise ConfigError(
                    f"--given={text}: give NAME=VALUE, as in --given=category=dress,hue=0.3"
                )
            if not equals:
                found[name] += f",{part}"
                continue
            name = before.strip()
            if name in found:
                raise ConfigError(f"--given={text}: {name!r} is given twice; give it one value")
            found[name] = value.strip()
    return found


def typed(value: Any) -> str:
    """A value as a person would type it: "0.3,0.7" of two numbers."""
    if isinstance(value, list | tuple | np.ndarray) and np.ndim(value):
        return ",".join(map(str, value))
    return str(value)


def written(columns: Mapping[str, Column], stored: Mapping[str, np.ndarray]) -> dict[str, list]:
    """Stored conditions as text, a list for each column that can be typed."""
    kinds = {name: columns[name] for name in stored}
    return {
        name: [kind.text(x) for x in stored[name]]
        for name, kind in kinds.items()
        if isinstance(kind, Writes)
    }


def asked(columns: Mapping[str, Column], given: tuple[str, ...], texts: Mapping[str, str]) -> dict:
    """The stored value of each condition that a person typed.

    Raises ConfigError for a column that the model is not given, and for a value it cannot have.
    """
    found = {}
    for name, text in texts.items():
        column = conditioned(columns, given, name, f"{name}={text}")
        if not isinstance(column, Parses):
            raise ConfigError(f"{name}={text}: {name!r} cannot be given as text")
        try:
            found[name] = np.asarray(column.parse(text))
        except ConfigError as error:
            raise ConfigError(f"{name}={text}: {error}") from error.__cause__
    return found


def conditioned(
    columns: Mapping[str, Column], given: Sequence[str], name: str, where: str
) -> Column:
    """The kind of a column that the model is given; ConfigError for another, in the request
    `where`.
    """
    if name not in given:
        hint = did_you_mean(name, given) or f"; it is given {', '.join(given) or 'nothing'}"
        raise ConfigError(f"{where}: the model is not conditioned on {name!r}{hint}")
    return columns[name]


def held_out(source: Readable) -> str:
    """The split that pictures are made of: validation, or train where there is none."""
    return "validation" if "validation" in getattr(source, "splits", ["validation"]) else "train"


def repeated(x: np.ndarray, n: int) -> np.ndarray:
    """The first `n` rows, from the first again where they end."""
    return x[np.arange(n) % len(x)]
