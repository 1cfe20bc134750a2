"""Letters and digits from the outlines of the text fonts that Matplotlib brings.

DejaVu (Bitstream Vera, extended), STIX General (the scientific publishers' Times-like face) and the
text faces of Knuth's Computer Modern, as TrueType files under free licences inside Matplotlib's
wheel. Pillow rasterises them; Matplotlib itself is not imported.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import random

from genlab.augment.image import affine
from genlab.config import ConfigError, choices
from genlab.data.bundled import bundled
from genlab.data.columns import Image, Label, normalise
from genlab.data.sources import Resident, Source
from genlab.runtime import compiler

FOLDER = "matplotlib/mpl-data/fonts/ttf"
DIGITS = "0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CHARACTERS = DIGITS + UPPER + UPPER.lower()
SLANTS, WEIGHTS = ("upright", "slanted"), ("regular", "bold")
CAPITAL, WIDEST = 0.64, 0.88  # height of an H and room for the largest character, of the frame
FINER = 2  # outlines are drawn this much finer than examples, so that turning does not blur them
SMOOTH = 4  # subpixels a side of a pixel of an outline
HELD_OUT = 8  # one font in so many goes to validation, and one to test
TOGETHER = 2**21  # pixels of outlines moved at once


class Font(NamedTuple):
    """A file's stem, and its index into SLANTS and WEIGHTS."""

    name: str
    slant: int
    weight: int


def _family(name: str, italic: str) -> tuple[Font, ...]:
    return (
        Font(name, 0, 0),
        Font(f"{name}-Bold", 0, 1),
        Font(f"{name}-{italic}", 1, 0),
        Font(f"{name}-Bold{italic}", 1, 1),
    )


FONTS = (
    *_family("DejaVuSans", "Oblique"),
    *_family("DejaVuSansMono", "Oblique"),
    *_family("DejaVuSerif", "Italic"),
    Font("STIXGeneral", 0, 0),
    Font("STIXGeneralBol", 0, 1),
    Font("STIXGeneralItalic", 1, 0),
    Font("STIXGeneralBolIta", 1, 1),
    Font("cmr10", 0, 0),
    Font("cmb10", 0, 1),
    Font("cmti10", 1, 0),
    Font("cmss10", 0, 0),
    Font("cmtt10", 0, 0),
)


def glyphs(
    characters: str = CHARACTERS,
    fonts: tuple[str, ...] = ("DejaVu", "STIX", "cm"),
    size: int = 28,
    examples: int = 10_000,
    validation: int = 1_000,
    test: int = 1_000,
    split: str = "random",
    jitter: tuple[float, float, float] = (0.06, 0.12, 10.0),
    seed: int = 0,
    augment: tuple = (),
) -> Source:
    """White characters on black, uint8 [size, size, 1]: all pairs of a font and a character in
    turn, each example moved, scaled and turned by amounts of its own.

    Columns: image; character, the index into `characters`; font (into those chosen, by name);
    slant and weight (into SLANTS and WEIGHTS). Example i is a pure function of (seed, i), made on
    the device by `augment.image.affine`; the set is made once in a process.

    fonts:    beginnings of names in FONTS; ("DejaVuSans-Bold", "cmr10") are two fonts
    examples: of the train split; those of `validation` and `test` come on top
    split:    "random" (every font in every split) or "font" (whole fonts are held out, one eighth
              of them for validation and one for test, chosen by `seed`)
    jitter:   largest shift as a share of the frame, change of size (0.12: 0.88 to 1.12), degrees

    ConfigError for characters other than letters and digits, for fonts there are not, and for
    fewer than three of them with split="font".
    """
    _check(characters, size, examples, validation, test, split)
    chosen = _chosen(fonts)
    splits = _splits(
        characters, chosen, size, (examples, validation, test), split, tuple(jitter), seed
    )
    columns = {
        "image": Image((size, size, 1)),
        "character": Label(tuple(characters)),
        "font": Label(tuple(font.name for font in chosen)),
        "slant": Label(SLANTS),
        "weight": Label(WEIGHTS),
    }
    return Resident(splits, columns, tuple(augment))


def _check(characters, size, examples, validation, test, split) -> None:
    if unknown := sorted(set(characters) - set(CHARACTERS)):
        raise ConfigError(f"characters={characters!r}: {unknown[0]!r} is no letter A-Z, a-z or 0-9")
    if not characters or len(set(characters)) < len(characters):
        raise ConfigError(f"characters={characters!r}; expected one or more, each once")
    if size < 8:
        raise ConfigError(f"glyphs of size={size}; they can be told apart from 8 pixels up")
    if examples < 1 or min(validation, test) < 0:
        raise ConfigError(
            f"examples={examples}, validation={validation}, test={test}; expected counts, "
            "at least one to train on"
        )
    if split not in ("random", "font"):
        raise ConfigError(f"split={split!r}; expected 'random' or 'font'")


def _chosen(fonts: tuple[str, ...]) -> tuple[Font, ...]:
    fonts = (fonts,) if isinstance(fonts, str) else tuple(fonts)
    names = [font.name for font in FONTS]
    for start in fonts:
        if not any(name.startswith(start) for name in names):
            hint = choices(start, names)
            raise ConfigError(f"no font called {start!r}{hint}")
    return tuple(font for font in FONTS if font.name.startswith(fonts))


@functools.lru_cache(maxsize=4)
def _splits(characters, fonts, size, counts, split, jitter, seed):
    """The columns of each split; split s takes the indices after those of the splits before it."""
    drawn = _outlines(characters, fonts, FINER * size)
    first, made = 0, {}
    for name, count, rows in zip(
        ("train", "validation", "test"), counts, _by_split(len(fonts), split, seed), strict=True
    ):
        if count:
            made[name] = _examples(drawn, fonts, rows, first, count, jitter, seed)
        first += count
    return made


def _by_split(fonts: int, split: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The fonts of train, validation and test."""
    order = np.random.default_rng(seed).permutation(fonts)
    if split == "random":
        return order, order, order
    if fonts < 3:
        raise ConfigError(f"split='font' needs three fonts or more, one a split; given {fonts}")
    held_out = -(-fonts // HELD_OUT)
    return order[2 * held_out :], order[:held_out], order[held_out : 2 * held_out]


def _examples(drawn, fonts, rows, first, count, jitter, seed) -> dict[str, np.ndarray]:
    """Examples `first .. first + count`: the pairs of a font in `rows` and a character, shuffled
    anew each time round.
    """
    rng = np.random.default_rng([seed, first])
    pairs = len(rows) * drawn.shape[1]
    rounds = [rng.permutation(pairs) for _ in range(-(-count // pairs))]
    font, character = np.divmod(np.concatenate(rounds)[:count], drawn.shape[1])
    font = rows[font]
    image = _jittered(drawn, font, character, first, jitter, seed)
    columns = {
        "character": character,
        "font": font,
        "slant": np.array([one.slant for one in fonts])[font],
        "weight": np.array([one.weight for one in fonts])[font],
    }
    return {"image": image} | {name: x.astype(np.int32) for name, x in columns.items()}


def _jittered(drawn, font, character, first, jitter, seed) -> np.ndarray:
    index, made = first + np.arange(len(font), dtype=np.uint32), []
    size = max(1, TOGETHER // drawn[0, 0].size)
    for start in range(0, len(font), size):  # one program: the last block is filled up
        rows = np.minimum(np.arange(start, start + size), len(font) - 1)
        block = _drawn(drawn[font[rows], character[rows]], index[rows], jitter, np.uint32(seed))
        made.append(np.asarray(block)[: len(font) - start])
    return np.concatenate(made)


@compiler.jit
def _drawn(outlines, index, jitter, seed):
    """Examples of the size asked for from finer outlines; `index` is all that sets them apart."""
    shift, scale, degrees = jitter
    change = affine(shift, 1 - scale, 1 + scale, degrees)
    keys = jax.vmap(functools.partial(random.fold_in, random.key(seed)))(index)
    x = jax.vmap(change)(normalise(outlines), keys)
    n, h, w, _ = x.shape
    x = x.reshape(n, h // FINER, FINER, w // FINER, FINER, 1).mean((2, 4))
    return jnp.rint((x + 1) * 127.5).astype(jnp.uint8)


def _outlines(characters: str, fonts: tuple[Font, ...], size: int) -> np.ndarray:
    """uint8 [fonts, characters, size, size, 1]: centred on their extent, an H of each font equally
    high, antialiased.
    """
    return np.stack([[_outline(font.name, c, size) for c in characters] for font in fonts])


def _outline(name: str, character: str, size: int) -> np.ndarray:
    from PIL import Image, ImageDraw

    side = SMOOTH * size
    font = _font(name, side)
    left, top, right, bottom = font.getbbox(character, anchor="ls")
    if (largest := max(right - left, bottom - top)) > WIDEST * side:
        font = font.font_variant(size=int(font.size * WIDEST * side / largest))
        left, top, right, bottom = font.getbbox(character, anchor="ls")
    picture = Image.new("L", (side, side))
    at = (side - left - right) / 2, (side - top - bottom) / 2
    ImageDraw.Draw(picture).text(at, character, fill=255, font=font, anchor="ls")
    return np.asarray(picture.reduce(SMOOTH))[..., None]


@functools.lru_cache(maxsize=len(FONTS))
def _font(name: str, side: int):
    """The font at the size that makes an H `CAPITAL` of `side` pixels high."""
    from PIL import ImageFont

    file = bundled("matplotlib", f"{FOLDER}/{name}.ttf")
    font = ImageFont.truetype(str(file), side, layout_engine=ImageFont.Layout.BASIC)
    _, top, _, bottom = font.getbbox("H", anchor="ls")
    return font.font_variant(size=round(side * CAPITAL * side / (bottom - top)))
