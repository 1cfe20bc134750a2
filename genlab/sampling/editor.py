"""Inversion and editing of a trained model; nothing of it is trained."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError, check_seed
from genlab.data.columns import Column
from genlab.data.sources import Readable
from genlab.editing import edits
from genlab.editing.factors import Measure, wanted
from genlab.editing.inversion import Distance, Optimisation, squared
from genlab.editing.noise import MAPS, parted
from genlab.game import Method
from genlab.sampling import inverting
from genlab.sampling.conditions import Stored, conditioned, loaded, repeated, spread
from genlab.sampling.directions import Direction, Population, found_direction
from genlab.sampling.edited import Edited, Inverted
from genlab.sampling.inverting import half
from genlab.sampling.notebook import Examples
from genlab.sampling.programs import Programs
from genlab.sampling.sampler import part

STREAM = 81  # randomness of inversion, and latents that directions are found from
STRENGTHS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


@dataclass(frozen=True, eq=False)
class Editor:
    """A trained model to be inverted and edited.

    measure: stored examples -> what is in them, by column, as stored; None: the exact decoder of a
             source that has one
    kinds:   of what is measured, where the source has no column of that name
    samples: of the model, that directions are found from
    """

    method: Method
    source: Readable
    params: dict
    stats: dict
    measure: Measure | None = None
    kinds: Mapping[str, Column] = field(default_factory=dict)
    samples: int = 2000
    _programs: Programs = field(init=False, repr=False)
    _populations: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        programs = Programs(self.method, self.source, self.params, self.stats)
        object.__setattr__(self, "_programs", programs)

    def invert(
        self,
        x: np.ndarray | Array,
        given: Stored | None = None,
        space: str = "z",
        settings: Optimisation | None = None,
        start: np.ndarray | Array | None = None,
        distance: Distance = squared,
        seed: int = 0,
    ) -> Inverted:
        """The latents from which the model makes examples `x`, as stored or as networks take them.

        given:    stored conditions [N, ...]; columns that the model is given and that are missing
                  here are optimised with the latents for half of the steps, then fixed at their
                  nearest values for the rest
        start:    latents [N, D] to begin from; None: what the model's own encoder says of `x` where
                  it has one (the hybrid of Zhu et al. 2016, arXiv:1609.03552), else draws of the
                  prior (z) or the mean style (w)
        distance: (made, x) -> [N], of examples as networks take them

        Raises ConfigError for conditions and spaces that the model does not have, and for noise
        maps to be found of a generator without.
        """
        check_seed(seed)
        settings = settings or inverting.usual(self.method, space)
        x = self.source.columns[self.method.makes].load(jnp.asarray(x))
        free, cond = self._conditions(given or {}, len(x))
        key = random.fold_in(random.key(seed), STREAM)
        maps = inverting.maps(self.method, settings, len(x), key)
        if start is None:
            start = self._programs.start(space, x, cond, key)
        cond = {**(cond or {}), **maps} or None
        found = self._programs.inverted(
            space, x, cond, start, key, half(settings) if free else settings, distance,
            (*free, *maps),
        )  # fmt: skip
        if free:
            cond = {**(found.cond or {}), **self._nearest(found.cond, free)}
            found = self._programs.inverted(
                space, x, cond, found.latents, key, half(settings), distance, tuple(maps)
            )
        under, noise = parted(found.cond)
        return Inverted(
            self._programs.made(space, found.latents, found.cond),
            np.asarray(found.latents),
            self._as_stored(under),
            np.asarray(found.loss),
            space,
            None if noise is None else np.asarray(noise),
        )

    def direction(
        self,
        name: str,
        space: str = "z",
        keep: Sequence[str] = (),
    ) -> Direction:
        """The direction of a name (see `sampling.directions`), found from the model's own samples.

        keep: factors whose directions it is made orthogonal to

        Raises ConfigError for a factor that nothing measures.
        """
        return found_direction(self.population(space), name, tuple(keep))

    def edit(
        self, inverted: Inverted, direction: Direction, by: Sequence[float] = STRENGTHS
    ) -> Edited:
        """Inverted examples along a direction, at strengths `by` in standard deviations of the
        latents along it.
        """
        strengths, wanted = np.asarray(by, np.float64), direction.target
        measure = self._measure if wanted else None
        before = measure(inverted.examples) if measure else None
        values = wanted.factor.of(before) if wanted and before else None
        moves = strengths * direction.unit
        latents = edits.moved(inverted.latents, direction.at(values), moves)
        examples = self.generate(inverted, latents)
        heads = tuple(f"{x:.4g}" for x in strengths)
        if not (wanted and measure and before):
            return Edited(examples, strengths, latents, None, heads)
        known, units = self._units(inverted.space)
        found = edits.changes(wanted, known, units, before, measure(examples), strengths)
        return Edited(examples, strengths, latents, found, heads)

    def conditioned(self, inverted: Inverted, to: Sequence[Stored]) -> Edited:
        """Inverted examples under other conditions: each of `to` has some columns' values, as
        stored, and leaves the others as they are. In z the latents stay; in w, which has the
        conditions in it, they move by the difference of the conditions' mean styles
        (Dobler et al. 2022, arXiv:2202.11777).

        Raises ConfigError for columns that the model is not given.
        """
        n, own = len(inverted.latents), inverted.given or {}
        for name in dict.fromkeys(name for one in to for name in one):
            conditioned(self.source.columns, self.method.given, name, f"a change of {name}")
        under = [
            {**own, **{name: np.broadcast_to(x, (n, *np.shape(x))) for name, x in one.items()}}
            for one in to
        ]
        latents = np.repeat(inverted.latents[:, None], len(to), axis=1)
        if inverted.space == "w":
            means = np.stack([self._mean(inverted.space, one, n) for one in under], axis=1)
            latents = latents + means - self._mean(inverted.space, own, n)[:, None]
        given = {
            name: np.stack([one[name] for one in under], axis=1).reshape(n * len(to), *x.shape[1:])
            for name, x in own.items()
        }
        flat = latents.reshape(n * len(to), *latents.shape[2:])
        made = self._programs.made(inverted.space, flat, self._under(given, inverted, len(to)))
        return Edited(made, np.arange(len(to), dtype=np.float64), latents, None)

    def compared(self, inverted: Inverted, edited: Edited, to: Sequence[Stored]) -> Edited:
        """With what `conditioned` changed, where something measures it: what was asked for, by how
        much nearer it came, and everything else.
        """
        measure = self._measure
        if measure is None:
            return edited
        known, units = self._units(inverted.space)
        asked = [wanted(known, one) for one in to]
        sides = measure(inverted.examples), measure(edited.examples)
        return edited._replace(changes=edits.of_conditions(asked, known, units, *sides))

    def generate(self, inverted: Inverted, latents: np.ndarray) -> Examples:
        """What the model makes of `latents` [N, K, D] under the conditions of N inverted examples:
        [N K, ...], as stored. In w, [N, K, layers, D] has a style for each layer.
        """
        n, k = latents.shape[:2]
        given = {name: np.repeat(x, k, axis=0) for name, x in (inverted.given or {}).items()}
        flat = latents.reshape(n * k, *latents.shape[2:])
        return self._programs.made(inverted.space, flat, self._under(given, inverted, k))

    def mixed(self, first: Inverted, other: Inverted, since: int) -> Examples:
        """Examples with the styles of `first`, from layer `since` on those of `other` (style
        mixing: Karras et al. 2019, arXiv:1812.04948, Section 3.1).

        Raises ConfigError for latents that are not of w, and for a layer that is not there.
        """
        return self.generate(first, self.mixture(first, other, since)[:, None])

    def mixture(self, first: Inverted, other: Inverted, since: int) -> np.ndarray:
        """The latents [N, layers, D] of `mixed`."""
        if {first.space, other.space} != {"w"}:
            raise ConfigError("styles are mixed in w: invert, or draw, with space='w'")
        method: Any = self.method
        return edits.mixed(first.latents, other.latents, method.style_layers(), since)

    def truncated(self, inverted: Inverted, psi: float) -> Examples:
        """Examples of latents at `psi` of their distance from the mean of their own conditions'
        latents, in z from 0: the truncation trick of w (`edits.truncated`), conditional as in
        Dobler et al. 2022, arXiv:2202.11777: towards the mean over all conditions it would lose
        them.
        """
        return self.generate(inverted, self.nearer(inverted, (psi,)))

    def nearer(self, inverted: Inverted, psis: Sequence[float]) -> np.ndarray:
        """The latents [N, K, D] of `truncated` at each of K `psis`."""
        z = inverted.latents
        mean = self._mean(inverted.space, inverted.given, len(z))
        return np.stack([edits.truncated(z, mean, psi) for psi in psis], axis=1)

    def _mean(self, space: str, given: Stored | None, n: int) -> np.ndarray:
        """Of the latents under each of `n` conditions, [n, D]; in z 0, [n, 1]."""
        if space == "z":
            return np.zeros((n, 1))
        cond = loaded(self.source, given) or None
        return np.asarray(self._programs.means(space, cond, n))

    def drawn(self, n: int, space: str = "z", seed: int = 0) -> Inverted:
        """`n` of the model's own samples, with their latents."""
        check_seed(seed)
        given = spread(self.method, self.source, n)
        cond, key = loaded(self.source, given), random.fold_in(random.key(seed), STREAM)
        latents = self._programs.draw(space, key, n, cond)
        made = self._programs.made(space, latents, cond)
        return Inverted(made, np.asarray(latents), given, np.zeros(n), space)

    def population(self, space: str = "z") -> Population:
        """Samples that directions are found from, made and measured once; measured where it is
        asked for.
        """
        if space not in self._populations:
            drawn = self.drawn(self.samples, space)
            cond = part(loaded(self.source, drawn.given), slice(0, 1))

            def generate(latents: Array) -> Array:
                wide = jax.tree.map(lambda c: jnp.repeat(c, len(latents), axis=0), cond)
                return self._programs.space(space).generate(latents, wide)

            kinds = {**self.kinds, **self.source.columns}
            found = Population(drawn.latents, drawn.examples, generate, self._measure, kinds)
            self._populations[space] = found
        return self._populations[space]

    def with_samples(self, samples: int) -> "Editor":
        """The same model, its directions found from so many samples."""
        return dataclasses.replace(self, samples=samples)

    def with_measure(
        self,
        measure: Measure,
        kinds: Mapping[str, Column] = MappingProxyType({}),
        samples: int = 2000,
    ) -> "Editor":
        """The same model, measured by another function."""
        return dataclasses.replace(self, measure=measure, kinds=kinds, samples=samples)

    @property
    def _measure(self) -> Measure | None:
        return self.measure or getattr(self.source, "decode", None)

    def _conditions(self, given: Stored, n: int) -> tuple[tuple[str, ...], Any]:
        """The columns that are not given, and all conditions as networks take them: of those that
        are not given the mean over their values.
        """
        if odd := [name for name in given if name not in self.method.given]:
            raise ConfigError(f"the model is not conditioned on {odd[0]!r}")
        free = tuple(name for name in self.method.given if name not in given)
        stored = {name: repeated(np.asarray(x), n) for name, x in given.items()}
        every = dict(loaded(self.source, stored) or {})
        values = loaded(self.source, spread(self.method, self.source, 256, free) if free else {})
        for name, x in (values or {}).items():
            every[name] = jnp.repeat(x.mean(0, keepdims=True), n, axis=0)
        return free, every or None

    def _under(self, given: Stored, inverted: Inverted, k: int) -> Any:
        """Conditions as networks take them, with the noise maps of each example K times."""
        maps = {} if inverted.noise is None else {MAPS: np.repeat(inverted.noise, k, axis=0)}
        return {**(loaded(self.source, given) or {}), **maps} or None

    def _nearest(self, cond: Any, free: Collection[str]) -> dict[str, Array]:
        """Values that the columns can have."""
        stored = {name: self.source.columns[name].store(np.asarray(cond[name])) for name in free}
        return loaded(self.source, stored) or {}

    def _as_stored(self, cond: Any) -> Stored | None:
        if cond is None:
            return None
        return {name: self.source.columns[name].store(np.asarray(x)) for name, x in cond.items()}

    def _units(self, space: str) -> tuple[dict, dict]:
        samples = self.population(space)
        return dict(samples.known), samples.units
