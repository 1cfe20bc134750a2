"""What every kind of column can do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jax import Array


@runtime_checkable
class Column(Protocol):
    """A kind of column.

    registers: changes of geometry (a flip, a rotation) of an example apply to it
    coloured:  changes of value (a shift of brightness, noise) apply to it

    A kind that can also say which values cover it `Spreads`; one whose values a person can type
    `Parses`, one that writes them so `Writes`; one that can be varied in steps `Varies`; one whose
    data lie in a range is `Bounded`.
    """

    registers: ClassVar[bool]
    coloured: ClassVar[bool]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one value as networks take it: (H, W, C) for what is like a picture, (D,) for what is
        like a vector.
        """
        ...

    @property
    def stored(self) -> tuple[int, ...]:
        """Shape of one value as it is stored."""
        ...

    def check(self, name: str, values: Any) -> np.ndarray:
        """Values [N, ...] in the form they are stored in; ConfigError, naming the column and the
        first row that does not fit, for what is no such column.
        """
        ...

    def load(self, values: Array) -> Array:
        """On the device: stored values [B, ...] to what networks take, float32 [B, *shape]."""
        ...

    def store(self, values: Any) -> np.ndarray:
        """On the host: what networks give, [N, *shape], to stored values [N, ...]."""
        ...

    def draw(self, values: np.ndarray, columns: int | None = None) -> np.ndarray:
        """A picture of stored values [N, ...], uint8 [H, W, C]; `columns` in a row."""
        ...

    def write(self, value: np.ndarray, path: Path) -> Path:
        """Writes one stored value beside `path`, a file name without suffix: the file's name."""
        ...


@runtime_checkable
class Spreads(Protocol):
    """A kind that can say which values cover it."""

    @property
    def cycle(self) -> int:
        """The number of its values; 0 for a continuum."""
        ...

    def spread(self, position: np.ndarray, count: int) -> np.ndarray:
        """The stored values at integer positions of `count`."""
        ...


@runtime_checkable
class Parses(Protocol):
    """A kind whose values a person can type."""

    def parse(self, text: str) -> Any:
        """The stored value."""
        ...


@runtime_checkable
class Writes(Protocol):
    """A kind whose values can be written as a person would type them."""

    def text(self, value: Any) -> str:
        """One stored value, as `Parses.parse` reads it."""
        ...


@runtime_checkable
class Varies(Protocol):
    """A kind that can be varied over a row of pictures."""

    def steps(self, start: str | None, stop: str | None, count: int | None) -> np.ndarray:
        """Stored values [count, ...] from `start` to `stop`, as a person types them; None for what
        the kind knows. ConfigError for what it cannot take.
        """
        ...


@runtime_checkable
class Bounded(Protocol):
    """A kind that knows the range of its data."""

    def beyond(self, values: np.ndarray) -> str:
        """Which of stored values [N, ...] are out of the data's range, in words; "" for none."""
        ...


def first_image(columns: Mapping[str, Column]) -> str | None:
    """The name of the first column like a picture; None where there is none."""
    return next((name for name, column in columns.items() if len(column.shape) == 3), None)


def first_label(columns: Mapping[str, Column]) -> str | None:
    """The name of the first column of labels; None where there is none."""
    return next((name for name, column in columns.items() if getattr(column, "cycle", 0)), None)
