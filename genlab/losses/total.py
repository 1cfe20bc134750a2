"""One scalar from named terms: the only place where losses are weighed and averaged."""

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from genlab.schedules import Weight, at


def total(
    terms: Mapping[str, Float[Array, "..."]], weights: Mapping[str, Weight], step: Int[Array, ""]
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """sum of weight x mean(term), and `{"loss": ..., term: mean, ...}` with every term logged
    unweighted, by its name. Where a scheduled weight is not finite, the weight is logged instead.

    A weight is a number or an optax schedule of the round `step`; without one it is 1.
    Raises ValueError for a weight that has no term.
    """
    unknown = [name for name in weights if name not in terms]
    if unknown:
        raise ValueError(f"a weight for {unknown[0]!r}, but the terms are {', '.join(terms)}")
    means = {name: jnp.mean(term.astype(jnp.float32)) for name, term in terms.items()}
    weighed = {name: at(weights.get(name, 1.0), step) for name in means}
    loss = sum((weighed[name] * value for name, value in means.items()), jnp.zeros(()))
    logged = {
        name: jnp.where(jnp.isfinite(weighed[name]), value, weighed[name])
        if callable(weights.get(name))
        else value
        for name, value in means.items()
    }
    return loss, {"loss": loss, **logged}
