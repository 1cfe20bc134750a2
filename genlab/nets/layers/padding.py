"""Padding by reflection, for convolutions that should not see a border of zeros."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError


def reflected(x: Float[Array, "b h w c"], pad: int) -> Float[Array, "b h+2p w+2p c"]:
    """`x` with `pad` pixels around it, mirrored in its outermost ones.

    Raises ConfigError for pictures too small to be mirrored so far.
    """
    if min(x.shape[1:3]) <= pad:
        raise ConfigError(
            f"maps of {x.shape[1]}x{x.shape[2]} cannot be reflected by {pad} pixels: enlarge the "
            'pictures, or set padding="zeros"'
        )
    return jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect") if pad else x
