"""Columns without partners: each from a set of its own, in an order of its own."""

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.data.columns import Column, first_image
from genlab.data.sets.arrays import Rows
from genlab.data.sources import Resident, Source, Streamed, contents_of


@dataclass(frozen=True)
class Unpaired:
    """Sources by name, each shuffled independently of the others: a row of a batch holds examples
    that have nothing to do with one another.

    `count` is that of the longest; `read` gives of each as many rows as it has.
    """

    parts: Mapping[str, Source]
    names: tuple[str, ...]

    @property
    def resident(self) -> bool:
        """Whether all parts are; `unpaired` makes them alike."""
        return all(part.resident for part in self.parts.values())

    @property
    def contents(self) -> dict[str, dict[str, str]]:
        """The files that its parts are of."""
        found: dict[str, dict[str, str]] = {}
        for part in self.each:
            for path, names in contents_of(part).items():
                found[path] = found.get(path, {}) | names
        return found

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """Those that every part has."""
        known = [getattr(part, "splits", ("train", "validation", "test")) for part in self.each]
        return tuple(split for split in known[0] if all(split in others for others in known))

    @property
    def each(self) -> tuple[Source, ...]:
        """The parts."""
        return tuple(self.parts.values())

    @property
    def columns(self) -> Mapping[str, Column]:
        """The kind of each column by its name here."""
        found = {}
        for part, source in self.parts.items():
            found |= _renamed(part, source, source.columns)
        return {name: found[name] for name in self.names}

    def count(self, split: str) -> int:
        """Number of examples of the longest part."""
        return max(part.count(split) for part in self.each)

    def fetch(self, split, seed, first, batches, size, **share) -> dict[str, Any]:
        """What each part holds, by its name."""
        return {
            part: source.fetch(split, _seed(seed, part), first, batches, size, **share)
            for part, source in self.parts.items()
        }

    def batch(self, held, key, i, j, rows, size) -> dict[str, Array]:
        """Rows of batch `i` of each part, in an order of its own."""
        found = {}
        for part, source in self.parts.items():
            own = random.fold_in(key, zlib.crc32(part.encode()))
            found |= _renamed(part, source, source.batch(held[part], own, i, j, rows, size))
        return {name: found[name] for name in self.names}

    def read(self, split, n=None) -> dict[str, np.ndarray]:
        """The first `n` examples of each part as stored, or all that it has."""
        found = {}
        for part, source in self.parts.items():
            found |= _renamed(part, source, source.read(split, n))
        return {name: found[name] for name in self.names}

    def only(self, names: Collection[str]) -> "Unpaired":
        """These columns of it."""
        parts = {}
        for part, source in self.parts.items():
            kept = [own for own, name in _names(part, source).items() if name in names]
            if kept:  # the picture gives the part its name: it stays beside what is asked for
                parts[part] = source.only({*kept, *_main(source)})
        return Unpaired(parts, tuple(name for name in self.names if name in names))


def unpaired(parts: Mapping[str, Source]) -> Source:
    """Sets without partners, by name: `spec(unpaired, {"photo": spec(folder, "photos"), "sketch":
    spec(folder, "sketches")})`.

    Each part's picture, or its only column, is the column of the part's name; others are called
    "photo/label". Each is shuffled in an order of its own, and an epoch of a shorter one is over
    sooner. The splits are those that all parts have.

    ConfigError for fewer than two parts, for a part that is no source, and where points are drawn
    beside a set that is streamed.
    """
    if len(parts) < 2:
        raise ConfigError(f"unpaired has the parts {list(parts)}; give two sources or more by name")
    for part, source in parts.items():
        if not hasattr(source, "batch"):
            raise ConfigError(f"unpaired: {part!r} is {source!r}; give the spec of a source")
    if not all(source.resident for source in parts.values()):
        parts = {part: _streamed(part, source) for part, source in parts.items()}
    names = [name for part, source in parts.items() for name in _names(part, source).values()]
    return Unpaired(dict(parts), tuple(names))


def _streamed(part: str, source: Source) -> Source:
    if isinstance(source, Resident):
        readers = {split: Rows(held) for split, held in source.splits.items()}
        return Streamed(readers, source.columns, source.augment, contents=source.contents)
    if source.resident:
        raise ConfigError(f"unpaired: {part!r} is drawn, which goes with sets on the device alone")
    return source


def _main(source: Source) -> list[str]:
    """The column that a part is named for."""
    found = next(iter(source.columns)) if len(source.columns) == 1 else first_image(source.columns)
    return [] if found is None else [found]


def _names(part: str, source: Source) -> dict[str, str]:
    """What a part's columns are called here."""
    main = _main(source)
    return {name: part if name in main else f"{part}/{name}" for name in source.columns}


def _renamed(part: str, source: Source, columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: columns[own] for own, name in _names(part, source).items()}


def _seed(seed: int, part: str) -> int:
    """A seed of its own for each part: one and the same would shuffle sets of one length alike."""
    return int(np.random.SeedSequence([seed, zlib.crc32(part.encode())]).generate_state(1)[0])
