"""The contact sheet of every category and texture: `python -m genlab.data.sets.products.sheet
docs/products.png`.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import random

from genlab.data import pictures
from genlab.data.sets.products import render
from genlab.data.sets.products.columns import to_bytes
from genlab.data.sets.products.factors import CATEGORIES, TEXTURES, drawn
from genlab.runtime import compiler


def sheet(size: int = 96, seed: int = 0) -> np.ndarray:
    """uint8 [H, W, 3]: a column for each category, a row for each texture, all else at random."""
    count = len(CATEGORIES) * len(TEXTURES)
    texture, category = jnp.divmod(jnp.arange(count), len(CATEGORIES))
    factors = jax.vmap(drawn)(random.split(random.key(seed), count))
    factors |= {"category": category, "texture": texture}
    made = compiler.jit(jax.vmap(lambda f: to_bytes(render.image(f, size))))(factors)
    return pictures.headed(pictures.grid(np.asarray(made), len(CATEGORIES)), CATEGORIES)


def main() -> None:
    """Writes it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("file", type=Path)
    options.add_argument("--size", type=int, default=96)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    pictures.write_png(given.file, sheet(given.size, given.seed))


if __name__ == "__main__":
    main()
