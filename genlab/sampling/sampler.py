"""Sampling a trained method, compiled once."""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.data.columns import Label
from genlab.data.sources import Readable
from genlab.game import Method
from genlab.game.abilities import Guides, drawn, require
from genlab.runtime import compiler

BATCH = 250


class Sampler:
    """A method's generator, compiled once: `(params, stats, z, cond) -> array`, in the form in
    which the column it makes is stored (uint8 for images). `z` is what the method's `latents`
    gives: through its prior, if it has one, to the latents that are decoded.

    guidance: s of `guided`; None for what the generator gives
    """

    def __init__(self, method: Method, source: Readable, guidance: float | None = None):
        self.column = source.columns[method.makes]
        generate = method.generate if guidance is None else guided(method, guidance)

        def made(params, stats, z, cond):
            return generate(params, stats, drawn(method, params, stats, z, cond), cond)

        self._generate = compiler.jit(made)

    def __call__(
        self, params: dict, stats: dict, z: Array, cond: Mapping[str, Array] | None = None
    ) -> np.ndarray:
        """All of `z`, in batches."""
        made = [
            np.asarray(self._generate(params, stats, z[at], part(cond, at)))
            for at in batches(len(z), BATCH)
        ]
        return self.column.store(np.concatenate(made))


def guided(method: Method, s: float) -> Callable:
    """`generate` with guidance: G(z, null) + s (G(z, c) - G(z, null)), null the conditions dropped;
    s = 1 is G(z, c) to rounding, beyond 1 is extrapolation.

    Raises ConfigError for a method that is not trained without its conditions too.
    """
    drops = require(method, Guides, f"guidance {s:g}")

    def generate(params: dict, stats: dict, z: Array, cond: Mapping[str, Array]) -> Array:
        free = method.generate(params, stats, z, drops.null(cond))
        return free + s * (method.generate(params, stats, z, cond) - free)

    return generate


def batches(n: int, size: int) -> list[slice]:
    """0 .. n in slices of `size`."""
    return [slice(i, i + size) for i in range(0, n, size)]


def part(cond: Mapping[str, Array] | None, at: slice | np.ndarray) -> dict[str, Array] | None:
    """Some rows of conditions."""
    return None if cond is None else {name: x[at] for name, x in cond.items()}


def as_batch(
    stored: Mapping[str, np.ndarray], method: Method, source: Readable
) -> tuple[Array, dict[str, Array] | None]:
    """What `Source.read` gave, as the method takes it: (what it makes, what it is given)."""
    load = {
        name: source.columns[name].load(jnp.asarray(stored[name]))
        for name in (method.makes, *method.given)
    }
    return load[method.makes], {name: load[name] for name in method.given} or None


def grid_columns(method: Method, source: Readable) -> int | None:
    """A column for each label, where the first column given is one and they are few enough to see;
    None for a square.
    """
    cycles = [getattr(source.columns[name], "cycle", 0) for name in method.given[:1]]
    return cycles[0] if cycles and 1 < cycles[0] <= 16 else None


def column_names(method: Method, source: Readable) -> tuple[str, ...]:
    """The names of the labels, where a grid of images has a column for each (`grid_columns`); else
    none.
    """
    kinds = [source.columns[name] for name in method.given[:1]]
    names = next((kind.names for kind in kinds if isinstance(kind, Label)), ())
    images = len(source.columns[method.makes].shape) == 3
    return names if images and len(names) == grid_columns(method, source) else ()
