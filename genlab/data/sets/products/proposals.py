"""Where the decoder's fits begin: the foreground of a picture, categories and poses that it may be
of, and textures of an item of a known pose.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.data.sets.products import render, textures
from genlab.data.sets.products.bank import EACH, POSE, Bank, moments, normalised
from genlab.data.sets.products.factors import CATEGORIES, TEXTURES, ends
from genlab.data.sets.products.fitting import least_squares
from genlab.data.sets.products.shapes import coverage

STARTS, KEPT = 3, 2  # categories that are tried, and textures of each
ANGLES, SCALES = 20, (0.325, 0.375, 0.425, 0.475, 0.525, 0.575)
LIT = ("background", "light")
FITTED = (*POSE, *LIT, "texture_scale", "texture_angle")  # and two colours, in RGB


def foreground_of(image: Array) -> tuple[Array, Array]:
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


def starts(foreground: Array, known: Bank) -> tuple[Array, Array]:
    """Categories [STARTS] and poses [STARTS, 7] of the silhouettes most like the foreground."""
    like, centre, spread = likeness(foreground, known)
    categories = jax.lax.top_k(like.max(1), STARTS)[1]
    at = categories * EACH + like[categories].argmax(1)
    return categories, moved(known, at, centre, spread)


def likeness(foreground: Array, known: Bank) -> tuple[Array, Array, Array]:
    """How like the foreground is each silhouette, [categories, EACH]; its centre and spread."""
    centre, spread = moments(foreground)
    like = known.silhouette @ normalised(foreground, centre, spread)
    return like.reshape(len(CATEGORIES), EACH), centre, spread


def moved(known: Bank, at: Array, centre: Array, spread: Array) -> Array:
    """The poses [K, 7] of the bank's items `at`, at the centre and in the size of a foreground."""
    grown = spread / known.spread[at]
    (low, high), (near, far) = ends("scale"), ends("x")
    size = low + known.pose[at, 5] * (high - low)
    pose = known.pose[at].at[:, 5].set((size * grown - low) / (high - low))
    places = near + known.pose[at, 3:5] * (far - near)
    moved = centre[None] - grown[:, None] * (known.centre[at] - places)
    return pose.at[:, 3:5].set((moved - near) / (far - near))


def factors_of(names: tuple[str, ...], shares: Array) -> dict[str, Array]:
    """Factors as stored from shares of their range; those not named in the middle of theirs."""
    values = dict.fromkeys((n for n in FITTED), jnp.array(0.5))
    values |= {name: shares[i] for i, name in enumerate(names)}
    found = {}
    for name, value in values.items():
        low, high = ends(name)
        found[name] = (low + value * (high - low))[None]
    return found


def posed(foreground: Array, category: Array, pose: Array) -> Array:
    """The pose [7] fitted to the foreground."""
    size = len(foreground)
    at = render.places(size)

    def error(p):
        found = render.drawing(factors_of(POSE, p) | {"category": category}, at, size)
        return coverage(found.whole, found.pixel) - foreground.ravel()

    return least_squares(error, pose, 8)[0]


def textured(image: Array, category: Array, shown: Array) -> tuple[Array, Array]:
    """The KEPT best textures of an item of this pose and light [9], and for each all that is
    fitted, [KEPT, 17].
    """
    at = render.places(len(image))
    factors = factors_of((*POSE, *LIT), shown) | {"category": category}
    found = render.drawing(factors, at, len(image))
    colour = render.WARM + factors["background"][0] * (render.COOL - render.WARM)
    back, *none, white = render.mixture(factors, found, at, 0.0)
    full = render.mixture(factors, found, at, 1.0)[1:3]
    rest = image.reshape(-1, 3) - back[:, None] * colour[None] - white[:, None]
    textures_, scales, angles, mixed = _candidates(found)
    colours, errors = solved(mixed, jnp.stack(none), jnp.stack(full), rest)
    least = jax.ops.segment_min(errors, textures_, len(TEXTURES))
    kept = jax.lax.top_k(-least, KEPT)[1]
    best = jax.vmap(lambda t: jnp.where(textures_ == t, errors, jnp.inf).argmin())(kept)
    low, high = ends("texture_scale")
    shares = jnp.stack([(scales[best] - low) / (high - low), angles[best] / 180], 1)
    same = jnp.broadcast_to(shown, (KEPT, len(shown)))
    return kept, jnp.concatenate([same, shares, colours[best].reshape(KEPT, 6)], axis=1)


def solved(mixed: Array, none: Array, full: Array, rest: Array) -> tuple[Array, Array]:
    """The two colours [C, 2, 3] by least squares, within 0..1, for each of C textures `mixed`
    [C, P], and the squared errors [C].

    none, full: how much of each colour is where a texture has 0 and 1 of the second, [2, P]
    rest:       the picture without what is of neither, [P, 3]
    """
    slope = full - none
    plain, half = none @ none.T, none[:, None] * slope[None]  # [2, 2], [2, 2, P]
    bent = mixed @ (half + half.swapaxes(0, 1)).reshape(4, -1).T
    square = jnp.square(mixed) @ (slope[:, None] * slope[None]).reshape(4, -1).T
    gram = plain[None] + (bent + square).reshape(-1, 2, 2)
    sloped = (slope[:, :, None] * rest[None]).swapaxes(0, 1).reshape(len(rest), -1)
    against = (none @ rest)[None] + (mixed @ sloped).reshape(-1, 2, 3)
    colours = jnp.linalg.solve(gram + 1e-3 * jnp.eye(2)[None], against)
    colours = jnp.clip(colours, 0.0, 1.0)
    fit = jnp.einsum("cik,cij,cjk->c", colours, gram, colours) - 2 * (colours * against).sum((1, 2))
    return colours, fit + jnp.square(rest).sum()


def _candidates(found: render.Drawing) -> tuple[Array, Array, Array, Array]:
    """Textures, scales and angles to try, [C] each, and what they are of a drawing, [C, P]."""
    turns = np.arange(ANGLES) * 180.0 / ANGLES
    rows, mixed = [], []
    for number, name in enumerate(TEXTURES):
        scales = SCALES if name not in ("plain", "gradient") else (0.45,)
        angles = turns if name != "plain" else (90.0,)
        pairs = np.array([(scale, angle) for scale in scales for angle in angles], np.float32)
        rows += [(number, scale, angle) for scale, angle in pairs]
        mixed.append(
            jax.vmap(lambda p, a, n=name: textures.pattern(n, found.x, found.y, p, a, found.pixel))(
                *jnp.asarray(pairs).T
            )
        )
    numbers, scales, angles = (jnp.array(x) for x in zip(*rows, strict=True))
    return numbers, scales, angles, jnp.concatenate(mixed)
