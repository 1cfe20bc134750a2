"""The factors of an item: their kinds of column, and how they are drawn."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, random

from genlab.data.columns import Label, Numbers

CATEGORIES = (
    "t-shirt", "shirt", "trousers", "dress", "coat", "bag", "shoe", "hat", "mug", "lamp",
)  # fmt: skip
TEXTURES = ("plain", "stripes", "dots", "checks", "gradient", "knit")


def _number(name: str, low: float, high: float, period: float = 0.0) -> Numbers:
    return Numbers((name,), (low,), (high,), (period,) if period else ())


FACTORS: dict[str, Label | Numbers] = {
    "category": Label(CATEGORIES),
    "texture": Label(TEXTURES),
    "hue": _number("hue", 0.0, 1.0, period=1.0),
    "saturation": _number("saturation", 0.45, 0.95),
    "value": _number("value", 0.35, 0.8),
    "second_hue": _number("second_hue", 0.0, 1.0, period=1.0),
    "second_saturation": _number("second_saturation", 0.1, 0.45),
    "second_value": _number("second_value", 0.85, 1.0),
    "texture_scale": _number("texture_scale", 0.3, 0.6),
    "texture_angle": _number("texture_angle", 0.0, 180.0, period=180.0),
    "length": _number("length", 0.0, 1.0),
    "width": _number("width", 0.0, 1.0),
    "flare": _number("flare", 0.0, 1.0),
    "x": _number("x", -0.12, 0.12),
    "y": _number("y", -0.12, 0.12),
    "scale": _number("scale", 0.74, 0.94),
    "rotation": _number("rotation", -20.0, 20.0),
    "background": _number("background", 0.0, 1.0),
    "light": _number("light", -1.0, 1.0),
}
"""Every factor by its column. All are independent and uniform over their range.

hue, saturation, value: of the item, HSV; the second colour is always the lighter one
texture_scale: the period, in units of half the item's frame
texture_angle: degrees, clockwise; stripes lie across it
x, y:          of the item's centre, in half-frames, right and down
scale:         half the item's frame, in half-frames
rotation:      degrees, clockwise
background:    from warm white to cool grey
light:         from which side, -1 (left) to 1 (right)
"""


def ends(name: str) -> tuple[float, float]:
    """The range of a factor that is a number."""
    kind = FACTORS[name]
    assert isinstance(kind, Numbers)
    return kind.low[0], kind.high[0]


def drawn(key: Array, moved: Callable[[Array], Array] | None = None) -> dict[str, Array]:
    """The factors of one item, as stored: labels int32 [], numbers float32 [1].

    moved: of their shares of their ranges, [len(FACTORS)], which are drawn evenly from 0..1
    """
    shares = random.uniform(key, (len(FACTORS),))
    shares = shares if moved is None else moved(shares)
    return {name: _at(kind, shares[i]) for i, (name, kind) in enumerate(FACTORS.items())}


def _at(kind: Label | Numbers, share: Array) -> Array:
    if isinstance(kind, Label):
        return jnp.minimum((share * kind.cycle).astype(jnp.int32), kind.cycle - 1)
    (low,), (high,) = kind.low, kind.high
    return (low + share * (high - low))[None]
