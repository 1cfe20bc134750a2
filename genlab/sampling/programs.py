"""A trained generator's programs for editing, each compiled once, its weights as arguments."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.data.sources import Readable
from genlab.editing import spaces
from genlab.editing.inversion import (
    Distance,
    Found,
    Optimisation,
    Problem,
    from_draws,
    from_latents,
)
from genlab.game import Method
from genlab.game.abilities import Encodes, can
from genlab.runtime import compiler
from genlab.sampling.conditions import loaded, spread
from genlab.sampling.notebook import Examples
from genlab.sampling.sampler import batches, part

MEANS = 82  # randomness of the latents that means are of
TOGETHER = 32  # pictures inverted at once
MADE = 250  # examples made at once
OF_EACH = 1_000  # latents that a condition's mean is of
DRAWN = 10_000  # latents that a space's mean and scale are of, as in StyleGAN2's projector


@dataclass(frozen=True, eq=False)
class Programs:
    """Of one trained model; `space` is "z" or "w" throughout."""

    method: Method
    source: Readable
    params: dict
    stats: dict
    _compiled: dict = field(default_factory=dict)

    def space(self, name: str) -> spaces.Space:
        """With the weights as constants."""
        return spaces.space_of(name, self.method, self.params, self.stats)

    def draw(self, space: str, key: Array, n: int, cond: Any) -> Array:
        """`n` latents as the model draws them."""

        def draw(space, key, cond):
            return space.draw(key, n, cond)

        return self._run(("draw", n), space, draw, key, cond)

    def made(self, space: str, latents: Any, cond: Any) -> Examples:
        """Examples of latents, as stored."""

        def generate(space, latents, cond):
            return space.generate(latents, cond)

        latents = jnp.asarray(latents, jnp.float32)
        made = [
            np.asarray(self._run(("made",), space, generate, latents[at], part(cond, at)))
            for at in batches(len(latents), MADE)
        ]
        column = self.source.columns[self.method.makes]
        return Examples.of(column.store(np.concatenate(made)), column)

    def start(self, space: str, x: Array, cond: Any, key: Array) -> Array | None:
        """Where inversion begins if nobody says: the code of the model's own encoder where it has
        one for that space, else the mean style in w and None, draws of the prior, in z.
        """
        method: Any = self.method
        if not can(method, Encodes) or getattr(method, "space", "z") != space:
            return self._mean(space, len(x), key) if space == "w" else None
        if "encode" not in self._compiled:
            self._compiled["encode"] = compiler.jit(lambda p, s, x, c: method.encode(p, s, x, c))
        return self._compiled["encode"](self.params, self.stats, x, cond)

    def means(self, space: str, cond: Any, n: int) -> Array:
        """The mean [n, D] of the latents that the model draws under each of `n` conditions."""

        def means(space, key, cond):
            def mean(row):
                wide = jax.tree.map(lambda x: jnp.broadcast_to(x[None], (OF_EACH, *x.shape)), row)
                return space.draw(key, OF_EACH, wide).mean(0)

            return jnp.repeat(mean(None)[None], n, 0) if cond is None else jax.lax.map(mean, cond)

        return self._run(("means", n), space, means, random.key(MEANS), cond)

    def _mean(self, space: str, n: int, key: Array) -> Array:
        return jnp.repeat(self.spread(space, key).mean[None], n, axis=0)

    def spread(self, space: str, key: Array) -> spaces.Spread:
        """Of the latents that the model draws under all conditions."""
        if ("spread", space) not in self._compiled:
            cond = loaded(self.source, spread(self.method, self.source, DRAWN))
            self._compiled["spread", space] = spaces.spread(self.draw(space, key, DRAWN, cond))
        return self._compiled["spread", space]

    def inverted(
        self, space: str, x: Array, cond: Any, start: Any, key: Array, settings: Optimisation,
        distance: Distance, free: tuple[str, ...],
    ) -> Found:  # fmt: skip
        """Inverts some pictures at a time, in one program."""

        def solve(space, rows, key, scale):
            problem = Problem(space, rows["x"], rows["rows"], distance, scale, free)
            if rows["start"] is None:
                return from_draws(problem, rows["cond"], key, settings)
            return from_latents(problem, rows["start"], rows["cond"], key, settings)

        n, scale, found = len(x), self.spread(space, key).scale, []
        size = min(n, TOGETHER)
        every = {"x": x, "cond": cond, "start": start, "rows": jnp.arange(n)}
        for first in range(0, n, size):
            at = np.minimum(np.arange(first, first + size), n - 1)  # the last again, to fill up
            rows = jax.tree.map(lambda each, at=at: jnp.asarray(each)[at], every)
            found.append(
                self._run(("inverted", settings, distance, free), space, solve, rows, key, scale)
            )
        return jax.tree.map(lambda *each: jnp.concatenate(each)[:n], *found)

    def _run(self, name: tuple, space: str, fun: Callable, *arguments: Any) -> Any:
        """`fun(space, *arguments)`, compiled once under its name."""
        if (*name, space) not in self._compiled:

            def program(params, stats, *arguments):
                found = spaces.space_of(space, self.method, params, stats)
                return fun(found, *arguments)

            self._compiled[*name, space] = compiler.jit(program)
        return self._compiled[*name, space](self.params, self.stats, *arguments)
