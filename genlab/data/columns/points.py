"""Points of a plane or of a space of any dimension."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError
from genlab.data import pictures


@dataclass(frozen=True)
class Points:
    """Stored and to networks as they are, float32 [D]."""

    shape: tuple[int, ...]
    registers: ClassVar[bool] = False
    coloured: ClassVar[bool] = True

    @property
    def stored(self) -> tuple[int, ...]:
        """(D,)."""
        return self.shape

    @classmethod
    def of(cls, values: np.ndarray) -> "Points | None":
        """The kind of these values [N, D], where they can be points."""
        return cls(values.shape[1:]) if values.dtype.kind == "f" and values.ndim == 2 else None

    def check(self, name: str, values: Any) -> np.ndarray:
        """Finite floats [N, D], as float32."""
        values = np.asarray(values)
        if values.dtype.kind != "f" or values.shape[1:] != tuple(self.shape):
            raise ConfigError(
                f"column {name!r}: points are {values.dtype} {values.shape}; they must be floats "
                f"[N, {self.shape[0]}]"
            )
        if not np.isfinite(values).all():
            raise ConfigError(f"column {name!r} has points that are not finite")
        return values.astype(np.float32)

    def load(self, values: Array) -> Array:
        """As they are, float32."""
        return values.astype(jnp.float32)

    def store(self, values: Any) -> np.ndarray:
        """As they are."""
        return np.asarray(values)

    def draw(self, values: np.ndarray, columns: int | None = None) -> np.ndarray:
        """A density plot of the first two coordinates."""
        return pictures.points(values)

    def write(self, value: np.ndarray, path: Path) -> Path:
        """Its coordinates in a text file."""
        file = path.with_name(f"{path.name}.txt")
        file.write_text(" ".join(f"{x:.9g}" for x in value) + "\n")
        return file
