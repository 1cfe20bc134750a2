"""What an evaluator is given, `EvaluationContext`, and what it returns, `EvaluationResult`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.data.sources import Source
from genlab.game import Method
from genlab.sampling.sampler import Sampler, labels_for

SAMPLES, POSTERIOR, PATHS, CHAINS = 0, 1, 2, 3  # streams of randomness under a subject's key


class EvaluationResult(NamedTuple):
    """scores and baselines by name; protocol: all that the numbers depend on; pictures: uint8 [H,
    W, C] by name; each: [N] by name, one value per example, for scores that are their means.
    """

    scores: dict[str, float]
    protocol: dict
    baselines: Mapping[str, float] = MappingProxyType({})
    pictures: Mapping[str, np.ndarray] = MappingProxyType({})
    each: Mapping[str, np.ndarray] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class EvaluationContext:
    """A trained model beside the data it is judged on."""

    config: dict
    method: Method
    source: Source
    params: dict
    stats: dict
    split: str
    key: Array

    @cached_property
    def real(self) -> dict[str, np.ndarray]:
        """The split it is judged on, whole."""
        return self.source.read(self.split)

    def labels(self, n: int) -> np.ndarray | None:
        """What `n` samples are asked for, [n]: the real split's labels; None for a method without
        labels.
        """
        asked = labels_for(self.method, n)
        if asked is not None and "label" in self.real:
            return np.resize(self.real["label"], n)
        return None if asked is None else np.asarray(asked)

    def samples(self, n: int, draw: int = 0) -> np.ndarray:
        """`n` samples of those `labels`, uint8 for images, the `draw`-th time."""
        z = self.method.latents(random.fold_in(random.fold_in(self.key, SAMPLES), draw), n)
        labels = self.labels(n)
        return self.sampler(
            self.params, self.stats, z, None if labels is None else jnp.asarray(labels)
        )

    @cached_property
    def sampler(self) -> Sampler:
        """The generator, compiled once."""
        return Sampler(self.method, self.source)
