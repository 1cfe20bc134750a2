"""Penalties and regularisers as a config names them: weight, how often, what they remember."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax, random

from genlab.config import ConfigError, choose, did_you_mean
from genlab.losses.penalties import Carried
from genlab.runtime import collectives
from genlab.schedules import Weight


class Term(NamedTuple):
    """One term of a loss.

    fn:     (*what it looks at, *memory) -> (values, memory)
    weight: a number or a schedule of the round
    every:  it is taken in one round of so many, and counts as many times there (lazy
            regularisation: Karras et al. 2020, arXiv:1912.04958, Section 3.1)
    start:  its memory before the first round
    source: the function or `Carried` it is made of
    """

    fn: Callable
    weight: Weight
    every: int
    start: tuple
    source: Callable | Carried


def resolved(module: ModuleType, given: Mapping[str, Any], where: str) -> dict[str, Term]:
    """The terms by name. Each is given as a weight, or as a dict of `weight`, `every`, further
    arguments, and `fn` ("package.module:penalty") for one from outside.

    Raises ConfigError, beginning with `where`, for what it has not got.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where} is {given!r}; give a mapping, as dict(name=weight)")
    return {name: _term(module, name, value, f"{where}.{name}") for name, value in given.items()}


def _term(module: ModuleType, name: str, given: Any, where: str) -> Term:
    arguments = dict(given) if isinstance(given, Mapping) else {"weight": given}
    if "weight" not in arguments:
        raise ConfigError(f"{where} is a dict without `weight`: dict(weight=..., ...)")
    weight, every = arguments.pop("weight"), arguments.pop("every", 1)
    if not isinstance(every, int) or every < 1:
        raise ConfigError(f"{where}.every is {every}: 1 for every round, k for one round in k")
    found = choose(module, arguments.pop("fn", name))
    carried = found if isinstance(found, Carried) else Carried((), _forgetful(found))
    known = inspect.signature(found.fn if isinstance(found, Carried) else found).parameters
    unknown = [argument for argument in arguments if argument not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise ConfigError(f"{where}: no argument {unknown[0]!r}{hint}")
    for argument, one in known.items():
        needed = one.kind is one.KEYWORD_ONLY and one.default is one.empty
        if needed and argument not in arguments:
            raise ConfigError(f"{where} needs `{argument}`: dict(weight=..., {argument}=...)")
    return Term(partial(carried.fn, **arguments), weight, every, carried.start, found)


def _forgetful(fn: Callable) -> Callable:
    return lambda *seen, **arguments: (fn(*seen, **arguments), ())


def started(starts: Mapping[str, tuple]) -> dict[str, tuple]:
    """The memories before the first round, in float32, of those that have any."""
    return {
        name: jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), start)
        for name, start in starts.items()
        if start
    }


def measured(
    terms: Mapping[str, Term], memory: dict, step: Array, key: Array, look: Callable
) -> tuple[dict[str, Array], dict]:
    """(values, memory) of every term; `look(key)` is what a term looks at.

    In rounds where a term is not taken it is zero, and its memory stays.
    """
    values = {}
    for number, (name, term) in enumerate(terms.items(), start=1):
        seen, past = look(random.fold_in(key, number)), memory.get(name, ())

        def taken(past, term=term, seen=seen):
            value, now = term.fn(*seen, *past)
            return collectives.varying((term.every * value, now))

        def left(past, taken=taken):
            value, _ = jax.eval_shape(taken, past)
            return collectives.varying((jnp.zeros(value.shape, value.dtype), past))

        if term.every == 1:
            values[name], now = taken(past)
        else:
            values[name], now = lax.cond(step % term.every == 0, taken, left, past)
        memory = {**memory, name: now} if past else memory
    return values, memory


def weights(*groups: Mapping[str, Term]) -> dict[str, Weight]:
    """Every term's weight by its name."""
    return {name: term.weight for terms in groups for name, term in terms.items()}
