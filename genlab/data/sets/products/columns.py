"""The columns of an item, each computed where it is asked for and in register with the picture."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
from jax import Array, random

from genlab.data.columns import Column, Image, Label, Mask
from genlab.data.sets.products import damage, render, sentence, tryon
from genlab.data.sets.products.damage import Damage, Defect
from genlab.data.sets.products.factors import FACTORS
from genlab.data.sets.products.shapes import coverage

LUMA = (0.299, 0.587, 0.114)  # of Rec. ITU-R BT.601
STROKE = 0.014  # half the width of a sketch's lines, in item units, and no less than half a pixel
(TEXTURE_OF_HOLES, NOISE, DEFECT, FIGURE, DYE) = range(1, 6)  # streams of an item's key
COLOURS = ("red", "yellow", "green", "cyan", "blue", "magenta")  # sixths of the circle of hues


@dataclass(frozen=True)
class Item:
    """What the columns of one item are made from; pictures are float32 in 0..1."""

    factors: Mapping[str, Array]
    key: Array
    size: int
    damage: Damage

    @cached_property
    def image(self) -> Array:
        """Its picture."""
        return render.image(self.factors, self.size)

    @cached_property
    def drawing(self) -> render.Drawing:
        """Its distances, [size * size] each."""
        x, y = render.grid(self.size)
        return render.drawing(self.factors, (jnp.asarray(x), jnp.asarray(y)), self.size)

    @cached_property
    def holes(self) -> Array:
        """bool [size, size, 1]."""
        key = random.fold_in(self.key, TEXTURE_OF_HOLES)
        return damage.holes(key, self.size, self.size, self.damage.holes)

    @cached_property
    def defect(self) -> Defect:
        """Its defect, if it has one."""
        return damage.defect(self.factors, random.fold_in(self.key, DEFECT), self.size)

    @cached_property
    def figure(self) -> Array:
        """Whoever wears or holds it."""
        return tryon.figure(self.factors, random.fold_in(self.key, FIGURE), self.size)


def _edges(item: Item) -> Array:
    found = item.drawing
    width = jnp.maximum(STROKE, found.pixel / 2)
    contours = (found.whole, found.main, found.trim, jnp.maximum(found.dots, found.whole))
    strokes = [coverage(jnp.abs(d) - width, found.pixel) for d in contours]
    ink = jnp.stack([*strokes, coverage(found.line, found.pixel)]).max(0)
    return _square(item, 1.0 - ink)


def _square(item: Item, x: Array) -> Array:
    return x.reshape(item.size, item.size, 1)


def _noisy(item: Item) -> Array:
    noise = random.normal(random.fold_in(item.key, NOISE), item.image.shape)
    return item.image + item.damage.noise * noise


def _recoloured(item: Item) -> Array:
    """In one of the other colours: its hue further by so many sixths."""
    further = random.randint(random.fold_in(item.key, DYE), (), 1, len(COLOURS))
    hue = (item.factors["hue"] + further / len(COLOURS)) % 1.0
    return render.image({**item.factors, "hue": hue}, item.size)


def _plain(item: Item) -> Array:
    """Without its texture."""
    return render.image({**item.factors, "texture": jnp.zeros((), jnp.int32)}, item.size)


def _colour(item: Item) -> Array:
    """Which of the colours its hue is nearest to."""
    sixths = jnp.rint(item.factors["hue"][0] * len(COLOURS))
    return sixths.astype(jnp.int32) % len(COLOURS)


PICTURES: dict[str, tuple[int, Callable[[Item], Array]]] = {
    "image": (3, lambda item: item.image),
    "edges": (1, _edges),
    "grey": (1, lambda item: (item.image * jnp.array(LUMA)[None, None]).sum(-1, keepdims=True)),
    "low_resolution": (3, lambda item: damage.coarse(item.image, item.damage.factor)),
    "masked": (3, lambda item: jnp.where(item.holes, 0.5, item.image)),
    "noisy": (3, _noisy),
    "blurred": (3, lambda item: damage.blurred(item.image, item.damage.blur)),
    "flawed": (3, lambda item: item.defect.shown(item.image)),
    "plain": (3, _plain),
    "recoloured": (3, _recoloured),
    "garment": (3, lambda item: tryon.garment(item.factors, item.size)),
    "body": (3, lambda item: item.figure),
    "dressed": (3, lambda item: tryon.dressed(item.factors, item.figure, item.size)),
}
"""Channels, and what they are of an item: float32 [size, size, channels] in 0..1."""

MASKS: dict[str, Callable[[Item], Array]] = {
    "mask": lambda item: _square(item, item.drawing.whole < 0),
    "holes": lambda item: item.holes,
    "defect": lambda item: item.defect.mask,
}

OTHERS: dict[str, tuple[Column, Callable[[Item], Array]]] = {
    "flaw": (Label(damage.FLAWS), lambda item: item.defect.kind),
    "colour": (Label(COLOURS), _colour),
    "sentence": (sentence.KIND, lambda item: sentence.tokens(item.factors)),
}


def kinds(size: int) -> dict[str, Column]:
    """The kind of every column there is."""
    pictures = {name: Image((size, size, channels)) for name, (channels, _) in PICTURES.items()}
    masks = {name: Mask((size, size, 1)) for name in MASKS}
    others = {name: kind for name, (kind, _) in OTHERS.items()}
    return {"image": pictures["image"], **FACTORS, **pictures, **masks, **others}


def drawn(names: Collection[str], item: Item) -> dict[str, Array]:
    """The columns `names` of an item, as stored."""
    return {name: _column(name, item) for name in names}


def _column(name: str, item: Item) -> Array:
    if name in item.factors:
        return item.factors[name]
    if name in PICTURES:
        return to_bytes(PICTURES[name][1](item))
    return MASKS[name](item) if name in MASKS else OTHERS[name][1](item)


def to_bytes(picture: Array) -> Array:
    """0..1 to uint8, rounded."""
    return jnp.rint(jnp.clip(picture, 0.0, 1.0) * 255).astype(jnp.uint8)
