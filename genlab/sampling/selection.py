"""Samples selected by a reward: several candidates of each sample, under its own conditions, of
which one is kept. It changes no weights: what is asked for stays, only the latents are chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Int

from genlab.config import ConfigError
from genlab.sampling.conditions import Stored
from genlab.sampling.request import Conditions, SampleRequest

Reward = Callable[[np.ndarray], Float[np.ndarray, " n"]]
"""Of each of the examples, as they are stored [N, ...], a number: higher is better."""

TOGETHER = 4096  # candidates drawn at once
STREAM = 82  # what rejection is decided by


class Draws(Protocol):
    """A trained run, `genlab.load`."""

    @property
    def method(self) -> Any:
        """Its method."""
        ...

    def conditions(self, request: SampleRequest) -> Conditions:
        """The conditions of the samples asked for."""
        ...

    def drawn(self, request: SampleRequest, found: Conditions | None = None) -> Stored:
        """The samples asked for, as stored, with their conditions."""
        ...


class Selected(NamedTuple):
    """Samples as `TrainedRun.drawn` gives them, with the rewards [N, K] of all candidates and which
    were `kept` [N]; weights [N, K] are those that candidates were kept with, of rejection.
    """

    drawn: Stored
    rewards: Float[np.ndarray, "n k"]
    kept: Int[np.ndarray, " n"]
    weights: Float[np.ndarray, "n k"] | None = None

    @property
    def about(self) -> dict[str, float]:
        """The mean reward of all candidates and of those kept; of rejection the mean effective
        sample size (sum w)^2 / sum w^2 of a sample's candidates.
        """
        before = float(self.rewards.mean())
        after = float(np.take_along_axis(self.rewards, self.kept[:, None], axis=1).mean())
        found = {"mean_reward_of_candidates": before, "mean_reward": after}
        if self.weights is not None:
            found["effective_candidates"] = float(effective(self.weights).mean())
        return found


@dataclass(frozen=True)
class BestOf:
    """Of `candidates` drawn for each sample the one with the highest reward."""

    reward: Reward
    candidates: int = 8

    def __post_init__(self):
        _check_count("best of", self.candidates)

    def __call__(self, run: Draws, request: SampleRequest) -> Selected:
        """The samples asked for; ConfigError as `candidates_of`."""
        return _selected(run, request, self.candidates, self.reward, self._kept)

    @property
    def record(self) -> dict[str, Any]:
        """What it is, as JSON."""
        return {"best_of": self.candidates, **_named(self.reward)}

    def _kept(self, rewards: np.ndarray, seed: int) -> tuple[np.ndarray, None]:
        return rewards.argmax(axis=1), None


@dataclass(frozen=True)
class Rejection:
    """Rejection sampling of p(z) exp(r / beta): of the candidates of a sample, in the order they
    are drawn, the first that is accepted, with probability exp((r - bound) / beta).

    bound is the highest reward among the sample's own candidates, an estimate of the supremum, so
    that one is always accepted; with `candidates` many times `effective_candidates` it is the
    tilted distribution up to that estimate, with few it is nearer to the model's own.
    beta: in the reward's units, which of `genlab feedback` are standard deviations over the model's
        samples: towards 0 it is the best of the candidates, from about 10 up the model itself
    """

    reward: Reward
    beta: float = 0.5
    candidates: int = 64

    def __post_init__(self):
        _check_count("rejection", self.candidates)
        if not (np.isfinite(self.beta) and self.beta > 0):
            raise ConfigError(f"rejection with beta={self.beta}: expected a finite number above 0")

    def __call__(self, run: Draws, request: SampleRequest) -> Selected:
        """The samples asked for; ConfigError as `candidates_of`."""
        return _selected(run, request, self.candidates, self.reward, self._kept)

    @property
    def record(self) -> dict[str, Any]:
        """What it is, as JSON."""
        return {"beta": self.beta, "candidates": self.candidates, **_named(self.reward)}

    def _kept(self, rewards: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        weights = acceptance(rewards, self.beta)
        chance = np.random.default_rng([STREAM, seed]).uniform(size=weights.shape)
        return (chance < weights).argmax(axis=1), weights


Selection = BestOf | Rejection


def acceptance(rewards: Float[np.ndarray, "n k"], beta: float) -> Float[np.ndarray, "n k"]:
    """exp((r - bound) / beta), bound the highest of each row."""
    return np.exp((rewards - rewards.max(axis=1, keepdims=True)) / beta)


def effective(weights: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """The effective sample size of each row of weights, (sum w)^2 / sum w^2: from 1 to k."""
    return weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1)


def candidates_of(run: Draws, request: SampleRequest, found: Conditions, k: int) -> Stored:
    """`k` samples for each that is asked for, one after the other, [N k, ...].

    ConfigError for rows along which something varies: the samples of a row belong together.
    """
    if request.vary is not None or request.interpolate:
        raise ConfigError(
            "samples are selected one by one, and --vary and --interpolate make rows of them: "
            "leave the reward or the rows out"
        )

    def wide(held: Mapping[str, np.ndarray] | None) -> Stored | None:
        return None if held is None else {n: np.repeat(x, k, axis=0) for n, x in held.items()}

    many = found._replace(stored=wide(found.stored), codes=wide(found.codes) or {})
    return run.drawn(request._replace(n=request.n * k), many)


def _selected(
    run: Draws, request: SampleRequest, k: int, reward: Reward, keep: Callable
) -> Selected:
    drawn = candidates_of(run, request, run.conditions(request), k)
    made = drawn[run.method.makes]
    parts = [made[i : i + TOGETHER] for i in range(0, len(made), TOGETHER)]
    rewards = np.concatenate([_rewards(reward, part) for part in parts]).reshape(request.n, k)
    kept, weights = keep(rewards, request.seed)
    at = np.arange(request.n) * k + kept
    return Selected({name: x[at] for name, x in drawn.items()}, rewards, kept, weights)


def _rewards(reward: Reward, made: np.ndarray) -> np.ndarray:
    found = np.asarray(reward(made), np.float64)
    if found.shape != made.shape[:1] or not np.isfinite(found).all():
        raise ConfigError(
            f"the reward of {len(made)} samples is {found.dtype} {list(found.shape)}; expected as "
            "many finite numbers"
        )
    return found


def _check_count(what: str, candidates: int) -> None:
    if candidates < 2:
        raise ConfigError(f"{what} {candidates} candidates: expected 2 or more")


def _named(reward: Reward) -> dict[str, str]:
    found = getattr(reward, "fingerprint", "")
    return {"reward": found[:16] if found else getattr(reward, "__name__", type(reward).__name__)}
