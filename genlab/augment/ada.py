"""Adaptive discriminator augmentation (ADA: Karras et al. 2020, arXiv:2006.06676).

Each transformation of the pipe happens with probability p, so that below some p < 1 the generator
cannot mistake the augmentations for the data (Section 2.2). The controller raises p while the
critic overfits.

Ranges, order and the grey case are those of the authors' implementation
(github.com/NVlabs/stylegan2-ada-pytorch, training/augment.py), with two differences. There the
image is resampled at twice its size, between two passes of a wavelet filter (sym6); here the
resampling is bilinear, so a shrunken image aliases, a rotated or shifted one is slightly blurred,
and less fine detail reaches the critic as p grows. Data and samples are treated alike, so this is
no bias; but at small sizes, where most of an image is fine detail, published scores may be out of
reach. Beyond its edges the image is reflected repeatedly; there once, then zeros.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.augment.image import Image
from genlab.config import ConfigError
from genlab.runtime import collectives
from genlab.schedules import Weight, at

SHIFT = 0.125  # of a side: the furthest whole-pixel shift
SLIDE = 0.125  # of a side: standard deviation of the fractional shift
SCALE = STRETCH = 0.2  # log2, standard deviations
BRIGHTNESS = 0.2  # standard deviation, of the half range of [-1, 1]
CONTRAST, SATURATION = 0.5, 1.0  # log2, standard deviations
HOLE = 0.5  # of a side
Images = Float[Array, "b h w c"]


class StatefulAugmentation(NamedTuple):
    """An augmentation with a memory.

    start:    the memory before the first round, a tuple of numbers
    see:      (x, key, step, *memory) -> x
    remember: (real logits, fake logits, *memory) -> memory, after each move of the critic
    """

    start: tuple
    see: Callable
    remember: Callable


class Drawn(NamedTuple):
    """Parameters of the transformations of one image, in the order they are applied."""

    flip: Float[Array, ""]  # 1 mirrors left and right
    turns: Float[Array, ""]  # quarter turns
    shift: Float[Array, "2"]  # right and down, of the sides, to be rounded to pixels
    scale: Float[Array, ""]  # factor of both sides
    before: Float[Array, ""]  # angle turned before the stretch
    stretch: Float[Array, ""]  # factor of the width; the height is divided by it
    after: Float[Array, ""]  # angle turned after it
    slide: Float[Array, "2"]  # right and down, of the sides
    brightness: Float[Array, ""]  # added
    contrast: Float[Array, ""]  # factor about 0
    luma: Float[Array, ""]  # 1 inverts the grey of each pixel and keeps its colour
    hue: Float[Array, ""]  # angle about the grey axis
    saturation: Float[Array, ""]  # factor of the distance to the grey axis
    centre: Float[Array, "2"]  # of the hole, x and y, of the sides
    hole: Float[Array, ""]  # its side, of the image's sides


NOTHING = Drawn._make((0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.5, 0.0))


def augment_pipe(
    p: Weight,
    blit: float = 1.0,
    geometric: float = 1.0,
    colour: float = 1.0,
    cutout: float = 0.0,
) -> Callable:
    """The pipe "bgc", each of its transformations with probability p times its group's factor
    (Karras et al. 2020, Appendix B); p is a number or a schedule of the round.

    R3GAN (Huang et al. 2024, arXiv:2501.05441): p on a cosine from 0 to 0.55 (CIFAR-10),
    colour=0.5, cutout=1.

    blit:      mirror, quarter turns, whole-pixel shift
    geometric: scale, turn, stretch, fractional shift
    colour:    brightness, contrast, luma inversion, hue, saturation
    cutout:    a grey square of half the side
    """

    def transform(x: Images, key: PRNGKeyArray, step: Array) -> Images:
        return augmented(x, draw(key, len(x), at(p, step), blit, geometric, colour, cutout))

    return transform


def adaptive(
    target: float = 0.6,
    images_per_full: float = 500_000,
    batch: int | None = None,
    every: int = 4,
    start: float = 0.0,
    blit: float = 1.0,
    geometric: float = 1.0,
    colour: float = 1.0,
    cutout: float = 0.0,
) -> StatefulAugmentation:
    """`augment_pipe` with an adaptive p (Karras et al. 2020, Section 3): after `every` moves of the
    critic, p rises where r_t = E[sign D(x)] over their data is above `target` and falls otherwise,
    at a rate of `images_per_full` images from 0 to 1.

    r_t is meaningful only where the sign of a logit classifies: not for a Wasserstein or a
    relativistic objective, whose logits have no fixed zero; use a schedule with those.
    `batch` is the number of images of one move; None for the number of logits.

    Memory: p; the sum of the moves' mean signs, and their number, since p last moved.
    """

    def see(x: Array, key: Array, step: Array, p: Array, signs: Array, moves: Array) -> Array:
        return augmented(x, draw(key, len(x), p, blit, geometric, colour, cutout))

    def remember(real: Array, fake: Array, p: Array, signs: Array, moves: Array) -> tuple:
        images = len(collectives.gather(real)) if batch is None else batch
        signs, moves = signs + collectives.mean(jnp.sign(real).mean()), moves + 1.0
        pace = images * every / images_per_full
        moved = jnp.clip(p + jnp.sign(signs / moves - target) * pace, 0.0, 1.0)
        due = moves >= every
        return jnp.where(due, moved, p), jnp.where(due, 0.0, signs), jnp.where(due, 0.0, moves)

    return StatefulAugmentation((start, 0.0, 0.0), see, remember)


def draw(
    key: PRNGKeyArray,
    n: int,
    p: Array | float,
    blit: float,
    geometric: float,
    colour: float,
    cutout: float,
) -> Drawn:
    """Random parameters for each of `n` images."""
    b, g, c = p * blit, p * geometric, p * colour
    turn = 1 - jnp.sqrt(jnp.clip(1 - g, 0.0, 1.0))  # of two turns, one or both with probability g
    chance = Drawn._make((b, b, b, g, turn, g, turn, g, c, c, c, c, c, 1.0, p * cutout))

    def one(u: Array, z: Array) -> Drawn:
        gates, u = u[: len(chance)], u[len(chance) :]
        angles = jnp.pi * (2 * u[4:7] - 1)
        values = Drawn(
            flip=jnp.floor(2 * u[0]),
            turns=jnp.floor(4 * u[1]),
            shift=SHIFT * (2 * u[2:4] - 1),
            scale=jnp.exp2(SCALE * z[0]),
            before=angles[0],
            stretch=jnp.exp2(STRETCH * z[1]),
            after=angles[1],
            slide=SLIDE * z[2:4],
            brightness=BRIGHTNESS * z[4],
            contrast=jnp.exp2(CONTRAST * z[5]),
            luma=jnp.floor(2 * u[7]),
            hue=angles[2],
            saturation=jnp.exp2(SATURATION * z[6]),
            centre=u[8:10],
            hole=jnp.float32(HOLE),
        )
        kept = zip(gates, chance, values, NOTHING, strict=True)
        return Drawn(*(jnp.where(gate < often, value, no) for gate, often, value, no in kept))

    even, bell = random.split(key)
    u = random.uniform(even, (n, len(chance) + 10))
    return jax.vmap(one)(u, random.normal(bell, (n, 7)))


def augmented(x: Images, drawn: Drawn) -> Images:
    """Each image transformed by its parameters."""
    if x.ndim != 4 or x.shape[-1] not in (1, 3):
        raise ConfigError(
            f"the pipe's colours need images [B, H, W, C] of 1 or 3 channels, x is {x.shape}: "
            "use diff_augment or instance_noise for others"
        )

    def one(image: Image, drawn: Drawn) -> Image:
        return _cut(_coloured(_placed(image, drawn), drawn), drawn)

    return jax.vmap(one)(x, drawn)


def _placed(image: Image, drawn: Drawn) -> Image:
    """Each pixel, as (x, y) from the centre, takes the value at the place it came from: the
    transformations inverted, the last one first. Without any, the image is unchanged to the bit.
    """
    height, width, _ = image.shape
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    sides = jnp.array([width, height], jnp.float32)
    slide, shift = drawn.slide * sides, jnp.round(drawn.shift * sides)
    quarter = drawn.turns.astype(jnp.int32)
    cos = jnp.array([1.0, 0.0, -1.0, 0.0])[quarter]  # exact, as a cosine is not
    sin = jnp.array([0.0, 1.0, 0.0, -1.0])[quarter]

    x, y = jnp.arange(width)[None, :] - middle_x, jnp.arange(height)[:, None] - middle_y
    x, y = x - slide[0], y - slide[1]
    x, y = _turned(x, y, jnp.cos(drawn.after), jnp.sin(drawn.after))
    x, y = x / drawn.stretch, y * drawn.stretch
    x, y = _turned(x, y, jnp.cos(drawn.before), jnp.sin(drawn.before))
    x, y = x / drawn.scale - shift[0], y / drawn.scale - shift[1]
    x, y = _turned(x, y, cos, sin)
    return _bilinear(image, x * (1 - 2 * drawn.flip) + middle_x, y + middle_y)


def _bilinear(image: Image, x: Float[Array, "h w"], y: Float[Array, "h w"]) -> Image:
    height, width, _ = image.shape
    x, y, corner = x[None, None], y[None, None], jnp.arange(2.0)
    columns = jnp.floor(x) + corner[None, :, None, None]
    rows = jnp.floor(y) + corner[:, None, None, None]
    parts = (1 - jnp.abs(x - columns)) * (1 - jnp.abs(y - rows))  # [2, 2, H, W]
    corners = image[_reflected(rows, height), _reflected(columns, width)]
    return (parts[..., None] * corners).sum(axis=(0, 1))


def _reflected(at: Array, n: int) -> Array:
    """The pixel shown beyond the edge: reflection about the centre of the last pixel."""
    period = max(2 * (n - 1), 1)
    at = at.astype(jnp.int32) % period
    return jnp.where(at < n, at, period - at)


def _coloured(image: Image, drawn: Drawn) -> Image:
    """The product of the authors' 4x4 matrices, one after another. Hue and saturation do not change
    an image of one channel, which equals its grey.
    """
    image = drawn.contrast * (image + drawn.brightness)
    grey = image.mean(axis=-1, keepdims=True)
    image, grey = image - 2 * drawn.luma * grey, grey - 2 * drawn.luma * grey
    across = (jnp.roll(image, -2, axis=-1) - jnp.roll(image, -1, axis=-1)) / jnp.sqrt(3.0)
    turn = jnp.sin(drawn.hue) * across + (jnp.cos(drawn.hue) - 1) * (image - grey)  # Rodrigues
    image = image + turn
    return image + (drawn.saturation - 1) * (image - grey)


def _cut(image: Image, drawn: Drawn) -> Image:
    height, width, _ = image.shape
    (x, y), reach = drawn.centre, drawn.hole / 2
    inside_x = jnp.abs((jnp.arange(width) + 0.5) / width - x) < reach
    inside_y = jnp.abs((jnp.arange(height) + 0.5) / height - y) < reach
    return jnp.where((inside_y[:, None] & inside_x[None, :])[..., None], 0.0, image)


def _turned(x: Array, y: Array, cos: Array, sin: Array) -> tuple[Array, Array]:
    return cos * x - sin * y, sin * x + cos * y
