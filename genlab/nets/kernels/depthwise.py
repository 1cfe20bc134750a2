"""Convolutions of each channel by itself: on CPU, where XLA has no fast kernel for groups and takes
up to a thousand times as long for the gradient of their kernel, as a sum of shifted products;
elsewhere XLA's own.
"""

import functools

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from genlab.nets.kernels.forms import AXES


def depthwise(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "k l 1 c"],
    strides: tuple[int, ...],
    pads: tuple[tuple[int, ...], ...],
) -> Float[Array, "b i j c"]:
    """`lax.conv_general_dilated` of as many groups as channels, with one kernel for each."""
    fixed = {"strides": tuple(strides), "pads": tuple(map(tuple, pads))}
    return lax.platform_dependent(
        x,
        kernel.astype(x.dtype),
        cpu=functools.partial(_shifted, **fixed),
        default=functools.partial(_native, **fixed),
    )


def _native(x: Array, kernel: Array, strides, pads) -> Array:
    return lax.conv_general_dilated(
        x, kernel, strides, pads, dimension_numbers=AXES, feature_group_count=x.shape[-1]
    )


def _shifted(x: Array, kernel: Array, strides, pads) -> Array:
    """Summed in float32."""
    around = jnp.pad(x, ((0, 0), *pads, (0, 0))).astype(jnp.float32)
    taps = kernel.astype(jnp.float32)[:, :, None, None]  # [k, l, 1, 1, 1, c]
    reach = [
        s * ((n - k) // s) + 1
        for n, k, s in zip(around.shape[1:3], kernel.shape[:2], strides, strict=True)
    ]
    total = jnp.zeros((), jnp.float32)
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            ends = (len(x), i + reach[0], j + reach[1], x.shape[3])
            total += lax.slice(around, (0, i, j, 0), ends, (1, *strides, 1)) * taps[i, j]
    return total.astype(x.dtype)
