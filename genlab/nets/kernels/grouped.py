"""Convolutions in groups of channels: XLA's own on accelerators. Its CPU compiler has no fast
kernel for them, and their gradients in a loop take it up to a hundred times as long as here: each
channel by itself as a sum of shifted products, larger groups one after the other.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from genlab.nets.kernels.forms import AXES


def grouped(
    one: Callable,
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "k l d o"],
    groups: int,
    strides: tuple[int, ...],
    pads: tuple[tuple[int, ...], ...],
) -> Float[Array, "b i j o"]:
    """`lax.conv_general_dilated` with d = c / groups; `one(x, kernel, strides, pads)` is the
    convolution of a group.
    """
    fixed = {"strides": tuple(strides), "pads": tuple(map(tuple, pads))}
    alone = groups == x.shape[-1] == kernel.shape[-1]
    cpu = _shifted if alone else functools.partial(_one_by_one, one, groups)
    return lax.platform_dependent(
        x,
        kernel.astype(x.dtype),
        cpu=functools.partial(cpu, **fixed),
        default=functools.partial(_native, groups, **fixed),
    )


def _native(groups: int, x: Array, kernel: Array, strides, pads) -> Array:
    return lax.conv_general_dilated(
        x, kernel, strides, pads, dimension_numbers=AXES, feature_group_count=groups
    )


def _one_by_one(one: Callable, groups: int, x: Array, kernel: Array, strides, pads) -> Array:
    apart = [a.reshape(*a.shape[:3], groups, -1) for a in (x, kernel)]
    convolved = functools.partial(one, strides=strides, pads=pads)
    made = jax.vmap(convolved, in_axes=3, out_axes=3)(*apart)
    return made.reshape(*made.shape[:3], -1)


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
