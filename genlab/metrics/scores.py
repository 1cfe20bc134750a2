"""Evaluators: what a config's `evaluate` names. Each takes a `Subject` and gives scores, floors and
protocol.

A floor is the same score between two sets of real data of the same sizes: nothing can be expected
to be better.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.data.source import Source
from genlab.game import Method
from genlab.metrics import bound, image
from genlab.metrics.frechet import frechet_distance
from genlab.metrics.modes import mode_scores
from genlab.metrics.neighbours import density_coverage, memorisation, precision_recall
from genlab.samples import Sampler, as_batch, grid, labels_for, quantised

SAMPLES, POSTERIOR = 0, 1  # streams of randomness under a subject's key


class Outcome(NamedTuple):
    """scores and floors by name; protocol: all that the numbers depend on; pictures: uint8 [H, W,
    C] by name.
    """

    scores: dict[str, float]
    protocol: dict
    floors: Mapping[str, float] = MappingProxyType({})
    pictures: Mapping[str, np.ndarray] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Subject:
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

    def samples(self, n: int, draw: int = 0) -> np.ndarray:
        """`n` samples, uint8 for images, the `draw`-th time; of the real split's labels, where the
        method is conditional.
        """
        z = self.method.latents(random.fold_in(random.fold_in(self.key, SAMPLES), draw), n)
        cond = labels_for(self.method, n)
        if cond is not None and "label" in self.real:
            cond = jnp.asarray(np.resize(self.real["label"], n))
        return self.sampler(self.params, self.stats, z, cond)

    @cached_property
    def sampler(self) -> Sampler:
        """The generator, compiled once."""
        return Sampler(self.method, self.source)


@dataclass(frozen=True)
class Fidelity:
    """How near samples are to held-out images, and whether they are copies, in a feature space.

    Fréchet distance `fd` (Heusel et al. 2017, arXiv:1706.08500, Eq. 6), precision and recall
    (Kynkäänniemi et al. 2019, arXiv:1904.06991), density and coverage (Naeem et al. 2020,
    arXiv:2002.09797); `nearer`, `copies`: see `neighbours.memorisation`.
    """

    features: Any
    samples: int = 500
    draws: int = 10
    k_precision: int = 3
    k_density: int = 5

    def __post_init__(self):
        least = 2 + max(self.k_precision, self.k_density)
        if self.samples < least or self.draws < 1:
            raise ConfigError(
                f"Fidelity of {self.draws} x {self.samples} samples: give at least 1 x {least}"
            )

    def __call__(self, subject: Subject) -> Outcome:
        """Scores of `samples` samples against the whole split, means over `draws` draws of them."""
        if len(subject.source.shape) != 3:
            raise ConfigError("Fidelity is for images; for points use genlab.metrics.scores:Modes")
        space = self.features.space(subject.config, subject.source)
        real, train = subject.real["image"], subject.source.read("train")["image"]
        f_real, f_train = space.extract(real), space.extract(train)
        found = []
        for draw in range(self.draws):
            made = subject.samples(self.samples, draw)
            f_made = space.extract(made)
            copies = memorisation(f_train, f_real, f_made)
            scores = self._compare(f_real, f_made)
            found.append(scores | {"nearer": copies.nearer, "copies": copies.copies})
        beside = np.random.default_rng(0).permutation(len(f_train))[: self.samples]
        pairs = np.concatenate([made[:16], train[copies.indices[:16]]])
        return Outcome(
            scores={name: float(np.mean([f[name] for f in found])) for name in found[0]},
            floors=self._compare(f_real, f_train[beside]) | self._unseen(f_train, f_real),
            protocol={
                **space.protocol,
                "samples": self.samples,
                "draws": self.draws,
                "real": len(real),
                "k_precision": self.k_precision,
                "k_density": self.k_density,
            },
            pictures={"nearest": grid(pairs, columns=16)},
        )

    def _unseen(self, train: np.ndarray, real: np.ndarray) -> dict[str, float]:
        """What images score that cannot be copies: one half of the split beside the other."""
        half = len(real) // 2
        found = memorisation(train, real[half:], real[:half])
        return {"nearer": found.nearer, "copies": found.copies}

    def _compare(self, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
        precision, recall = precision_recall(real, fake, self.k_precision)
        density, coverage = density_coverage(real, fake, self.k_density)
        return {
            "fd": frechet_distance(real, fake),
            "precision": precision,
            "recall": recall,
            "density": density,
            "coverage": coverage,
        }


@dataclass(frozen=True)
class Bound:
    """The ELBO and the importance-weighted bound with `draws` draws, nats per image, higher is
    better.
    """

    draws: int = 64

    def __call__(self, subject: Subject) -> Outcome:
        """Means over the whole split; beta and other weights of training play no part."""
        method = subject.method
        if not hasattr(method, "log_weight"):
            raise ConfigError(
                f"Bound needs a method with a likelihood; {type(method).__name__} has none"
            )

        @jax.jit
        def bounds(x, cond, key):
            return bound.importance_weighted(
                lambda k: method.log_weight(subject.params, subject.stats, x, k, cond),
                key,
                self.draws,
            )

        x, cond = as_batch(subject.real, method.classes)
        found = []
        for i in range(0, len(x), 100):
            label = None if cond is None else cond[i : i + 100]
            found.append(
                np.stack(
                    bounds(
                        x[i : i + 100],
                        label,
                        random.fold_in(random.fold_in(subject.key, POSTERIOR), i),
                    )
                )
            )
        elbo, iwae = np.concatenate(found, axis=1).mean(axis=1, dtype=np.float64)
        return Outcome(
            {"elbo": float(elbo), "iwae": float(iwae)}, {"draws": self.draws, "real": len(x)}
        )


@dataclass(frozen=True)
class Reconstruction:
    """MSE, PSNR and SSIM between held-out images and their reconstructions, as 8-bit images with
    values in [0, 1].
    """

    window: int = 7

    def __call__(self, subject: Subject) -> Outcome:
        """Means over the whole split."""
        method = subject.method
        if not hasattr(method, "reconstruct"):
            raise ConfigError(
                f"Reconstruction needs a method that reconstructs; {type(method).__name__} does not"
            )
        x, cond = as_batch(subject.real, method.classes)
        again = jax.jit(lambda x, cond: method.reconstruct(subject.params, subject.stats, x, cond))
        made = [
            again(x[i : i + 250], None if cond is None else cond[i : i + 250])
            for i in range(0, len(x), 250)
        ]
        a, b = quantised(np.concatenate(made)), subject.real["image"]
        scores = {
            "mse": float(image.mse(a / 255, b / 255, 1.0).mean()),
            "psnr": float(image.psnr(a, b, 255).mean()),
            "ssim": float(image.ssim(a, b, 255, self.window).mean()),
        }
        return Outcome(scores, {"real": len(x), "window": self.window})


@dataclass(frozen=True)
class Modes:
    """Modes covered, share of high-quality samples and reverse KL, on a mixture with known means.

    Lin et al. 2018, arXiv:1712.04086, Section 4.1.
    """

    samples: int = 2500
    within: float = 3.0

    def __call__(self, subject: Subject) -> Outcome:
        """Scores of the samples; the floor is real points, as many."""
        source = subject.source
        if getattr(source, "means", None) is None:
            raise ConfigError(
                "Modes needs a mixture with known means: data.ring, data.grid or data.mixture"
            )

        def judge(points):
            found = mode_scores(points, np.asarray(source.means), source.std, self.within)
            return {
                "modes": float(found.modes),
                "high_quality": found.high_quality,
                "reverse_kl": found.reverse_kl,
            }

        real = source.read(subject.split, self.samples)["image"]
        protocol = {"samples": self.samples, "within": self.within}
        return Outcome(judge(subject.samples(self.samples)), protocol, floors=judge(real))
