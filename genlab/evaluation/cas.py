"""`CAS`: the classification accuracy score, of every label and number that a method is given."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import optax
from jax import random

from genlab.config import ConfigError, build
from genlab.data.sets.arrays import from_columns
from genlab.data.sources import Readable
from genlab.editing.factors import factors
from genlab.evaluation import accuracy, answers, asking
from genlab.evaluation.answers import Answers
from genlab.evaluation.context import CAS_SAMPLES, EvaluationContext, EvaluationResult
from genlab.evaluation.parts import REAL, SAMPLES
from genlab.features.factors import FactorReader, Factors, falling, reader_of
from genlab.game import Method
from genlab.game.abilities import Generates
from genlab.sampling.conditions import Stored, loaded


@dataclass(frozen=True)
class CAS:
    """A network trained on samples and tested on real pictures, `cas_accuracy` and `cas_r2`
    (Ravuri & Vinyals 2019, arXiv:1905.10887; the GAN-train of Shmelkov et al. 2018,
    arXiv:1807.09499), and trained on real pictures and tested on samples, `sample_accuracy` and
    `sample_r2` (their GAN-test). The first falls with fidelity and with diversity, the second with
    fidelity alone. Baselines are of the network trained and tested on real pictures.

    It trains a network for each model that it scores: leave it out of scores taken in training.

    factors: the network; its columns are those that the method is given
    samples: to train on, under the conditions of the train split's rows; 0 for as many as it has
    """

    factors: Factors
    samples: int = 0
    abilities: ClassVar[tuple[type, ...]] = (Generates,)
    gives: ClassVar[tuple[str, ...]] = (
        "cas_accuracy", "cas_exact_match", "cas_r2", "sample_accuracy", "sample_exact_match",
        "sample_r2",
    )  # fmt: skip

    def __post_init__(self):
        if self.samples < 0:
            raise ConfigError(f"samples is {self.samples}; 0 for as many as were trained on")

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for a method that is given no label and no number."""
        self._own(method, source)

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Both ways, on the split."""
        c, own = context, self._own(context.method, context.source)
        made, stored = c.method.makes, c.source.read("train")
        n = self.samples or len(stored[made])
        asked = asking.of_data(c.method, stored, n)
        z = c.method.latents(random.fold_in(c.key, CAS_SAMPLES), n)
        samples = c.sampler(c.params, c.stats, z, loaded(c.source, asked))
        taught = _taught(own, c, {made: samples, **asked})
        real = own.reader(c.config, c.source, made)
        known = factors(c.source.columns, {name: stored[name] for name in real.columns})
        rows = asking.rows(len(c.real[made]), min(n, len(c.real[made])))
        held_out = {name: x[rows] for name, x in c.real.items()}
        tested = {
            "cas_": Answers.of(known, held_out, taught.read(held_out[made]), stored),
            "sample_": Answers.of(known, asked, real.read(samples), stored),
        }
        best = Answers.of(known, held_out, real.read(held_out[made]), stored)
        sides = {prefix: (side, best) for prefix, side in tested.items()}
        return EvaluationResult(
            _joined(answers.scores(side, prefix) for prefix, side in tested.items()),
            {**own.protocol, **real.protocol, "samples": n, "real": len(rows),
             "given": ", ".join(c.method.given)},
            _joined(answers.scores(best, prefix) for prefix in tested),
            each=_joined(answers.each(side, prefix) for prefix, side in tested.items()),
            intervals=_joined(answers.intervals(side, prefix) for prefix, side in tested.items()),
            tables={"factor": {what: _table(sides, number) for number, what in
                               enumerate((SAMPLES, REAL))}},
        )  # fmt: skip

    def _own(self, method: Method, source: Readable) -> Factors:
        """The network of the columns that the method is given."""
        kinds = self.factors.kinds(source)
        given = tuple(name for name in kinds if name in method.given)
        if not given:
            raise ConfigError(
                f"CAS is of labels and numbers, and the method is given "
                f"{', '.join(method.given) or 'nothing'}: condition it on one of {', '.join(kinds)}"
            )
        return dataclasses.replace(self.factors, columns=given)


def _taught(own: Factors, context: EvaluationContext, rows: Stored) -> FactorReader:
    """The network trained on samples and what they were asked for."""
    columns = context.source.columns
    source = from_columns(rows, {name: columns[name] for name in rows}, seed=own.seed)
    game = build(own.game(source, context.method.makes))
    optim = {"predictor": optax.adam(falling(own.steps))}
    params, stats = accuracy.trained(game, optim, source, own.steps, own.batch_size, own.seed)
    variables = {"params": params["net"], **stats.get("net", {})}
    return reader_of(game.net, variables, own.kinds(source), {})


def _table(sides: dict[str, tuple[Answers, Answers]], which: int) -> dict[str, dict]:
    made: dict[str, dict] = {}
    for prefix, pair in sides.items():
        for name, cells in answers.by_factor(pair[which], prefix).items():
            made.setdefault(name, {}).update(cells)
    return made


def _joined(found) -> dict:
    return {name: value for one in found for name, value in one.items()}
