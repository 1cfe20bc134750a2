"""Losses between the features of two pictures, each `(output, target, key=None)` -> " b",
unreduced. Both are tuples of maps, [b, h, w, c], of the layers of one network.

`layers` are the layers' weights, one for each; None where they count alike.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.losses.pictures import per_picture

Maps = Sequence[Float[Array, "b h w c"]]
Layers = Sequence[float] | None


def content(
    output: Maps, target: Maps, key: PRNGKeyArray | None = None, layers: Layers = None
) -> Float[Array, " b"]:
    """(phi(y^) - phi(y))^2, the mean over a layer's numbers (Johnson et al. 2016, arXiv:1603.08155,
    Eq. 2; Ledig et al. 2017, arXiv:1609.04802, Eq. 5).
    """
    return _over_layers(lambda a, b: per_picture(jnp.square(a - b)), output, target, layers)


def content_l1(
    output: Maps, target: Maps, key: PRNGKeyArray | None = None, layers: Layers = None
) -> Float[Array, " b"]:
    """|phi(y^) - phi(y)|, the mean over a layer's numbers (Wang et al. 2018, arXiv:1809.00219,
    Section 3.3, before the activation).
    """
    return _over_layers(lambda a, b: per_picture(jnp.abs(a - b)), output, target, layers)


def gram(
    output: Maps, target: Maps, key: PRNGKeyArray | None = None, layers: Layers = None
) -> Float[Array, " b"]:
    """(G(y^) - G(y))^2 summed over pairs of channels, G = F^T F / (h w c) (Johnson et al. 2016,
    arXiv:1603.08155, Eqs. 3 and 4). A quarter of it is E_l of Gatys et al. 2015, arXiv:1508.06576,
    Eq. 4. The pictures may be of two sizes.
    """

    def of_layer(a, b):
        return jnp.square(gram_matrix(a) - gram_matrix(b)).sum((1, 2))

    return _over_layers(of_layer, output, target, layers)


def gram_l1(
    output: Maps, target: Maps, key: PRNGKeyArray | None = None, layers: Layers = None
) -> Float[Array, " b"]:
    """|G(y^) - G(y)|, the mean over pairs of channels, G as in `gram` (Liu et al. 2018,
    arXiv:1804.07723, Section 3.3).
    """
    return _over_layers(
        lambda a, b: per_picture(jnp.abs(gram_matrix(a) - gram_matrix(b))), output, target, layers
    )


def statistics(
    output: Maps, target: Maps, key: PRNGKeyArray | None = None, layers: Layers = None
) -> Float[Array, " b"]:
    """(mu(y^) - mu(y))^2 + (sigma(y^) - sigma(y))^2, the mean over channels, mu and sigma mean and
    standard deviation over positions: AdaIN's style loss (Huang & Belongie 2017, arXiv:1703.06868,
    Eq. 13, there with norms; the authors' code has squares, summed over channels). The pictures may
    be of two sizes.
    """

    def of_layer(a, b):
        (mean_a, std_a), (mean_b, std_b) = moments(a), moments(b)
        return per_picture(jnp.square(mean_a - mean_b) + jnp.square(std_a - std_b))

    return _over_layers(of_layer, output, target, layers)


def patch_nce(
    output: Sequence[Float[Array, "b n d"]],
    target: Sequence[Float[Array, "b n d"]],
    key: PRNGKeyArray | None = None,
    layers: Layers = None,
    temperature: float = 0.07,
) -> Float[Array, " b"]:
    """-log softmax_j (q_i . k_j / temperature) at j = i, the mean over places i and over layers: a
    place q of the output is to be found among the places k of the input (Park et al. 2020,
    arXiv:2007.15651, Eqs. 2 and 3). The input's features are constants, as in the authors' code.

    Both are unit vectors of the same places of each layer, not whole maps.
    """

    def of_layer(queries, keys):
        products = jnp.einsum("bid,bjd->bij", queries, lax.stop_gradient(keys), precision="highest")
        log_p = jax.nn.log_softmax(products / temperature)
        return -jnp.diagonal(log_p, axis1=1, axis2=2).mean(-1)

    return _over_layers(of_layer, output, target, layers) / len(output)


def gram_matrix(maps: Float[Array, "b h w c"]) -> Float[Array, "b c c"]:
    """F^T F / (h w c) over positions."""
    flat = maps.reshape(len(maps), -1, maps.shape[-1])
    products = jnp.einsum("bpi,bpj->bij", flat, flat, precision="highest")
    return products / (flat.shape[1] * flat.shape[2])


def moments(
    maps: Float[Array, "b h w c"], epsilon: float = 1e-5
) -> tuple[Float[Array, "b c"], Float[Array, "b c"]]:
    """Mean and standard deviation of each channel over positions; `epsilon` is added to the
    variance, for a slope where a channel is constant.
    """
    return maps.mean((1, 2)), jnp.sqrt(maps.var((1, 2)) + epsilon)


def _over_layers(of_layer: Callable, output, target, weights: Layers) -> Float[Array, " b"]:
    if len(output) != len(target):
        raise ConfigError(f"features of {len(output)} and of {len(target)} layers: of one network")
    weights = [1.0] * len(output) if weights is None else weights
    if len(weights) != len(output):
        raise ConfigError(
            f"layers has {len(weights)} weights, and the features are of {len(output)} layers: "
            "give one weight for each, in the features' order"
        )
    return sum(
        (w * of_layer(a, b) for w, a, b in zip(weights, output, target, strict=True)),
        jnp.zeros(len(output[0])),
    )
