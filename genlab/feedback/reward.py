"""A reward: how much a person would like a picture, linear in a feature space, fitted to verdicts.

A choice between two pictures is a Bradley-Terry choice between their features. A thumb is one
between the picture and what the person would just accept, whose reward is fitted with the rest: up
where the picture wins. Features are reduced to the principal components of the model's own samples
first, for a direction needs answers to be known, and components of little variance are the least
known.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import ConfigError, build, choices, spec
from genlab.data.columns import Image
from genlab.features import Pixels, RandomConv
from genlab.features.space import FeatureSpace
from genlab.feedback import bradley_terry, verdicts
from genlab.feedback.bradley_terry import HeldOut
from genlab.feedback.verdicts import OF_TWO, SHARES, Verdict, Verdicts
from genlab.runs.environment import version
from genlab.runs.files import sound_object_in, write_json
from genlab.runs.folder import RunFolder
from genlab.sampling.load import TrainedRun
from genlab.sampling.request import SampleRequest
from genlab.train.kept_data import KeptData

FILE = "reward.json"
SAMPLES, SEED = 1_000, 2**31 + 7  # of the model, that features are reduced and scaled by
DIRECTIONS = 16
FEWEST = 5  # different choices


@dataclass(frozen=True, eq=False)
class Reward:
    """r(x) = weights . features(x) - offset, of mean 0 and standard deviation 1 over the samples of
    the model that was judged.

    features: the spec of the feature space
    weights:  [D]
    record:   what the fit says of itself, as `reward.json` has it
    """

    space: FeatureSpace
    features: Any
    weights: Float[np.ndarray, " d"]
    offset: float
    record: Mapping[str, Any]

    def __call__(self, pictures: np.ndarray) -> Float[np.ndarray, " n"]:
        """The reward of each of the pictures, uint8 [N, H, W, C]."""
        return self.space.extract(np.asarray(pictures)) @ self.weights - self.offset

    def save(self, path: str | Path) -> Path:
        """Writes it to a file that `load` reads."""
        plain = {
            "features": config_lib.as_dict(self.features),
            "weights": self.weights.tolist(),
            "offset": self.offset,
        }
        write_json(Path(path), {**plain, **self.record})
        return Path(path)

    @property
    def fingerprint(self) -> str:
        """Equal for equal rewards."""
        plain = [config_lib.as_dict(self.features), self.weights.tolist(), self.offset]
        return config_lib.fingerprint({"reward": plain})


class Choices(NamedTuple):
    """Verdicts as rows for a fit.

    x:      [N, K], differences of reduced features; with thumbs [N, K + 1], the last -1 for these
    shares: [N], of the first
    groups: [N], one number for all verdicts on the same pictures
    """

    x: np.ndarray
    shares: np.ndarray
    groups: np.ndarray


class Reduced(NamedTuple):
    """Principal components of the model's samples, [D, K], about their mean [D], in units of the
    root of their mean variance.
    """

    mean: np.ndarray
    components: np.ndarray

    def of(self, features: np.ndarray) -> np.ndarray:
        """Features [N, D] as [N, K]."""
        return (features - self.mean) @ self.components


def load(path: str | Path) -> Reward:
    """The reward in a file, or in a run's folder, as `genlab feedback` wrote it there.

    Raises ConfigError where there is none, and where its features are of another network now.
    """
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    found = sound_object_in(path)
    if not found:
        raise ConfigError(f"{path} is missing: fit one with `genlab feedback --workdir=RUN`")
    if missing := [n for n in ("features", "weights", "offset", "protocol") if n not in found]:
        raise ConfigError(f"{path} has no {missing[0]!r}: fit it anew with `genlab feedback`")
    features = config_lib.from_dict(found["features"], str(path))
    run = path.parent if (path.parent / "config.json").is_file() else Path(found.get("run", ""))
    space = space_of(features, run)
    if json.loads(json.dumps(space.protocol)) != found["protocol"]:
        raise ConfigError(
            f"{path} was fitted in features of another network ({found['protocol']}; here "
            f"{space.protocol}): fit it anew"
        )
    fields = ("features", "weights", "offset")
    record = {name: value for name, value in found.items() if name not in fields}
    return Reward(space, features, np.array(found["weights"]), float(found["offset"]), record)


def fit(
    run: TrainedRun,
    features: Any = None,
    given: Verdicts | None = None,
    directions: int = DIRECTIONS,
    space: FeatureSpace | None = None,
) -> Reward:
    """The reward of the verdicts on a run's samples.

    features: the spec of a feature space; None: that of `default_features`
    given:    verdicts; None: those in the run's folder
    space:    what `space_of` made of `features`, for many fits

    Raises ConfigError for fewer than 5 different choices, and for a run that makes no pictures.
    """
    given = verdicts.read(run) if given is None else given
    features = default_features(run) if features is None else features
    space = space_of(features, run.folder.path) if space is None else space
    own = space.extract(run.drawn(SampleRequest(SAMPLES, SEED))[run.method.makes])
    reduced = reduction(own, directions)
    made = choices_of(run, given.used, space, reduced, f"{run.folder.path}: {told(given)}")
    ridge = bradley_terry.best_ridge(*made)
    w = bradley_terry.fit(made.x, made.shares, ridge)[: reduced.components.shape[1]]
    seen = bradley_terry.held_out(*made, constant=_constant(given.used))
    weights, offset, scale = standardised(reduced.components @ w, own)
    record = {
        "run": str(run.folder.path),
        "model": run.weights.fingerprint,
        "checkpoint": run.step,
        "protocol": space.protocol,
        "verdicts": dict(Counter(one.verdict for one in given.used)),
        "left_out": given.left_out,
        "held_out": {**seen._asdict(), "better_than_chance": seen.better_than_chance},
        "ridge": ridge,
        "directions": reduced.components.shape[1],
        "logits": scale,  # P(a over b) = sigmoid(logits (r(a) - r(b)))
        "genlab": version(),
    }
    return Reward(space, features, weights, offset, json.loads(json.dumps(record)))


def told(given: Verdicts) -> str:
    """How many verdicts there are, and how many are left out, and why."""
    counts = Counter(one.verdict for one in given.used)
    kinds = ", ".join(f"{n} {name}" for name, n in counts.items())
    left = "".join(f"; left out: {n} {reason}" for reason, n in given.left_out.items())
    return f"{len(given.used)} verdicts" + (f" ({kinds})" if kinds else "") + left


def summary(reward: Reward) -> str:
    """How well it foretells verdicts that it was not fitted to, and whether that is worth anything,
    in a sentence.
    """
    found = dict(reward.record["held_out"])
    better = found.pop("better_than_chance")
    seen = HeldOut(**found)
    text = (
        f"held-out accuracy {seen.accuracy:.3f}, 95 % interval {seen.low:.3f} to {seen.high:.3f}, "
        f"of {seen.n} verdicts that are no tie (chance {seen.chance:.3f}; "
        f"log loss {seen.log_loss:.3f})"
    )
    if better:
        return text
    return f"{text}: no better than chance: give more verdicts, or other --features"


def default_features(run: TrainedRun) -> Any:
    """The spec of the feature space that the run's first evaluator with one compares pictures in;
    without any, random convolutions, which need no training.
    """
    named = named_features(run)
    return next(iter(named.values()), spec(RandomConv))


def named_features(run: TrainedRun) -> dict[str, Any]:
    """The specs of the feature spaces that the run's evaluators compare pictures in, by their
    names.
    """
    evaluators = run.folder.config.get("evaluate") or {}
    found = {name: one.get("features") for name, one in evaluators.items()}
    return {name: one for name, one in found.items() if isinstance(one, ConfigDict)}


def features_by_name(run: TrainedRun, name: str) -> Any:
    """The spec of `random`, `pixels`, or of an evaluator's features; ConfigError for another."""
    known = {**named_features(run), "random": spec(RandomConv), "pixels": spec(Pixels)}
    if name not in known:
        raise ConfigError(f"--features={name}{choices(name, known)}")
    return known[name]


def space_of(features: Any, run: str | Path) -> FeatureSpace:
    """The feature space that a spec describes, for the data of the run in a folder."""
    folder = RunFolder.at(run)
    source = KeptData(folder)
    if not any(isinstance(kind, Image) for kind in source.columns.values()):
        raise ConfigError(f"{run} makes no pictures, and a reward is of pictures")
    return build(features).space(config_lib.as_dict(folder.config), source)


def reduction(own: np.ndarray, directions: int) -> Reduced:
    """The principal components of features [N, D] of the model's samples."""
    mean = own.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(own.astype(np.float64).T).reshape(own.shape[1], -1))
    kept = np.argsort(values)[::-1][:directions]
    kept = kept[values[kept] > 1e-12 * values.max()]
    if not len(kept):
        raise ConfigError("all samples of the model have the same features: none can be preferred")
    return Reduced(mean, vectors[:, kept] / np.sqrt(values[kept].mean()))


def choices_of(
    run: TrainedRun, used: Sequence[Verdict], space: FeatureSpace, reduced: Reduced, where: str
) -> Choices:
    """Verdicts as rows; ConfigError for too few."""
    pairs = {frozenset((one.index, one.other, json.dumps(one.ask, sort_keys=True))) for one in used}
    if len(pairs) < FEWEST:
        raise ConfigError(f"{where}: a reward needs {FEWEST} or more, on different pictures")
    made, places = verdicts.pictures(run, used)
    return rows(reduced.of(space.extract(made)), places, used)


def rows(features: np.ndarray, places: np.ndarray, used: Sequence[Verdict]) -> Choices:
    """Verdicts on pictures of these `features` [M, K] at `places` [N, 2] as rows."""
    one = places[:, 1] < 0
    x = features[places[:, 0]] - np.where(one[:, None], 0.0, features[places[:, 1]])
    if one.any():
        x = np.concatenate([x, -one[:, None].astype(x.dtype)], axis=1)
    shares = np.array([SHARES[each.verdict] for each in used])
    _, groups = np.unique(np.sort(places, axis=1), axis=0, return_inverse=True)
    return Choices(x.astype(np.float64), shares, groups.reshape(-1))


def standardised(
    weights: np.ndarray, own: np.ndarray
) -> tuple[Float[np.ndarray, " d"], float, float]:
    """(weights, offset, scale) of a reward of mean 0 and standard deviation 1 over the model's
    samples (Ziegler et al. 2019, arXiv:1909.08593, scale theirs so); `scale` is what it was divided
    by. One that is constant stays 0.
    """
    values = own @ weights
    scale = float(values.std())
    if not scale > 1e-9:
        return np.zeros_like(weights), 0.0, 0.0
    return weights / scale, float(values.mean()) / scale, scale


def _constant(used: Sequence[Verdict]) -> float:
    """The accuracy of the best guess that looks at nothing: of thumbs the commoner, of choices a
    coin.
    """
    thumbs = [one.verdict == "up" for one in used if one.verdict not in OF_TWO]
    clear = sum(one.verdict in ("first", "second") for one in used)
    if not thumbs:
        return 0.5
    share = sum(thumbs) / len(thumbs)
    return (max(share, 1 - share) * len(thumbs) + 0.5 * clear) / (len(thumbs) + clear)
