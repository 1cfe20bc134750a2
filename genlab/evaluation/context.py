"""What an evaluator is given, `EvaluationContext`, and what it returns, `EvaluationResult`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jax import Array, random

from genlab.data.columns import Column, first_label
from genlab.data.sources import Source
from genlab.evaluation.parts import Parts
from genlab.game import Method
from genlab.sampling.conditions import Stored, loaded, rows_of
from genlab.sampling.sampler import Sampler, as_batch

# Streams of randomness under the context's key.
SAMPLES, POSTERIOR, PATHS, CHAINS, CONTROL, CAS_SAMPLES, CODES, LATENTS = range(8)


class EvaluationResult(NamedTuple):
    """scores and baselines by name; protocol: all that the numbers depend on; pictures: uint8 [H,
    W, C] by name; each: [N] by name, one value per example, for scores that are their means;
    cautions: what a reader must know beside the numbers, a clause each; intervals: of scores that
    are no means over examples; tables: scores by part, such as those of each class (`parts`);
    curves: of each number asked for, by what was measured, the lists of a `metrics.control.Curve`.
    """

    scores: dict[str, float]
    protocol: dict
    baselines: Mapping[str, float] = MappingProxyType({})
    pictures: Mapping[str, np.ndarray] = MappingProxyType({})
    each: Mapping[str, np.ndarray] = MappingProxyType({})
    cautions: tuple[str, ...] = ()
    intervals: Mapping[str, tuple[float, float]] = MappingProxyType({})
    tables: Mapping[str, Parts] = MappingProxyType({})
    curves: Mapping[str, Mapping[str, Mapping[str, list[float]]]] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class EvaluationContext:
    """A trained model and the data it is evaluated on.

    guidance: of all samples (`sampling.sampler.guided`); None for what the generator gives
    """

    config: dict
    method: Method
    source: Source
    params: dict
    stats: dict
    split: str
    key: Array
    guidance: float | None = None

    @cached_property
    def real(self) -> dict[str, np.ndarray]:
        """All of the split it is evaluated on."""
        return self.source.read(self.split)

    @property
    def column(self) -> Column:
        """The kind of what the method makes."""
        return self.source.columns[self.method.makes]

    @property
    def label(self) -> str | None:
        """The name of the data's first column of labels; None where there is none."""
        return first_label(self.source.columns)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of those labels; () where there are none."""
        return getattr(self.source.columns[self.label], "names", ()) if self.label else ()

    @cached_property
    def batch(self) -> tuple[Array, dict[str, Array] | None]:
        """The split as the method takes it: what it makes, what it is given."""
        return as_batch(self.real, self.method, self.source)

    def conditions(self, n: int) -> Stored | None:
        """What `n` samples are made of, as stored: the real split's rows in turn; None for a
        method that is given nothing.
        """
        return rows_of(self.method, self.real, n) if self.method.given else None

    def labels(self, n: int) -> np.ndarray | None:
        """The labels that `n` samples are asked for, [n]; None for a method that is given none."""
        found = self.conditions(n) or {}
        return found.get(self.label) if self.label else None

    def samples(self, n: int, draw: int = 0) -> np.ndarray:
        """`n` samples under those `conditions`, as stored, the `draw`-th time."""
        z = self.method.latents(self.stream(draw), n)
        cond = loaded(self.source, self.conditions(n))
        return self.sampler(self.params, self.stats, z, cond)

    def stream(self, draw: int = 0) -> Array:
        """The key of the latents of samples, the `draw`-th time."""
        return random.fold_in(random.fold_in(self.key, SAMPLES), draw)

    @cached_property
    def sampler(self) -> Sampler:
        """The generator, compiled once."""
        return Sampler(self.method, self.source, self.guidance)
