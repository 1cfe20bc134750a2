"""Conditions for samples: values that cover the columns a method is given, and reading them."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Column
from genlab.data.columns.column import Parses, Spreads
from genlab.data.sources import Readable
from genlab.game import Method

Stored = dict[str, np.ndarray]


def spread(method: Method, source: Readable, n: int) -> Stored | None:
    """Stored conditions of `n` samples: labels in turn, the first given fastest, numbers in even
    steps, anything else from the rows of `held_out`. None for a method that is given nothing.
    """
    found, stride = {}, 1
    for name in method.given:
        column = source.columns[name]
        if isinstance(column, Spreads):
            found[name] = column.spread(np.arange(n) // stride, -(-n // stride))
            stride = stride * column.cycle if column.cycle else n
    rows = [name for name in method.given if name not in found]
    if rows:
        stored = source.read(held_out(source), n)
        found |= {name: repeated(stored[name], n) for name in rows}
    return {name: found[name] for name in method.given} or None


def rows_of(method: Method, stored: Mapping[str, np.ndarray], n: int) -> Stored | None:
    """The conditions of `n` rows of stored examples, from the first again where they end."""
    return {name: repeated(stored[name], n) for name in method.given} or None


def loaded(source: Readable, stored: Mapping[str, np.ndarray] | None) -> dict[str, Array] | None:
    """Stored conditions as networks are given them."""
    if stored is None:
        return None
    return {name: source.columns[name].load(jnp.asarray(x)) for name, x in stored.items()}


def asked(columns: Mapping[str, Column], given: tuple[str, ...], texts: Mapping[str, str]) -> dict:
    """The stored value of each condition that a person typed.

    Raises ConfigError for a column that the model is not given, and for a value it cannot have.
    """
    found = {}
    for name, text in texts.items():
        if name not in given:
            hint = did_you_mean(name, given) or f"; it is given {', '.join(given) or 'nothing'}"
            raise ConfigError(f"{name}={text}: the model is not conditioned on {name!r}{hint}")
        column = columns[name]
        if not isinstance(column, Parses):
            raise ConfigError(f"{name}={text}: {name!r} cannot be given as text")
        found[name] = np.asarray(column.parse(text))
    return found


def held_out(source: Readable) -> str:
    """The split that pictures are made of: validation, or train where there is none."""
    return "validation" if "validation" in getattr(source, "splits", ["validation"]) else "train"


def repeated(x: np.ndarray, n: int) -> np.ndarray:
    """The first `n` rows, from the first again where they end."""
    return x[np.arange(n) % len(x)]
