"""A sentence that describes an item: a word for what each factor is, always in the same order."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.data.columns import Tokens
from genlab.data.sets.products.factors import CATEGORIES, FACTORS, ends

HUES = (
    "red", "orange", "yellow", "lime", "green", "mint", "turquoise", "azure", "blue", "violet",
    "purple", "pink",
)  # fmt: skip
Words = tuple[str, ...]
SLOTS: tuple[tuple[str, Words], ...] = (
    ("length", ("short", "", "long")),
    ("value", ("dark", "", "bright")),
    ("hue", HUES),
    ("texture", ("plain", "striped", "dotted", "checked", "shaded", "knitted")),
    ("category", CATEGORIES),
    ("", ("with",)),
    ("second_saturation", ("pale", "")),
    ("second_hue", HUES),
    ("", ("details",)),
    ("rotation", ("tilted", "upright", "tilted")),
    ("rotation", ("left", "", "right")),
    ("", ("lit",)),
    ("", ("from",)),
    ("light", ("left", "front", "right")),
    ("", ("on",)),
    ("background", ("white", "grey")),
)
"""Of each place in the sentence the factor and its words, of equal parts of the factor's range."""
VOCABULARY = ("", *dict.fromkeys(word for _, words in SLOTS for word in words if word))
KIND = Tokens(VOCABULARY, len(SLOTS))


def tokens(factors: Mapping[str, Array]) -> Array:
    """The words of one item, as stored: int32 [L], filled up with 0."""
    found = []
    for name, words in SLOTS:
        ids = jnp.array([VOCABULARY.index(word) for word in words])
        found.append(ids[_part(name, factors, len(words))] if name else ids[0])
    ids = jnp.stack(found).astype(jnp.int32)
    return ids[jnp.argsort(ids == 0, stable=True)]  # without gaps, as text is read


def describe(factors: Mapping[str, np.ndarray]) -> str:
    """The sentence of one item's factors, as stored."""
    return KIND.text(np.asarray(tokens({n: jnp.asarray(factors[n]) for n in FACTORS})))


def _part(name: str, factors: Mapping[str, Array], count: int) -> Array:
    value = factors[name]
    if FACTORS[name].cycle:
        return value
    low, high = ends(name)
    share = (value[0] - low) / (high - low)
    centred = name in ("hue", "second_hue")  # red lies on both sides of 0
    number = jnp.floor(share * count + (0.5 if centred else 0.0)).astype(jnp.int32)
    return number % count if centred else jnp.clip(number, 0, count - 1)
