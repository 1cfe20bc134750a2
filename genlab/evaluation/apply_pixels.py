"""Pixels of pictures as a model takes them: channels, transparency, bits."""

import numpy as np
from PIL import Image

from genlab.config import ConfigError


def without_alpha(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Colour or grey [H, W, 1 or 3], and the transparency beside it, if there is any."""
    if pixels.shape[-1] in (2, 4):
        return pixels[..., :-1], pixels[..., -1:]
    return pixels, None


def with_alpha(image: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """With the alpha of before, at its own size."""
    if alpha is None or image.dtype != np.uint8 or image.shape[-1] not in (1, 3):
        return image
    size = (image.shape[1], image.shape[0])
    fitted = np.asarray(Image.fromarray(alpha[..., 0]).resize(size, Image.Resampling.BICUBIC))
    return np.concatenate([image, fitted[..., None]], axis=-1)


def channels(image: np.ndarray, count: int) -> np.ndarray:
    """In so many channels: grey repeated, colour as luma."""
    if image.shape[-1] == count:
        return image
    if image.shape[-1] == 1:
        return np.repeat(image, min(count, 3), axis=-1)
    if count == 1:
        return np.asarray(Image.fromarray(image).convert("L"))[..., None]
    raise ConfigError(f"the model takes pictures of {count} channels, and this has 3")


def eight(image: np.ndarray) -> np.ndarray:
    """In eight bits."""
    return (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image


def levels(image: np.ndarray) -> np.ndarray:
    """In levels of 0 to 255: 8 bits as they are, 16 as fractions of them."""
    return image / 257.0 if image.dtype == np.uint16 else image
