"""Conditions: the columns a network is given beside its input, by name, as floats, labels one-hot.

A condition that is dropped, in training or for guidance, is a row of zeros; a model trained so is
given one more column, `GIVEN`: 1 where an example has its conditions, 0 where it has not.

Vector-like columns, "b d", are joined into one vector, picture-like ones, "b h w c", along the
channels, both in the order of their names. Widths come from shapes, so that no network is told
how many classes there are, and soft or mixed labels cost nothing.
"""

import re
from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError

Conditions = Mapping[str, Float[Array, "b ..."]]
GIVEN = "conditions given"  # no column's name


def is_code(name: str) -> bool:
    """Whether a column is a code of the latent (InfoGAN): code0, code1, ..."""
    return re.fullmatch(r"code\d+", name) is not None


def vector(cond: Conditions | None) -> Float[Array, "b d"] | None:
    """The vector-like columns side by side; None where there are none."""
    given = cond or {}
    found = [given[name] for name in sorted(given) if given[name].ndim == 2]
    return jnp.concatenate(found, axis=-1) if found else None


def pictures(cond: Conditions | None) -> Float[Array, "b h w c"] | None:
    """The picture-like columns along the channels; None where there are none.

    Raises ConfigError for pictures of unlike sizes.
    """
    given = cond or {}
    found = {name: given[name] for name in sorted(given) if given[name].ndim == 4}
    if len({x.shape[1:3] for x in found.values()}) > 1:
        sizes = ", ".join(f"{name} {x.shape[1]}x{x.shape[2]}" for name, x in found.items())
        raise ConfigError(f"the given pictures are of unlike sizes ({sizes}): resize the data")
    return jnp.concatenate(list(found.values()), axis=-1) if found else None


def picture(
    x: Float[Array, "b h w d"], cond: Conditions | None, channels: int
) -> Float[Array, "b h w c"]:
    """Of all that a trunk across is given, `x`, the picture that it repairs: the first column of so
    many channels, by its name; the first channels of `x` where there is none, or no name.
    """
    given = cond or {}
    fits = [given[n] for n in sorted(given) if given[n].shape == (*x.shape[:-1], channels)]
    return fits[0].astype(x.dtype) if fits else x[..., :channels]


def needed(cond: Conditions | None, who: str) -> Float[Array, "b d"]:
    """The joined vector of a network that cannot do without; ConfigError where there is none."""
    found = vector(cond)
    if found is None:
        raise ConfigError(
            f"{who} depends on a label or on numbers, and is given none: name the columns in the "
            'method\'s `given`, as given=("label",), or use a part without them'
        )
    return found
