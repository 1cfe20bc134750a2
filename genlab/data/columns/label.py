"""Labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError, did_you_mean
from genlab.data import pictures

LISTED = 20  # names that an error lists
MOST = 2**16  # classes: a label beyond is a mistake, and would make a table of that many rows


@dataclass(frozen=True)
class Label:
    """One of `names`: stored as int32 0, 1, ...; networks take and give it one-hot, float32 [K].
    Floats [K] are soft or mixed labels and stay as they are.
    """

    names: tuple[str, ...]
    registers: ClassVar[bool] = False
    coloured: ClassVar[bool] = False

    @property
    def stored(self) -> tuple[int, ...]:
        """(): a number."""
        return ()

    @property
    def shape(self) -> tuple[int, ...]:
        """(K,)."""
        return (len(self.names),)

    @property
    def cycle(self) -> int:
        """K: how many values there are."""
        return len(self.names)

    @classmethod
    def of(cls, values: np.ndarray) -> "Label | None":
        """The kind of these values [N], where they can be labels: integers, text, yes or no."""
        if values.ndim != 1 or not values.size:
            return None
        if values.dtype.kind == "b":
            return cls(("no", "yes"))
        if values.dtype.kind in "iu":
            return cls(tuple(map(str, range(1 + int(min(values.max(), MOST - 1))))))
        if values.dtype.kind == "U":
            return cls(tuple(map(str, np.unique(values))))
        return None

    def check(self, name: str, values: Any) -> np.ndarray:
        """Integers 0 .. K - 1, names, or truth values, [N], as int32."""
        values = np.asarray(values)
        values = values.astype(np.int32) if values.dtype == np.bool_ else values
        if values.dtype.kind == "U" and values.ndim == 1:
            return np.array([self.parse(text) for text in values.tolist()], np.int32)
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise ConfigError(
                f"column {name!r}: labels are {values.dtype} {values.shape}; they must be integers "
                "[N], one for each example"
            )
        odd = np.flatnonzero((values < 0) | (values >= min(self.cycle, MOST)))
        if odd.size:
            raise ConfigError(
                f"column {name!r}: label {values[odd[0]]} in row {odd[0]} ({odd.size} of "
                f"{len(values)} rows are such); labels must be 0, 1, ..."
            )
        return values.astype(np.int32)

    def load(self, values: Array) -> Array:
        """[B] to one-hot [B, K]; [B, K] as they are."""
        if jnp.issubdtype(values.dtype, jnp.floating):
            return values
        return jax.nn.one_hot(values, self.cycle, dtype=jnp.float32)

    def store(self, values: Any) -> np.ndarray:
        """The likeliest, int32 [N]."""
        return np.asarray(values).argmax(-1).astype(np.int32)

    def draw(self, values: np.ndarray, columns: int | None = None) -> np.ndarray:
        """Their names in a grid."""
        return pictures.grid(pictures.texts([self.names[i] for i in values]), columns)

    def write(self, value: np.ndarray, path: Path) -> Path:
        """Its name in a text file."""
        file = path.with_name(f"{path.name}.txt")
        file.write_text(self.names[int(value)] + "\n", encoding="utf-8")
        return file

    def spread(self, position: np.ndarray, count: int) -> np.ndarray:
        """Each in turn."""
        return (position % self.cycle).astype(np.int32)

    def parse(self, text: str) -> int:
        """A label by its name or its number; ConfigError for one that is not there."""
        if text in self.names:
            return self.names.index(text)
        if text.isdecimal() and int(text) < self.cycle:
            return int(text)
        numbers = all(name.isdecimal() for name in self.names)
        known = ", ".join(self.names)
        if self.cycle > LISTED or (numbers and self.cycle > 2):
            known = f"{self.names[0]} .. {self.names[-1]}"
        hint = "" if text.isdecimal() else did_you_mean(text, self.names)
        raise ConfigError(f"no label {text!r}{hint}; the labels are {known}")

    def text(self, value: Any) -> str:
        """Its name."""
        return self.names[int(value)]

    def steps(self, start: str | None, stop: str | None, count: int | None) -> np.ndarray:
        """Every label in turn; ConfigError for a start, a stop or a count."""
        if (start, stop, count) != (None, None, None):
            raise ConfigError(
                f"a label is varied through all its {self.cycle} names: give neither from, to nor "
                "steps"
            )
        return np.arange(self.cycle, dtype=np.int32)
