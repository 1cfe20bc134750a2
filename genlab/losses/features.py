"""Losses between the features of two pictures, each `(output, target, key=None)` -> " b",
unreduced. Both are tuples of maps, [b, h, w, c], of the layers of one network; layers count alike.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.losses.pictures import per_picture

Maps = Sequence[Float[Array, "b h w c"]]


def content(output: Maps, target: Maps, key: PRNGKeyArray | None = None) -> Float[Array, " b"]:
    """(phi(y^) - phi(y))^2, the mean over a layer's numbers (Johnson et al. 2016, arXiv:1603.08155,
    Eq. 2; Ledig et al. 2017, arXiv:1609.04802, Eq. 5).
    """
    return _over_layers(lambda a, b: per_picture(jnp.square(a - b)), output, target)


def content_l1(output: Maps, target: Maps, key: PRNGKeyArray | None = None) -> Float[Array, " b"]:
    """|phi(y^) - phi(y)|, the mean over a layer's numbers (Wang et al. 2018, arXiv:1809.00219,
    Section 3.3, before the activation).
    """
    return _over_layers(lambda a, b: per_picture(jnp.abs(a - b)), output, target)


def gram(output: Maps, target: Maps, key: PRNGKeyArray | None = None) -> Float[Array, " b"]:
    """(G(y^) - G(y))^2 summed over pairs of channels, G = F^T F / (h w c) (Johnson et al. 2016,
    arXiv:1603.08155, Eqs. 3 and 4).
    """

    def of_layer(a, b):
        return jnp.square(gram_matrix(a) - gram_matrix(b)).sum((1, 2))

    return _over_layers(of_layer, output, target)


def gram_matrix(maps: Float[Array, "b h w c"]) -> Float[Array, "b c c"]:
    """F^T F / (h w c) over positions."""
    flat = maps.reshape(len(maps), -1, maps.shape[-1])
    products = jnp.einsum("bpi,bpj->bij", flat, flat, precision="highest")
    return products / (flat.shape[1] * flat.shape[2])


def _over_layers(of_layer, output: Maps, target: Maps) -> Float[Array, " b"]:
    if len(output) != len(target):
        raise ConfigError(f"features of {len(output)} and of {len(target)} layers: of one network")
    return sum(
        (of_layer(a, b) for a, b in zip(output, target, strict=True)), jnp.zeros(len(output[0]))
    )
