"""A number, or a function of the round."""

from collections.abc import Callable

from jax import Array

Weight = float | Array | Callable[[Array], Array]


def at(weight: Weight, step: Array) -> Array | float:
    """A weight's value in round `step`."""
    return weight(step) if callable(weight) else weight
