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

    period: of each number, 0 where it has none; () where none has. One that repeats itself (a hue,
            an angle) goes to networks as the cosine and the sine of its phase, so that values on
            either side of the seam are neighbours.

    Raises ConfigError for a range that is none, and for one longer than the period.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    period: tuple[float, ...] = ()
    registers: ClassVar[bool] = False
    coloured: ClassVar[bool] = False

    def __post_init__(self):
        if not len(self.names) == len(self.low) == len(self.high) or not self.names:
            raise ConfigError(f"{self}: give a name, a low and a high end for each number")
        if wrong := [n for n, a, b in zip(self.names, self.low, self.high, strict=True) if a >= b]:
            raise ConfigError(f"{self}: low must be below high, for {wrong[0]!r} it is not")
        if len(self.period) not in (0, len(self.names)):
            raise ConfigError(f"{self}: give a period for each number (0: none), or () for none")
        for name, low, high, period in zip(
            self.names, self.low, self.high, self._periods, strict=True
        ):
            if period and not 0 < high - low <= period:
                raise ConfigError(
                    f"{self}: {name!r} runs from {low} to {high}, more than its period {period}"
                )

    @property
    def _periods(self) -> tuple[float, ...]:
        return tuple(self.period) or (0.0,) * len(self.names)

    @property
    def cycle(self) -> int:
        """0: a continuum."""
        return 0

    @property
    def shape(self) -> tuple[int, ...]:
        """(D,), and one more for each number with a period."""
        return (len(self.names) + sum(map(bool, self._periods)),)

    @property
    def stored(self) -> tuple[int, ...]:
        """(D,)."""
        return (len(self.names),)

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
        """low .. high to -1 .. 1, a number with a period to (cos, sin): float32 [B, *shape]."""
        low, high = jnp.array(self.low)[None], jnp.array(self.high)[None]
        values = values.astype(jnp.float32)
        scaled = (2 * (values - low) / (high - low)) - 1
        parts = []
        for i, period in enumerate(self._periods):
            phase = 2 * jnp.pi * (values[:, i] - self.low[i]) / (period or 1.0)
            parts += [jnp.cos(phase), jnp.sin(phase)] if period else [scaled[:, i]]
        return jnp.stack(parts, axis=1) if any(self._periods) else scaled

    def store(self, values: Any) -> np.ndarray:
        """-1 .. 1 to low .. high, (cos, sin) of any length to low and above: float32 [N, D]."""
        values, found, at = np.asarray(values, np.float64), [], 0
        for low, high, period in zip(self.low, self.high, self._periods, strict=True):
            if period:
                turn = np.arctan2(values[:, at + 1], values[:, at]) / (2 * np.pi) % 1.0
                found.append(low + period * turn)
            else:
                found.append(low + (values[:, at] + 1) * (high - low) / 2)
            at += 2 if period else 1
        return np.stack(found, axis=1).astype(np.float32)

    def difference(self, values: Any, others: Any) -> np.ndarray:
        """`values` - `others`, both as stored, float [N, D]: the short way round for a number with
        a period, in -period/2 .. period/2. Errors and variances of such a number are of it.
        """
        found = np.asarray(values, np.float64) - np.asarray(others, np.float64)
        period = np.array(self._periods)
        turns = np.round(found / np.where(period > 0, period, np.inf))
        return found - turns * period

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
        """Even steps from low to high, all numbers at once; once round for a whole period."""
        low, high = np.array(self.low, np.float32), np.array(self.high, np.float32)
        whole = np.isclose(high - low, self._periods)
        steps = np.where(whole, count, max(count - 1, 1))
        share = (position[:, None] / steps).astype(np.float32)
        return low + share * (high - low)

    def parse(self, text: str) -> np.ndarray:
        """ "0.3", or "0.3,0.7" of two numbers; ConfigError for another count or no number."""
        try:
            found = np.array([float(part) for part in text.split(",")], np.float32)
        except ValueError:
            found = np.zeros(0)
        if len(found) != len(self.names) or not np.isfinite(found).all():
            several = f"{len(self.names)} numbers, separated by commas"
            what = several if len(self.names) > 1 else "one number, as 0.5"
            raise ConfigError(f"{text!r} is not {', '.join(self.names)}: give {what}")
        return found

    def text(self, value: Any) -> str:
        """ "0.3", or "0.3,0.7" of two numbers."""
        return ",".join(f"{x:.6g}" for x in np.asarray(value, np.float64).reshape(-1))

    def steps(self, start: str | None, stop: str | None, count: int | None) -> np.ndarray:
        """Even steps, float32 [count, D], by default 9 from low to high; ConfigError for fewer
        than two, and for ends that are one value.
        """
        count = STEPS if count is None else count
        if count < 2:
            raise ConfigError(f"{count} steps vary nothing; give at least 2")
        first = np.array(self.low, np.float32) if start is None else self.parse(start)
        last = np.array(self.high, np.float32) if stop is None else self.parse(stop)
        if np.array_equal(first, last):
            raise ConfigError(f"from {self.text(first)} to {self.text(last)} nothing varies")
        return np.linspace(first, last, count, dtype=np.float32)

    def beyond(self, values: np.ndarray) -> str:
        """Each number with values outside low .. high, but for those that come round again: their
        period is their range.
        """
        told = []
        ends = zip(self.names, self.low, self.high, self._periods, values.T, strict=True)
        for name, low, high, period, x in ends:
            slack = 1e-6 * (high - low)  # float32 of the table's own extremes
            odd = [v for v in (x.min(), x.max()) if not low - slack <= v <= high + slack]
            if odd and not (period and high - low >= period - slack):
                told.append(f"{name} {odd[-1]:.6g} is outside {low:.6g} .. {high:.6g}")
        return "; ".join(told)
