"""Images: augmentations on the device, and pictures of any size fitted to one shape on the host.

A factory such as `rotate(10.0)` takes plain numbers and returns an augmentation: a pure function of
an image [H, W, C] in [-1, 1] and a key, that keeps shape and range. Its numbers may be tracers,
except a width in pixels.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random
from jax.scipy.ndimage import map_coordinates

from genlab.config import ConfigError, did_you_mean
from genlab.data.source import Augmentation

FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")  # Pillow's, antialiased
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # whatever a file's name says
PIXELS = 2**26  # a picture of more is refused unread: a few bytes can claim any size


def flip(p: float = 0.5) -> Augmentation:
    """Mirrors left and right with probability `p`."""

    def change(image: Array, key: Array) -> Array:
        return jnp.where(random.bernoulli(key, p), image[:, ::-1], image)

    return change


def crop(pad: int = 4) -> Augmentation:
    """Pads by reflection with `pad` pixels a side, then cuts the old size out anywhere."""

    def change(image: Array, key: Array) -> Array:
        padded = jnp.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
        top, left = random.randint(key, (2,), 0, 2 * pad + 1)
        return jax.lax.dynamic_slice(padded, (top, left, 0), image.shape)

    return change


def translate(fraction: float = 0.125, fill: float | None = None) -> Augmentation:
    """Shifts by whole pixels, uniform up to `fraction` of each side.

    What moves in is the nearest edge, or the constant `fill` (in [-1, 1]).
    """

    def change(image: Array, key: Array) -> Array:
        height, width, _ = image.shape
        reach = jnp.round(fraction * jnp.array([height, width], jnp.float32))
        down, right = jnp.floor(random.uniform(key, (2,)) * (2 * reach + 1)) - reach
        rows = jnp.arange(height)[:, None] - down.astype(jnp.int32)
        columns = jnp.arange(width)[None, :] - right.astype(jnp.int32)
        near = jnp.clip(rows, 0, height - 1), jnp.clip(columns, 0, width - 1)
        inside = (rows == near[0]) & (columns == near[1])
        return image[near] if fill is None else jnp.where(inside[..., None], image[near], fill)

    return change


def rotate(degrees: float = 10.0) -> Augmentation:
    """Turns about the centre by an angle uniform in +-`degrees`: bilinear, edges repeated."""

    def change(image: Array, key: Array) -> Array:
        angle = jnp.deg2rad(random.uniform(key, minval=-degrees, maxval=degrees))
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        return _resampled(image, lambda y, x: (cos * y - sin * x, sin * y + cos * x))

    return change


def scale(low: float = 0.9, high: float = 1.1) -> Augmentation:
    """Enlarges about the centre by a factor uniform in [low, high]: bilinear, edges repeated."""

    def change(image: Array, key: Array) -> Array:
        factor = random.uniform(key, minval=low, maxval=high)
        return _resampled(image, lambda y, x: (y / factor, x / factor))

    return change


def dequantise(width: float = 1 / 128) -> Augmentation:
    """Adds U[0, width) to every number, by default one of 256 levels; so 1 may become 1 + width
    (as the WGAN-GP authors do: Gulrajani et al. 2017, arXiv:1704.00028, their code for CIFAR-10).
    """

    def change(image: Array, key: Array) -> Array:
        return image + width * random.uniform(key, image.shape)

    return change


def colour(brightness: float = 0.0, contrast: float = 0.0, saturation: float = 0.0) -> Augmentation:
    """Adds a shift in +-`brightness`, then scales saturation and contrast by 1 +- their amounts.

    Saturation is the distance to the grey of the pixel, contrast that to the grey of the image.
    The result is clipped to [-1, 1].
    """

    def change(image: Array, key: Array) -> Array:
        shift, pixel, whole = random.uniform(key, (3,), minval=-1.0)
        image = image + brightness * shift
        image = image + saturation * pixel * (image - image.mean(axis=-1, keepdims=True))
        image = image + contrast * whole * (image - image.mean())
        return jnp.clip(image, -1.0, 1.0)

    return change


def checked(shape, resize: str | None) -> tuple[int, int, int] | None:
    """`shape` as a tuple (H, W, C); ConfigError for another kind of shape or an unknown filter.

    None stays None ("as the images are"), which leaves nothing to resize to.
    """
    if resize is not None and resize not in FILTERS:
        hint = did_you_mean(resize, FILTERS) or f"; one of {', '.join(FILTERS)}"
        raise ConfigError(f"no resize filter {resize!r}{hint}")
    if shape is None:
        if resize is not None:
            raise ConfigError(f"resize={resize!r} needs the size to reach: give shape=(H, W, C)")
        return None
    shape = tuple(shape)
    if len(shape) != 3 or min(shape) < 1 or shape[2] not in MODES:
        raise ConfigError(f"shape={shape} is no (height, width, channels) with 1, 3 or 4 channels")
    return shape


def opened(file):
    """The picture in `file`: whole, upright (EXIF), as 8-bit L, LA, RGB or RGBA; else OSError.

    Of an animation the first frame; 16 bits are scaled; CMYK is converted, without its profile.
    """
    from PIL import Image, ImageOps

    if isinstance(file, str | os.PathLike) and os.path.exists(file) and not os.path.isfile(file):
        raise OSError(f"{file}: no regular file")  # a pipe would be waited for, /dev/zero read
    try:
        with Image.open(file, formats=FORMATS) as picture:
            if picture.width * picture.height > PIXELS:
                raise OSError(f"{picture.width}x{picture.height} is more than {PIXELS} pixels")
            picture.load()
            return _eight_bits(ImageOps.exif_transpose(picture))
    except Exception as error:  # on bad bytes a decoder may raise anything
        raise OSError(f"{file}: {error}") from None


def _eight_bits(picture):
    """As L, LA, RGB or RGBA; ValueError or OSError where that is not defined."""
    from PIL import Image

    if picture.mode.startswith("I;16"):  # Pillow would clip 16 bits, not scale them
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise OSError("pixels of 32 bits have no known range")
    if picture.mode in ("L", "LA", "RGB", "RGBA"):
        return picture
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode == "1" else "RGB")


def fitted(picture, shape: tuple[int, int, int], resize: str | None = None) -> np.ndarray:
    """The picture as uint8 [H, W, C]: channels converted, transparency laid over white.

    With a filter it is first cut, centrally, to the aspect of `shape`, then resized.
    """
    from PIL import Image

    height, width, channels = shape
    if channels != 4 and picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert(MODES[channels])
    if resize is not None and picture.size != (width, height):
        across = min(picture.width, round(picture.height * width / height) or 1)
        down = min(picture.height, round(picture.width * height / width) or 1)
        left, top = (picture.width - across) // 2, (picture.height - down) // 2
        picture = picture.crop((left, top, left + across, top + down))
        picture = picture.resize((width, height), Image.Resampling[resize.upper()])
    return np.asarray(picture).reshape(shape)


def resized(image: np.ndarray, shape: tuple[int, int, int], resize: str = "bicubic") -> np.ndarray:
    """A uint8 image [H, W, C] fitted to `shape`."""
    from PIL import Image

    pixels = image[..., 0] if image.shape[-1] == 1 else image
    return fitted(Image.fromarray(pixels), shape, resize)


def _resampled(image: Array, source) -> Array:
    """Each output pixel, as (y, x) from the centre, takes the bilinear value at `source(y, x)`."""
    height, width, _ = image.shape
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    y, x = jnp.meshgrid(jnp.arange(height) - middle_y, jnp.arange(width) - middle_x, indexing="ij")
    y, x = source(y, x)
    at = (y + middle_y, x + middle_x)
    sample = jax.vmap(lambda channel: map_coordinates(channel, at, order=1, mode="nearest"), -1, -1)
    return jnp.clip(sample(image), -1.0, 1.0)  # weights may sum to a little over one
