"""Losses between the colours of two pictures, in CIE Lab; by their path in a comparison:
{"ab_l1": {"fn": "genlab.losses.colour:ab_l1", "weight": 100.0}}.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from genlab.losses.pictures import per_picture
from genlab.nets.colour import AB, to_lab

Pictures = Float[Array, "b h w 3"]


def ab_l1(
    output: Pictures, target: Pictures, key: PRNGKeyArray | None = None
) -> Float[Array, " b"]:
    """|a^ - a| and |b^ - b| over 110, their mean: what pix2pix's colourisation minimises, without
    the lightness that it is given.
    """
    return per_picture(jnp.abs(to_lab(output)[..., 1:] - to_lab(target)[..., 1:]) / AB)
