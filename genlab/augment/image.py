"""Augmentations of data, on the device. Those of geometry act alike on a picture and on what is in
register with it (a mask, a sketch); others on pictures alone.

A factory such as `rotate(10.0)` takes plain numbers and returns an augmentation: a pure function of
an image in [-1, 1] and a key, that keeps shape and range. Its numbers may be tracers,
except a width in pixels.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, random
from jax.scipy.ndimage import map_coordinates
from jaxtyping import Float, PRNGKeyArray

Image = Float[Array, "h w c"]
Places = Float[Array, "h w"]  # a coordinate of each pixel
Augmentation = Callable[[Image, PRNGKeyArray], Image]  # of images in [-1, 1]


def geometric(change: Augmentation) -> Augmentation:
    """Declares that an augmentation moves pixels and keeps their values."""
    change.geometric = True  # pyright: ignore[reportFunctionMemberAccess]
    return change


def flip(p: float = 0.5) -> Augmentation:
    """Mirrors left and right with probability `p`."""

    def change(image: Image, key: PRNGKeyArray) -> Image:
        return jnp.where(random.bernoulli(key, p), image[:, ::-1], image)

    return geometric(change)


def crop(pad: int = 4) -> Augmentation:
    """Pads by reflection with `pad` pixels a side, then crops the former size at random."""

    def change(image: Image, key: PRNGKeyArray) -> Image:
        padded = jnp.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
        top, left = random.randint(key, (2,), 0, 2 * pad + 1)
        return jax.lax.dynamic_slice(padded, (top, left, 0), image.shape)

    return geometric(change)


def translate(fraction: float = 0.125, fill: float | None = None) -> Augmentation:
    """Shifts by whole pixels, uniform up to `fraction` of each side.

    Vacated pixels repeat the nearest edge, or are `fill` (in [-1, 1]).
    """

    def change(image: Image, key: PRNGKeyArray) -> Image:
        height, width, _ = image.shape
        reach = jnp.round(fraction * jnp.array([height, width], jnp.float32))
        down, right = jnp.floor(random.uniform(key, (2,)) * (2 * reach + 1)) - reach
        rows = jnp.arange(height)[:, None] - down.astype(jnp.int32)
        columns = jnp.arange(width)[None, :] - right.astype(jnp.int32)
        near = jnp.clip(rows, 0, height - 1), jnp.clip(columns, 0, width - 1)
        inside = (rows == near[0]) & (columns == near[1])
        return image[near] if fill is None else jnp.where(inside[..., None], image[near], fill)

    return geometric(change)


def rotate(degrees: float = 10.0) -> Augmentation:
    """Rotates about the centre by an angle uniform in +-`degrees`: bilinear, edges repeated."""

    def change(image: Image, key: PRNGKeyArray) -> Image:
        angle = jnp.deg2rad(random.uniform(key, minval=-degrees, maxval=degrees))
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        return _resampled(image, lambda y, x: (cos * y - sin * x, sin * y + cos * x))

    return geometric(change)


def scale(low: float = 0.9, high: float = 1.1) -> Augmentation:
    """Enlarges about the centre by a factor uniform in [low, high]: bilinear, edges repeated."""

    def change(image: Image, key: PRNGKeyArray) -> Image:
        factor = random.uniform(key, minval=low, maxval=high)
        return _resampled(image, lambda y, x: (y / factor, x / factor))

    return geometric(change)


def affine(
    shift: float = 0.06, low: float = 0.88, high: float = 1.12, degrees: float = 10.0
) -> Augmentation:
    """Scales, turns and shifts in one resampling, each uniform: a factor in [low, high], an angle
    in +-`degrees`, and up to `shift` of each side: bilinear, edges repeated.
    """

    def change(image: Image, key: PRNGKeyArray) -> Image:
        sizes = jnp.array(image.shape[:2], jnp.float32)
        down, right, size, turn = random.uniform(key, (4,), minval=-1.0)
        factor = (low + high) / 2 + size * (high - low) / 2
        angle = jnp.deg2rad(degrees * turn)
        cos, sin = jnp.cos(angle) / factor, jnp.sin(angle) / factor
        y0, x0 = shift * sizes * jnp.stack([down, right])

        def source(y, x):
            y, x = y - y0, x - x0
            return cos * y - sin * x, sin * y + cos * x

        return _resampled(image, source)

    return geometric(change)


def dequantise(width: float = 1 / 128) -> Augmentation:
    """Adds U[0, width) to every number, by default one of 256 levels; so 1 may become 1 + width
    (as the WGAN-GP authors do: Gulrajani et al. 2017, arXiv:1704.00028, their code for CIFAR-10).
    """

    def change(image: Image, key: PRNGKeyArray) -> Image:
        return image + width * random.uniform(key, image.shape)

    return change


def colour(brightness: float = 0.0, contrast: float = 0.0, saturation: float = 0.0) -> Augmentation:
    """Adds a shift in +-`brightness`, then scales saturation and contrast by 1 +- their amounts.

    Saturation is the distance to the grey of the pixel, contrast that to the grey of the image.
    The result is clipped to [-1, 1].
    """

    def change(image: Image, key: PRNGKeyArray) -> Image:
        shift, pixel, whole = random.uniform(key, (3,), minval=-1.0)
        image = image + brightness * shift
        image = image + saturation * pixel * (image - image.mean(axis=-1, keepdims=True))
        image = image + contrast * whole * (image - image.mean())
        return jnp.clip(image, -1.0, 1.0)

    return change


def _resampled(image: Image, source: Callable[[Places, Places], tuple[Places, Places]]) -> Image:
    """Each output pixel, as (y, x) from the centre, takes the bilinear value at `source(y, x)`."""
    height, width, _ = image.shape
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    y, x = jnp.meshgrid(jnp.arange(height) - middle_y, jnp.arange(width) - middle_x, indexing="ij")
    y, x = source(y, x)
    at = (y + middle_y, x + middle_x)
    sample = jax.vmap(lambda channel: map_coordinates(channel, at, order=1, mode="nearest"), -1, -1)
    return jnp.clip(sample(image), -1.0, 1.0)  # weights may sum to a little over one
