"""The data of a trained run, opened only where examples are asked for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genlab.config import ConfigError, build
from genlab.data.columns import Column
from genlab.data.sources import Source, contents_of
from genlab.runs import data_files
from genlab.runs.folder import RunFolder


class DataGone(ConfigError):
    """The data of a run cannot be opened, and examples of them are asked for."""


@dataclass(frozen=True, eq=False)
class KeptData:
    """A `Source` of which the run folder knows the columns: the data are built when anything else
    is asked for. DataGone then, where they cannot be.
    """

    folder: RunFolder

    @property
    def columns(self) -> Mapping[str, Column]:
        """The kind of each column, as the folder keeps them; of older runs those of the data."""
        return self._columns

    @cached_property
    def _columns(self) -> Mapping[str, Column]:
        kept = self.folder.columns
        return {n: build(kind) for n, kind in kept.items()} if kept else self._data.columns

    @cached_property
    def conditions(self) -> dict[str, np.ndarray]:
        """Training rows of the columns that the method is given, as stored; {} in the folders of
        runs that kept none.
        """
        try:
            return {n: self.columns[n].check(n, x) for n, x in self.folder.conditions.items()}
        except (ConfigError, KeyError, ValueError):  # the file was edited
            return {}

    @property
    def contents(self) -> data_files.Contents:
        """The files that the data are of: those opened, else those the run was trained on."""
        opened = vars(self).get("_data")
        return data_files.recorded(self.folder.path) if opened is None else contents_of(opened)

    @property
    def resident(self) -> bool:
        """As `Source.resident`."""
        return self._data.resident

    def read(self, split: str, n: int | None = None) -> dict[str, np.ndarray]:
        """As `Source.read`."""
        return self._data.read(split, n)

    def count(self, split: str) -> int:
        """As `Source.count`."""
        return self._data.count(split)

    def fetch(self, split, seed, first, batches, size, **rows) -> dict[str, Any]:
        """As `Source.fetch`."""
        return self._data.fetch(split, seed, first, batches, size, **rows)

    def batch(self, held, key, i, j, rows, size) -> dict:
        """As `Source.batch`."""
        return self._data.batch(held, key, i, j, rows, size)

    def only(self, names: Collection[str]) -> Source:
        """As `Source.only`."""
        return self._data.only(names)

    @cached_property
    def _data(self) -> Any:
        try:
            made = build(self.folder.config.data)
            if not isinstance(getattr(made, "columns", None), Mapping):
                raise ConfigError(f"data is {made!r}; give the spec of a source")
            return made
        except ConfigError as error:
            told = f"{error} (the data of {self.folder.path}, of which this needs examples)"
            raise DataGone(told) from error.__cause__

    def __getattr__(self, name: str) -> Any:
        """What else this kind of data has, such as the means of a mixture."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._data, name)
