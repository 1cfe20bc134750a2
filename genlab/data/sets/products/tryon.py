"""Try-on: an item by itself, a figure, and the figure with the item."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.data.sets.products import render
from genlab.data.sets.products.categories import FILLED
from genlab.data.sets.products.factors import CATEGORIES
from genlab.data.sets.products.shapes import bar, coverage, ellipse

PLACES = {
    "t-shirt": (0.42, 0.0, -0.146), "shirt": (0.44, 0.0, -0.114), "trousers": (0.5, 0.0, 0.43),
    "dress": (0.6, 0.0, 0.08), "coat": (0.5, 0.0, -0.07), "bag": (0.28, 0.42, 0.3),
    "shoe": (0.2, 0.13, 0.86), "hat": (0.28, 0.0, -0.784), "mug": (0.2, 0.43, 0.1),
    "lamp": (0.4, 0.66, 0.55),
}  # fmt: skip
"""Size and centre of each category at the figure, in half-frames."""
TABLE = np.array([PLACES[name] for name in CATEGORIES], np.float32)
PALE, DARK = np.array([0.96, 0.82, 0.72]), np.array([0.42, 0.29, 0.22])
BODY = (
    (0.0, -0.44, 0.0, 0.08, 0.19, 0.15, 0.1),  # trunk
    (0.0, -0.56, 0.0, -0.4, 0.055, 0.06, 0.02),  # neck
    (0.17, -0.39, 0.37, 0.08, 0.06, 0.04, 0.04),  # arms
    (0.085, 0.02, 0.12, 0.9, 0.085, 0.045, 0.04),  # legs
)
ALONE = {"x": 0.0, "y": 0.0, "scale": 0.9, "rotation": 0.0, "light": 0.0, "background": 0.0}


def garment(factors: Mapping[str, Array], size: int) -> Array:
    """The item alone, upright and in the middle: what a shop shows."""
    plain = {name: jnp.full((1,), value) for name, value in ALONE.items()}
    return render.image({**factors, **plain}, size)


def figure(factors: Mapping[str, Array], key: Array, size: int) -> Array:
    """A figure of a random tone before the item's background."""
    x, y = (jnp.asarray(a) for a in render.grid(size))
    tone, arms = random.uniform(key, (2,))
    folded, pixel = jnp.abs(x), jnp.array(2.0 / size)
    parts = [bar(folded, y, jnp.array(b)) for b in BODY[:2] + BODY[3:]]
    lifted = jnp.array(BODY[2]) + arms * jnp.array([0, 0, 0.06, -0.04, 0, 0, 0])
    head = ellipse(x, y, jnp.array([0.0, -0.65, 0.105, 0.135, FILLED, FILLED]))
    d = jnp.stack([*parts, bar(folded, y, lifted), head]).min(0)
    light = factors["light"][0]
    skin = (PALE + tone * (DARK - PALE))[None] * render.lighting(light, d, x, y)[:, None]
    behind = render.palette(factors)[0][None] * render.shadow(light, d, x, y)[:, None]
    picture = behind + coverage(d, pixel)[:, None] * (skin - behind)
    return picture.reshape(size, size, 3)


def dressed(factors: Mapping[str, Array], body: Array, size: int) -> Array:
    """The figure `body` with the item where it is worn, held or stands."""
    scale, x, y = jnp.take(jnp.asarray(TABLE), factors["category"], axis=0)
    place = {"scale": scale[None], "x": x[None], "y": y[None], "rotation": jnp.zeros(1)}
    return render.image({**factors, **place}, size, behind=body)
