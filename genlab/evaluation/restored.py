"""One evaluation by `Restoration`: its outputs made once, compared, and shown."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genlab.data.columns import Image
from genlab.data.pictures import grid, headed
from genlab.evaluation import classics, postprocess
from genlab.evaluation.classics import AsGiven, Classic
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.evaluation.convention import HOLES, WHOLE, Each, means
from genlab.evaluation.outputs import BATCH, outputs, way
from genlab.evaluation.parts import SAMPLES, Ranged
from genlab.features.space import FeatureSpace
from genlab.metrics.frechet import frechet_from_moments, moments
from genlab.metrics.resampling import bootstrap
from genlab.metrics.restoration import region_mae
from genlab.sampling.sampler import batches

SHOWN = 8  # rows of the strip
GIVEN = "as given"


@dataclass(frozen=True, eq=False)
class Restored:
    """One evaluation by `Restoration`."""

    of: Any  # a `Restoration`
    context: EvaluationContext

    def result(self) -> EvaluationResult:
        """All of it."""
        each = {name: x for name, x in self.own[WHOLE].items()}
        each |= {f"holes_{name}": x for name, x in self.own.get(HOLES, {}).items()}
        each |= self.agreement
        scores = means(each) | self.distances.get(SAMPLES, {})
        baselines = self.distances.get("real data", {})
        if self.best:
            each["gain"] = (
                self.own[self.judged]["psnr"] - self.parts[self.best][self.judged]["psnr"]
            )
            scores["gain"] = means({"gain": each["gain"]})["gain"]
        kept = {name: x[~np.isnan(x)] for name, x in each.items()}
        return EvaluationResult(
            scores, self.protocol, baselines, each=kept, tables={"part": self.table},
            pictures={"restored": self.strip}, cautions=self.cautions,
        )  # fmt: skip

    @cached_property
    def given(self) -> str:
        """The column of what is damaged."""
        return self.of.column(self.context.method, self.context.source)

    @cached_property
    def real(self) -> dict[str, np.ndarray]:
        """The examples."""
        return {name: x[: self.of.samples] for name, x in self.context.real.items()}

    @cached_property
    def answer(self) -> np.ndarray:
        """What the pictures were before."""
        return self.real[self.makes]

    @property
    def makes(self) -> str:
        """The column of the answers."""
        return way(self.context.method, self.given, self.context.source.columns).makes

    @cached_property
    def holes(self) -> np.ndarray | None:
        """What is missing."""
        return self.real[self.of.holes] if self.of.holes else None

    @cached_property
    def raw(self) -> np.ndarray:
        """What the method makes."""
        return outputs(self.context, self.given, self.real)

    @cached_property
    def output(self) -> np.ndarray:
        """What is scored: with holes, around them what was given."""
        given = self.real[self.given]
        if self.holes is None or given.shape != self.raw.shape:
            return self.raw
        return np.where(self.holes, self.raw, given)

    @cached_property
    def others(self) -> dict[str, np.ndarray]:
        """What was given as it is, then what classic methods make of it."""
        given, shape = self.real[self.given], self.answer.shape[1:]
        chosen = self.of.classics
        if chosen is None:
            chosen = classics.usual(given.shape[1:], shape, self.holes is not None)
        found = {GIVEN: AsGiven(), **chosen}
        return {name: method(given, self.holes, shape) for name, method in found.items()}

    @cached_property
    def beside(self) -> dict[str, np.ndarray]:
        """Further pictures that the method is given, as a garment beside a body."""
        method, shape = self.context.method, self.answer.shape[1:]
        if self.makes != method.makes:  # the way back, which is given less
            return {}
        columns = {n: self.context.source.columns.get(n) for n in method.given if n != self.given}
        return {
            name: AsGiven()(self.real[name], None, shape)
            for name, column in columns.items()
            if isinstance(column, Image) and column.shape[:2] == shape[:2]
        }

    @cached_property
    def own(self) -> dict[str, Each]:
        """Scores of the output by part."""
        return self.of.convention.parts(self.output, self.answer, self.holes)

    @cached_property
    def parts(self) -> dict[str, dict[str, Each]]:
        """Of the others, by name, by part."""
        parts = self.of.convention.parts
        return {name: parts(x, self.answer, self.holes) for name, x in self.others.items()}

    @property
    def judged(self) -> str:
        """The part that a method is to be good at."""
        return WHOLE if self.holes is None else HOLES

    @cached_property
    def best(self) -> str:
        """The classic method with the highest PSNR; "" where there is none."""
        psnr = {n: means(x[self.judged])["psnr"] for n, x in self.parts.items() if n != GIVEN}
        return max(psnr, key=lambda name: psnr[name]) if psnr else ""

    @cached_property
    def agreement(self) -> dict[str, np.ndarray]:
        """`given_mae`: of what the output says of what was given; of the raw output."""
        given = self.real[self.given]
        if self.of.again is not None:
            made = np.asarray(self.of.again(self.output))
            region = np.ones((*given.shape[:3], 1), bool)
            return {"given_mae": region_mae(made, given, region, 255)}
        if self.holes is None or given.shape != self.raw.shape:
            return {}
        return {"given_mae": region_mae(self.raw, given, ~self.holes, 255)}

    @cached_property
    def distances(self) -> dict[str, dict[str, float]]:
        """`fd` of outputs, of what classic methods make, and of real data, to the answers."""
        if self.space is None:
            return {}
        count = len(self.answer)
        sides = {SAMPLES: self.output, **self.others}
        sides["real data"] = self.context.source.read("train", count)[self.makes]
        answer = self._moments(self.answer)
        return {
            name: {"fd": frechet_from_moments(answer, self._moments(x))}
            for name, x in sides.items()
        }

    @cached_property
    def space(self) -> FeatureSpace | None:
        """Of the Frechet distance."""
        if self.of.features is None:
            return None
        return self.of.features.space(self.context.config, self.context.source)

    def _moments(self, images: np.ndarray):
        taps = [self.space.taps(images[at])["features"] for at in batches(len(images), BATCH)]  # pyright: ignore[reportOptionalMemberAccess]
        return moments(np.concatenate([np.asarray(x) for x in taps]))

    @cached_property
    def table(self) -> dict[str, dict[str, dict[str, float | Ranged]]]:
        """By what was scored, then by part: the output, and after post-processing; the others."""
        found: dict[str, dict[str, dict[str, float | Ranged]]] = {
            SAMPLES: {name: _ranged(x) for name, x in self.own.items()}
        }
        for chain in self.of.then:
            made = self.of.convention.parts(self.after(chain), self.answer, self.holes)
            found[SAMPLES] |= {f"{name}, then {chain}": _ranged(x) for name, x in made.items()}
        for name, parts in self.parts.items():
            found[name] = {where: dict(means(x)) for where, x in parts.items()}
        for name, value in self.distances.items():
            if name in found:
                found[name][WHOLE] |= value
        return found

    def after(self, chain: str) -> np.ndarray:
        """The output, post-processed."""
        given = AsGiven()(self.real[self.given], None, self.answer.shape[1:])
        steps = postprocess.parsed(chain)
        return np.stack(
            [
                postprocess.chained(steps, x, like)
                for x, like in zip(self.output, given, strict=True)
            ]
        )

    @property
    def protocol(self) -> dict[str, Any]:
        """All that the numbers depend on."""
        chosen = self.of.classics
        known = {} if chosen is None else {n: _settings(c) for n, c in chosen.items()}
        return {
            "given": self.given,
            **({"holes": self.of.holes} if self.of.holes else {}),
            **self.of.convention.protocol,
            **(self.space.protocol if self.space else {}),
            "classics": "; ".join(
                f"{n}: {known.get(n, 'usual')}" for n in self.others if n != GIVEN
            )
            or "none",
            **({"best classic": self.best} if self.best else {}),
            "real": len(self.answer),
        }

    @property
    def cautions(self) -> tuple[str, ...]:
        """Whether the best classic method does as well."""
        if not self.best:
            return ()
        own, best = (means(x[self.judged])["psnr"] for x in (self.own, self.parts[self.best]))
        if own > best:
            return ()
        return (
            f"where `gain` is not above 0 the method does not beat the classic method "
            f"{self.best!r} (PSNR of the {self.judged})",
        )

    @cached_property
    def strip(self) -> np.ndarray:
        """Rows of all pictures that were given, the output, the best classic method's and the
        answer.
        """
        sides = {"given": self.others[GIVEN], **self.beside, "output": self.output}
        sides |= {self.best: self.others[self.best]} if self.best else {}
        sides["answer"] = self.answer
        shown = np.stack([x[:SHOWN] for x in sides.values()], axis=1)
        return headed(grid(shown.reshape(-1, *shown.shape[2:]), len(sides)), list(sides))


def _ranged(each: Each) -> dict[str, float | Ranged]:
    found: dict[str, float | Ranged] = {}
    for name, x in each.items():
        kept = x[~np.isnan(x)]
        value = float(kept.mean()) if len(kept) else float("nan")
        found[name] = Ranged(value, *bootstrap(np.mean, kept)) if len(kept) > 1 else value
    return found


def _settings(method: Classic) -> str:
    named = dataclasses.is_dataclass(method) and not isinstance(method, type)
    return repr(method) if named else getattr(method, "__name__", type(method).__name__)
