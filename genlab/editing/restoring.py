"""What is known of a picture, as a distance for inversion: of all pictures that a trained generator
makes, the one that agrees with it (super-resolution: PULSE, Menon et al. 2020, arXiv:2003.03808,
Eq. 3; inpainting: Yeh et al. 2017, arXiv:1607.07539, Eq. 4 with uniform weights).
"""

from functools import cache

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.editing.inversion import Distance, squared


@cache
def when_shrunk(factor: int) -> Distance:
    """Mean squared difference of what is made, as means of blocks of `factor` pixels a side, and a
    picture of that size.

    Raises ConfigError, when it is called, for sizes that do not fit.
    """

    def distance(made: Float[Array, "b f*h f*w c"], small: Float[Array, "b h w c"]):
        wanted = tuple(side * factor for side in small.shape[1:3])
        if made.shape[1:3] != wanted:
            raise ConfigError(
                f"the model makes pictures of {made.shape[1]}x{made.shape[2]}, and small ones of "
                f"{small.shape[1]}x{small.shape[2]} times {factor} are {wanted[0]}x{wanted[1]}: "
                "give another factor"
            )
        return squared(shrunk(made, factor), small)

    return distance


def where_known(made: Float[Array, "b h w c"], seen: Float[Array, "b h w d"]) -> Array:
    """Mean squared difference outside of holes; `seen` is `with_holes`."""
    x, known = seen[..., :-1], 1 - seen[..., -1:]
    area = known.reshape(len(known), -1).mean(-1)
    return squared(known * made, known * x) / jnp.maximum(area, 1e-6)


def with_holes(x: Float[Array, "b h w c"], holes: Float[Array, "b h w 1"]) -> Array:
    """A picture and its holes, 1 where it is missing, in one array."""
    return jnp.concatenate([x, holes.astype(x.dtype)], axis=-1)


def shrunk(x: Float[Array, "b f*h f*w c"], factor: int) -> Float[Array, "b h w c"]:
    """Means of blocks of `factor` pixels a side."""
    b, h, w, c = x.shape
    return x.reshape(b, h // factor, factor, w // factor, factor, c).mean((2, 4))
