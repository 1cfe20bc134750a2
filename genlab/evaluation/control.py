"""`Control`: whether samples have the factors that they were asked for, and only those change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jax import Array, random

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Label, Numbers
from genlab.data.sources import Readable
from genlab.editing.factors import Factor, factors
from genlab.evaluation import answers, asking, cautions, leaks
from genlab.evaluation.answers import Answers
from genlab.evaluation.context import CONTROL, EvaluationContext, EvaluationResult
from genlab.evaluation.parts import REAL, SAMPLES, SHUFFLED, Parts
from genlab.features.factors import FactorReader, Factors
from genlab.game import Method
from genlab.game.abilities import Generates
from genlab.metrics.resampling import bootstrap
from genlab.sampling.conditions import Stored, loaded

ANSWERS, PAIRS, OTHERS, CONDITIONS = range(4)  # streams of latents


@dataclass(frozen=True)
class Control:
    """Control of the labels and numbers that a method is given, read off its samples by a network
    that was trained on real pictures, and exactly (`decoded_...`) where the data can be decoded.

    factors:    the network: `spec(features.Factors, trunk)`
    samples:    how many answer
    ask:        "data" or "range" (`asking.ASK`)
    beyond:     with "range": so much of each range is asked for beyond either of its ends
    pairs:      latents for which each factor is changed by itself
    conditions: how many times `each` samples of one condition are drawn
    bins:       of the curve of measured on asked
    decode:     whether data that can be decoded do so: exact, and slow where pictures are drawn
                again

    Scores: `accuracy`, the mean over labels; `exact_match`, of all labels at once; `r2`, the mean
    over numbers, within the range trained on; `leakage`, the mean change of a factor when another
    is changed, over its spread in the data: 0 where it stays, 1 as if drawn anew; `diversity`, the
    mean distance of samples of one condition in the network's features, over that of the training
    pictures most like the condition. Baselines are of real pictures of the split, as many, with
    their own factors: what the network is capable of; of `leakage`, what its mistakes alone make of
    two pictures. Tables have it by factor, by range and by pair of factors; chance is that of the
    same samples with one another's conditions.
    """

    factors: Factors
    samples: int = 2000
    ask: str = "data"
    beyond: float = 0.0
    pairs: int = 250
    conditions: int = 32
    each: int = 8
    bins: int = 20
    decode: bool = True
    abilities: ClassVar[tuple[type, ...]] = (Generates,)
    gives: ClassVar[tuple[str, ...]] = (
        "accuracy", "exact_match", "r2", "leakage", "diversity", "decoded_accuracy",
        "decoded_exact_match", "decoded_r2", "decoded_leakage",
    )  # fmt: skip

    def __post_init__(self):
        if self.ask not in asking.ASK:
            hint = did_you_mean(self.ask, asking.ASK)
            raise ConfigError(f"ask={self.ask!r}; expected {' or '.join(asking.ASK)}{hint}")
        if self.beyond < 0 or (self.beyond and self.ask != "range"):
            raise ConfigError(f"beyond={self.beyond}: a share from 0 up, with ask='range' alone")
        least = {"samples": 2, "pairs": 2, "conditions": 2, "each": 2, "bins": 1}
        for name, few in least.items():
            if getattr(self, name) < few:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {few}")

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for a method that is given nothing that is measured."""
        kinds = self.factors.kinds(source)
        if not set(kinds) & set(method.given):
            given = ", ".join(method.given) or "nothing"
            raise ConfigError(
                f"Control measures {', '.join(kinds)}, and the method is given {given}: condition "
                "it on one of them (method.given)"
            )

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Scores of the split's conditions, or of their ranges."""
        self.check(context.method, context.source)
        return Measurement(self, context).result()


class Reading(NamedTuple):
    """One way to read factors off pictures, and the prefix of its scores."""

    prefix: str
    read: Callable[[np.ndarray], Mapping[str, np.ndarray]]
    factors: Mapping[str, Factor]


@dataclass(frozen=True, eq=False)
class Measurement:
    """One evaluation by `Control`."""

    of: Control
    context: EvaluationContext

    def result(self) -> EvaluationResult:
        """All of it."""
        scores, baselines, each, intervals = {}, {}, {}, {}
        for reading in self.readings:
            asked, real = self.answers(reading)
            scores |= answers.scores(asked, reading.prefix)
            baselines |= answers.scores(real, reading.prefix)
            each |= answers.each(asked, reading.prefix)
            intervals |= answers.intervals(asked, reading.prefix)
            if leaked := leaks.leaked(self.changes(reading)):
                name = f"{reading.prefix}leakage"
                each[name] = np.mean([*leaked.values()], axis=0)
                scores[name] = float(each[name].mean())
                baselines[name] = self.misread(reading)
        if found := self.diversity:
            scores["diversity"], baselines["diversity"], intervals["diversity"] = found
        return EvaluationResult(
            scores, self.protocol, baselines, each=each, intervals=intervals,
            tables={name: table for name, table in self.tables().items() if table[SAMPLES]},
            curves=self.curves(), cautions=cautions.of_control(self.of.samples, self.by_factor),
        )  # fmt: skip

    @property
    def protocol(self) -> dict[str, Any]:
        """All that the numbers depend on."""
        of, given = self.of, self.context.method.given
        beyond = {"beyond": of.beyond} if of.beyond else {}
        return {
            **of.factors.protocol, **self.reader.protocol, "asked": of.ask, **beyond,
            "given": ", ".join(given), "measured": ", ".join(self.reader.columns),
            "decoder": any(r.prefix for r in self.readings), "samples": of.samples,
            "real": len(self.rows), "pairs": of.pairs, "conditions": of.conditions,
            "each": of.each, "bins": of.bins,
        }  # fmt: skip

    @cached_property
    def reader(self) -> FactorReader:
        """The network."""
        c = self.context
        return self.of.factors.reader(c.config, c.source, c.method.makes)

    @cached_property
    def readings(self) -> list[Reading]:
        """By the network, and by the set itself where it can."""
        columns, decode = self.context.source.columns, getattr(self.context.source, "decode", None)
        found = [
            Reading("", self.reader.read, factors(columns, dict.fromkeys(self.reader.columns)))
        ]
        if decode is not None and self.of.decode:
            names = [n for n in decode(self.images[:1]) if n in self.context.real]
            found.append(Reading("decoded_", decode, factors(columns, dict.fromkeys(names))))
        return found

    @cached_property
    def trained(self) -> dict[str, np.ndarray]:
        """The train split, as stored."""
        return self.context.source.read("train")

    @cached_property
    def rows(self) -> np.ndarray:
        """The rows of the split that samples are compared with."""
        held = len(self.context.real[self.context.method.makes])
        return asking.rows(held, min(held, self.of.samples))

    @cached_property
    def real(self) -> dict[str, np.ndarray]:
        """Those rows."""
        return {name: x[self.rows] for name, x in self.context.real.items()}

    @cached_property
    def asked(self) -> Stored:
        """Stored conditions of the samples."""
        c, n = self.context, self.of.samples
        if self.of.ask == "range":
            return asking.of_range(c.method, c.source, c.real, n, self.of.beyond)
        return asking.of_data(c.method, c.real, n)

    @cached_property
    def images(self) -> np.ndarray:
        """The samples that answer."""
        return self.made(self.latents(ANSWERS, self.of.samples), self.asked)

    def latents(self, stream: int, n: int) -> Array:
        """`n` latents of a stream."""
        key = random.fold_in(random.fold_in(self.context.key, CONTROL), stream)
        return self.context.method.latents(key, n)

    def made(self, z: Array, asked: Stored) -> np.ndarray:
        """Samples as stored."""
        c = self.context
        return c.sampler(c.params, c.stats, z, loaded(c.source, asked))

    def given(self, reading: Reading) -> dict[str, Factor]:
        """The factors asked for, of those that are read."""
        given = self.context.method.given
        return {name: f for name, f in reading.factors.items() if f.column in given}

    def answers(self, reading: Reading) -> tuple[Answers, Answers]:
        """Of samples, and of real pictures with their own factors."""
        if reading.prefix not in self._answers:
            read, own, makes = reading.read, self.given(reading), self.context.method.makes
            self._answers[reading.prefix] = (
                Answers.of(own, self.asked, read(self.images), self.trained),
                Answers.of(own, self.real, read(self.real[makes]), self.trained),
            )
        return self._answers[reading.prefix]

    @cached_property
    def _answers(self) -> dict[str, tuple[Answers, Answers]]:
        return {}

    @cached_property
    def by_factor(self) -> Parts:
        """The table of factors: of samples, of real pictures, of shuffled conditions."""
        table: dict[str, dict[str, dict]] = {SAMPLES: {}, REAL: {}, SHUFFLED: {}}
        for reading in self.readings:
            asked, real = self.answers(reading)
            sides = {SAMPLES: asked, REAL: real, SHUFFLED: asked.shuffled()}
            for what, side in sides.items():
                for name, cells in answers.by_factor(side, reading.prefix).items():
                    table[what].setdefault(name, {}).update(cells)
            for name, each in leaks.leaked(self.changes(reading)).items():
                cell = answers.ranged(lambda x: float(x.mean()), each)
                table[SAMPLES].setdefault(name, {})[f"{reading.prefix}leakage"] = cell
        return table

    def tables(self) -> dict[str, Parts]:
        """By factor, by range, and the changes of factors by one another."""
        ranges: dict[str, dict[str, dict]] = {SAMPLES: {}, REAL: {}}
        made: dict[str, Parts] = {"factor": self.by_factor, "range": ranges}
        for reading in self.readings:
            for what, side in zip((SAMPLES, REAL), self.answers(reading), strict=True):
                for name, cells in answers.by_range(side, reading.prefix).items():
                    ranges[what].setdefault(name, {}).update(cells)
            by = self.changes(reading)
            name = f"changed factor{', decoded' if reading.prefix else ''}"
            made[name] = {SAMPLES: {k: {j: float(x.mean()) for j, x in row.items()}
                                    for k, row in by.items()}}  # fmt: skip
        return made

    def curves(self) -> dict[str, dict[str, dict[str, list[float]]]]:
        """By number, then by what was read how: measured against asked."""
        found: dict[str, dict[str, dict[str, list[float]]]] = {}
        for reading in self.readings:
            asked, real = self.answers(reading)
            own = answers.curves(asked, self.of.bins)
            others = answers.curves(real, self.of.bins) if not reading.prefix else {}
            for name, curve in own.items():
                what = "decoded" if reading.prefix else SAMPLES
                held = found.setdefault(name, {})
                held[what] = curve
                if name in others:
                    held[REAL] = others[name]
        return found

    @cached_property
    def drawn(self) -> leaks.Pairs:
        """Samples of the same latents with one factor after the other changed."""
        n = self.of.pairs
        asked = asking.of_data(self.context.method, self.context.real, n)
        own = {name: f for r in self.readings for name, f in self.given(r).items()
               if getattr(f.kind, "cycle", 0) != 1}  # fmt: skip
        return leaks.pairs(self.made, self.latents(PAIRS, n), self.latents(OTHERS, n), asked, own)

    def changes(self, reading: Reading) -> dict[str, dict[str, np.ndarray]]:
        """What changed with each factor."""
        if reading.prefix not in self._changes:
            spread = leaks.spreads(reading.factors, self.trained)
            found = leaks.changes(self.drawn, reading.read, reading.factors, spread)
            self._changes[reading.prefix] = found
        return self._changes[reading.prefix]

    @cached_property
    def _changes(self) -> dict[str, dict[str, dict[str, np.ndarray]]]:
        return {}

    def misread(self, reading: Reading) -> float:
        """The leakage that mistakes of the reader alone would make."""
        spread = leaks.spreads(reading.factors, self.trained)
        measured = self.answers(reading)[1].measured
        own = list(self.given(reading))
        each = {n: leaks.misread(f, self.real, measured, spread[n])
                for n, f in reading.factors.items()}  # fmt: skip
        means = [np.nanmean([x for n, x in each.items() if n != k]) for k in own]
        return float(np.mean(means))

    @cached_property
    def diversity(self) -> tuple[float, float, tuple[float, float]] | None:
        """The score, its baseline (of real pictures of the split) and its interval; None where what
        is given has no nearest example.
        """
        c, of = self.context, self.of
        kinds = [c.source.columns[name] for name in c.method.given]
        if not all(isinstance(kind, Label | Numbers) for kind in kinds):
            return None
        asked = asking.of_data(c.method, c.real, of.conditions)
        repeated = {name: np.repeat(x, of.each, axis=0) for name, x in asked.items()}
        made = self.made(self.latents(CONDITIONS, of.conditions * of.each), repeated)
        sides = [made]
        for stored in (self.trained, c.real):
            at = leaks.nearest(c.source.columns, asked, stored, of.each)
            sides.append(stored[c.method.makes][at.reshape(-1)])
        each = [leaks.diversity(self.reader.taps(x)["features"], of.conditions) for x in sides]
        samples, trained, real = each
        if not trained.mean() > 0:
            return None
        ratio = np.stack([samples, trained], axis=1)
        interval = bootstrap(lambda x: float(x[:, 0].mean() / x[:, 1].mean()), ratio)
        mean = float(trained.mean())
        return float(samples.mean() / mean), float(real.mean() / mean), interval
