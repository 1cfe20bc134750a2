"""Resizing as in each implementation of FID, which changes the score (Parmar, Zhang & Zhu 2022,
arXiv:2104.11222).

Weights are computed on the host from shapes; the jitted network does two gathers or two products.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import first_image
from genlab.features.space import refuse_other_than_uint8


def resize(images: Array, size: int, kind: str) -> Array:
    """uint8 [N, H, W, C] -> float32 [N, size, size, 3] in [0, 255], greyscale repeated.

    kind: "tf1"    TensorFlow 1's bilinear, corners at corners: TTUR, torch-fidelity
          "torch"  bilinear between pixel centres, without antialiasing: pytorch-fid
          "clean"  antialiased bicubic of floats, then clipped, as Pillow's mode F: clean-fid

    Raises ConfigError for another kind, ValueError for images that are not uint8 or have neither
    one channel nor three.
    """
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f"; there are {', '.join(KINDS)}"
        raise ConfigError(f"no resize {kind!r}{hint}")
    return KINDS[kind](coloured(images).astype(jnp.float32), size)


def check_channels(source, who: str) -> None:
    """ConfigError for images that `coloured` does not take, before anything is trained."""
    image = first_image(source.columns)
    if image is None:
        return
    shape = source.columns[image].shape
    if shape[-1] not in (1, 3):
        raise ConfigError(
            f"{who} takes images of 1 or 3 channels, and column {image!r} has {shape[-1]}: read "
            f"them as colour, shape=({shape[0]}, {shape[1]}, 3) in the data, or use the features "
            "Domain or Pixels"
        )


def coloured(images: Array) -> Array:
    """uint8 [N, H, W, 3], from one channel repeated or from three.

    Raises ValueError for anything else: feature networks take images as stored in files.
    """
    refuse_other_than_uint8(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"images are {images.shape}, not [N, H, W, 1 or 3]")
    return jnp.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else jnp.asarray(images)


def tf1(x: Array, size: int) -> Array:
    """`tf.image.resize_bilinear(align_corners=False)`: output i is at i H / size, in float32."""
    return _bilinear(x, *(_grid(size) * np.float32(n / size) for n in x.shape[1:3]))


def torch(x: Array, size: int) -> Array:
    """`torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`: output i is at
    (i + 1/2) H / size - 1/2, and never before the first pixel.
    """
    half = np.float32(0.5)
    places = (
        np.maximum((_grid(size) + half) * np.float32(n / size) - half, 0) for n in x.shape[1:3]
    )
    return _bilinear(x, *places)


def clean(x: Array, size: int) -> Array:
    """`PIL.Image.resize(BICUBIC)` of each channel in mode F, clipped to [0, 255]."""
    rows, columns = (jnp.asarray(_bicubic(n, size)) for n in x.shape[1:3])
    highest = jax.lax.Precision.HIGHEST
    x = jnp.einsum("nhwc,jw->nhjc", x, columns, precision=highest)
    return jnp.clip(jnp.einsum("nhjc,ih->nijc", x, rows, precision=highest), 0, 255)


KINDS: dict[str, Callable[[Array, int], Array]] = {"tf1": tf1, "torch": torch, "clean": clean}


def _grid(size: int) -> np.ndarray:
    return np.arange(size, dtype=np.float32)


def _bilinear(x: Array, rows: np.ndarray, columns: np.ndarray) -> Array:
    """`x` at `rows` x `columns`, from the four nearest pixels; edges are repeated."""
    for axis, places in ((2, columns), (1, rows)):
        low = places.astype(np.int32)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        share = np.expand_dims(places - low, [a for a in range(4) if a != axis])
        before, after = jnp.take(x, low, axis), jnp.take(x, high, axis)
        x = before + (after - before) * share
    return x


def _bicubic(n: int, size: int) -> np.ndarray:
    """Weights [size, n] of Keys' cubic (1981, a = -1/2), as wide as the larger of both pixels, of
    sum 1 (Pillow, `Resample.c`).
    """
    scale = n / size
    centre = (np.arange(size) + 0.5) * scale
    t = np.abs((np.arange(n) + 0.5 - centre[:, None]) / max(scale, 1.0))
    near, far = (1.5 * t - 2.5) * t * t + 1, ((2.5 - 0.5 * t) * t - 4) * t + 2
    weights = np.where(t < 1, near, np.where(t < 2, far, 0.0))
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)
