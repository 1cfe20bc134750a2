"""Columns that belong together, to be trained on as if they did not: what was translated without
pairs can then be compared with the answer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jax import Array, random

from genlab.config import ConfigError, choices
from genlab.data.columns import Column
from genlab.data.sources import Source, contents_of

OTHER = 83  # a stream of randomness under that of the data


@dataclass(frozen=True)
class Misaligned:
    """In training the columns `apart` are of other rows, in an order of their own; `read` gives all
    columns in register.
    """

    source: Source
    apart: tuple[str, ...]
    resident = True

    @property
    def contents(self) -> dict[str, dict[str, str]]:
        """The files of the source."""
        return contents_of(self.source)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the source."""
        return tuple(getattr(self.source, "splits", ("train", "validation", "test")))

    @property
    def columns(self) -> Mapping[str, Column]:
        """The source's."""
        return self.source.columns

    def count(self, split: str) -> int:
        """Number of examples in a split."""
        return self.source.count(split)

    def fetch(self, split, seed, first, batches, size, **share) -> dict[str, Any]:
        """What the source holds of either kind of column."""
        return {
            name: part.fetch(split, seed, first, batches, size, **share)
            for name, part in self._parts.items()
        }

    def batch(self, held, key, i, j, rows, size) -> dict[str, Array]:
        """Rows of batch `i`, and of another order's batch `i` the columns apart."""
        keys, found = {"here": key, "apart": random.fold_in(key, OTHER)}, {}
        for name, part in self._parts.items():
            found |= part.batch(held[name], keys[name], i, j, rows, size)
        return {name: found[name] for name in self.columns}

    def read(self, split, n=None) -> dict[str, np.ndarray]:
        """The first `n` examples as stored, in register."""
        return self.source.read(split, n)

    def only(self, names: Collection[str]) -> "Misaligned | Source":
        """These columns of it."""
        apart, source = tuple(n for n in self.apart if n in names), self.source.only(names)
        return replace(self, source=source, apart=apart) if apart else source

    @property
    def _parts(self) -> dict[str, Source]:
        """The source's columns in its own order, and those apart."""
        here = [name for name in self.columns if name not in self.apart]
        found = {"here": self.source.only(here)} if here else {}
        return {**found, "apart": self.source.only(self.apart)}


def misaligned(source: Source, apart: tuple[str, ...]) -> Source:
    """`source`, whose columns `apart` are of other examples in training: a set with pairs, without
    them, `spec(misaligned, spec(products, columns=("image", "edges")), ("edges",))`. What is held
    out is read with its pairs.

    ConfigError for columns there are not, and for a source that is streamed.
    """
    if isinstance(apart, str) or not apart:
        raise ConfigError(f"misaligned(apart={apart!r}): give a tuple of columns: ('edges',)")
    for name in apart:
        if name not in source.columns:
            raise ConfigError(f"misaligned: no column {name!r}{choices(name, source.columns)}")
    if not source.resident:
        raise ConfigError("misaligned: the source is streamed, batch by batch: use `unpaired`")
    return Misaligned(source, tuple(apart))
