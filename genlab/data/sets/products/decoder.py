"""The factors of a picture, found by drawing it again: analysis by synthesis, nothing is trained.

1. The background's colour from the border; the foreground is what no shadow on it explains.
2. Of each category the silhouette of `bank` that is most like the foreground; the best STARTS
   categories go on, their poses fitted to the foreground by Levenberg-Marquardt.
3. For each a search over textures, scales and angles, in which the two colours are solved for: a
   picture is linear in its palette.
4. All continuous factors are fitted to the picture, and the smallest error decides; once more from
   3 with the item where it was found.
5. Pictures that are not drawn again to within OUTLIER are fitted anew from other silhouettes of
   their category.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError
from genlab.data.sets.products import proposals, render
from genlab.data.sets.products.bank import EACH, POSE, Bank, bank
from genlab.data.sets.products.factors import FACTORS, TEXTURES
from genlab.data.sets.products.fitting import least_squares
from genlab.data.sets.products.proposals import FITTED, KEPT, LIT, STARTS, factors_of, foreground_of
from genlab.runtime import compiler

LARGEST = 64  # pixels a side: larger pictures are made smaller first
BLOCK, TOGETHER = 32, 4  # pictures of a call, and of those decoded side by side
RANKED, STEPS = 3, 6  # steps of a refinement by which candidates are ranked, and of another
OUTLIER, TRIES = 1e-5, 2  # mean squared error of pixels in 0..1; silhouettes tried for such


def decode(images: np.ndarray) -> dict[str, np.ndarray]:
    """uint8 [N, H, H, 3] to every factor, as stored; those that a picture does not show (angle and
    scale of a plain texture) are the middle of their range.

    ConfigError for pictures of another shape.
    """
    images = np.asarray(images)
    if (
        images.dtype != np.uint8
        or images.ndim != 4
        or not len(images)
        or images.shape[1:] != (*2 * images.shape[1:2], 3)
    ):
        raise ConfigError(
            f"pictures to decode are {images.dtype} {images.shape}; expected uint8 [N, H, H, 3]"
        )
    factor = max(1, images.shape[1] // LARGEST)
    known = bank(min(images.shape[1] // factor, 32))
    small = _smaller(images, factor)
    *held, error = _in_blocks(partial(_first, known=known), small)
    if (odd := np.flatnonzero(error > OUTLIER)).size:
        again = _in_blocks(partial(_again, known=known), small[odd], *(x[odd] for x in held))
        for old, new in zip(held, again, strict=True):
            old[odd] = new
    made = _in_blocks(lambda *x: tuple(_all_stored(*x)[name] for name in FACTORS), *held)
    return dict(zip(FACTORS, made, strict=True))


def _in_blocks(function: Callable, *rows: np.ndarray) -> list[np.ndarray]:
    """The outputs of a function of BLOCK rows, of any number: the last row again fills them up."""
    n, found = len(rows[0]), []
    for start in range(0, n, BLOCK):
        at = np.minimum(np.arange(start, start + BLOCK), n - 1)
        found.append([np.asarray(x)[: n - start] for x in function(*(x[at] for x in rows))])
    return [np.concatenate(x) for x in zip(*found, strict=True)]


def _smaller(images: np.ndarray, factor: int) -> np.ndarray:
    size = images.shape[1] // factor
    x = images[:, : size * factor, : size * factor].astype(np.float32) / 255
    return x.reshape(len(x), size, factor, size, factor, 3).mean((2, 4))


def _first(images: np.ndarray, known: Bank) -> tuple[np.ndarray, ...]:
    """Category, texture, guess [17] and error of each picture: candidates are refined, the better
    of them again; then textures are searched anew where the item is known to be.
    """
    categories, shown = _seen(images, known)
    held = _joined(_with_textures(images, categories[:, i], shown[:, i]) for i in range(STARTS))
    best = _better(images, _better(images, held, RANKED, 2)[:3], STEPS, 1)[:3]
    pose = best[2][:, 0, : len(POSE) + len(LIT)]
    both = _joined([best, _with_textures(images, best[0][:, 0], pose)])
    found = _better(images, _better(images, both, RANKED, 1)[:3], STEPS, 1)
    return tuple(x[:, 0] for x in found)


def _again(
    images: np.ndarray, category: np.ndarray, texture: np.ndarray, guess: np.ndarray, known: Bank
) -> tuple[np.ndarray, ...]:
    """Category, texture and guess of outliers, from other silhouettes of the category or as they
    were.
    """
    poses = np.asarray(_other_poses(images, category, known))
    tried = np.repeat(guess[:, None], 1 + TRIES, axis=1)
    tried[:, 1:, : len(POSE)] = poses
    same = [np.repeat(x[:, None], 1 + TRIES, axis=1) for x in (category, texture)]
    return tuple(x[:, 0] for x in _better(images, (*same, tried), STEPS, 1)[:3])


Candidates = Sequence[Any]  # categories and textures [N, K], guesses [N, K, 17]


def _joined(candidates: Iterable[Candidates]) -> Candidates:
    return tuple(np.concatenate(x, 1) for x in zip(*candidates, strict=True))


def _with_textures(images: np.ndarray, category: Any, shown: Any) -> Candidates:
    """KEPT candidates of an item of this category, pose and light in each picture."""
    texture, guesses = _textures(images, category, shown)
    return np.repeat(np.asarray(category)[:, None], KEPT, axis=1), texture, guesses


def _better(images: np.ndarray, held: Candidates, steps: int, kept: int) -> Candidates:
    """Of refined candidates those of each picture with the smallest errors, and these [N, K]."""
    count = held[0].shape[1]
    fits = [_refined(images, *(x[:, i] for x in held), np.int32(steps)) for i in range(count)]
    guesses, errors = (np.stack(x, 1) for x in zip(*fits, strict=True))
    order = np.argsort(errors, axis=1, kind="stable")[:, :kept]
    rows = np.arange(len(order))[:, None]
    category, texture = (np.asarray(x)[rows, order] for x in held[:2])
    return category, texture, guesses[rows, order], errors[rows, order]


@compiler.jit
def _seen(images: Array, known: Bank) -> tuple[Array, Array]:
    """Categories [N, STARTS] of each picture, and of each its pose and light [N, STARTS, 9]."""

    def one(image):
        behind, foreground = foreground_of(image)
        category, pose = proposals.starts(foreground, known)
        fitted = jax.vmap(lambda c, p: proposals.posed(foreground, c, p))(category, pose)
        light = jnp.broadcast_to(jnp.stack([behind, jnp.array(0.5)]), (STARTS, 2))
        return category, jnp.concatenate([fitted, light], axis=1)

    return jax.lax.map(one, images, batch_size=TOGETHER)


@compiler.jit
def _textures(images: Array, category: Array, shown: Array) -> tuple[Array, Array]:
    """`proposals.textured` of each picture."""
    return jax.lax.map(
        lambda x: proposals.textured(*x), (images, category, shown), batch_size=TOGETHER
    )


@compiler.jit
def _refined(
    images: Array, category: Array, texture: Array, guess: Array, steps: Array
) -> tuple[Array, Array]:
    """Guesses [N, 17] after so many more steps, and their mean squared errors [N]."""
    held = images, category, texture, guess
    return jax.lax.map(lambda x: _fitted(*x, steps=steps), held, batch_size=TOGETHER)


@compiler.jit
def _other_poses(images: Array, category: Array, known: Bank) -> Array:
    """Of the category's silhouettes the TRIES that come after the one most like the foreground,
    as poses [N, TRIES, 7].
    """

    def one(held):
        image, category = held
        foreground = foreground_of(image)[1]
        like, centre, spread = proposals.likeness(foreground, known)
        best = jax.lax.top_k(like[category], 1 + TRIES)[1][1:]
        return proposals.moved(known, category * EACH + best, centre, spread)

    return jax.lax.map(one, (images, category), batch_size=TOGETHER)


def _fitted(
    image: Array, category: Array, texture: Array, guess: Array, steps: Array
) -> tuple[Array, Array]:
    """Everything continuous fitted to the picture, [17], and the mean squared error."""
    size, free = len(image), len(FITTED)

    def shares(p):
        factors = factors_of(FITTED, p) | {"category": category, "texture": texture}
        return render.shares(factors, size)

    def palette(p):
        behind = render.WARM + p[FITTED.index("background")] * (render.COOL - render.WARM)
        return jnp.stack([behind, *p[free:].reshape(2, 3), jnp.ones(3)])

    def error(p):
        return (shares(p).T @ palette(p) - image.reshape(-1, 3)).ravel()

    def slopes(p):
        """By the product rule: forward through the drawing, and what a colour has a share of."""
        held, push = jax.linearize(lambda own: shares(own), p[:free])
        through = jnp.einsum("dkp,kc->dpc", jax.vmap(push)(jnp.eye(free)), palette(p))
        of_colours = jax.jacfwd(palette)(p)
        made = jnp.einsum("kp,kcd->dpc", held, of_colours).at[:free].add(through)
        return (held.T @ palette(p) - image.reshape(-1, 3)).ravel(), made.reshape(len(p), -1)

    return least_squares(error, guess, steps, slopes)


def _stored(category: Array, texture: Array, guess: Array) -> dict[str, Array]:
    found = factors_of(FITTED, guess)
    plain = texture == TEXTURES.index("plain")
    for name, middle in (("texture_scale", 0.45), ("texture_angle", 90.0)):
        found[name] = jnp.where(plain, middle, found[name])
    found["texture_angle"] = found["texture_angle"] % 180.0
    for which, colour in (("", guess[-6:-3]), ("second_", guess[-3:])):
        for name, value in zip(("hue", "saturation", "value"), _hsv(colour), strict=True):
            found[which + name] = value[None]
    return found | {"category": category.astype(jnp.int32), "texture": texture.astype(jnp.int32)}


@compiler.jit
def _all_stored(category: Array, texture: Array, guess: Array) -> dict[str, Array]:
    return jax.vmap(_stored)(category, texture, guess)


def _hsv(colour: Array) -> tuple[Array, Array, Array]:
    """RGB to hue in turns, saturation and value."""
    value, least = colour.max(), colour.min()
    chroma = jnp.maximum(value - least, 1e-6)
    r, g, b = colour
    sector = jnp.select(
        [value == r, value == g], [(g - b) / chroma % 6, (b - r) / chroma + 2], (r - g) / chroma + 4
    )
    return sector / 6 % 1.0, chroma / jnp.maximum(value, 1e-6), value
