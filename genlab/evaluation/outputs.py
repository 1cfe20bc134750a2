"""What a method makes of pictures that are given: by whichever ability it has."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from genlab.config import ConfigError
from genlab.data.columns import Column
from genlab.evaluation.context import EvaluationContext
from genlab.game import Method
from genlab.game.abilities import Generates, Reconstructs, Translates, can, require
from genlab.runtime import compiler
from genlab.sampling.conditions import loaded
from genlab.sampling.sampler import batches, part

BATCH = 250


class Way(NamedTuple):
    """How a method makes pictures of others: the ability, the column of what it makes, and whether
    conditions say in which domain, not that column's name.
    """

    by: type
    makes: str
    conditioned: bool = False

    def call(self, method: Any) -> Callable[..., Any]:
        """`(params, stats, x, cond) -> examples` of what translates or reconstructs."""
        if self.by is Reconstructs:
            return method.reconstruct
        return lambda params, stats, x, cond: method.translate(
            params, stats, x, cond if self.conditioned else self.makes
        )


def way(method: Method, given: str, columns: Mapping[str, Column]) -> Way:
    """What a method makes of a column of pictures: it generates from them where it is given them,
    else it translates them, else it reconstructs them. One that translates by conditions takes any
    column of pictures like its own, and makes of it what has the conditions of the answer.
    ConfigError for one that does nothing of it.
    """
    if given in method.given and can(method, Generates):
        return Way(Generates, method.makes)
    if can(method, Translates):
        directions = require(method, Translates, "Restoration").translations()
        for column, made in directions:
            if column == given:
                return Way(Translates, made, conditioned=column == made)
        for column, made in directions:
            like = column == made and columns.get(given) == columns[made]
            if like and given not in method.given:
                return Way(Translates, made, conditioned=True)
    try:
        require(method, Reconstructs, "Restoration")
    except ConfigError as error:
        raise ConfigError(
            f"Restoration: the method is not given {given!r} (it is given "
            f"{', '.join(method.given) or 'nothing'}), nor does it translate it; and {error}"
        ) from None
    return Way(Reconstructs, method.makes)


def outputs(context: EvaluationContext, given: str, real: Mapping[str, np.ndarray]) -> np.ndarray:
    """What the method makes of stored examples, as stored; latents are those of `samples`."""
    method, source = context.method, context.source
    how = way(method, given, source.columns)
    cond = loaded(source, {name: real[name] for name in method.given if name in real}) or None
    count = len(real[given])
    if how.by is Generates:
        z = method.latents(context.stream(), count)
        return context.sampler(context.params, context.stats, z, cond)
    x, call = source.columns[given].load(jnp.asarray(real[given])), how.call(method)
    again = compiler.jit(lambda x, cond: call(context.params, context.stats, x, cond))
    made = [np.asarray(again(x[at], part(cond, at))) for at in batches(count, BATCH)]
    return source.columns[how.makes].store(np.concatenate(made))
