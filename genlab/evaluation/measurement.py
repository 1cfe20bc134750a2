"""One evaluation by `Control`: its samples drawn once, read by a network and decoded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jax import Array, random

from genlab.data.columns import Label, Numbers
from genlab.editing.factors import Factor, factors
from genlab.evaluation import answers, asking, cautions, leaks
from genlab.evaluation.answers import Answers
from genlab.evaluation.context import CONTROL, EvaluationContext, EvaluationResult
from genlab.evaluation.parts import REAL, SAMPLES, SHUFFLED, Parts
from genlab.features.factors import FactorReader
from genlab.metrics.resampling import bootstrap
from genlab.sampling.conditions import Stored, loaded

ANSWERS, PAIRS, OTHERS, CONDITIONS = range(4)  # streams of latents


class Reading(NamedTuple):
    """One way to read factors off pictures, the prefix of its scores, of how many samples and pairs
    it does so, and what it read of these samples where it did already.
    """

    prefix: str
    read: Callable[[np.ndarray], Mapping[str, np.ndarray]]
    factors: Mapping[str, Factor]
    samples: int
    pairs: int
    measured: Mapping[str, np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Measurement:
    """One evaluation by `Control`."""

    of: Any  # a `Control`
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
            "decoded": sum(r.samples for r in self.readings if r.prefix), "samples": of.samples,
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
        columns, of = self.context.source.columns, self.of
        known = factors(columns, {n: self.context.real[n] for n in self.reader.columns})
        found = [Reading("", self.reader.read, known, of.samples, of.pairs)]
        decode = getattr(self.context.source, "decode", None)
        if of.decode and decode is not None:
            counts = min(of.decode, of.samples), min(max(of.decode // 4, 2), of.pairs)
            measured = decode(self.images[: counts[0]])
            known = factors(columns, {n: x for n, x in measured.items() if n in self.context.real})
            found.append(Reading("decoded_", decode, known, *counts, measured))
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
            read, own, n = reading.read, self.given(reading), reading.samples
            makes = self.context.method.makes

            def of(columns, measured):
                return Answers.of(own, _first(columns, n), measured, self.trained)

            samples = read(self.images[:n]) if reading.measured is None else reading.measured
            sides = of(self.asked, samples), of(self.real, read(self.real[makes][:n]))
            self._answers[reading.prefix] = sides
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
            rows = {k: {j: float(x.mean()) for j, x in row.items()} for k, row in by.items()}
            made[name] = {SAMPLES: {**rows, leaks.MISREAD: self.misread(reading)}}
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
                    held["trained"] = answers.trained(asked)[name]
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
            drawn = self.drawn.first(reading.pairs)
            found = leaks.changes(drawn, reading.read, reading.factors, spread)
            self._changes[reading.prefix] = found
        return self._changes[reading.prefix]

    @cached_property
    def _changes(self) -> dict[str, dict[str, dict[str, np.ndarray]]]:
        return {}

    def misread(self, reading: Reading) -> dict[str, float]:
        """By factor the change that mistakes of the reader alone make of two real pictures."""
        spread = leaks.spreads(reading.factors, self.trained)
        measured = self.answers(reading)[1].measured
        real = _first(self.real, reading.samples)
        return {
            n: leaks.misread(f, real, measured, spread[n])
            for n, f in reading.factors.items()
            if spread[n] > 0
        }

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


def _first(columns: Mapping[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    return {name: x[:n] for name, x in columns.items()}
