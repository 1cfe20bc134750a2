"""What the device thread does: samples of several requests in one call, reconstructions, codes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError
from genlab.game.abilities import Generates, require
from genlab.sampling.conditions import loaded, written
from genlab.sampling.latents import interpolate
from genlab.sampling.load import TrainedRun
from genlab.sampling.request import Conditions, SampleRequest, latents
from genlab.sampling.sampler import Sampler, batches, part
from genlab.web.asked import MOST, STEPS, Ask, Place
from genlab.web.runs import Served

ROWS = 16  # of every call of a generator: one program, whatever is asked together


@dataclass(frozen=True)
class Drawn:
    """Samples, as they are stored, [N, ...], with their conditions as text.

    across: pictures in a row, where rows were asked for; 0 otherwise
    others: how conditions that were not asked for were chosen; beyond: what lies out of the range
    """

    run: TrainedRun
    made: np.ndarray
    conditions: dict[str, list]
    across: int = 0
    others: str = ""
    beyond: str = ""


@dataclass(frozen=True)
class Given:
    """A client's picture, uint8 [H, W, C], with its conditions as text, by column."""

    picture: np.ndarray
    conditions: Mapping[str, str]

    def to(self, ability: Callable) -> Any:
        """What an ability of the run makes of it, [1, ...]."""
        return ability(self.picture[None], **self.conditions)


class Drawing:
    """Samples of one run; its generator is compiled once."""

    def __init__(self, served: Served):
        self.served = served
        self._of: TrainedRun | None = None
        self._samplers: dict[float | None, Sampler] = {}

    def draw(self, asked: Sequence[Ask]) -> list[Drawn | Exception]:
        """The samples of each request, all with one guidance; an exception for one that cannot be.

        A request has the same samples whatever is drawn with it.
        """
        run = self.run()
        ready = [tried(_prepared, run, one) for one in asked]
        good = [one for one in ready if isinstance(one, _Prepared)]
        made = iter(self._made(run, good, asked[0].guidance) if good else ())
        return [next(made) if isinstance(one, _Prepared) else one for one in ready]

    def reconstruct(self, asked: Sequence["Given"]) -> list[np.ndarray | Exception]:
        """Each picture made anew, uint8 [H, W, C], one at a time."""
        run = self.run()
        return [tried(lambda one: np.asarray(one.to(run.reconstruct))[0], one) for one in asked]

    def encode(self, asked: Sequence["Given"]) -> list[np.ndarray | Exception]:
        """The code [D] of each picture."""
        run = self.run()
        return [tried(lambda one: one.to(run.encode)[0], one) for one in asked]

    def run(self) -> TrainedRun:
        """With its newest weights."""
        run = self.served.run()
        if run is not self._of:
            self._of, self._samplers = run, {}
        return run

    def _made(self, run: TrainedRun, ready: list["_Prepared"], guidance: float | None) -> list:
        sampler = self._sampler(run, guidance)
        z = np.concatenate([np.asarray(one.z) for one in ready])
        cond = _joined([one.cond for one in ready])
        full = -len(z) % ROWS
        z = np.concatenate([z, np.repeat(z[-1:], full, axis=0)])
        cond = cond and {
            n: np.concatenate([x, np.repeat(x[-1:], full, 0)]) for n, x in cond.items()
        }
        made = np.concatenate(
            [
                sampler(run.params, run.stats, jnp.asarray(z[at]), part(_on_device(cond), at))
                for at in batches(len(z), ROWS)
            ]
        )
        ends = np.cumsum([len(one.z) for one in ready])
        cut = np.split(made[: ends[-1]], ends[:-1])
        return [one.drawn(run, x) for one, x in zip(ready, cut, strict=True)]

    def _sampler(self, run: TrainedRun, guidance: float | None) -> Sampler:
        if guidance not in self._samplers:
            if len(self._samplers) > 4:  # any number can be asked for, and each is a program
                self._samplers.clear()
            self._samplers[guidance] = Sampler(run.method, run.source, guidance)
        return self._samplers[guidance]


@dataclass(frozen=True)
class _Prepared:
    """The latents and conditions of one request."""

    request: SampleRequest
    z: Array
    cond: Mapping[str, Array] | None
    found: Conditions
    stored: Mapping[str, np.ndarray]

    def drawn(self, run: TrainedRun, made: np.ndarray) -> Drawn:
        texts = written(run.source.columns, self.stored)
        across = self.found.steps or self.request.interpolate or 0
        return Drawn(run, made, texts, across, self.found.others, self.found.beyond)


def _prepared(run: TrainedRun, ask: Ask) -> _Prepared:
    """ConfigError for what the run cannot do."""
    request = ask.request()
    require(run.method, Generates, "sampling")
    found = run.conditions(request)
    many = request.n * (found.steps or request.interpolate or 1)
    if many > MOST * STEPS:
        raise ConfigError(
            f"{many} samples in one answer; {MOST * STEPS} at most: ask for fewer rows"
        )
    stored = dict(found.stored or {})
    if request.interpolate:
        stored = {name: np.repeat(x, request.interpolate, axis=0) for name, x in stored.items()}
    z = _between(run, ask) if ask.between else latents(request, run.method, found.steps)
    return _Prepared(request, z, loaded(run.source, stored) or None, found, stored)


def _between(run: TrainedRun, ask: Ask) -> Array:
    """Latents [STEPS, D] from one sample that was seen to another."""
    latents(ask.request(), run.method)  # refuses what has nothing between
    first, last = (_latent(run, place, ask.truncation) for place in ask.between or ())
    return interpolate(first, last, ask.across or 0)[0]


def _latent(run: TrainedRun, place: Place, truncation: float | None) -> Array:
    """The latent [1, D] of a sample that was seen."""
    if place.index >= place.n:
        raise ConfigError(f"between: index {place.index} of {place.n} samples")
    seen = SampleRequest(n=place.n, seed=place.seed, truncation=truncation)
    return latents(seen, run.method)[place.index][None]


def _joined(conds: Sequence[Mapping[str, Array] | None]) -> dict[str, np.ndarray] | None:
    first = conds[0]
    if first is None:
        return None
    return {n: np.concatenate([np.asarray(c[n]) for c in conds if c is not None]) for n in first}


def _on_device(cond: Mapping[str, np.ndarray] | None) -> dict[str, Array] | None:
    return None if cond is None else {name: jnp.asarray(x) for name, x in cond.items()}


def tried(function, *arguments: Any) -> Any:
    """Its result, or the exception that it raised."""
    try:
        return function(*arguments)
    except Exception as error:
        return error
