"""`Disentanglement`: whether each factor of the data is in one code of an encoder alone, by every
score in use.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Label, Numbers
from genlab.data.sources import Readable
from genlab.editing.factors import Factor, factors
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.evaluation.parts import SAMPLES
from genlab.game import Method
from genlab.game.abilities import Encodes, require
from genlab.metrics import interventions, predicted
from genlab.metrics.disentanglement import binned, modularity, mutual_information_gap
from genlab.runtime import compiler
from genlab.sampling.sampler import batches, part

TOGETHER = 250  # examples encoded at once


@dataclass(frozen=True)
class Disentanglement:
    """MIG, modularity, DCI, SAP, IRS and the scores of FactorVAE and beta-VAE, of the codes of real
    examples, 0 to 1, higher is better (as compared by Locatello et al. 2019, arXiv:1811.12359).

    Factors are the split's labels and numbers, without those that the method is given; numbers are
    cut into `bins` of equal width where a score needs classes. How rows that share a factor are
    found among those there are is in `metrics.interventions`. Scores of one set are not comparable
    with another's. The table has the importance of each code for each factor (DCI).

    columns: the columns to use; () for all that are labels or numbers
    """

    columns: tuple[str, ...] = ()
    samples: int = 5000
    bins: int = 20
    abilities: ClassVar[tuple[type, ...]] = (Encodes,)
    gives: ClassVar[tuple[str, ...]] = (
        "mig", "modularity", "disentanglement", "completeness", "informativeness", "sap", "irs",
        "factor_vae_score", "beta_vae_score",
    )  # fmt: skip

    def __post_init__(self):
        if self.samples < 10 or self.bins < 2:
            raise ConfigError(
                f"samples={self.samples}, bins={self.bins}; expected 10 and 2 or more"
            )

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for a method without an encoder, and data with fewer than two factors."""
        require(method, Encodes, "Disentanglement")
        if len(self._names(method, source)) < 2:
            raise ConfigError(
                "Disentanglement compares factors, and the data have fewer than two columns of "
                "labels or numbers that the method is not given: use data.sprites, or MIG"
            )

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Of the split it is evaluated on."""
        self.check(context.method, context.source)
        names = self._names(context.method, context.source)
        n = min(self.samples, len(context.real[context.method.makes]))
        stored = {name: context.real[name][:n] for name in names}
        known = {f: k for f, k in factors(context.source.columns, stored).items()
                 if k.column in names}  # fmt: skip
        codes = self._codes(context, n)
        values = np.stack([k.of(stored) for k in known.values()], axis=1)
        discrete = np.array([isinstance(k.kind, Label) for k in known.values()])
        classes = np.stack([_classes(k, k.of(stored), self.bins) for k in known.values()], axis=1)
        scores, importance = _scores(codes, values, classes, discrete, self.bins)
        table = {
            factor: {f"z{i}": float(importance[i, j]) for i in range(len(importance))}
            for j, factor in enumerate(known)
        }
        return EvaluationResult(
            scores,
            {"samples": n, "bins": self.bins, "factors": ", ".join(known), "predictor": "forest"},
            tables={"factor and its code": {SAMPLES: table}},
        )

    def _names(self, method: Method, source: Readable) -> list[str]:
        kinds = {n: k for n, k in source.columns.items() if isinstance(k, Label | Numbers)}
        for name in self.columns:
            if name not in kinds:
                hint = did_you_mean(name, kinds)
                raise ConfigError(
                    f"Disentanglement.columns names {name!r}, no label or number{hint}"
                )
        chosen = self.columns or tuple(kinds)
        return [name for name in chosen if name not in (method.makes, *method.given)]

    def _codes(self, c: EvaluationContext, n: int) -> np.ndarray:
        x, cond = c.batch
        method = require(c.method, Encodes, "Disentanglement")
        encode = compiler.jit(lambda x, cond: method.encode(c.params, c.stats, x, cond))
        made = [np.asarray(encode(x[:n][at], part(part(cond, slice(n)), at)))
                for at in batches(n, TOGETHER)]  # fmt: skip
        return np.concatenate(made)


def _scores(codes, values, classes, discrete, bins) -> tuple[dict[str, float], np.ndarray]:
    """By name, and DCI's importances."""
    cut = np.stack([binned(code, bins) for code in codes.T], axis=1)
    gap, found = mutual_information_gap(cut, classes), predicted.dci(codes, values, discrete)
    scores = {
        "mig": gap.mig,
        "modularity": modularity(gap.information),
        "disentanglement": found.disentanglement,
        "completeness": found.completeness,
        "informativeness": found.informativeness,
        "sap": predicted.sap(codes, values, discrete),
        "irs": interventions.interventional_robustness(codes, classes),
        "factor_vae_score": interventions.factor_vae_score(codes, classes),
        "beta_vae_score": interventions.beta_vae_score(codes, classes),
    }
    return scores, found.importance


def _classes(factor: Factor, values: np.ndarray, bins: int) -> np.ndarray:
    return values if isinstance(factor.kind, Label) else binned(values, bins)
