"""Differentiable augmentation (DiffAugment: Zhao et al. 2020, arXiv:2006.10738).

Ranges are those of the authors' implementation (github.com/mit-han-lab/data-efficient-gans), for
images in [-1, 1], where 0, the fill, is grey. As there, nothing is clipped.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.augment.image import Image
from genlab.config import ConfigError, choices


class Drawn(NamedTuple):
    """Parameters of the augmentations of one image."""

    brightness: Float[Array, ""]  # added
    saturation: Float[Array, ""]  # factor of a pixel's distance to its own grey
    contrast: Float[Array, ""]  # factor of a pixel's distance to the image's mean
    shift: Float[Array, "2"]  # whole pixels, down and right
    corner: Float[Array, "2"]  # of the hole, in whole pixels; may lie outside
    hole: Float[Array, "2"]  # its sides, in whole pixels


def diff_augment(
    policy: tuple[str, ...] = ("colour", "translation", "cutout"),
    translation: float = 0.125,
    cutout: float = 0.5,
) -> Callable:
    """The augmentations of `policy`, in that order, on every image.

    translation: the furthest shift, cutout: the hole's side, both as parts of the image's side
    """
    for name in policy:
        if name not in AUGMENTATIONS:
            hint = choices(name, AUGMENTATIONS)
            raise ConfigError(f"diff_augment has no augmentation {name!r}{hint}")

    def transform(
        x: Float[Array, "b h w c"], key: PRNGKeyArray, step: Array
    ) -> Float[Array, "b h w c"]:
        return augmented(x, draw(key, x.shape, translation, cutout), policy)

    return transform


def draw(key: PRNGKeyArray, shape: tuple, translation: float, cutout: float) -> Drawn:
    """Random parameters for each image of a batch of that shape."""
    batch, sides = shape[0], jnp.array(shape[1:3], jnp.float32)
    reach, hole = jnp.floor(sides * translation + 0.5), jnp.floor(sides * cutout + 0.5)

    def one(u: Array) -> Drawn:
        brightness, saturation, contrast = u[:3]
        shift = jnp.floor(u[3:5] * (2 * reach + 1)) - reach
        middle = jnp.floor(u[5:7] * (sides + 1 - hole % 2))
        corner = middle - hole // 2
        return Drawn(brightness - 0.5, 2 * saturation, contrast + 0.5, shift, corner, hole)

    return jax.vmap(one)(random.uniform(key, (batch, 7)))


def augmented(
    x: Float[Array, "b h w c"], drawn: Drawn, policy: tuple[str, ...]
) -> Float[Array, "b h w c"]:
    """Each image augmented with its parameters."""

    def one(image: Image, drawn: Drawn) -> Image:
        for name in policy:
            image = AUGMENTATIONS[name](image, drawn)
        return image

    return jax.vmap(one)(x, drawn)


def _colour(image: Image, drawn: Drawn) -> Image:
    image = image + drawn.brightness
    grey = image.mean(axis=-1, keepdims=True)
    image = grey + drawn.saturation * (image - grey)
    mean = image.mean()
    return mean + drawn.contrast * (image - mean)


def _translation(image: Image, drawn: Drawn) -> Image:
    rows, columns = _pixels(image)
    down, right = drawn.shift.astype(jnp.int32)
    rows, columns = rows - down, columns - right
    near = tuple(
        jnp.clip(at, 0, n - 1) for at, n in zip((rows, columns), image.shape, strict=False)
    )
    inside = (rows == near[0]) & (columns == near[1])
    return jnp.where(inside[..., None], image[near], 0.0)


def _cutout(image: Image, drawn: Drawn) -> Image:
    rows, columns = _pixels(image)
    (top, left), (height, width) = drawn.corner, drawn.hole
    hole = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    return jnp.where(hole[..., None], 0.0, image)


def _pixels(image: Array) -> tuple[Array, Array]:
    return jnp.arange(image.shape[0])[:, None], jnp.arange(image.shape[1])[None, :]


AUGMENTATIONS = {"colour": _colour, "translation": _translation, "cutout": _cutout}
