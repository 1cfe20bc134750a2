"""Two sets of images and the names of scores, to numbers, their baselines and their protocol."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from genlab import config as config_lib
from genlab.config import ConfigError, choices, did_you_mean
from genlab.evaluation import cautions, scores
from genlab.evaluation.context import EvaluationResult
from genlab.evaluation.parts import class_table
from genlab.evaluation.sample_set import (
    BESIDE_TAPS,
    SampleSet,
    check_alike,
    lacking,
    refuse,
    shape_text,
)
from genlab.features.space import GIVEN, FeatureSpace


class Comparison(NamedTuple):
    """A comparison that was asked for: its name, its function, all its settings, what it needs."""

    name: str
    fn: Callable
    settings: dict[str, Any]
    needs: tuple[str, ...]

    def __call__(self, real: SampleSet, fake: SampleSet) -> dict[str, float]:
        """Its scores of `fake` against `real`."""
        return self.fn(real, fake, **self.settings)

    def settled(self, real: SampleSet, fake: SampleSet) -> "Comparison":
        """Itself with the settings that it uses for these sets."""
        settled = getattr(self.fn, "settled", None)
        if settled is None:
            return self
        used = settled(real, fake, **self.settings)
        return self._replace(settings=self.settings | used)

    @property
    def gives(self) -> tuple[str, ...] | None:
        """The names of its scores; None where it does not declare them."""
        return getattr(self.fn, "gives", None)

    @property
    def uses_train(self) -> bool:
        """Whether it makes use of what the model was trained on, where that is known."""
        return not {"train", "known_train"}.isdisjoint(self.needs)


class Comparisons(tuple[Comparison, ...]):
    """The comparisons that were asked for, in order."""

    @classmethod
    def of(cls, scores: Iterable[str], settings: Mapping[str, Mapping]) -> "Comparisons":
        """Those of the names `scores`, each a function of `genlab.evaluation.scores` or
        "package.module:function", with settings by name.

        ConfigError for a name or a setting that there is not.
        """
        scores = (scores,) if isinstance(scores, str) else tuple(scores)
        names = [score.rpartition(":")[2] for score in scores]
        if stray := [name for name in settings if name not in names]:
            hint = choices(stray[0], names)
            raise ConfigError(f"settings of {stray[0]!r}, which is none of the scores{hint}")
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"scores are {', '.join(names) or 'none'}: name each once")
        return cls(
            _comparison(name, score, settings.get(name, {}))
            for name, score in zip(names, scores, strict=True)
        )

    @property
    def taps(self) -> tuple[str, ...]:
        """The taps that any of them needs."""
        found = dict.fromkeys(need for one in self for need in one.needs)
        return tuple(need for need in found if need not in BESIDE_TAPS)

    @property
    def gives(self) -> tuple[str, ...] | None:
        """The names of all scores; None where a comparison does not declare its own."""
        found = [one.gives for one in self]
        return None if None in found else tuple(name for names in found for name in names or ())

    @property
    def need_train(self) -> bool:
        """Whether any asks what the model was trained on."""
        return any("train" in one.needs for one in self)

    @property
    def protocol(self) -> dict[str, Any]:
        """Every setting, under the comparison's name."""
        return {
            f"{one.name}_{key}": _plain(value)
            for one in self
            for key, value in one.settings.items()
        }

    def trained_on(self, train: SampleSet | None) -> dict[str, Any]:
        """What a protocol says of the images that the model was trained on, where it is known and
        any makes use of it.
        """
        if train is None or not any(one.uses_train for one in self):
            return {}
        return {"train": len(train), "train_sha256": train.sha256}

    def check(self, real: SampleSet, fake_labels: bool) -> None:
        """ConfigError, before anything is computed, for what these sides do not have."""
        missing = lacking({need for one in self for need in one.needs}, real, fake_labels)
        for one in self:
            refuse(one.name, {need: missing[need] for need in one.needs if need in missing})

    def settled(self, real: SampleSet, fake: SampleSet) -> "Comparisons":
        """These with the settings that they use for these sets, which a protocol records."""
        return Comparisons(one.settled(real, fake) for one in self)

    def __call__(self, real: SampleSet, fake: SampleSet) -> dict[str, float]:
        """All scores of `fake` against `real`."""
        found: dict[str, float] = {}
        for one in self:
            scores = one(real, fake)
            if twice := found.keys() & scores.keys():
                raise ConfigError(f"{one.name!r} gives {sorted(twice)[0]!r}, as another score does")
            found |= scores
        return found

    def baseline(
        self, real: SampleSet, other: SampleSet | None, order: np.ndarray | None = None
    ) -> tuple[dict[str, float], dict[str, Any]]:
        """The same scores of real data, the SampleSet `other` in place of samples; and, for the
        protocol, settings that had to differ from the scores'. Without `other`, one half of the
        real set takes the place of samples and the other half stays: halves of its rows in `order`.

        So they do too for a comparison that uses what the model was trained on, as no model was
        trained on them. A baseline that is not defined for so few images is left out; its score is
        not.
        """
        half = len(real) // 2
        order = np.arange(len(real)) if order is None else order
        halves = real.rows(order[half : 2 * half]), real.rows(order[:half])
        found: dict[str, float] = {}
        others: dict[str, Any] = {}
        for one in self:
            sides = halves if other is None or one.uses_train else (real, other)
            try:
                used = one.settled(*sides)
                scores = used(*sides)
            except ValueError:  # ConfigError too
                continue
            found |= {name: value for name, value in scores.items() if np.isfinite(value)}
            before, after = (Comparisons([c]).protocol for c in (one, used))
            others |= {f"baseline_{key}": v for key, v in after.items() if v != before[key]}
        return found, others


def compare(
    real: Any,
    fake: Any,
    features: Any = None,
    scores: Sequence[str] = ("fd",),
    settings: Mapping[str, Mapping] | None = None,
    real_labels: np.ndarray | None = None,
    fake_labels: np.ndarray | None = None,
    train: Any = None,
    seen: Callable[[int], None] | None = None,
    train_labels: np.ndarray | None = None,
    label_names: Sequence[str] = (),
) -> EvaluationResult:
    """Scores of the images `fake` against `real`, uint8 [M, H, W, C] and [N, H, W, C], by name.

    features: a feature space such as `features.Pixels()`, or a function of images that gives
              features [N, D]; None where `real` and `fake` are features [N, D] themselves
    scores:   names of `genlab.evaluation.scores`, or "package.module:function"; settings of each by
              its name
    train:    what the model was trained on, for scores that ask for it, and its labels
    seen:     called with the number of images of each batch that passes the network
    label_names: of the labels 0, 1, ..., for scores of each class

    Baselines are of the two halves of `real` (of a permutation under seed 0), so at half the count.
    A score that falls with the count, as the Frechet distance does, therefore has its baseline on
    the high side; one that a half does not define has none. ConfigError for sets that are empty or
    of unlike shapes, labels that are not one for each image, and scores that these sets cannot
    have, before anything is computed.
    """
    chosen = Comparisons.of(scores, settings or {})
    space = space_of(features, real)
    labels = [
        None if given is None else np.asarray(given)
        for given in (real_labels, fake_labels, train_labels)
    ]
    about = {"keep": chosen.taps, "seen": seen}
    train_side = None if train is None else SampleSet(train, space, labels[2], **about)
    real_side = SampleSet(real, space, labels[0], train_side, **about)
    fake_side = SampleSet(fake, space, labels[1], **about)
    sides = {"real": real_side, "fake": fake_side, "train": train_side}
    check_alike({name: side for name, side in sides.items() if side is not None})
    chosen.check(real_side, fake_labels is not None)
    chosen = chosen.settled(real_side, fake_side)
    found = chosen(real_side, fake_side)
    order = np.random.default_rng(0).permutation(len(real_side))
    baselines, others = chosen.baseline(real_side, None, order)
    half = len(real_side) // 2
    protocol = {
        **space.protocol,
        "shape": shape_text(real_side.shape),
        "samples": len(fake_side),
        "real": len(real_side),
        **chosen.trained_on(train_side),
        **chosen.protocol,
        "baseline": f"halves of the real set, {half} beside {half}",
        **others,
    }
    told = cautions.of_sets(real_side, fake_side)
    tables = class_table([found], baselines, label_names)
    return EvaluationResult(found, protocol, baselines, cautions=told, tables=tables)


def space_of(features: Any, images: Any) -> FeatureSpace:
    """The space that `compare` is given as `features`, for such images."""
    if isinstance(features, FeatureSpace):
        return features
    if hasattr(features, "space"):
        shape = np.asarray(images[:1]).shape[1:]
        return features.space({}, SimpleNamespace(columns={"image": SimpleNamespace(shape=shape)}))
    if features is None:
        first = np.asarray(images[:1])
        if first.ndim != 2:
            raise ConfigError(
                f"features=None takes features [N, D] themselves, not an array of rows "
                f"{first.shape[1:]}: give a feature space, such as genlab.features.Pixels()"
            )
        return GIVEN
    if callable(features):
        name = getattr(features, "__name__", type(features).__name__)
        return FeatureSpace(
            lambda images: {"features": np.asarray(features(images))}, {"features": name}
        )
    raise ConfigError(f"features={features!r}: give a feature space or a function of images")


def _plain(value: Any) -> Any:
    """A setting as a protocol says it: a network by its fields, one from a file by its sha256."""
    if hasattr(value, "protocol"):
        return value.protocol
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else " ".join(repr(value).split())


def _comparison(name: str, score: str, given: Mapping) -> Comparison:
    fn = config_lib.choose(scores, score)
    _, _, *parameters = inspect.signature(fn).parameters.values()
    known = [p.name for p in parameters]
    if stray := [key for key in given if key not in known]:
        hint = did_you_mean(stray[0], known) or f"; it has {', '.join(known) or 'none'}"
        raise ConfigError(f"the score {name!r} has no setting {stray[0]!r}{hint}")
    settings = {p.name: given.get(p.name, p.default) for p in parameters}
    config_lib.check_seed(settings.get("seed"), f"of the score {name!r}")
    if unset := [key for key, value in settings.items() if value is inspect.Parameter.empty]:
        raise ConfigError(f"the score {name!r} needs the setting {unset[0]!r}")
    return Comparison(name, fn, settings, getattr(fn, "needs", ("features",)))
