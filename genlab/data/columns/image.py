"""Images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError
from genlab.data import pictures

CHANNELS = (1, 3, 4)  # that a picture file can hold


@dataclass(frozen=True)
class Image:
    """Stored as uint8 [H, W, C] in 0..255; networks take and give float32 in [-1, 1]."""

    shape: tuple[int, int, int]
    registers: ClassVar[bool] = True
    coloured: ClassVar[bool] = True

    def __post_init__(self):
        height, width, channels = self.shape
        if channels in CHANNELS:
            return
        advice = "split the channels into columns of 1 or 3, each an Image"
        if height in CHANNELS:
            advice = "channels come last: give x.transpose(0, 2, 3, 1)"
        raise ConfigError(
            f"images of height {height}, width {width} and {channels} channels: no format shows "
            f"other than 1 (grey), 3 (colour) or 4 (with transparency); {advice}"
        )

    @property
    def stored(self) -> tuple[int, ...]:
        """(H, W, C)."""
        return self.shape

    @classmethod
    def of(cls, values: np.ndarray) -> "Image | None":
        """The kind of these values [N, ...], where they can be images."""
        values = as_bytes(values)
        return cls(values.shape[1:]) if values.dtype == np.uint8 and values.ndim == 4 else None

    def check(self, name: str, values: Any) -> np.ndarray:
        """Integers 0..255 [N, H, W, C], as uint8; ConfigError for anything else."""
        values = as_bytes(np.asarray(values))
        if values.dtype != np.uint8 or values.ndim != 4 or not values.size:
            raise ConfigError(
                f"column {name!r}: images are {values.dtype} {values.shape}; they must be uint8 "
                "[N, H, W, C] in 0..255 (genlab.data.to_uint8 converts from [-1, 1])"
            )
        if values.shape[1:] != tuple(self.shape):
            raise ConfigError(
                f"column {name!r} holds images {values.shape[1:]} where its kind is {self.shape}"
            )
        return values

    def load(self, values: Array) -> Array:
        """uint8 0..255 to float32 in [-1, 1]; floats as they are."""
        return normalise(values) if values.dtype == jnp.uint8 else values

    def store(self, values: Any) -> np.ndarray:
        """[-1, 1] to uint8 0..255, rounded."""
        return to_uint8(values)

    def draw(self, values: np.ndarray, columns: int | None = None) -> np.ndarray:
        """A grid."""
        return pictures.grid(values, columns)

    def write(self, value: np.ndarray, path: Path) -> Path:
        """A PNG file."""
        file = path.with_name(f"{path.name}.png")
        pictures.write_png(file, value)
        return file


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Integers [N, H, W, C] of another width as uint8 where all are in 0..255; else as they are."""
    if images.dtype.kind not in "iu" or images.dtype == np.uint8 or images.ndim != 4:
        return images
    fits = images.size and images.min() >= 0 and images.max() <= 255
    return images.astype(np.uint8) if fits else images


def normalise(image: Array) -> Array:
    """uint8 0..255 to float32 in [-1, 1]."""
    return image.astype(jnp.float32) / 127.5 - 1.0


def to_uint8(image: Any) -> np.ndarray:
    """[-1, 1] to uint8 0..255, rounded: what is stored, shown and measured."""
    return np.clip(np.rint((np.asarray(image, np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)
