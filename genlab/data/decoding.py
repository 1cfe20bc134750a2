"""Image files: opened whole and upright, and fitted to one shape."""

import contextlib
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError, did_you_mean

FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")  # Pillow's, antialiased
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # whatever a file's name says
SEVERAL = ("GIF", "PNG", "TIFF", "WEBP")  # with several pictures that are meant to be seen
PIXELS = 2**26  # a picture of more is refused unread: a few bytes can claim any size
LIMIT = "GENLAB_MAX_PIXELS"  # the variable that raises it


class TooLarge(OSError):
    """A picture of more pixels than are read; nothing is wrong with it."""


def limit() -> int:
    """Pixels of the largest picture that is read: $GENLAB_MAX_PIXELS, or 2^26."""
    text = os.environ.get(LIMIT, "")
    return int(text) if text.isdecimal() else PIXELS


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


class Whole(NamedTuple):
    """A picture as a program that changes it needs it.

    pixels: uint8 [H, W, 1, 2, 3 or 4], or uint16 [H, W, 1]
    cut:    whether the file has 16 bits a channel, and `pixels` 8
    frames: how many pictures the file has, of an animation or pages: this is the first
    exif, profile: of the file, the orientation taken out; the colour profile
    """

    pixels: np.ndarray
    cut: bool
    exif: Any
    profile: bytes | None
    frames: int = 1


def whole(file) -> Whole:
    """The picture in `file` with all that is kept of it; grey of 16 bits as it is. OSError as
    `opened`, which it reads as.
    """
    return _read(file, _whole)


def _whole(upright, deep: bool, raw: str, picture) -> Whole:
    if deep or upright.mode.startswith("I;16"):
        pixels = np.asarray(upright).astype(np.uint16)
    else:
        pixels = np.asarray(_eight_bits(upright))
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    cut = "16" in raw and pixels.dtype == np.uint8
    exif, profile = upright.getexif(), upright.info.get("icc_profile")
    return Whole(pixels, cut, exif, profile, _frames(picture))


def _frames(picture) -> int:
    """How many pictures a file has: 1 where what follows the first cannot be read."""
    with contextlib.suppress(Exception):  # on bad bytes a decoder may raise anything
        return getattr(picture, "n_frames", 1) if picture.format in SEVERAL else 1
    return 1


def opened(file):
    """The picture in `file`: whole, upright (EXIF), as 8-bit L, LA, RGB or RGBA; else OSError.

    Of an animation the first frame; 16 bits are scaled; CMYK is converted, without its profile.
    """
    return _read(
        file, lambda upright, deep, *_: _upper_byte(upright) if deep else _eight_bits(upright)
    )


def _read(file, made: Callable[..., Any]) -> Any:
    """What `made` makes of the picture in `file`, upright, of whether it is a PPM of 16 bits, which
    Pillow scales to 32, of how the file has its pixels ("RGB;16B") and of the open file; OSError
    for whatever goes wrong.
    """
    from PIL import Image, ImageOps

    if isinstance(file, str | os.PathLike) and os.path.exists(file) and not os.path.isfile(file):
        raise OSError(f"{file}: no regular file")  # a pipe would be waited for, /dev/zero read
    try:
        with Image.open(file, formats=FORMATS) as picture:
            if (pixels := picture.width * picture.height) > limit():
                raise TooLarge(
                    f"{picture.width}x{picture.height} is over the limit of {limit()} pixels: "
                    f"{LIMIT}={pixels} raises it"
                )
            raw = f"{picture.tile[0][3:]}" if picture.tile else ""
            picture.load()
            deep = picture.format == "PPM" and picture.mode == "I"  # which Pillow scales to 16 bits
            return made(ImageOps.exif_transpose(picture), deep, raw, picture)
    except TooLarge as error:
        raise TooLarge(f"{file}: {error}") from None
    except Exception as error:  # on bad bytes a decoder may raise anything
        raise OSError(f"{file}: {error}") from None


def explained(name: str, file) -> str:
    """The name of a file that cannot be read, with the reason where the file is sound."""
    try:
        opened(file)
    except TooLarge as error:
        return f"{name}, {str(error).rpartition(f'{file}: ')[2]}"
    except OSError:
        pass
    return name


def _eight_bits(picture):
    """As L, LA, RGB or RGBA; ValueError or OSError where that is not defined."""
    if picture.mode.startswith("I;16"):  # Pillow would clip 16 bits, not scale them
        return _upper_byte(picture)
    if picture.mode in ("I", "F"):
        raise OSError("pixels of 32 bits have no known range")
    if picture.mode in ("L", "LA", "RGB", "RGBA"):
        return picture
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _upper_byte(picture):
    """16 bits as eight, grey."""
    from PIL import Image

    return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))


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
