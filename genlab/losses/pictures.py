"""Losses between two pictures, each `(output, target, key=None)` -> " b", unreduced: the mean over
the numbers of one picture, so that a weight means the same at every size. Pictures are as networks
see them, in [-1, 1]. Weights are applied by `losses.total`.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

Pictures = Float[Array, "b h w c"]


def l1(output: Pictures, target: Pictures, key: PRNGKeyArray | None = None) -> Float[Array, " b"]:
    """|y^ - y|, whose minimum is the median (Isola et al. 2017, arXiv:1611.07004, Eq. 3; weight 100
    there).
    """
    return per_picture(jnp.abs(output - target))


def l2(output: Pictures, target: Pictures, key: PRNGKeyArray | None = None) -> Float[Array, " b"]:
    """(y^ - y)^2, whose minimum is the mean (Pathak et al. 2016, arXiv:1604.07379, Eq. 1; weight
    0.999 there).
    """
    return per_picture(jnp.square(output - target))


def per_picture(values: Float[Array, " b *shape"]) -> Float[Array, " b"]:
    """The mean over the numbers of each picture."""
    return values.reshape(len(values), -1).mean(-1)
