"""What is to be drawn from a trained run: how many, of which conditions, from which latents."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError, check_seed
from genlab.data.columns import Column, first_label
from genlab.data.columns.column import Bounded, Varies
from genlab.data.sources import Readable
from genlab.game import Method
from genlab.game.abilities import HasCodes, can, require
from genlab.sampling import codes
from genlab.sampling.conditions import Stored, as_in_data, asked, conditioned, spread
from genlab.sampling.latents import interpolate, truncated

STREAM = 79  # latents drawn on request, apart from training's and evaluation's


class Vary(NamedTuple):
    """A condition, or a code of the latent, that goes from `start` to `stop` along each row of
    pictures, as text.

    start, stop: None: the range of the data; steps: None: 9. A label goes through all its names
    """

    column: str
    start: str | None = None
    stop: str | None = None
    steps: int | None = None


class SampleRequest(NamedTuple):
    """What to draw.

    label:       this one for all (models given a label), its name or number; None: all in turn
    given:       the same for any column given, by name, as text: {"hue": "0.3"}; for a code of the
                 latent likewise: {"code0": "3"}
    truncation:  latents within +- this; None: the prior
    interpolate: pictures between each pair of latents, in rows of this many; None: none
    vary:        the condition that goes along the rows, of which there are `n`, each with one
                 latent and other conditions that stay as they are
    guidance:    s of G(z, null) + s (G(z, c) - G(z, null)); None: G(z, c)
    """

    n: int = 64
    seed: int = 0
    label: str | int | None = None
    given: Mapping[str, str] = {}
    truncation: float | None = None
    interpolate: int | None = None
    formats: tuple[str, ...] = ("grid",)
    vary: Vary | None = None
    guidance: float | None = None


class Conditions(NamedTuple):
    """The conditions of the samples asked for.

    stored: by column, as stored; None for a method that is given nothing
    steps:  pictures in each row along which one condition varies; 0 where none does
    others: how those that the request does not name were chosen; "" where it names all or none
    beyond: what was asked for out of the range of the data; "" for nothing
    codes:  of the latent, by name, as stored, those that the request names
    """

    stored: Stored | None
    steps: int = 0
    others: str = ""
    beyond: str = ""
    codes: Mapping[str, np.ndarray] = MappingProxyType({})


def conditions(
    request: SampleRequest, method: Method, source: Readable, kept: Mapping[str, np.ndarray]
) -> Conditions:
    """The stored conditions of the samples asked for; ConfigError for those that cannot be.

    kept: training rows of the columns given, for those that the request does not name; without
          rows their labels come in turn, their numbers in even steps
    """
    check_seed(request.seed)
    own = codes.columns(method)
    kinds, given = {**source.columns, **own}, (*method.given, *own)
    fixed = asked(kinds, given, _texts(request, method, source))
    along = {} if request.vary is None else _varied(request, kinds, given, fixed)
    if not fixed and not along:
        return Conditions(spread(method, source, request.n))
    steps = len(next(iter(along.values()), ()))
    rest = [name for name in method.given if name not in fixed and name not in along]
    found, others = _others(request, method, source, rest, fixed, kept)
    found |= {name: np.broadcast_to(x, (request.n, *x.shape)) for name, x in fixed.items()}
    if along:
        found = {name: np.repeat(x, steps, axis=0) for name, x in found.items()}
        found |= {name: np.concatenate([x] * request.n) for name, x in along.items()}
    beyond = _beyond(kinds, {name: found[name] for name in [*fixed, *along]})
    stored = {name: found[name] for name in method.given} or None
    coded = {name: found[name] for name in own if name in found}
    return Conditions(stored, steps, others, beyond, coded)


def _texts(request: SampleRequest, method: Method, source: Readable) -> dict[str, str]:
    """What the request gives, by column; ConfigError for a label without a column of labels."""
    texts = dict(request.given)
    if request.label is None:
        return texts
    name = first_label({name: source.columns[name] for name in method.given})
    if name is None:
        raise ConfigError(f"--label={request.label}, but the model is not conditional on any label")
    if name in texts:
        raise ConfigError(
            f"--label={request.label} and {name}={texts[name]} are two values of one column: give "
            "one of them"
        )
    return {**texts, name: str(request.label)}


def _varied(
    request: SampleRequest,
    columns: Mapping[str, Column],
    given: tuple[str, ...],
    fixed: Mapping[str, np.ndarray],
) -> Stored:
    """The values along a row."""
    name, start, stop, steps = request.vary or Vary("")
    column = conditioned(columns, given, name, f"--vary={name}")
    if not isinstance(column, Varies):
        raise ConfigError(f"--vary={name}: a column of this kind cannot be varied in steps")
    if name in fixed:
        raise ConfigError(f"--vary={name}: {name!r} has a value of its own too; leave that out")
    if request.interpolate:
        raise ConfigError(
            f"--vary={name} keeps the latent of a row, and --interpolate changes it: give one"
        )
    try:
        return {name: column.steps(start, stop, steps)}
    except ConfigError as error:
        raise ConfigError(f"--vary={name}: {error}") from error.__cause__


def _others(
    request: SampleRequest,
    method: Method,
    source: Readable,
    names: list[str],
    fixed: Mapping[str, np.ndarray],
    kept: Mapping[str, np.ndarray],
) -> tuple[Stored, str]:
    """The conditions that a request does not name, and how they were chosen, in words."""
    found, told = {}, []
    drawn = [name for name in names if name in kept]
    if drawn:
        rows = {name: x for name, x in kept.items() if name in drawn or name in fixed}
        found, whose = as_in_data(source.columns, rows, fixed, request.n, request.seed)
        told.append(f"{', '.join(drawn)} from {whose}")
    if rest := [name for name in names if name not in found]:
        found |= spread(method, source, request.n, rest) or {}
        told.append(f"{', '.join(rest)} in turn")
    return found, "; ".join(told)


def _beyond(columns: Mapping[str, Column], stored: Stored) -> str:
    kinds = {name: columns[name] for name in stored}
    told = [kind.beyond(stored[n]) for n, kind in kinds.items() if isinstance(kind, Bounded)]
    return "; ".join(filter(None, told))


def latents(
    request: SampleRequest,
    method: Method,
    steps: int = 0,
    coded: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> Array:
    """The latents asked for, [n, D]; with `interpolate` those between pairs, row after row; with
    `steps` each that many times; with the values of codes that are `coded`. ConfigError for a seed
    that no generator takes, and for latents with codes between which there is nothing.
    """
    check_seed(request.seed)
    if can(method, HasCodes) and (request.truncation or request.interpolate):
        raise ConfigError(
            "truncation and interpolation are of latents from N(0, I), and this model's have codes "
            f"({', '.join(require(method, HasCodes, 'a latent').codes())}): leave both out"
        )
    key = random.fold_in(random.key(request.seed), STREAM)
    z = method.latents(key, 2 * request.n if request.interpolate else request.n)
    if request.truncation is not None:
        z = truncated(key, z.shape, request.truncation)
    if request.interpolate:
        between = interpolate(z[: request.n], z[request.n :], request.interpolate)
        z = jnp.reshape(between, (-1, z.shape[-1]))
    z = jnp.repeat(z, steps, axis=0) if steps else z
    return codes.with_codes(method, z, coded)
