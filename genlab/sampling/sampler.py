"""Sampling a trained method, compiled once."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.data.sources import Source, normalise, to_uint8
from genlab.game import Method
from genlab.runtime import compiler

BATCH = 250


class Sampler:
    """A method's generator, compiled once: `(params, stats, z, cond) -> array`, uint8 for images,
    points as they are.
    """

    def __init__(self, method: Method, source: Source):
        self.method, self.shape = method, tuple(source.shape)
        self._generate = compiler.jit(
            lambda params, stats, z, cond: method.generate(params, stats, z, cond)
        )

    def __call__(
        self, params: dict, stats: dict, z: Array, cond: Array | None = None
    ) -> np.ndarray:
        """All of `z`, in batches."""
        made = []
        for i in range(0, len(z), BATCH):
            part, label = z[i : i + BATCH], None if cond is None else cond[i : i + BATCH]
            made.append(np.asarray(self._generate(params, stats, part, label)))
        return quantised(np.concatenate(made))


def quantised(x: np.ndarray) -> np.ndarray:
    """Images [N, H, W, C] as uint8, which is what is stored and measured; points as they are."""
    return to_uint8(x) if x.ndim == 4 else x


def labels_for(method: Method, n: int) -> Array | None:
    """Labels 0, 1, ... in turn for `n` samples of a conditional method; None for others."""
    return jnp.arange(n) % method.classes if method.classes else None


def grid_columns(method: Method) -> int | None:
    """A column for each label, where they are few enough to see; None for a square."""
    return method.classes if 1 < method.classes <= 16 else None


def as_batch(stored: dict[str, np.ndarray], classes: int) -> tuple[Array, Array | None]:
    """What `Source.read` gave, as networks take it: (images in [-1, 1], labels or None)."""
    image = jnp.asarray(stored["image"])
    x = normalise(image) if image.dtype == jnp.uint8 else image
    return x, jnp.asarray(stored["label"]) if classes else None
