"""The factors of a picture, found by drawing it again: analysis by synthesis, nothing is trained.

1. The background's colour from the border; the foreground is what no shadow on it explains.
2. Of each category the silhouette of `bank` that is most like the foreground; the best STARTS
   categories go on, their poses fitted to the foreground by Levenberg-Marquardt.
3. For each a search over textures, scales and angles, in which the two colours are solved for: a
   picture is linear in its palette.
4. All continuous factors are fitted to the picture, and the smallest error decides; once more from
   3 with the item where it was found.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError
from genlab.data.sets.products import render
from genlab.data.sets.products.bank import EACH, POSE, Bank, bank, moments, normalised
from genlab.data.sets.products.factors import CATEGORIES, FACTORS, TEXTURES, ends
from genlab.data.sets.products.shapes import coverage
from genlab.runtime import compiler

LARGEST = 64  # pixels a side: larger pictures are made smaller first
STARTS, KEPT = 3, 2  # categories that are tried, and textures of each
ANGLES, SCALES = 20, (0.325, 0.375, 0.425, 0.475, 0.525, 0.575)
BLOCK, TOGETHER = 32, 4  # pictures of a call, and of those decoded side by side
STEPS = 6  # of a refinement
SLACK = 0.15  # how far beyond its range a fitted number may be, in ranges
LIT = ("background", "light")
FITTED = (*POSE, *LIT, "texture_scale", "texture_angle")  # and two colours, in RGB


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
    found = []
    for start in range(0, len(images), BLOCK):
        rows = np.minimum(np.arange(start, start + BLOCK), len(images) - 1)
        made = _block(_smaller(images[rows], factor), known)
        found.append({name: x[: len(images) - start] for name, x in made.items()})
    return {name: np.concatenate([x[name] for x in found]) for name in FACTORS}


def _smaller(images: np.ndarray, factor: int) -> np.ndarray:
    size = images.shape[1] // factor
    x = images[:, : size * factor, : size * factor].astype(np.float32) / 255
    return x.reshape(len(x), size, factor, size, factor, 3).mean((2, 4))


def _block(images: np.ndarray, known: Bank) -> dict[str, np.ndarray]:
    """Factors of BLOCK pictures in 0..1: candidates are refined, the better of them again; then
    textures are searched anew where the item is known to be.
    """
    held = _better(images, _better(images, _proposed(images, known), 2), 1)
    again = _retextured(images, held[0][:, 0], held[2][:, 0])
    both = tuple(np.concatenate(x, 1) for x in zip(held, again, strict=True))
    held = _better(images, _better(images, both, 1), 1)
    return jax.tree.map(np.asarray, _all_stored(*(x[:, 0] for x in held)))


Candidates = Sequence[Any]  # categories and textures [N, K], guesses [N, K, 17]


def _better(images: np.ndarray, held: Candidates, kept: int) -> Candidates:
    """Of refined candidates those of each picture with the smallest errors."""
    fits = [_refined(images, *(x[:, i] for x in held)) for i in range(held[0].shape[1])]
    guesses, errors = (np.stack(x, 1) for x in zip(*fits, strict=True))
    order = np.argsort(errors, axis=1, kind="stable")[:, :kept]
    rows = np.arange(len(order))[:, None]
    category, texture = (np.asarray(x)[rows, order] for x in held[:2])
    return category, texture, guesses[rows, order]


@compiler.jit
def _proposed(images: Array, known: Bank) -> tuple[Array, Array, Array]:
    """Candidates of each picture: categories and textures [N, K], guesses [N, K, 17]."""

    def one(image):
        behind, foreground = _foreground(image)
        category, pose = _starts(foreground, known)
        fitted = jax.vmap(lambda c, p: _posed(foreground, c, p))(category, pose)
        light = jnp.broadcast_to(jnp.stack([behind, jnp.array(0.5)]), (STARTS, 2))
        shown = jnp.concatenate([fitted, light], axis=1)
        texture, guesses = jax.vmap(lambda c, p: _textured(image, c, p))(category, shown)
        return jnp.repeat(category, KEPT), texture.reshape(-1), guesses.reshape(STARTS * KEPT, -1)

    return jax.lax.map(one, images, batch_size=TOGETHER)


@compiler.jit
def _retextured(images: Array, category: Array, guess: Array) -> tuple[Array, Array, Array]:
    """Candidates with the pose and the light of these."""

    def one(held):
        image, category, guess = held
        texture, guesses = _textured(image, category, guess[: len(POSE) + len(LIT)])
        return jnp.repeat(category[None], KEPT), texture, guesses

    return jax.lax.map(one, (images, category, guess), batch_size=TOGETHER)


@compiler.jit
def _refined(images: Array, category: Array, texture: Array, guess: Array) -> tuple[Array, Array]:
    """Guesses [N, 17] after STEPS more steps, and their mean squared errors [N]."""
    held = images, category, texture, guess
    return jax.lax.map(lambda x: _fitted(*x), held, batch_size=TOGETHER)


def _foreground(image: Array) -> tuple[Array, Array]:
    """The background's share, and what is in front, [H, W] in 0..1."""
    size = len(image)
    y = render.grid(size)[1].reshape(size, size)
    edge = jnp.concatenate([image[0], image[:, 0][: size // 2], image[:, -1][: size // 2]])
    lit = 1 - 0.035 * jnp.concatenate([y[0], y[: size // 2, 0], y[: size // 2, -1]])
    colour = jnp.median(edge / lit[:, None], axis=0)
    way = render.COOL - render.WARM
    share = ((colour - render.WARM) @ way) / (way @ way)
    colour = render.WARM + share * way
    shade = jnp.clip((image @ colour) / (colour @ colour), 0.64, 1.04)
    away = jnp.linalg.norm(image - shade[..., None] * colour[None, None], axis=-1)
    return share, jnp.clip((away - 0.012) / 0.03, 0.0, 1.0)


def _starts(foreground: Array, known: Bank) -> tuple[Array, Array]:
    """Categories [STARTS] and poses [STARTS, 7] of the silhouettes most like the foreground."""
    centre, spread = moments(foreground)
    like = known.silhouette @ normalised(foreground, centre, spread)
    like = like.reshape(len(CATEGORIES), EACH)
    categories = jax.lax.top_k(like.max(1), STARTS)[1]
    at = categories * EACH + like[categories].argmax(1)
    grown = spread / known.spread[at]
    (low, high), (near, far) = ends("scale"), ends("x")
    size = low + known.pose[at, 5] * (high - low)
    pose = known.pose[at].at[:, 5].set((size * grown - low) / (high - low))
    places = near + known.pose[at, 3:5] * (far - near)
    moved = centre[None] - grown[:, None] * (known.centre[at] - places)
    return categories, pose.at[:, 3:5].set((moved - near) / (far - near))


def _factors(names: tuple[str, ...], shares: Array) -> dict[str, Array]:
    """Factors as stored from shares of their range; those not named in the middle of theirs."""
    values = dict.fromkeys((n for n in FITTED), jnp.array(0.5))
    values |= {name: shares[i] for i, name in enumerate(names)}
    found = {}
    for name, value in values.items():
        low, high = ends(name)
        found[name] = (low + value * (high - low))[None]
    return found


def _posed(foreground: Array, category: Array, pose: Array) -> Array:
    """The pose [7] fitted to the foreground."""
    size = len(foreground)
    at = render.places(size)

    def error(p):
        found = render.drawing(_factors(POSE, p) | {"category": category}, at, size)
        return coverage(found.whole, found.pixel) - foreground.ravel()

    return least_squares(error, pose, 8)[0]


def _textured(image: Array, category: Array, shown: Array) -> tuple[Array, Array]:
    """The KEPT best textures of an item of this pose and light [9], and for each all that is
    fitted, [KEPT, 17].
    """
    at = render.places(len(image))
    factors = _factors((*POSE, *LIT), shown) | {"category": category}
    found = render.drawing(factors, at, len(image))
    colour = render.WARM + factors["background"][0] * (render.COOL - render.WARM)
    pixels = image.reshape(-1, 3)

    def solved(candidate):
        texture, scale, angle = candidate
        given = factors | {
            "texture": texture,
            "texture_scale": scale[None],
            "texture_angle": angle[None],
        }
        back, first, second, white = render.painted(given, found, at)
        rest = pixels - back[:, None] * colour[None] - white[:, None]
        basis = jnp.stack([first, second])
        colours = jnp.linalg.solve(basis @ basis.T + 1e-3 * jnp.eye(2), basis @ rest)
        colours = jnp.clip(colours, 0.0, 1.0)
        return colours, ((rest - basis.T @ colours) ** 2).sum()

    candidates = _candidates()
    colours, errors = jax.lax.map(solved, candidates, batch_size=16)
    least = jax.ops.segment_min(errors, candidates[0], len(TEXTURES))
    textures_ = jax.lax.top_k(-least, KEPT)[1]
    best = jax.vmap(lambda t: jnp.where(candidates[0] == t, errors, jnp.inf).argmin())(textures_)
    low, high = ends("texture_scale")
    shares = jnp.stack([(candidates[1][best] - low) / (high - low), candidates[2][best] / 180], 1)
    same = jnp.broadcast_to(shown, (KEPT, len(shown)))
    return textures_, jnp.concatenate([same, shares, colours[best].reshape(KEPT, 6)], axis=1)


def _candidates() -> tuple[Array, Array, Array]:
    """Textures, scales and angles to try."""
    angles = np.arange(ANGLES) * 180.0 / ANGLES
    found = [("plain", 0.45, 90.0)]
    for name in TEXTURES[1:]:
        scales = (0.45,) if name == "gradient" else SCALES
        found += [(name, scale, angle) for scale in scales for angle in angles]
    names, scales, angles = zip(*found, strict=True)
    textures = jnp.array([TEXTURES.index(n) for n in names])
    return textures, jnp.array(scales), jnp.array(angles)


def _fitted(image: Array, category: Array, texture: Array, guess: Array) -> tuple[Array, Array]:
    """Everything continuous fitted to the picture, [17], and the mean squared error."""

    def error(p):
        factors = _factors(FITTED, p) | {"category": category, "texture": texture}
        behind = render.WARM + factors["background"][0] * (render.COOL - render.WARM)
        palette = jnp.stack([behind, *p[-6:].reshape(2, 3), jnp.ones(3)])
        return (render.coloured(factors, palette, len(image)) - image).ravel()

    return least_squares(error, guess, STEPS)


def least_squares(error: Callable[[Array], Array], guess: Array, steps: int) -> tuple[Array, Array]:
    """The argument [D] of a residual [P], and its mean square, by Levenberg-Marquardt (Marquardt
    1963), within SLACK of 0..1.
    """

    def step(held, _):
        x, damping, value = held
        r, push = jax.linearize(error, x)
        j = jax.vmap(push)(jnp.eye(len(x)))
        square = j @ j.T
        change = jnp.linalg.solve(
            square + damping * jnp.diag(jnp.diag(square)) + 1e-7 * len(r) * jnp.eye(len(x)),
            j @ r,
        )
        tried = jnp.clip(x - change, -SLACK, 1 + SLACK)
        new = (error(tried) ** 2).mean()
        better = new < value
        x = jnp.where(better, tried, x)
        return (x, jnp.where(better, damping * 0.3, damping * 5), jnp.minimum(new, value)), None

    start = guess, jnp.array(0.05), (error(guess) ** 2).mean()
    (x, _, value), _ = jax.lax.scan(step, start, None, length=steps)
    return x, value


def _stored(category: Array, texture: Array, guess: Array) -> dict[str, Array]:
    found = _factors(FITTED, guess)
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
