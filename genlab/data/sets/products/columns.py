"""The columns of an item, each computed where it is asked for."""

from collections.abc import Collection, Mapping

import jax.numpy as jnp
from jax import Array

from genlab.data.columns import Column, Image
from genlab.data.sets.products import render
from genlab.data.sets.products.factors import FACTORS


def kinds(size: int) -> dict[str, Column]:
    """The kind of every column there is."""
    return {"image": Image((size, size, 3)), **FACTORS}


def drawn(
    names: Collection[str], factors: Mapping[str, Array], key: Array, size: int
) -> dict[str, Array]:
    """The columns `names` of one item, as stored; `key` is the item's."""
    found = {"image": lambda: to_bytes(render.image(factors, size))}
    return {name: factors[name] if name in factors else found[name]() for name in names}


def to_bytes(picture: Array) -> Array:
    """0..1 to uint8, rounded."""
    return jnp.rint(jnp.clip(picture, 0.0, 1.0) * 255).astype(jnp.uint8)
