"""`genlab.load`: a trained run as one object. Its folder is enough: neither the data nor the
devices it was trained with are needed.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from ml_collections import ConfigDict

from genlab.config import ConfigError, build
from genlab.game import Method
from genlab.game.abilities import Encodes, Generates, Reconstructs, require
from genlab.runs import saved
from genlab.runs.folder import RunFolder
from genlab.runtime import compiler
from genlab.sampling.batch_norm import as_evaluated
from genlab.sampling.conditions import asked, loaded
from genlab.sampling.notebook import Examples, page
from genlab.sampling.request import SampleRequest, conditions, latents
from genlab.sampling.sampler import Sampler
from genlab.train.kept_data import KeptData


def load(workdir: str | Path, step: int | None = None) -> "TrainedRun":
    """A trained run, with the weights that `evaluate` judges, or those after round `step`.

    Raises ConfigError where there is no run, or no checkpoint of it.
    """
    folder = RunFolder.at(workdir)
    config = folder.standalone
    found = saved.read(folder.checkpoints, config.loop.best, step)
    method, source = build(config.method), KeptData(folder)
    stats = as_evaluated(config, method, source, found.params, found.stats)
    return TrainedRun(folder, config, method, source, found.step, found.chosen, found.params, stats)


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A run read back.

    config: with networks of other runs as this folder keeps them
    source: the data's columns; the data are opened where examples are asked for
    step:   the round that the weights are of
    chosen: how that checkpoint was chosen: "best validation SCORE", "last" or "round N"
    params: by network, moving averages where there are any; stats: likewise, then by collection
    """

    folder: RunFolder
    config: ConfigDict
    method: Method
    source: KeptData
    step: int
    chosen: str
    params: dict
    stats: dict

    @property
    def scores(self) -> list[dict]:
        """The rows of every evaluation, oldest first, with `scores` and `protocol`."""
        return self.folder.rows("evals.jsonl")

    @property
    def metrics(self) -> list[dict]:
        """The rows of the training log, oldest first."""
        return self.folder.rows("metrics.jsonl")

    def sample(
        self,
        n: int = 16,
        label: str | int | None = None,
        seed: int = 0,
        truncation: float | None = None,
        **given: Any,
    ) -> Examples:
        """`n` samples as they are stored (uint8 [n, H, W, C] for images), those that `genlab
        sample` draws. Conditions in turn, or all of one `label` (its name or number), or of one
        value of any column `given` by name.

        Raises ConfigError for conditions that the method does not have.
        """
        texts = {name: str(value) for name, value in given.items()}
        request = SampleRequest(n, seed, label, texts, truncation)
        return self._examples(self.drawn(request)[self.method.makes])

    def drawn(self, request: SampleRequest) -> dict[str, np.ndarray]:
        """What was asked for, as it is stored: what the method makes, then its conditions."""
        require(self.method, Generates, "sampling")
        stored = conditions(request, self.method, self.source)
        if request.interpolate and stored:
            stored = {name: np.repeat(x, request.interpolate, axis=0) for name, x in stored.items()}
        z, cond = latents(request, self.method), loaded(self.source, stored)
        made = self._sampler(self.params, self.stats, z, cond)
        return {self.method.makes: made, **(stored or {})}

    def encode(self, x: np.ndarray | Array, **given) -> np.ndarray:
        """The codes [N, D] of examples `x` [N, ...], stored (uint8 images) or as networks take
        them; the means where codes are distributions. `given`: the columns that the method is
        given, stored values [N, ...] or one for all.
        """
        require(self.method, Encodes, "encode")
        return np.asarray(self._compiled("encode")(*self._inputs(x, given)))

    def reconstruct(self, x: np.ndarray | Array, **given) -> Examples:
        """What the method makes anew of examples `x`, as it is stored."""
        require(self.method, Reconstructs, "reconstruct")
        made = self._compiled("reconstruct")(*self._inputs(x, given))
        return self._examples(self.source.columns[self.method.makes].store(np.asarray(made)))

    def _examples(self, stored: np.ndarray) -> Examples:
        return Examples.of(stored, self.source.columns[self.method.makes])

    def _inputs(self, x: np.ndarray | Array, given: Mapping) -> tuple:
        columns, n = self.source.columns, len(x)
        texts = {name: value for name, value in given.items() if isinstance(value, str)}
        stored = {**given, **asked(columns, self.method.given, texts)}
        stored = {
            name: np.broadcast_to(value, (n, *columns[name].stored))
            for name, value in stored.items()
        }
        x = columns[self.method.makes].load(jnp.asarray(x))
        return self.params, self.stats, x, loaded(self.source, stored) or None

    def _compiled(self, ability: str) -> Any:
        if ability not in self._programs:
            self._programs[ability] = compiler.jit(getattr(self.method, ability))
        return self._programs[ability]

    @cached_property
    def _programs(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _sampler(self) -> Sampler:
        return Sampler(self.method, self.source)

    def _repr_html_(self) -> str:
        """For a notebook: what it is, 16 samples, the last scores."""
        picture = None
        with contextlib.suppress(ConfigError, OSError):  # it makes nothing, or needs the data
            picture = self.sample(16)._repr_png_()
        return page(repr(self)[1:-1], self.scores, picture)

    def __repr__(self) -> str:
        sizes = {n: sum(x.size for x in jax.tree.leaves(p)) for n, p in self.params.items()}
        return f"<{self.folder.path}, round {self.step} ({self.chosen}): {sizes}>"
