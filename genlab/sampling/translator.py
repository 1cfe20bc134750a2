"""Pictures made of pictures by a trained run: repaired, coloured, translated, restyled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.data.columns import Image, Mask
from genlab.data.sources import Readable
from genlab.game import Method
from genlab.game.abilities import Generates, Translates, can, sampled
from genlab.runtime import compiler
from genlab.sampling.conditions import loaded

STREAM = 82  # latents of what is given, apart from those of samples: those of `genlab apply`
HIDDEN = np.float32(128 / 127.5 - 1.0)  # what networks see where something is missing


class Way(NamedTuple):
    """From the column `of` to the column `to`; `by` is the ability."""

    of: str
    to: str
    by: type


@dataclass(frozen=True, eq=False)
class Translator:
    """A trained model, as examples are put through it."""

    method: Method
    source: Readable
    params: dict
    stats: dict
    _programs: dict[Way, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def ways(self) -> tuple[Way, ...]:
        """All there are, each pair of columns once: what the method generates from pictures that it
        is given, then what it translates.
        """
        method: Any = self.method
        found: dict[tuple[str, str], Way] = {}
        pictures = [n for n in method.given if isinstance(self.source.columns[n], Image)]
        if pictures and can(method, Generates):
            found[pictures[0], method.makes] = Way(pictures[0], method.makes, Generates)
        if can(method, Translates):
            for of, to in method.translations():
                found.setdefault((of, to), Way(of, to, Translates))
        return tuple(found.values())

    def way(self, of: str = "", to: str = "") -> Way:
        """The first from `of` to `to`, "" for any; ConfigError where there is none."""
        fits = [w for w in self.ways if of in ("", w.of) and to in ("", w.to)]
        if fits:
            return fits[0]
        if not self.ways:
            raise ConfigError(
                f"{type(self.method).__name__} makes nothing of pictures: it is given "
                f"{', '.join(self.method.given) or 'nothing'}, and has no translate"
            )
        there = ", ".join(f"{w.of} to {w.to}" for w in self.ways)
        raise ConfigError(f"no way from {of or 'anything'} to {to or 'anything'}: there is {there}")

    def needed(self, way: Way) -> tuple[str, ...]:
        """The columns that are given with each example."""
        if way.by is Translates and way.of != way.to:
            return ()
        return tuple(name for name in self.method.given if name != way.of)

    def masks(self, way: Way) -> tuple[str, ...]:
        """Those of them that say where something is missing."""
        return tuple(n for n in self.needed(way) if isinstance(self.source.columns[n], Mask))

    def made(
        self, way: Way, x: np.ndarray | Array, given: Mapping[str, np.ndarray], seed: int = 0
    ) -> np.ndarray:
        """What is made of examples `x` [N, ...], as stored or as networks take them, as it is
        stored. `given`: stored values [N, ...] of all that is `needed`.

        What a mask covers is hidden from the model, and all else stays as it was, where what is
        made has the shape of what is given.
        """
        columns = self.source.columns
        x = columns[way.of].load(jnp.asarray(x))
        holes = [np.asarray(given[name], bool) for name in self.masks(way)]
        seen = jnp.where(holes[0], HIDDEN, x) if holes else x
        cond: dict[str, Array] = loaded(self.source, dict(given)) or {}
        z = self._noise(way, len(x), seed)
        made = self._program(way)(self.params, self.stats, z, seen, cond)
        found = columns[way.to].store(np.asarray(made))
        if not holes or made.shape != x.shape:
            return found
        return np.where(holes[0], found, columns[way.of].store(np.asarray(x)))

    def _noise(self, way: Way, n: int, seed: int) -> Array | None:
        if way.by is not Generates:
            return None
        method: Any = self.method
        return method.latents(random.fold_in(random.key(seed), STREAM), n)

    def _program(self, way: Way) -> Any:
        if way not in self._programs:
            self._programs[way] = compiler.jit(self._call(way))
        return self._programs[way]

    def _call(self, way: Way) -> Any:
        method: Any = self.method

        def generated(params, stats, z, x, cond):
            return sampled(method, params, stats, z, {**cond, way.of: x})

        def translated(params, stats, z, x, cond):
            return method.translate(params, stats, x, way.to if way.of != way.to else cond)

        return generated if way.by is Generates else translated
