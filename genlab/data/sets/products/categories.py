"""Ten categories as rows of one table: which bars and ellipses an item of each is made of.

Every item has the same slots, so that the picture of any category costs the same few shapes a
pixel; what a category does not need lies outside of the picture. Coordinates are the item's own,
within -1..1, y downwards. Slots under FOLDED are drawn on both sides of the axis of a category that
is symmetric. Every number is affine in the three shape numbers `s.length, s.width, s.flare`, 0..1.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from genlab.data.sets.products.factors import CATEGORIES

BARS = (
    "torso", "extra", "limb",  # the main area
    "trim", "trims", "collar",  # in the second colour
    "line", "lines", "seams",  # dark
    "dots",  # small and repeated: buttons, laces, a chain
)  # fmt: skip
FOLDED = ("limb", "trims", "collar", "lines", "seams", "dots")
ELLIPSES = ("bulge", "opening", "hoop")  # added to the main area, cut from it, in the second colour
CLIPS = ("trim", "trims", "collar", "hoop")
NUMBERS = ("slope", "back", "repeat", "symmetric")
FAR, FILLED = 9.0, 4.0
INSIDE, FREE, OUTSIDE = (1.0, 0.0), (0.0, FAR), (-1.0, 0.0)
"""Of a slot in the second colour: where it is shown, by the main area's distance d: max(own,
sign d - room).
"""


class Shape(NamedTuple):
    """The three shape numbers."""

    length: float
    width: float
    flare: float


Parts = dict[str, tuple[float, ...]]


def _bar(ax, ay, bx, by, ra, rb, k=0.04):
    return (ax, ay, bx, by, ra, rb, k)


def _line(ax, ay, bx, by, width=0.014):
    return (ax, ay, bx, by, width, width, 0.01)


def _disc(cx, cy, rx, ry):
    return (cx, cy, rx, ry, FILLED, FILLED)


def _ring(cx, cy, rx, ry, width):
    return (cx, cy, rx, ry, 0.0, width)


NONE: Parts = {
    **dict.fromkeys(BARS, _bar(FAR, FAR, FAR, FAR + 1, 0.1, 0.1)),
    **dict.fromkeys(ELLIPSES, _disc(FAR, FAR, 1.0, 1.0)),
    **{f"{name} clip": INSIDE for name in CLIPS},
    "slope": (0.0, -1.0, FAR),  # the half-plane nx |x| + ny y < c that shoulders are cut to
    "back": (FAR,),  # the upper edge of what shows through the opening
    "repeat": (0.0, 0.1, 1.0),  # of the dots: a step, and how many
    "symmetric": (1.0,),
}
SHOULDERS = (0.3, -0.954, 0.757)


def t_shirt(s: Shape) -> Parts:
    """Length to the hem, width of the body, flare of the sleeves."""
    half, hem = 0.42 + 0.12 * s.width, 0.5 + 0.35 * s.length
    x, y = half + 0.2 + 0.16 * s.flare, -0.16 + 0.2 * s.flare
    return {
        "torso": _bar(0, -0.8, 0, hem, half, half + 0.02, 0.05),
        "limb": _bar(half - 0.12, -0.46, x, y, 0.2, 0.18),
        "opening": _disc(0, -0.74, 0.2, 0.2),
        "back": (-0.7,),
        "hoop": _ring(0, -0.74, 0.23, 0.23, 0.035),
        "lines": _line(half - 0.02, -0.6, half - 0.04, -0.24),
        "seams": _line(x + 0.06, y - 0.24, x - 0.2, y + 0.08),
        "line": _line(-0.7, hem - 0.08, 0.7, hem - 0.08),
        "slope": SHOULDERS,
    }


def shirt(s: Shape) -> Parts:
    """Length to the hem, width of the body, flare: length of the sleeves."""
    half, hem = 0.36 + 0.1 * s.width, 0.5 + 0.3 * s.length
    x, y = half + 0.2 + 0.08 * s.flare, 0.2 + 0.3 * s.flare
    return {
        "torso": _bar(0, -0.8, 0, hem, half, half + 0.03, 0.06),
        "limb": _bar(half - 0.08, -0.54, x, y, 0.15, 0.1),
        "opening": _disc(0, -0.78, 0.13, 0.2),
        "back": (-0.76,),
        "collar": _bar(0.13, -0.8, 0.1, -0.54, 0.05, 0.09, 0.03),
        "collar clip": FREE,
        "trims": _bar(x - 0.03, y - 0.12, x, y, 0.12, 0.12, 0.02),
        "trims clip": FREE,
        "trim": _bar(0.2, -0.26, 0.2, -0.02, 0.1, 0.09, 0.04),
        "line": _line(0, -0.58, 0, hem),
        "lines": _line(half - 0.02, -0.6, half - 0.05, -0.22),
        "dots": _bar(0.0, -0.48, 0.0, -0.42, 0.03, 0.03, 0.03),
        "repeat": (0.0, 0.22 + 0.05 * s.length, 5.0),
        "slope": SHOULDERS,
    }


def trousers(s: Shape) -> Parts:
    """Length of the legs, width of the hips, flare of the hems."""
    half, hem = 0.3 + 0.1 * s.width, 0.5 + 0.38 * s.length
    x, leg = 0.25 + 0.06 * s.width + 0.1 * s.flare, 0.13 + 0.12 * s.flare
    return {
        "torso": _bar(0, -0.86, 0, -0.12, half, half + 0.08, 0.05),
        "limb": _bar(half * 0.5 + 0.04, -0.25, x, hem, half * 0.5 + 0.035, leg, 0.03),
        "trim": _bar(0, -0.9, 0, -0.74, half + 0.02, half + 0.03, 0.03),
        "trim clip": FREE,
        "trims": _bar(x, hem - 0.11, x, hem + 0.01, leg + 0.01, leg + 0.01, 0.03),
        "trims clip": FREE,
        "line": _line(0, -0.72, 0, -0.2),
        "lines": _line(half - 0.16, -0.73, half + 0.06, -0.48, 0.018),
        "dots": _bar(0, -0.85, 0, -0.79, 0.03, 0.03, 0.03),
    }


def dress(s: Shape) -> Parts:
    """Length to the hem, width of the waist, flare of the skirt."""
    waist, hem = 0.19 + 0.1 * s.width, 0.52 + 0.36 * s.length
    skirt = 0.42 + 0.28 * s.flare + 0.08 * s.width
    return {
        "torso": _bar(0, -0.62, 0, -0.08, waist + 0.1, waist, 0.04),
        "extra": _bar(0, -0.12, 0, hem, waist, skirt, 0.06),
        "limb": _bar(0.2 + 0.06 * s.width, -0.9, 0.22 + 0.08 * s.width, -0.5, 0.05, 0.07, 0.03),
        "opening": _disc(0, -0.66, 0.17, 0.16),
        "trim": _bar(0, -0.18, 0, -0.06, waist + 0.02, waist + 0.02, 0.02),
        "trim clip": FREE,
        "collar": _bar(0, hem - 0.1, 0, hem + 0.1, 0.9, 0.9),
        "lines": _line(0.09 + 0.04 * s.width, -0.02, 0.18 + 0.14 * s.flare, hem - 0.14),
    }


def coat(s: Shape) -> Parts:
    """Length to the hem, width of the body, flare of the skirt."""
    half, hem = 0.36 + 0.1 * s.width, 0.62 + 0.28 * s.length
    x, y = half + 0.18, 0.3
    return {
        "torso": _bar(0, -0.84, 0, hem, half, half + 0.06 + 0.16 * s.flare, 0.06),
        "limb": _bar(half - 0.06, -0.52, x, y, 0.17, 0.12),
        "opening": _disc(0, -0.8, 0.11, 0.2),
        "back": (-0.8,),
        "collar": _bar(0.16, -0.84, 0.05, -0.2, 0.12, 0.03, 0.04),
        "collar clip": FREE,
        "trims": _bar(x - 0.02, y - 0.1, x, y, 0.14, 0.13, 0.02),
        "trims clip": FREE,
        "trim": _bar(0, 0.0, 0, 0.12, half + 0.05, half + 0.06 + 0.06 * s.flare, 0.02),
        "trim clip": FREE,
        "line": _line(0, -0.25, 0, hem, 0.018),
        "lines": _line(half - 0.03, -0.6, half - 0.03, 0.3, 0.018),
        "seams": _line(0.18, 0.3, half - 0.02, 0.35, 0.025),
        "dots": _bar(0.12, -0.16, 0.12, -0.09, 0.035, 0.035, 0.035),
        "repeat": (0.0, 0.3, 3.0),
        "slope": SHOULDERS,
    }


def bag(s: Shape) -> Parts:
    """Length of the handle, width of the body, flare of its bottom."""
    half, hoop = 0.5 + 0.1 * s.width, 0.3 + 0.34 * s.length
    return {
        "torso": _bar(0, -0.2, 0, 0.74, half, half + 0.16 * s.flare, 0.12),
        "hoop": _ring(0, -0.2, 0.32 + 0.06 * s.width, hoop, 0.05),
        "hoop clip": OUTSIDE,
        "trim": _bar(0, -0.22, 0, -0.06, 0.9, 0.9, 0.02),
        "trims": _bar(0.32 + 0.06 * s.width, -0.2, 0.32 + 0.06 * s.width, 0.16, 0.05, 0.07, 0.04),
        "line": _line(-0.9, 0.62, 0.9, 0.62),
        "dots": _bar(0.0, -0.1, 0.0, 0.06, 0.08, 0.06, 0.05),
    }


def shoe(s: Shape) -> Parts:
    """Length of the toe, width: thickness of the sole, flare: height of the collar."""
    toe, sole, top = 0.55 + 0.2 * s.length, 0.09 + 0.06 * s.width, -0.22 - 0.3 * s.flare
    return {
        "torso": _bar(-0.52, top, -0.48, 0.45, 0.25, 0.33, 0.06),
        "extra": _bar(-0.5, 0.06, toe, 0.34, 0.32, 0.13, 0.08),
        "bulge": _disc(toe - 0.02, 0.3, 0.27, 0.21),
        "opening": _disc(-0.53, top + 0.02, 0.2, 0.1),
        "back": (top - 0.04,),
        "trim": _bar(-0.86, 0.5, toe + 0.3, 0.5, sole, sole, 0.08),
        "trim clip": FREE,
        "trims": _bar(-0.88, top, -0.84, 0.5, 0.16, 0.2),
        "collar": _bar(toe + 0.12, 0.5, toe + 0.3, 0.0, 0.17, 0.17, 0.1),
        "line": _line(-0.4, 0.36, 0.1, 0.04, 0.03),
        "lines": _line(toe - 0.22, 0.45, toe + 0.02, -0.05),
        "dots": _bar(-0.26, -0.02, -0.12, -0.22, 0.03, 0.03, 0.03),
        "repeat": (0.15, 0.06, 4.0),
        "symmetric": (0.0,),
    }


def hat(s: Shape) -> Parts:
    """Length: height of the crown, width of the crown, flare of the brim."""
    half, top = 0.34 + 0.1 * s.width, -0.36 - 0.34 * s.length
    return {
        "torso": _bar(0, top, 0, 0.28, half - 0.06, half + 0.04, 0.2),
        "bulge": _disc(0, 0.3, 0.68 + 0.26 * s.flare, 0.17),
        "trim": _bar(0, 0.06, 0, 0.24, half + 0.035, half + 0.055, 0.02),
        "trim clip": FREE,
        "lines": _line(0.03, top + 0.05, 0.16, top + 0.3, 0.02),
        "line": _line(-half - 0.03, 0.255, half + 0.03, 0.255, 0.02),
    }


def mug(s: Shape) -> Parts:
    """Length: height, width of the body, flare of the handle."""
    half, foot = 0.42 + 0.1 * s.width, 0.42 + 0.32 * s.length
    return {
        "torso": _bar(-0.12, -0.56, -0.12, foot, half, half - 0.03, 0.1),
        "bulge": _disc(-0.12, -0.54, half, 0.13),
        "opening": _disc(-0.12, -0.54, half - 0.05, 0.085),
        "back": (-FAR,),
        "hoop": _ring(half - 0.16, 0.02, 0.27 + 0.14 * s.flare, 0.24 + 0.1 * s.length, 0.06),
        "hoop clip": OUTSIDE,
        "trim": _bar(-0.12, foot - 0.12, -0.12, foot + 0.1, 0.9, 0.9),
        "symmetric": (0.0,),
    }


def lamp(s: Shape) -> Parts:
    """Length of the stand, width of the shade, flare of its lower edge."""
    top, edge, foot = 0.22 + 0.1 * s.width, 0.44 + 0.12 * s.width, 0.55 + 0.27 * s.length
    return {
        "torso": _bar(0, -0.84, 0, -0.08, top, edge + 0.2 * s.flare, 0.03),
        "trim": _bar(0, -0.1, 0, foot, 0.045, 0.05, 0.02),
        "trim clip": OUTSIDE,
        "trims": _bar(0.0, foot - 0.34, 0.0, foot - 0.04, 0.1, 0.16, 0.12),
        "trims clip": FREE,
        "hoop": _disc(0, foot, 0.32 + 0.06 * s.width, 0.08),
        "hoop clip": FREE,
        "collar": _bar(0, -0.17, 0, 0.1, 0.9, 0.9),
    }


MADE: tuple[Callable[[Shape], Parts], ...] = (
    t_shirt, shirt, trousers, dress, coat, bag, shoe, hat, mug, lamp,
)  # fmt: skip


def flat(parts: Parts) -> np.ndarray:
    """The numbers of an item's slots in the order of NONE."""
    return np.concatenate([np.asarray(x, np.float64) for x in (NONE | parts).values()])


def table() -> np.ndarray:
    """float32 [categories, 4, numbers]: the constant, and what each shape number adds."""
    points = [Shape(0, 0, 0), Shape(1, 0, 0), Shape(0, 1, 0), Shape(0, 0, 1)]
    at = np.stack([[flat(made(s)) for s in points] for made in MADE])
    return np.concatenate([at[:, :1], at[:, 1:] - at[:, :1]], axis=1).astype(np.float32)


def slots(numbers) -> dict:
    """The numbers of each slot by its name, of numbers [..., N] in the order of NONE."""
    found, start = {}, 0
    for name, values in NONE.items():
        found[name] = numbers[..., start : start + len(values)]
        start += len(values)
    return found


assert len(MADE) == len(CATEGORIES)
