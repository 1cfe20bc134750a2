"""`Restoration`: pictures repaired, enlarged, recoloured by a model against the known answer, with
classic methods in the same table.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from genlab.config import ConfigError
from genlab.data.columns import Image, Mask
from genlab.data.pictures import grid, headed
from genlab.data.sources import Readable
from genlab.evaluation import classics, postprocess
from genlab.evaluation.classics import AsGiven, Classic
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.evaluation.convention import HOLES, WHOLE, Convention, Each, means
from genlab.evaluation.parts import SAMPLES, Ranged
from genlab.features.space import FeatureSpace
from genlab.game import Method
from genlab.game.abilities import Generates, Reconstructs, Translates, can, require
from genlab.metrics.frechet import frechet_from_moments, moments
from genlab.metrics.resampling import bootstrap
from genlab.metrics.restoration import region_mae
from genlab.runtime import compiler
from genlab.sampling.conditions import loaded
from genlab.sampling.sampler import batches, part

SHOWN = 8  # rows of the strip
BATCH = 250
GIVEN = "as given"


@dataclass(frozen=True)
class Restoration:
    """Pictures that a method makes of damaged ones, against what they were before.

    given:      the column of what is damaged; "": the first picture that the method is given
    holes:      the column of what is missing, a mask: there the picture is scored by itself too,
                and around it what was given is put back first; "" for none
    classics:   other methods by name, specs of `evaluation.classics`; None: the usual ones where
                shapes or holes say what is missing, else none
    again:      what makes of a picture what was given of it, uint8 [N, H, W, C] to uint8: then
                `given_mae` says how well outputs agree with that. With holes, of known pixels
    convention: how pictures are compared (`convention.Convention`)
    features:   a feature space, in which `fd` is the Frechet distance of outputs to answers
    then:       post-processing of outputs, a chain after the other, each scored:
                ("unsharp:1", "match:histogram,contrast:1.1")
    samples:    the first so many of the split

    Scores: `psnr`, `ssim`, `mae` (of the range) and what the convention has; `holes_...`, of the
    missing pixels; `gain`, decibels above the classic method with the highest mean PSNR on the very
    pictures (of the holes where there are any), below 0 where it is better. The table "part" has
    them all, with what was given as it is, the floor.
    """

    given: str = ""
    holes: str = ""
    classics: Mapping[str, Classic] | None = None
    again: Callable[[np.ndarray], np.ndarray] | None = None
    convention: Convention = field(default_factory=Convention)
    features: Any = None
    then: tuple[str, ...] = ()
    samples: int = 500

    def __post_init__(self):
        if self.samples < 2:
            raise ConfigError(f"Restoration of {self.samples} pictures; give at least 2")
        for chain in self.then:
            postprocess.parsed(chain)

    @property
    def gives(self) -> tuple[str, ...]:
        """The names of its scores."""
        holes = ("holes_psnr", "holes_ssim", "holes_mae") if self.holes else ()
        given = ("given_mae",) if self.holes or self.again else ()
        fd = ("fd",) if self.features else ()
        return (*self.convention.names, *holes, *given, *fd, "gain")

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError, before anything is trained, for what it cannot score."""
        columns, name = source.columns, self.column(method, source)
        answer = columns[method.makes]
        if not isinstance(answer, Image) or not isinstance(columns.get(name), Image):
            raise ConfigError(
                f"Restoration(given={name!r}) of a method that makes {method.makes!r}: expected "
                f"two columns of pictures; the data have {', '.join(columns)}"
            )
        if self.holes and not isinstance(columns.get(self.holes), Mask):
            raise ConfigError(
                f"Restoration(holes={self.holes!r}): expected a column of masks; the data have "
                f"{', '.join(columns)}"
            )
        if any(a % b for a, b in zip(answer.shape[:2], columns[name].shape[:2], strict=True)):
            raise ConfigError(
                f"Restoration: pictures {columns[name].shape} of {name!r} and answers "
                f"{answer.shape}; expected sides that are whole multiples"
            )
        self.convention.check(answer.shape)
        ability(method, name)

    def column(self, method: Method, source: Readable) -> str:
        """The name of what is damaged."""
        pictures = [n for n in method.given if isinstance(source.columns.get(n), Image)]
        return self.given or next(iter(pictures), method.makes)

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Scores of the first `samples` of the split."""
        self.check(context.method, context.source)
        return Restored(self, context).result()


def ability(method: Method, given: str) -> type:
    """What a method restores pictures by: it generates from them where it is given them, else it
    translates them, else it reconstructs them. ConfigError for one that does nothing of it.
    """
    if given in method.given and can(method, Generates):
        return Generates
    if can(method, Translates):
        return Translates
    try:
        require(method, Reconstructs, "Restoration")
    except ConfigError as error:
        raise ConfigError(
            f"Restoration: the method is not given {given!r} (it is given "
            f"{', '.join(method.given) or 'nothing'}), nor does it translate; and {error}"
        ) from None
    return Reconstructs


def outputs(context: EvaluationContext, given: str, real: Mapping[str, np.ndarray]) -> np.ndarray:
    """What the method makes of stored examples, as stored; latents are those of `samples`."""
    method, source = context.method, context.source
    cond = loaded(source, {name: real[name] for name in method.given}) or None
    by, count = ability(method, given), len(real[given])
    if by is Generates:
        z = method.latents(context.stream(), count)
        return context.sampler(context.params, context.stats, z, cond)
    x = source.columns[given].load(jnp.asarray(real[given]))
    run = method.translate if by is Translates else method.reconstruct
    again = compiler.jit(lambda x, cond: run(context.params, context.stats, x, cond))
    made = [np.asarray(again(x[at], part(cond, at))) for at in batches(count, BATCH)]
    return context.column.store(np.concatenate(made))


@dataclass(frozen=True, eq=False)
class Restored:
    """One evaluation by `Restoration`."""

    of: Restoration
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
        return self.real[self.context.method.makes]

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
        makes, count = self.context.method.makes, len(self.answer)
        sides = {SAMPLES: self.output, **self.others}
        sides["real data"] = self.context.source.read("train", count)[makes]
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
        """Rows of what was given, the output, the best classic method's and the answer."""
        sides = {"given": self.others[GIVEN], "output": self.output}
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
