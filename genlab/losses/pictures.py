"""Losses between two pictures, each `(output, target, key=None)` -> " b", unreduced: the mean over
the numbers of one picture, so that a weight means the same at every size. Pictures are as networks
see them, in [-1, 1]. Weights are applied by `losses.total`.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError, choices
from genlab.losses.structural import ms_ssim, ssim

__all__ = [
    "charbonnier",
    "edge",
    "gradient_difference",
    "l1",
    "l2",
    "masked",
    "ms_ssim",
    "per_picture",
    "ssim",
    "total_variation",
]

Pictures = Float[Array, "b h w c"]
DISTANCES = {"l1": jnp.abs, "l2": jnp.square}


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


def charbonnier(
    output: Pictures, target: Pictures, key: PRNGKeyArray | None = None, epsilon: float = 1e-3
) -> Float[Array, " b"]:
    """sqrt((y^ - y)^2 + epsilon^2): `l1` with a slope at zero (Lai et al. 2017,
    arXiv:1704.03915).
    """
    return per_picture(jnp.sqrt(jnp.square(output - target) + epsilon**2))


def gradient_difference(
    output: Pictures, target: Pictures, key: PRNGKeyArray | None = None
) -> Float[Array, " b"]:
    """||dy^| - |dy||, of differences of neighbours along each axis, the sum of the two axes' means:
    edges as sharp as the target's, wherever they lead (Mathieu et al. 2016, arXiv:1511.05440,
    the gradient difference loss with alpha = 1, where it is a sum).
    """
    pairs = zip(_differences(output), _differences(target), strict=True)
    return _summed(jnp.abs(jnp.abs(a) - jnp.abs(b)) for a, b in pairs)


def edge(
    output: Pictures, target: Pictures, key: PRNGKeyArray | None = None, epsilon: float = 1e-3
) -> Float[Array, " b"]:
    """sqrt((L y^ - L y)^2 + epsilon^2) inside the picture, L x the sum of a pixel's four neighbours
    less four times itself (Zamir et al. 2021, arXiv:2102.02808, there with a Laplacian of
    Gaussians).
    """
    return charbonnier(_laplacian(output), _laplacian(target), epsilon=epsilon)


def total_variation(
    output: Pictures, target: Pictures, key: PRNGKeyArray | None = None
) -> Float[Array, " b"]:
    """|dy^|, of differences of neighbours along each axis, the sum of the two axes' means; `target`
    is not used (Liu et al. 2018, arXiv:1804.07723, Section 3.3, there near the holes only).
    """
    return _summed(jnp.abs(a) for a in _differences(output))


def masked(
    output: Pictures,
    target: Pictures,
    key: PRNGKeyArray | None = None,
    *,
    mask: Float[Array, "b h w 1"],
    hole: float = 6.0,
    valid: float = 1.0,
    norm: str = "l1",
) -> Float[Array, " b"]:
    """hole m d + valid (1 - m) d, d = |y^ - y| and m = 1 inside the holes, both parts divided by
    the size of the whole picture (Liu et al. 2018, arXiv:1804.07723, Section 3.3).

    norm: "l1" or "l2"; "l2" with valid=0 is the reconstruction loss of context encoders (Pathak et
          al. 2016, arXiv:1604.07379, Eq. 1)
    mask: a column of the batch, which the method gives
    """
    if norm not in DISTANCES:
        raise ConfigError(f"masked: norm is {norm!r}{choices(norm, DISTANCES)}")
    weight = hole * mask + valid * (1 - mask)
    return per_picture(weight * DISTANCES[norm](output - target))


def per_picture(values: Float[Array, " b *shape"]) -> Float[Array, " b"]:
    """The mean over the numbers of each picture."""
    return values.reshape(len(values), -1).mean(-1)


def _summed(parts) -> Float[Array, " b"]:
    first, second = map(per_picture, parts)
    return first + second


def _differences(x: Pictures) -> tuple[Pictures, Pictures]:
    """Of each pixel and the one above, and the one to the left."""
    return x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]


def _laplacian(x: Pictures) -> Pictures:
    """Inside the picture, a pixel fewer on each side."""
    beside = x[:, 1:-1, :-2] + x[:, 1:-1, 2:] + x[:, :-2, 1:-1] + x[:, 2:, 1:-1]
    return beside - 4 * x[:, 1:-1, 1:-1]
