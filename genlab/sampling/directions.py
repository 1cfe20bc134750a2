"""Directions of a trained model by their names: `hue`, `category=dress`, `sefa:0`, `ganspace:2`,
`random:1`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Column, Label
from genlab.editing import directions, layers
from genlab.editing.factors import Factor, Measure, Target, factors, target

MOST = 1000  # samples whose activations GANSpace compares


@dataclass(frozen=True, eq=False)
class Population:
    """Samples that directions are found from.

    latents:  [N, D]
    examples: as stored, [N, ...]
    generate: latents under the same conditions, traceable: [B, D] -> examples
    measure:  what is in the examples; called where something asks for it
    kinds:    of the columns measured
    """

    latents: np.ndarray
    examples: np.ndarray
    generate: Callable[[Array], Array]
    measure: Measure | None
    kinds: Mapping[str, Column]

    @cached_property
    def measured(self) -> Mapping[str, np.ndarray]:
        """Columns as stored, [N, ...]; none where nothing measures."""
        return self.measure(self.examples) if self.measure else {}

    @cached_property
    def known(self) -> Mapping[str, Factor]:
        """What is measured of the samples, by name."""
        return factors(self.kinds, self.measured)

    @cached_property
    def units(self) -> dict[str, float]:
        """The mean difference of each factor between unrelated samples."""
        return {name: f.spread(f.of(self.measured)) for name, f in self.known.items()}


class Direction(NamedTuple):
    """A direction in the latent space.

    name:    as it was asked for, with what it keeps
    slopes:  [1, D] of norm 1; [2, D] of a factor with a period, of its cosine and its sine: where
             to depends on where a picture is
    unit:    the standard deviation of latents along it: strengths are in such units
    fit:     R^2 of the regression on samples held out; NaN where there is none
    target:  what it was fitted to change; None where it was found without
    """

    name: str
    slopes: np.ndarray
    unit: float
    fit: float = np.nan
    target: Target | None = None

    def at(self, values: np.ndarray | None) -> np.ndarray:
        """Unit vectors, [D], or [N, D] for pictures with these values [N] of the factor."""
        if len(self.slopes) == 1:
            return self.slopes[0]
        if self.target is None or values is None:
            raise ConfigError(f"direction {self.name!r} depends on what is measured of a picture")
        turn = 2 * np.pi * np.asarray(values)[:, None] / self.target.factor.period
        return directions.unit(np.cos(turn) * self.slopes[1] - np.sin(turn) * self.slopes[0])


def check_name(name: str, known: Mapping[str, Factor] | None = None) -> None:
    """ConfigError for the name of a direction that means nothing, before anything is drawn; for
    factors too where it is `known` which are measured.
    """
    way, colon, number = name.partition(":")
    if way in UNSUPERVISED:
        _number(number, name)
    elif colon and (hint := did_you_mean(way, UNSUPERVISED)):
        raise ConfigError(f"no direction {name!r}{hint}")
    elif known is not None:
        target(known, name)


def found_direction(samples: Population, name: str, keep: Sequence[str] = ()) -> Direction:
    """The direction of a name; `keep`: factors whose directions it is made orthogonal to.

    Raises ConfigError for a name that means nothing here.
    """
    check_name(name)
    way, _, number = name.partition(":")
    wanted = None
    if way in UNSUPERVISED:
        slopes, fit = UNSUPERVISED[way](samples, _number(number, name))[None], np.nan
    else:
        wanted = target(samples.known, name)
        slopes, fit = _fitted(samples, wanted)
    if keep:
        others = np.concatenate([_slopes_of(samples, one) for one in keep])
        slopes = np.stack([directions.conditional(slope, others) for slope in slopes])
    slopes = directions.unit(slopes) if len(slopes) == 1 else slopes
    unit = float(np.std(samples.latents @ directions.unit(slopes).T, axis=0).mean())
    told = f"{name} keeping {', '.join(keep)}" if keep else name
    return Direction(told, slopes, unit, fit, wanted)


def _fitted(samples: Population, wanted: Target) -> tuple[np.ndarray, float]:
    """The slopes of a target, and how linear it is."""
    values = wanted.factor.of(samples.measured)
    if wanted.value is None and (period := wanted.factor.period):
        ends = [wanted._replace(value=value) for value in (0.0, period / 4)]
    else:
        ends = [wanted]
    fits = [directions.supervised(samples.latents, end.score(values)) for end in ends]
    return np.stack([fit.slope for fit in fits]), float(np.mean([fit.fit for fit in fits]))


def _slopes_of(samples: Population, name: str) -> np.ndarray:
    """All slopes of a factor that is to be kept: of a label those of each of its values."""
    factor = samples.known.get(name)
    if factor is None or not isinstance(factor.kind, Label):
        return _fitted(samples, target(samples.known, name))[0]
    there = np.unique(factor.of(samples.measured))
    if len(there) < 2:
        raise ConfigError(f"all samples are of {name}={factor.kind.names[int(there[0])]}")
    return np.concatenate([_fitted(samples, Target(factor, float(value)))[0] for value in there])


def _sefa(samples: Population, number: int) -> np.ndarray:
    a, b = map(jnp.asarray, samples.latents[:2])
    weights = directions.unit_rows(layers.style_matrix(samples.generate, a, b))
    return _chosen(directions.sefa(weights, number + 1), number, "sefa")


def ganspace(samples: Population, count: int) -> np.ndarray:
    """The first `count` of GANSpace's directions, [count, D] or fewer: components of the latents
    where these are unlike one another (w), else of activations.
    """
    z = samples.latents[:MOST]
    spreads = np.linalg.eigvalsh(np.cov(samples.latents.T))
    if spreads[-1] > 4 * spreads[0]:
        return directions.principal(samples.latents, count)
    taken = jax.jit(layers.activations(samples.generate, *map(jnp.asarray, z[:2])))
    return directions.ganspace(z, np.asarray(taken(z)), count)


def _ganspace(samples: Population, number: int) -> np.ndarray:
    return _chosen(ganspace(samples, number + 1), number, "ganspace")


def _random(samples: Population, number: int) -> np.ndarray:
    return directions.random_directions(samples.latents.shape[1], number + 1)[number]


UNSUPERVISED = {"sefa": _sefa, "ganspace": _ganspace, "random": _random}


def _chosen(found: np.ndarray, number: int, way: str) -> np.ndarray:
    if number >= len(found):
        raise ConfigError(f"{way}:{number}: there are {len(found)} directions, from {way}:0")
    return found[number]


def _number(text: str, name: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"{name}: give the direction's number from 0, as {name.split(':')[0]}:0")
    return int(text)
