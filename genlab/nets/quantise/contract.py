"""What every quantiser gives, and how a gradient passes one.

quantiser(z, cond, train)          -> Quantised
quantiser.apply(..., "lookup", codes) -> the vectors of codes, as `Quantised.z`
quantiser.sizes                    -> how many codes there are, for each map of codes
quantiser.weights                  -> the weights of its losses, by name
"""

import sys
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

from genlab.config import choose

Vectors = Float[Array, "b *positions d"]
Codes = tuple[Int[Array, " b *positions"], ...]
SMALLEST = 1e-6  # the length below which a vector has no direction


class Quantised(NamedTuple):
    """z:      what the decoder is given: the vectors of the codes, with a gradient to the encoder
    codes:  maps of codes, each of them given those before it: one, or several of a residual or
            hierarchical quantiser, coarse to fine
    losses: unweighted, by name, one number for each example, or a scalar of the global batch
    """

    z: Vectors
    codes: Codes
    losses: dict[str, Float[Array, "..."]]


def straight_through(z: Vectors, q: Vectors) -> Vectors:
    """q; its gradient goes to z as it is (Bengio et al. 2013, arXiv:1308.3432; van den Oord et al.
    2017, arXiv:1711.00937, Section 3.2).
    """
    return z + lax.stop_gradient(q - z)


def rotation(z: Vectors, q: Vectors) -> Vectors:
    """q = (|q| / |z|) R z, with the R that rotates z to q in their plane; the scale and R are
    constants, so that the gradient at z stands to z as that at q stands to q (Fifty et al. 2024,
    arXiv:2410.06424, Section 4). Straight-through where z or q has no length.
    """
    z_length, q_length = _length(z), _length(q)
    short = jnp.minimum(z_length, q_length) < SMALLEST
    e, f = z / jnp.maximum(z_length, SMALLEST), q / jnp.maximum(q_length, SMALLEST)
    r = (e + f) / jnp.maximum(_length(e + f), SMALLEST)
    scale = q_length / jnp.maximum(z_length, SMALLEST)
    e, f, r, scale = lax.stop_gradient((e, f, r, scale))
    along = lambda axis: (z * axis).sum(-1, keepdims=True)  # noqa: E731
    turned = scale * (z - 2 * along(r) * r + 2 * along(e) * f)
    return straight_through(jnp.where(short, z, turned), q)


def estimator(name: str | Callable) -> Callable[[Vectors, Vectors], Vectors]:
    """A gradient estimator of this module by name, or from outside."""
    return choose(sys.modules[__name__], name)


def per_example(x: Float[Array, "b *positions d"]) -> Float[Array, " b"]:
    """The squared length of the vectors, averaged over the positions of an example."""
    return jnp.square(x).sum(-1).reshape(len(x), -1).mean(-1)


def _length(x: Vectors) -> Float[Array, "b *positions 1"]:
    return jnp.sqrt(jnp.square(x).sum(-1, keepdims=True))
