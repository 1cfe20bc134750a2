"""`Fidelity`: samples of a trained model against held-out images, by any of the comparisons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from genlab.config import ConfigError
from genlab.data.columns import first_label
from genlab.data.pictures import grid
from genlab.data.sources import Readable
from genlab.evaluation import cautions
from genlab.evaluation.comparison import Comparisons
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.evaluation.parts import class_table
from genlab.evaluation.sample_set import SampleSet, refuse
from genlab.game import Method
from genlab.metrics.neighbours import nearest

SHOWN = 16  # samples shown with their nearest training images


@dataclass(frozen=True)
class Fidelity:
    """How near samples are to held-out images, and whether they are copies, in a feature space.

    scores:   names of `genlab.evaluation.scores`, or "package.module:function". By default the
              Fréchet distance `fd` (Heusel et al. 2017, arXiv:1706.08500, Eq. 6), precision and
              recall (Kynkäänniemi et al. 2019, arXiv:1904.06991), density and coverage (Naeem et
              al. 2020, arXiv:2002.09797); `nearer`, `copies`: see `neighbours.memorisation`
    settings: of each by its name, {"kid": {"subsets": 50}}; k_precision and k_density are those of
              precision_recall and density_coverage

    Baselines are scores of as many images of the train split. The protocol says what they were only
    where the split has fewer, and names its contents only where a score other than `memorisation`
    depends on them: rows of older runs have neither field, their `data` names the set, and they
    belong in one table with newer ones.
    """

    features: Any
    samples: int = 500
    draws: int = 10
    k_precision: int = 3
    k_density: int = 5
    scores: tuple[str, ...] = ("fd", "precision_recall", "density_coverage", "memorisation")
    settings: Mapping = field(default_factory=dict)

    def __post_init__(self):
        least = 2 + max(self.k_precision, self.k_density)
        if self.samples < least or self.draws < 1:
            raise ConfigError(
                f"Fidelity of {self.draws} x {self.samples} samples: give at least 1 x {least}"
            )
        _ = self.comparisons

    @cached_property
    def comparisons(self) -> Comparisons:
        """What `scores` and `settings` name; ConfigError for what there is not."""
        own = {
            "precision_recall": {"k": self.k_precision},
            "density_coverage": {"k": self.k_density},
        }
        own = {name: setting for name, setting in own.items() if name in self.scores}
        if twice := own.keys() & self.settings.keys():
            raise ConfigError(f"settings of {sorted(twice)[0]!r} are k_precision and k_density")
        return Comparisons.of(self.scores, own | dict(self.settings))

    @property
    def gives(self) -> tuple[str, ...] | None:
        """The names of its scores; None where one of the comparisons does not declare its own."""
        return self.comparisons.gives

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError, before anything is trained, for data and methods that it cannot score."""
        if len(source.columns[method.makes].shape) != 3:
            raise ConfigError(
                "Fidelity is for images; for points use genlab.evaluation.evaluators:Modes"
            )
        if hasattr(self.features, "check"):
            self.features.check(source)
        label = first_label(source.columns)
        if label not in method.given:
            why = "the data have no labels" if label is None else "the samples have no labels"
            for one in self.comparisons:
                refuse(one.name, {"labels": why} if "labels" in one.needs else {})

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Scores of `samples` samples against the whole split, means over `draws` draws of them."""
        self.check(context.method, context.source)
        space = self.features.space(context.config, context.source)
        train, real = self._sides(context, space)
        labels = context.labels(self.samples)
        comparisons = self.comparisons
        comparisons.check(real, labels is not None)
        found = []
        for draw in range(self.draws):
            made = context.samples(self.samples, draw)
            fake = SampleSet(made, space, labels, keep=self.comparisons.taps)
            comparisons = comparisons.settled(real, fake)
            found.append(comparisons(real, fake))
        chosen = np.random.default_rng(0).permutation(len(train))[: self.samples]
        baselines, others = comparisons.baseline(real, train.rows(chosen))
        return EvaluationResult(
            tables=class_table(found, baselines, context.label_names),
            scores={name: float(np.mean([f[name] for f in found])) for name in found[0]},
            baselines=baselines,
            protocol={
                **space.protocol,
                "samples": self.samples,
                "draws": self.draws,
                "real": len(real),
                **_settings(comparisons),
                **self._beside(train),
                **others,
            },
            pictures=self._pictures(train, fake),  # pyright: ignore[reportPossiblyUnboundVariable]
            cautions=cautions.of_sets(real, fake),  # pyright: ignore[reportPossiblyUnboundVariable]
        )

    def _sides(self, context: EvaluationContext, space) -> tuple[SampleSet, SampleSet]:
        keep = self.comparisons.taps
        stored = context.source.read("train")
        made, label, real = context.method.makes, context.label, context.real
        labels, own = (None if label is None else x.get(label) for x in (stored, real))
        train = SampleSet(stored[made], space, labels, keep=keep)
        return train, SampleSet(real[made], space, own, train, keep)

    def _pictures(self, train: SampleSet, fake: SampleSet) -> dict[str, np.ndarray]:
        """Where copies are looked for, the first samples over the nearest training images."""
        if not self.comparisons.need_train:
            return {}
        indices, _ = nearest(fake.features[:SHOWN], train.features)
        shown = np.concatenate([fake.images[:SHOWN], train.images[indices]])
        return {"nearest": grid(shown, columns=SHOWN)}

    def _beside(self, train: SampleSet) -> dict[str, Any]:
        """Of the train split, what `data` does not say."""
        newer = Comparisons(one for one in self.comparisons if one.name != "memorisation")
        short = len(train) < self.samples
        fewer = f"{len(train)} training images, fewer than the samples"
        return newer.trained_on(train) | ({"baseline": fewer} if short else {})


def _settings(comparisons: Comparisons) -> dict[str, Any]:
    """Every setting; the two oldest under their own names, as in the rows of older runs."""
    names = {"precision_recall_k": "k_precision", "density_coverage_k": "k_density"}
    return {names.get(k, k): value for k, value in comparisons.protocol.items()}
