"""Numbers: attributes on a scale."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError
from genlab.data import pictures

STEPS = 9  # of a row of pictures, unless another number is asked for


@dataclass(frozen=True)
class Numbers:
    """Numbers with names and ranges: stored as float32 [D] as they are, to networks scaled so that
    low .. high is -1 .. 1.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    registers: ClassVar[bool] = False
    coloured: ClassVar[bool] = False

    def __post_init__(self):
        if not len(self.names) == len(self.low) == len(self.high) or not self.names:
            raise ConfigError(f"{self}: give a name, a low and a high end for each number")
        if wrong := [n for n, a, b in zip(self.names, self.low, self.high, strict=True) if a >= b]:
            raise ConfigError(f"{self}: low must be below high, for {wrong[0]!r} it is not")

    @property
    def cycle(self) -> int:
        """0: a continuum."""
        return 0

    @property
    def shape(self) -> tuple[int, ...]:
        """(D,)."""
        return (len(self.names),)

    @property
    def stored(self) -> tuple[int, ...]:
        """(D,)."""
        return self.shape

    @classmethod
    def of(cls, values: np.ndarray, name: str = "") -> "Numbers | None":
        """The kind of these values [N], where they can be one number each; the range is theirs."""
        if values.ndim != 1 or values.dtype.kind != "f" or not values.size:
            return None
        low, high = float(values.min()), float(values.max())
        return cls((name,), (low,), (high if high > low else low + 1.0,))

    def check(self, name: str, values: Any) -> np.ndarray:
        """[N, D], or [N] of one number, as float32 [N, D]; ConfigError for what is not finite."""
        values = np.asarray(values)
        d = len(self.names)
        if values.dtype.kind not in "fiu" or values.shape[1:] not in ((d,), (d,)[: d != 1]):
            raise ConfigError(
                f"column {name!r}: numbers are {values.dtype} {values.shape}; they must be floats "
                f"[N, {d}]: {', '.join(self.names)}"
            )
        values = values.reshape(len(values), d).astype(np.float32)
        odd = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if odd.size:
            raise ConfigError(
                f"column {name!r}: row {odd[0]} is {values[odd[0]].tolist()} ({odd.size} of "
                f"{len(values)} rows are such); numbers must be finite"
            )
        return values

    def load(self, values: Array) -> Array:
        """low .. high to -1 .. 1, float32 [B, D]."""
        low, high = jnp.array(self.low)[None], jnp.array(self.high)[None]
        return (2 * (values.astype(jnp.float32) - low) / (high - low)) - 1

    def store(self, values: Any) -> np.ndarray:
        """-1 .. 1 to low .. high, float32 [N, D]."""
        low, high = np.array(self.low), np.array(self.high)
        return (low + (np.asarray(values, np.float64) + 1) * (high - low) / 2).astype(np.float32)

    def draw(self, values: np.ndarray, columns: int | None = None) -> np.ndarray:
        """Their values as text, in a grid."""
        lines = [" ".join(f"{x:.3g}" for x in row) for row in values]
        return pictures.grid(pictures.texts(lines), columns)

    def write(self, value: np.ndarray, path: Path) -> Path:
        """By their names in a JSON file."""
        file = path.with_name(f"{path.name}.json")
        file.write_text(json.dumps(dict(zip(self.names, value.tolist(), strict=True))) + "\n")
        return file

    def spread(self, position: np.ndarray, count: int) -> np.ndarray:
        """Even steps from low to high, all numbers at once."""
        low, high = np.array(self.low, np.float32), np.array(self.high, np.float32)
        share = (position / max(count - 1, 1)).astype(np.float32)[:, None]
        return low + share * (high - low)

    def parse(self, text: str) -> np.ndarray:
        """ "0.3", or "0.3,0.7" of two numbers; ConfigError for another count or no number."""
        try:
            found = np.array([float(part) for part in text.split(",")], np.float32)
        except ValueError:
            found = np.zeros(0)
        if len(found) != len(self.names) or not np.isfinite(found).all():
            raise ConfigError(
                f"{text!r} is not {', '.join(self.names)}: give {len(self.names)} number"
                f"{'s' * (len(self.names) > 1)}, separated by commas"
            )
        return found

    def text(self, value: Any) -> str:
        """ "0.3", or "0.3,0.7" of two numbers."""
        return ",".join(f"{x:.6g}" for x in np.asarray(value, np.float64).reshape(-1))

    def steps(self, start: str | None, stop: str | None, count: int | None) -> np.ndarray:
        """Even steps, float32 [count, D], by default 9 from low to high; ConfigError for fewer
        than two.
        """
        count = STEPS if count is None else count
        if count < 2:
            raise ConfigError(f"{count} steps vary nothing; give at least 2")
        first = np.array(self.low, np.float32) if start is None else self.parse(start)
        last = np.array(self.high, np.float32) if stop is None else self.parse(stop)
        return np.linspace(first, last, count, dtype=np.float32)

    def beyond(self, values: np.ndarray) -> str:
        """Each number with values outside low .. high."""
        told = []
        for name, low, high, x in zip(self.names, self.low, self.high, values.T, strict=True):
            slack = 1e-6 * (high - low)  # float32 of the table's own extremes
            if odd := [v for v in (x.min(), x.max()) if not low - slack <= v <= high + slack]:
                told.append(f"{name} {odd[-1]:.6g} is outside {low:.6g} .. {high:.6g}")
        return "; ".join(told)
