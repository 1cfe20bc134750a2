"""Masks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError
from genlab.data import pictures


@dataclass(frozen=True)
class Mask:
    """A region of a picture: stored as bool [H, W, 1], to networks float32 0 or 1.

    inside: the first and the last value that is inside, of masks that come as uint8 pictures: (1,
            1) where they hold 0 and 1
    """

    shape: tuple[int, int, int]
    inside: tuple[int, int] = (128, 255)
    registers: ClassVar[bool] = True
    coloured: ClassVar[bool] = False

    @property
    def stored(self) -> tuple[int, ...]:
        """(H, W, 1)."""
        return self.shape

    @classmethod
    def of(cls, values: np.ndarray) -> "Mask | None":
        """The kind of these values [N, ...], where they can be masks."""
        fits = values.dtype == np.bool_ and values.ndim in (3, 4)
        return cls((*values.shape[1:3], 1)) if fits else None

    def check(self, name: str, values: Any) -> np.ndarray:
        """bool or uint8, [N, H, W] or [N, H, W, 1], as bool [N, H, W, 1]."""
        values = np.asarray(values)
        wanted = tuple(self.shape)
        if values.dtype not in (np.bool_, np.uint8) or values.shape[1:] not in (wanted, wanted[:2]):
            raise ConfigError(
                f"column {name!r}: masks are {values.dtype} {values.shape}; they must be bool or "
                f"uint8 [N, {wanted[0]}, {wanted[1]}]"
            )
        values = values.reshape(len(values), *wanted)
        return values if values.dtype == np.bool_ else self._inside(name, values)

    def _inside(self, name: str, values: np.ndarray) -> np.ndarray:
        low, high = self.inside
        found = (low <= values) & (values <= high)
        if values.any() and not found.any():
            raise ConfigError(
                f"column {name!r}: masks hold {np.unique(values)[:8].tolist()}, none of which is "
                f"inside, {low}..{high}: give its kind as Mask(shape, inside=(first, last))"
            )
        return found

    def load(self, values: Array) -> Array:
        """float32, 1 inside."""
        return values.astype(jnp.float32)

    def store(self, values: Any) -> np.ndarray:
        """Inside is above a half."""
        return np.asarray(values) > 0.5

    def draw(self, values: np.ndarray, columns: int | None = None) -> np.ndarray:
        """A grid, white inside."""
        return pictures.grid(np.uint8(255) * values.astype(np.uint8), columns)

    def write(self, value: np.ndarray, path: Path) -> Path:
        """A PNG file, white inside."""
        file = path.with_name(f"{path.name}.png")
        pictures.write_png(file, np.uint8(255) * value.astype(np.uint8))
        return file
