"""Evaluators: what a config's `evaluate` names. Each takes a `Subject` and gives an `Outcome`:
scores, floors and protocol.

A floor is the same score between two sets of real data of the same sizes: nothing can be expected
to be better. `Fidelity` has a file of its own.
"""

from dataclasses import dataclass

import jax
import numpy as np
from jax import random

from genlab.config import ConfigError
from genlab.metrics import bound, image
from genlab.metrics.fidelity import Fidelity
from genlab.metrics.modes import mode_scores
from genlab.metrics.subject import POSTERIOR, Outcome, Subject
from genlab.samples import as_batch, quantised

__all__ = ["Bound", "Fidelity", "Modes", "Outcome", "Reconstruction", "Subject"]


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
        each = np.concatenate(found, axis=1)
        elbo, iwae = each.mean(axis=1, dtype=np.float64)
        return Outcome(
            {"elbo": float(elbo), "iwae": float(iwae)},
            {"draws": self.draws, "real": len(x)},
            each=dict(zip(("elbo", "iwae"), each, strict=True)),
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
        each = {
            "mse": image.mse(a / 255, b / 255, 1.0),
            "psnr": image.psnr(a, b, 255),
            "ssim": image.ssim(a, b, 255, self.window),
        }
        scores = {name: float(value.mean()) for name, value in each.items()}
        return Outcome(scores, {"real": len(x), "window": self.window}, each=each)


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
