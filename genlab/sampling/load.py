"""`genlab.load`: a trained run as one object. Its folder is enough: neither the data nor the
devices it was trained with are needed.
"""

import contextlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from ml_collections import ConfigDict

from genlab.config import ConfigError, build, check_seed, live
from genlab.config.experiment import Experiment, written
from genlab.data.columns import Column
from genlab.editing.inversion import Optimisation
from genlab.game import Method
from genlab.game.abilities import Encodes, Generates, Reconstructs, require
from genlab.report import reading
from genlab.report.figures.panels import losses
from genlab.runs import kept_code, saved, user_code
from genlab.runs.folder import RunFolder
from genlab.runs.log import Log
from genlab.runtime import compiler
from genlab.sampling.batch_norm import as_evaluated
from genlab.sampling.conditions import asked, conditioned, loaded, typed
from genlab.sampling.directions import Direction
from genlab.sampling.editor import STRENGTHS, Edited, Editor, Inverted
from genlab.sampling.notebook import Examples, page
from genlab.sampling.request import Conditions, SampleRequest, Vary, conditions, latents
from genlab.sampling.sampler import Sampler
from genlab.sampling.selection import Selection
from genlab.sampling.translator import Translator
from genlab.train.kept_data import KeptData

Step = int | Literal["last"] | None
SO_FAR = "last so far"


def load(
    workdir: str | Path,
    step: Step = None,
    experiment: ConfigDict | Experiment | None = None,
) -> "TrainedRun":
    """A trained run, with the weights that `evaluate` scores: of the best checkpoint by validation
    where `loop.best` names a score, else of the newest. While it trains, and after a kill until it
    goes on, always of the newest; its `chosen` and what it prints say which.

    step: the round whose weights are read; "last" for the newest
    experiment: of a run that was made with objects of another process (see `spec`), what it was
        made of: these objects are taken from it. Without it the run has its weights and its logs,
        and ConfigError says so where the method is needed.

    Raises ConfigError where there is no run, or no checkpoint of it, and for another experiment.
    """
    folder = RunFolder.at(workdir)
    config = folder.standalone
    if experiment is not None:
        _lend(folder, config, written(experiment))
    run = TrainedRun(folder, config, KeptData(folder), _weights(folder, config.loop, step))
    if all(live.here(node) for _, node in live.found(config.method)):
        _ = run.method, run.stats  # what is wrong with them is said now
    return run


def _weights(folder: RunFolder, loop: ConfigDict, step: Step) -> saved.Weights:
    if folder.trains and not saved.rounds(folder.checkpoints):
        first = min(loop.checkpoint_every or loop.steps, loop.steps)
        told = f"{folder.path} has no checkpoint yet: the first comes with round {first}"
        raise ConfigError(f"{told}, unless the process that trained it was killed")
    best = loop.best
    so_far = bool(best) and step is None and folder.trains
    at = None if step == "last" else step
    found = saved.read(folder.checkpoints, "" if so_far or step == "last" else best, at)
    return found._replace(chosen=SO_FAR) if so_far and found.chosen == "last" else found


def _lend(folder: RunFolder, config: ConfigDict, experiment: ConfigDict) -> None:
    """Takes the objects that the run was made with from an experiment that has them.

    Raises ConfigError where they are others.
    """
    skipped = live.unlike(experiment)
    changed = kept_code.changes_of(folder.path, experiment, folder.ingredients)
    changed = [c for c in changed if user_code.is_live(c.file) and c.file not in skipped]
    if changed:
        told = f"{folder.path} was made with other objects than this experiment has"
        raise ConfigError(f"{told}: {kept_code.listed(changed)}")
    for one in live.lend(config, experiment):
        told = f"{folder.path}: {one} cannot be compared with what the run was made with, and is"
        warnings.warn(f"{told} taken as it is given", stacklevel=3)


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A run read back.

    config:  with networks of other runs as this folder keeps them
    source:  the data's columns; the data are opened where examples are asked for
    weights: of its checkpoint, which are also its `step`, `chosen` and `params`
    """

    folder: RunFolder
    config: ConfigDict
    source: KeptData
    weights: saved.Weights

    @property
    def step(self) -> int:
        """The round that the weights are of."""
        return self.weights.step

    @property
    def chosen(self) -> str:
        """How that checkpoint was chosen: "best validation SCORE", "last", "round N", or "last so
        far" of a run that trains and whose best counts when it has ended.
        """
        return self.weights.chosen

    @property
    def params(self) -> dict:
        """By network, moving averages where there are any."""
        return self.weights.params

    @cached_property
    def method(self) -> Method:
        """The method of its config."""
        return build(self.config.method)

    @cached_property
    def stats(self) -> dict:
        """By network, then by collection, as they are evaluated."""
        return as_evaluated(self.config, self.method, self.source, self.params, self.weights.stats)

    @property
    def scores(self) -> list[dict]:
        """The rows of every evaluation, oldest first, with `scores` and `protocol`."""
        return self.folder.rows("evals.jsonl")

    @property
    def metrics(self) -> Log:
        """The training log as it is now: `metrics["gen/loss"]` by round `metrics["step"]`, rows by
        number. While the run trains keep one reading, else two columns may differ in length.
        """
        return Log(self.folder.rows("metrics.jsonl"))

    def sample(
        self,
        n: int = 16,
        label: str | int | None = None,
        seed: int = 0,
        truncation: float | None = None,
        given: Mapping[str, Any] = MappingProxyType({}),
        guidance: float | None = None,
        by: Selection | None = None,
        **columns: Any,
    ) -> Examples:
        """`n` samples as they are stored (uint8 [n, H, W, C] for images), those that `genlab
        sample` draws. Conditions in turn, or all of one `label` (its name or number), or of one
        value of any column, by name: `given={"category": "dress"}` or `category="dress"`; the
        others then are those of training rows. `guidance` as in `sampler.guided`; `by`
        selects samples by a reward: `selection.BestOf(reward, 8)`, `selection.Rejection(reward)`.

        Raises ConfigError for conditions that the method does not have; warns of values out of the
        range of the data.
        """
        texts = _texts({**given, **columns})
        request = SampleRequest(n, seed, label, texts, truncation, guidance=guidance)
        drawn = self.drawn(request) if by is None else by(self, request).drawn
        return self._examples(drawn[self.method.makes])

    def vary(
        self,
        column: str,
        ends: tuple[Any, Any] = (None, None),
        steps: int | None = None,
        n: int = 4,
        seed: int = 0,
        truncation: float | None = None,
        given: Mapping[str, Any] = MappingProxyType({}),
        guidance: float | None = None,
    ) -> Examples:
        """`n` rows of samples [n, steps, ...] along which one condition, or a code of the latent,
        goes from one of the `ends` to the other (None: of the range of the data), or through all
        names of a label; a row has one latent, and one value of every other condition. Otherwise as
        `sample`.
        """
        first, last = (None if end is None else typed(end) for end in ends)
        along = Vary(column, first, last, steps)
        request = SampleRequest(
            n, seed, None, _texts(given), truncation, vary=along, guidance=guidance
        )
        made = self.drawn(request)[self.method.makes]
        return self._examples(made.reshape(n, -1, *made.shape[1:]))

    def conditions(self, request: SampleRequest) -> Conditions:
        """The conditions of the samples asked for; ConfigError for those that cannot be."""
        return conditions(request, self.method, self.source, self.source.conditions)

    def drawn(
        self, request: SampleRequest, found: Conditions | None = None
    ) -> dict[str, np.ndarray]:
        """What was asked for, as it is stored: what the method makes, then its conditions and the
        codes asked for, which are `found` where they are known already.
        """
        require(self.method, Generates, "sampling")
        stored, steps, _, beyond, codes = self.conditions(request) if found is None else found
        if beyond:
            warnings.warn(f"{beyond}, the range of the data: extrapolation", stacklevel=3)
        if request.interpolate and stored:
            stored = {name: np.repeat(x, request.interpolate, axis=0) for name, x in stored.items()}
        z, cond = latents(request, self.method, steps, codes), loaded(self.source, stored)
        made = self._sampler(request.guidance)(self.params, self.stats, z, cond)
        return {self.method.makes: made, **(stored or {}), **codes}

    def encode(self, x: np.ndarray | Array, **given) -> np.ndarray:
        """The codes [N, D] of examples `x` [N, ...], stored (uint8 images) or as networks take
        them; the means where codes are distributions. `given`: the columns that the method is
        given, stored values [N, ...] or one for all.
        """
        require(self.method, Encodes, "encode")
        return np.asarray(self._compiled("encode")(*self._inputs(x, given)))

    def reconstruct(self, x: np.ndarray | Array, **given) -> Examples:
        """What the method makes anew of examples `x`, as it is stored."""
        require(self.method, Reconstructs, "reconstruct")
        made = self._compiled("reconstruct")(*self._inputs(x, given))
        return self._examples(self.source.columns[self.method.makes].store(np.asarray(made)))

    def translate(
        self, x: np.ndarray | Array, to: str = "", of: str = "", seed: int = 0, **given: Any
    ) -> Examples:
        """What the model makes of pictures `x` [N, ...] of the column `of`, in the column `to`:
        repaired, coloured, enlarged, translated, restyled; "" for the first way there is
        (`translator.ways`). `given`: as in `encode`, whatever else the model is given, other
        pictures among it. A mask (bool [N, H, W, 1]) says what is missing; the rest of `x` stays.

        Raises ConfigError for a model that makes nothing of pictures, for a way that there is not,
        and for columns that are missing.
        """
        check_seed(seed)
        way = self.translator.way(of, to)
        self._complete(given, self.translator.needed(way))
        made = self.translator.made(way, x, self._stored(given, len(x)), seed)
        return Examples.of(made, self.source.columns[way.to])

    def invert(
        self,
        x: np.ndarray | Array,
        space: str = "z",
        settings: Optimisation | None = None,
        start: np.ndarray | Array | None = None,
        seed: int = 0,
        **given: Any,
    ) -> Inverted:
        """The latents from which the model makes examples `x`: see `Editor.invert`. `given`: as in
        `encode`; a column that is missing is found with the latents.
        """
        stored = self._stored(given, len(x))
        return self.editor.invert(x, stored, space, settings, start, seed=seed)

    def directions(
        self, *names: str, space: str = "z", keep: Sequence[str] = ()
    ) -> dict[str, Direction]:
        """Directions by their names: "hue", "category=dress", "sefa:0", "ganspace:0", "random:0";
        see `Editor.direction`.
        """
        return {name: self.editor.direction(name, space, keep) for name in names}

    def edit(
        self,
        x: Inverted | np.ndarray | Array,
        direction: Direction | str,
        by: Sequence[float] = STRENGTHS,
        space: str = "z",
        **given: Any,
    ) -> Edited:
        """Examples, inverted before or now, along a direction: see `Editor.edit`."""
        found = x if isinstance(x, Inverted) else self.invert(x, space, **given)
        if isinstance(direction, str):
            direction = self.editor.direction(direction, found.space)
        return self.editor.edit(found, direction, by)

    @cached_property
    def translator(self) -> Translator:
        """What makes pictures of pictures: its `ways` are what it can."""
        return Translator(self.method, self.source, self.params, self.stats)

    @cached_property
    def editor(self) -> Editor:
        """What inverts and edits, measured by the data's exact decoder, if they have one; by
        another function: `editor.with_measure`.
        """
        return Editor(self.method, self.source, self.params, self.stats)

    def _examples(self, stored: np.ndarray) -> Examples:
        return Examples.of(stored, self.source.columns[self.method.makes])

    def _complete(self, given: Mapping, needed: Sequence[str]) -> None:
        if missing := [name for name in needed if name not in given]:
            raise ConfigError(
                f"the model is given {', '.join(needed)} with each example: give "
                f"{', '.join(missing)} too, as {missing[0]}=..."
            )

    def _inputs(self, x: np.ndarray | Array, given: Mapping) -> tuple:
        self._complete(given, self.method.given)
        cond = loaded(self.source, self._stored(given, len(x))) or None
        x = self.source.columns[self.method.makes].load(jnp.asarray(x))
        return self.params, self.stats, x, cond

    def _stored(self, given: Mapping, n: int) -> dict[str, np.ndarray]:
        """Conditions of `n` examples, as stored, from values of each, one for all, or texts."""
        texts = {name: value for name, value in given.items() if isinstance(value, str)}
        values = {**given, **asked(self.source.columns, self.method.given, texts)}
        kinds = {name: self._condition(name, values[name]) for name in values}
        return {n_: np.broadcast_to(values[n_], (n, *kind.stored)) for n_, kind in kinds.items()}

    def _condition(self, name: str, value: Any) -> Column:
        return conditioned(self.source.columns, self.method.given, name, f"{name}={value}")

    def _compiled(self, ability: str) -> Any:
        if ability not in self._programs:
            self._programs[ability] = compiler.jit(getattr(self.method, ability))
        return self._programs[ability]

    @cached_property
    def _programs(self) -> dict[str, Any]:
        return {}

    def _sampler(self, guidance: float | None) -> Sampler:
        if guidance not in self._samplers:
            self._samplers[guidance] = Sampler(self.method, self.source, guidance)
        return self._samplers[guidance]

    @cached_property
    def _samplers(self) -> dict[float | None, Sampler]:
        return {}

    def _repr_html_(self) -> str:
        """For a notebook: what it is, 16 samples, the last scores, the losses."""
        picture, curves = None, []
        with contextlib.suppress(ConfigError, OSError):  # it makes nothing, or needs the data
            picture = self.sample(16)._repr_png_()
        with contextlib.suppress(ConfigError, OSError):
            curves = losses(reading.read(self.folder.path))
        return page(repr(self)[1:-1], self.scores, picture, curves)

    def __repr__(self) -> str:
        sizes = {n: sum(x.size for x in jax.tree.leaves(p)) for n, p in self.params.items()}
        held = live.listed(self.config)
        told = f", made with objects of a process, not of its folder alone: {held}" if held else ""
        return f"<{self.folder.path}, round {self.step} ({self.chosen}): {sizes}{told}>"


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: typed(value) for name, value in given.items()}
