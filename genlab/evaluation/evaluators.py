"""Evaluators: what a config's `evaluate` names. Each takes an `EvaluationContext` and gives an
`EvaluationResult`: scores, baselines and protocol.

A baseline is the same score between two sets of real data: what a model as good as the data would
get. Its sets have the sizes of the score's unless the protocol says otherwise; of halves of a set,
a score that falls with the count is worse. `Fidelity` has a file of its own.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import random

from genlab.config import ConfigError
from genlab.data.sources import Readable
from genlab.evaluation.codebook import CodebookUsage
from genlab.evaluation.context import CHAINS, PATHS, POSTERIOR, EvaluationContext, EvaluationResult
from genlab.evaluation.fidelity import Fidelity
from genlab.game import Method
from genlab.game.abilities import (
    HasLikelihood,
    HasLogWeight,
    HasPrior,
    Reconstructs,
    can,
    require,
    sampled,
)
from genlab.metrics import annealing, bound, image, path_length
from genlab.metrics.modes import mode_scores
from genlab.metrics.perceptual import Lpips
from genlab.nets.layers import in_float32
from genlab.runtime import compiler
from genlab.sampling.conditions import loaded
from genlab.sampling.sampler import batches, part

__all__ = [
    "Annealed",
    "Bound",
    "CodebookUsage",
    "EvaluationContext",
    "EvaluationResult",
    "Fidelity",
    "Modes",
    "PathLength",
    "Reconstruction",
]  # fmt: skip
TOGETHER = 20  # images whose chains run at once


@dataclass(frozen=True)
class Bound:
    """The ELBO and the importance-weighted bound with `draws` draws, nats per image, higher is
    better.
    """

    draws: int = 64
    abilities: ClassVar[tuple[type, ...]] = (HasLogWeight,)
    gives: ClassVar[tuple[str, ...]] = ("elbo", "iwae")

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Means over the whole split; beta and other weights of training play no part."""
        method = require(context.method, HasLogWeight, "Bound")

        @compiler.jit
        def bounds(x, cond, key):
            return bound.importance_weighted(
                lambda k: method.log_weight(context.params, context.stats, x, k, cond),
                key,
                self.draws,
            )

        x, cond = context.batch
        key = random.fold_in(context.key, POSTERIOR)
        found = [
            np.stack(bounds(x[at], part(cond, at), random.fold_in(key, at.start)))
            for at in batches(len(x), 100)
        ]
        each = np.concatenate(found, axis=1)
        elbo, iwae = each.mean(axis=1, dtype=np.float64)
        return EvaluationResult(
            {"elbo": float(elbo), "iwae": float(iwae)},
            {"draws": self.draws, "real": len(x)},
            each=dict(zip(("elbo", "iwae"), each, strict=True)),
        )


@dataclass(frozen=True)
class Annealed:
    """`ais`, a lower bound of log p(x) by annealed importance sampling, nats per image, higher is
    better: tighter than `Bound`'s, and slow (see `annealing.ais`).

    It uses only the decoder, so that it measures the model and not how well the encoder inverts it
    (Wu et al. 2017, arXiv:1611.04273). `ais_effective` is the effective number of chains: near 1,
    the bound is loose, and more `temperatures` would raise it.

    images: how many of the split, drawn without replacement, the same for every model
    """

    images: int = 100
    temperatures: int = 500
    chains: int = 16
    leapfrog: int = 10
    step_size: float = 0.5
    abilities: ClassVar[tuple[type, ...]] = (HasLikelihood,)
    gives: ClassVar[tuple[str, ...]] = ("ais", "ais_effective")

    def __post_init__(self):
        if min(self.images, self.chains, self.leapfrog, self.temperatures - 1) < 1:
            raise ConfigError(f"{self}: expected at least 1 of each, and 2 temperatures")

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Means over the images."""
        method = require(context.method, HasLikelihood, "Annealed")
        key, schedule = random.fold_in(context.key, CHAINS), annealing.sigmoidal(self.temperatures)
        width, held = method.latents(key, 1).shape[1], (context.params, context.stats)

        @compiler.jit
        def estimate(x, cond, key):
            prior = annealing.NORMAL
            if can(method, HasPrior):
                prior = annealing.Prior(
                    lambda noise: method.prior_latents(*held, noise, cond),
                    lambda z: method.log_prior(*held, z, cond),
                )
            return annealing.ais(
                lambda z: method.log_likelihood(*held, x, z, cond),
                key, (len(x), width), schedule, self.chains, self.leapfrog, self.step_size, prior,
            )  # fmt: skip

        x, cond = context.batch
        chosen = np.random.default_rng(0).permutation(len(x))[: self.images]
        parts = [chosen[i : i + TOGETHER] for i in range(0, len(chosen), TOGETHER)]
        found = [
            jax.device_get(estimate(x[at], part(cond, at), random.fold_in(key, number)))
            for number, at in enumerate(parts)
        ]
        each = {
            "ais": np.concatenate([part.log_p for part in found]),
            "ais_effective": np.concatenate([part.effective for part in found]),
        }
        scores = {name: float(value.mean(dtype=np.float64)) for name, value in each.items()}
        return EvaluationResult(
            scores, {**dataclasses.asdict(self), "images": len(chosen)}, each=each
        )


@dataclass(frozen=True)
class PathLength:
    """`ppl`, the perceptual path length: how much images change along short steps between latents,
    lower is better (Karras et al. 2019, arXiv:1812.04948, Section 4.1; they take 100,000 samples).

    distance: spec(Lpips, ...), or spec(path_length.Squared), which needs no weights
    space:    paths between the method's own latents: great circles, "z", or straight lines, "w"
    """

    distance: Callable
    samples: int = 10_000
    epsilon: float = 1e-4
    space: str = "z"
    sampling: str = "full"
    gives: ClassVar[tuple[str, ...]] = ("ppl",)

    def __post_init__(self):
        if self.space not in path_length.PATHS or self.sampling not in path_length.SAMPLING:
            raise ConfigError(
                f"space={self.space!r}, sampling={self.sampling!r}; expected a space of "
                f"{list(path_length.PATHS)} and a sampling of {list(path_length.SAMPLING)}"
            )
        if self.samples < 1 or not self.epsilon > 0:
            raise ConfigError(
                f"samples={self.samples}, epsilon={self.epsilon}; expected 1 or more, and above 0"
            )

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for data that are no images."""
        if len(source.columns[method.makes].shape) != 3:
            raise ConfigError("PathLength is for images; the data are points")

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """The mean over `samples` paths, both ends of each under one label."""
        self.check(context.method, context.source)
        method = _in_float32(context.method)
        cond = loaded(context.source, context.conditions(self.samples))
        key = random.fold_in(context.key, PATHS)
        a, b = (method.latents(random.fold_in(key, end), self.samples) for end in (0, 1))

        @compiler.jit
        def made(z, cond):
            return jnp.clip(sampled(method, context.params, context.stats, z, cond), -1, 1)

        def generate(z, rows=None):
            with jax.default_matmul_precision("highest"):  # TensorFloat-32 would swallow the step
                z = jnp.asarray(z, a.dtype)
                return np.asarray(made(z, None if rows is None else part(cond, rows)))

        found = path_length.perceptual_path_length(
            generate,
            self.distance,
            np.asarray(a),
            np.asarray(b),
            self.epsilon,
            self.space,
            self.sampling,
            labels=None if cond is None else np.arange(self.samples),
        )
        name = getattr(self.distance, "__name__", type(self.distance).__name__)
        settings = {f: getattr(self, f) for f in ("samples", "epsilon", "space", "sampling")}
        settings |= {"percentiles": "1 to 99"}
        return EvaluationResult(
            {"ppl": found.mean},
            {**getattr(self.distance, "protocol", {"distance": name}), **settings},
        )


def _in_float32(method: Any) -> Any:
    """With networks in float32 throughout: bfloat16's rounding is longer than any path."""
    if not dataclasses.is_dataclass(method) or isinstance(method, type):
        return method
    fields = (field.name for field in dataclasses.fields(method) if field.init)
    values = {name: getattr(method, name) for name in fields}
    nets = {name: in_float32(net) for name, net in values.items() if isinstance(net, nn.Module)}
    return dataclasses.replace(method, **nets) if nets else method


@dataclass(frozen=True)
class Reconstruction:
    """MSE, PSNR and SSIM between held-out images and their reconstructions, as 8-bit images with
    values in [0, 1]; LPIPS too, where its files are given.
    """

    window: int = 7
    lpips: Lpips | None = None
    abilities: ClassVar[tuple[type, ...]] = (Reconstructs,)

    @property
    def gives(self) -> tuple[str, ...]:
        """The names of its scores."""
        return ("mse", "psnr", "ssim", *(("lpips",) if self.lpips else ()))

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Means over the whole split."""
        method = require(context.method, Reconstructs, "Reconstruction")
        x, cond = context.batch
        again = compiler.jit(
            lambda x, cond: method.reconstruct(context.params, context.stats, x, cond)
        )
        made = [again(x[at], part(cond, at)) for at in batches(len(x), 250)]
        a, b = context.column.store(np.concatenate(made)), context.real[method.makes]
        each = {
            "mse": image.mse(a / 255, b / 255, 1.0),
            "psnr": image.psnr(a, b, 255),
            "ssim": image.ssim(a, b, 255, self.window),
        }
        each |= {"lpips": self.lpips(a, b)} if self.lpips else {}
        scores = {name: float(value.mean()) for name, value in each.items()}
        lpips = self.lpips.protocol if self.lpips else {}
        return EvaluationResult(scores, {"real": len(x), "window": self.window, **lpips}, each=each)


@dataclass(frozen=True)
class Modes:
    """Modes covered, share of high-quality samples and reverse KL, on a mixture with known means.

    Lin et al. 2018, arXiv:1712.04086, Section 4.1.
    """

    samples: int = 2500
    within: float = 3.0
    gives: ClassVar[tuple[str, ...]] = ("modes", "high_quality", "reverse_kl")

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for data whose modes are not known."""
        if any(getattr(source, name, None) is None for name in ("means", "std")):
            raise ConfigError(
                "Modes needs a mixture with known means: data.ring, data.grid or data.mixture"
            )

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Scores of the samples; the baseline is real points, as many."""
        self.check(context.method, context.source)
        means, std = (getattr(context.source, name) for name in ("means", "std"))

        def scores(points):
            found = mode_scores(points, np.asarray(means), std, self.within)
            return {
                "modes": float(found.modes),
                "high_quality": found.high_quality,
                "reverse_kl": found.reverse_kl,
            }

        real = context.source.read(context.split, self.samples)[context.method.makes]
        protocol = {"samples": self.samples, "within": self.within}
        return EvaluationResult(
            scores(context.samples(self.samples)), protocol, baselines=scores(real)
        )
