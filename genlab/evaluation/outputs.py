"""What a method makes of pictures that are given: by whichever ability it has."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from genlab.config import ConfigError
from genlab.evaluation.context import EvaluationContext
from genlab.game import Method
from genlab.game.abilities import Generates, Reconstructs, Translates, can, require
from genlab.runtime import compiler
from genlab.sampling.conditions import loaded
from genlab.sampling.sampler import batches, part

BATCH = 250


class Way(NamedTuple):
    """How a method makes pictures of others: the ability, and the column of what it makes."""

    by: type
    makes: str

    def call(self, method: Any, given: str) -> Callable[..., Any]:
        """`(params, stats, x, cond) -> examples` of what translates or reconstructs."""
        if self.by is Reconstructs:
            return method.reconstruct
        named = self.makes != given
        return lambda params, stats, x, cond: method.translate(
            params, stats, x, self.makes if named else cond
        )


def way(method: Method, given: str) -> Way:
    """What a method makes of a column of pictures: it generates from them where it is given them,
    else it translates them, else it reconstructs them. ConfigError for one that does nothing of it.
    """
    if given in method.given and can(method, Generates):
        return Way(Generates, method.makes)
    if can(method, Translates):
        for column, made in require(method, Translates, "Restoration").translations():
            if column == given:
                return Way(Translates, made)
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
    method, source, how = context.method, context.source, way(context.method, given)
    cond = loaded(source, {name: real[name] for name in method.given if name in real}) or None
    count = len(real[given])
    if how.by is Generates:
        z = method.latents(context.stream(), count)
        return context.sampler(context.params, context.stats, z, cond)
    x, call = source.columns[given].load(jnp.asarray(real[given])), how.call(method, given)
    again = compiler.jit(lambda x, cond: call(context.params, context.stats, x, cond))
    made = [np.asarray(again(x[at], part(cond, at))) for at in batches(count, BATCH)]
    return source.columns[how.makes].store(np.concatenate(made))
