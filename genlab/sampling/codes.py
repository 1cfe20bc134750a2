"""Codes of a latent (InfoGAN's) as columns, so that they are given and varied as conditions are."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.data.columns import Column, Label, Numbers
from genlab.game import Method
from genlab.game.abilities import HasCodes, can, require


def columns(method: Method) -> dict[str, Column]:
    """The kind of each code by its name: a label of 0 .. K - 1, or a number of -1 .. 1. None for a
    method without codes.
    """
    if not can(method, HasCodes):
        return {}
    return {
        name: Label(tuple(map(str, range(code.at.stop - code.at.start))))
        if code.discrete
        else Numbers((name,), (-1.0,), (1.0,))
        for name, code in require(method, HasCodes, "a code").codes().items()
    }


def with_codes(method: Method, z: Array, asked: Mapping[str, np.ndarray]) -> Array:
    """Latents [N, D] with these values [N, ...] of codes, as stored, in place of those drawn."""
    kinds = columns(method)
    for name, values in asked.items():
        at = require(method, HasCodes, "a code").codes()[name].at
        z = z.at[:, at].set(kinds[name].load(jnp.asarray(values)))
    return z
