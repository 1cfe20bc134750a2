"""Bayesian search over latents for one person: duels between two pictures, the next of which is
chosen by what the answers so far leave open.

What the person likes is a Gaussian process f over a few directions of the latent space; a is chosen
over b with probability sigmoid(f(a) - f(b)). A duel is one point of a process over pairs, g(a, b) =
f(a) - f(b), whose kernel follows from that of f, so that scikit-learn's classifier does the rest
(the preference kernel of Houlsby et al. 2011, arXiv:1112.5745, Section 4; Chu & Ghahramani 2005 fit
the same model in f). f has variance 4 and, as length, the distance of two latents, sqrt(2 K): with
few answers its parameters cannot be fitted too. The best so far meets the point of the highest
expected improvement over it.

    search = LatentSearch.of(run, given={"category": "dress"})
    pictures = search.pictures()           # two, to be shown beside each other
    search = search.answered(first=True)
    search.best                            # a latent
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import scipy.stats
from jaxtyping import Bool, Float
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Hyperparameter, Kernel

from genlab.config import ConfigError
from genlab.sampling.conditions import typed
from genlab.sampling.directions import MOST, ganspace
from genlab.sampling.edited import Inverted
from genlab.sampling.load import TrainedRun
from genlab.sampling.notebook import Examples
from genlab.sampling.request import SampleRequest, latents

DIRECTIONS = 8
CANDIDATES = 300  # of each kind: fresh ones, and some near the best so far
NEAR = 0.3  # their distance from it, in each direction
VARIANCE = 4.0  # of f: a taste of 2 logits a standard deviation
INSIDE = 0.95  # of latents: points stay within the ball that has so many
STREAM = 83


class DuelKernel(Kernel):
    """k((a, b), (c, d)) = k(a, c) - k(a, d) - k(b, c) + k(b, d), of rows a and b side by side."""

    def __init__(self, kernel: Kernel):
        self.kernel = kernel

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """As every estimator of scikit-learn."""
        inner = self.kernel.get_params() if deep else {}
        return {"kernel": self.kernel} | {f"kernel__{name}": value for name, value in inner.items()}

    @property
    def hyperparameters(self) -> list[Hyperparameter]:
        """Those of `kernel`."""
        return [h._replace(name=f"kernel__{h.name}") for h in self.kernel.hyperparameters]

    @property
    def theta(self) -> np.ndarray:
        """Their logarithms."""
        return self.kernel.theta

    @theta.setter
    def theta(self, theta: np.ndarray) -> None:
        self.kernel.theta = theta

    @property
    def bounds(self) -> np.ndarray:
        """Theirs."""
        return self.kernel.bounds

    def __call__(self, X, Y=None, eval_gradient=False):
        """k of duels [N, 2 D] and [M, 2 D], and its slopes in `theta`."""
        points = _points(X)
        others = None if Y is None else _points(Y)
        found = self.kernel(points, others, eval_gradient=eval_gradient)
        if eval_gradient:
            values, slopes = found
            return _contracted(values), _contracted(slopes)
        return _contracted(found)

    def diag(self, X) -> np.ndarray:
        """k of each duel with itself."""
        a, b = np.split(np.asarray(X), 2, axis=1)
        return self.kernel.diag(a) + self.kernel.diag(b) - 2 * np.diag(self.kernel(a, b))

    def is_stationary(self) -> bool:
        """It is not."""
        return False


@dataclass(frozen=True, eq=False)
class LatentSearch:
    """What is known after some answers; `answered` gives the next.

    run, given:  whose pictures, under which conditions, as stored, [1, ...] each
    start:       [D], a latent that all points share but for the directions
    directions:  [K, D], orthonormal
    duels, wins: [N, 2, K] shown before, and whether the first was chosen, [N]
    """

    run: TrainedRun
    given: Mapping[str, np.ndarray] | None
    start: Float[np.ndarray, " d"]
    directions: Float[np.ndarray, "k d"]
    seed: int = 0
    duels: Float[np.ndarray, "n 2 k"] | None = None
    wins: Bool[np.ndarray, " n"] | None = None

    @classmethod
    def of(
        cls,
        run: TrainedRun,
        given: Mapping[str, Any] = MappingProxyType({}),
        directions: int | Float[np.ndarray, "k d"] | None = None,
        seed: int = 0,
    ) -> "LatentSearch":
        """A search in the first of GANSpace's directions (`sampling.directions`), from a latent
        drawn by `seed`.

        given: values of columns, as in `TrainedRun.sample`; the others are those of the first
            sample of that request
        directions: how many; None: 8, or as many as latents have; or those of another search of the
            run, which need not be found again

        Raises ConfigError for a model that generates nothing, and more directions than latents.
        """
        texts = {name: typed(value) for name, value in given.items()}
        request = SampleRequest(1, seed, given=texts)
        stored = run.conditions(request).stored
        start = np.asarray(latents(request, run.method), np.float64)[0]
        if not isinstance(directions, np.ndarray):
            directions = _directions(run, len(start), directions)
        return cls(run, stored, start, directions, seed)

    @property
    def answers(self) -> int:
        """How many there are."""
        return 0 if self.wins is None else len(self.wins)

    @cached_property
    def duel(self) -> Float[np.ndarray, "2 k"]:
        """The next two points to be shown, in the order in which to show them."""
        draw = np.random.default_rng([STREAM, self.seed, self.answers])
        fresh = draw.standard_normal((CANDIDATES, len(self.directions)))
        if self.answers == 0:
            return fresh[:2]
        best, known = self._best, self._model
        if known is None:
            pair = np.stack([best, fresh[0]])
        else:
            near = best + NEAR * draw.standard_normal(fresh.shape)
            points = _inside(np.concatenate([fresh, near]))
            pair = np.stack([best, points[_improvement(known, points, best).argmax()]])
        return pair[::-1] if draw.random() < 0.5 else pair

    def answered(self, first: bool) -> "LatentSearch":
        """The search after the first of `duel`, or the second, was chosen."""
        duels = self.duel[None] if self.duels is None else np.append(self.duels, self.duel[None], 0)
        wins = np.append([] if self.wins is None else self.wins, first).astype(bool)
        return replace(self, duels=duels, wins=wins)

    @property
    def found(self) -> Float[np.ndarray, " k"]:
        """The point of those shown that is liked best; ConfigError before an answer."""
        if self.answers == 0:
            raise ConfigError("nothing was answered yet: show `pictures()`, and call `answered`")
        return self._best

    @property
    def best(self) -> Float[np.ndarray, " d"]:
        """Its latent."""
        return self.latents(self.found[None])[0]

    def latents(self, points: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n d"]:
        """The latents of points."""
        rest = self.start - self.directions.T @ (self.directions @ self.start)
        return rest + points @ self.directions

    def pictures(self, points: Float[np.ndarray, "n k"] | None = None) -> Examples:
        """What the model makes of points, as stored [N, ...]; None: of the next duel."""
        z = self.latents(self.duel if points is None else points).astype(np.float32)
        one = Inverted(Examples(()), z[:1], _one(self.given), np.zeros(1), "z")
        return self.run.editor.generate(one, z[None])

    @cached_property
    def _model(self) -> GaussianProcessClassifier | None:
        """g after the answers; None before two, for a classifier needs two classes.

        Every second duel is turned round, which changes nothing, for g(b, a) = -g(a, b).
        """
        if self.duels is None or self.wins is None or self.answers < 2:
            return None
        turned = np.where(np.arange(self.answers) % 2, self.wins, ~self.wins)
        duels = np.where(turned[:, None, None], self.duels[:, ::-1], self.duels)
        first = self.wins ^ turned
        prior = ConstantKernel(VARIANCE) * RBF(np.sqrt(2 * len(self.directions)))
        found = GaussianProcessClassifier(DuelKernel(prior), optimizer=None)
        return found.fit(duels.reshape(self.answers, -1), first)

    @cached_property
    def _best(self) -> np.ndarray:
        """Of the points shown, that of the highest mean of f."""
        assert self.duels is not None and self.wins is not None
        points = self.duels.reshape(-1, len(self.directions))
        if self._model is None:
            return points[0 if self.wins[0] else 1]
        mean, _ = self._model.latent_mean_and_variance(_against(points, np.zeros_like(points[0])))
        return points[mean.argmax()]


def _directions(run: TrainedRun, of: int, count: int | None) -> Float[np.ndarray, "k d"]:
    """So many orthonormal directions of latents of `of` numbers."""
    count = min(DIRECTIONS, of) if count is None else count
    if not 1 <= count <= of:
        raise ConfigError(f"directions={count}: expected 1 to {of}")
    found = ganspace(run.editor.with_samples(MOST).population(), count)
    return np.linalg.qr(found.astype(np.float64).T)[0].T


def _improvement(
    known: GaussianProcessClassifier, points: np.ndarray, best: np.ndarray
) -> Float[np.ndarray, " n"]:
    """E max(g(point, best), 0), the expected improvement (Mockus 1975; Jones et al. 1998)."""
    mean, variance = known.latent_mean_and_variance(_against(points, best))
    sd = np.sqrt(np.maximum(variance, 1e-12))
    return mean * scipy.stats.norm.cdf(mean / sd) + sd * scipy.stats.norm.pdf(mean / sd)


def _inside(points: np.ndarray) -> np.ndarray:
    """Points, on the ball's surface where they are out of it: what is far from the latents that a
    model was trained with is extrapolation.
    """
    radius = np.sqrt(scipy.stats.chi2.ppf(INSIDE, points.shape[1]))
    return points * np.minimum(1, radius / np.linalg.norm(points, axis=1, keepdims=True))


def _against(points: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.concatenate([points, np.broadcast_to(other, points.shape)], axis=1)


def _points(duels: Any) -> np.ndarray:
    """Both points of each duel, the first ones before the second ones."""
    return np.concatenate(np.split(np.asarray(duels), 2, axis=1))


def _contracted(values: np.ndarray) -> np.ndarray:
    """[2 N, 2 M, ...] of points to [N, M, ...] of duels."""
    n, m = values.shape[0] // 2, values.shape[1] // 2
    return values[:n, :m] - values[:n, m:] - values[n:, :m] + values[n:, m:]


def _one(given: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray] | None:
    return None if given is None else dict(given)
