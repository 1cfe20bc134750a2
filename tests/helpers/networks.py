"""Networks traced, counted, and given weights that no initialisation was compiled for."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random


def z(n):
    return jax.ShapeDtypeStruct((2, n), jnp.float32)


def image(size, channels=3):
    return jax.ShapeDtypeStruct((2, size, size, channels), jnp.float32)


def labels(classes):
    """Labels of a batch of two, as networks are given them."""
    return {"label": jax.ShapeDtypeStruct((2, classes), jnp.float32)}


def traced(net, *args):
    """(output, variables) as shapes."""
    keys = {"params": random.key(0), "dropout": random.key(1)}
    return jax.eval_shape(lambda *a: net.init_with_output(keys, *a), *args)


def count(net, *args):
    params = traced(net, *args)[1]["params"]
    return sum(math.prod(x.shape) for x in jax.tree.leaves(params))


def cases(table, slow=()):
    """The names of a table of networks, those in `slow` marked so."""
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in table]


def conv(before, after, k=3, bias=True):
    return k * k * before * after + bias * after


def linear(before, after, bias=True):
    return conv(before, after, 1, bias)


def drawn(net, *args, scale=0.3):
    """Variables with nothing at zero, so that nothing hides behind one; drawn by NumPy, for an
    initialisation costs a compilation.
    """
    rng = np.random.default_rng(0)
    variables = dict(traced(net, *args)[1])
    params = jax.tree.map(
        lambda x: np.asarray(scale * rng.standard_normal(x.shape), np.float32),
        variables.pop("params"),
    )
    stats = jax.tree.map_with_path(
        lambda path, x: np.full(x.shape, path[-1].key == "var", np.float32), variables
    )
    return {**stats, "params": params}


def np_conv(x, layer, groups=1):
    """Stride 1, an odd kernel, zero padding to the same size, in float64."""
    kernel = np.float64(layer["kernel"])
    pad, out = kernel.shape[0] // 2, kernel.shape[-1] // groups
    wide = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    made = np.zeros((*x.shape[:3], kernel.shape[-1]))
    for g in range(groups):
        inside = slice(g * kernel.shape[2], (g + 1) * kernel.shape[2])
        outside = slice(g * out, (g + 1) * out)
        for i, j in np.ndindex(kernel.shape[:2]):
            seen = wide[:, i : i + x.shape[1], j : j + x.shape[2], inside]
            made[..., outside] += seen @ kernel[i, j][:, outside]
    return made + np.float64(layer.get("bias", 0.0))


def np_down(x, layer, stride=2):
    """A convolution of kernel 4 with one zero around, in float64."""
    kernel, x = np.float64(layer["kernel"]), np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = (n - 3 for n in x.shape[1:3])
    taps = [x[:, i : i + height, j : j + width] @ kernel[i, j] for i, j in np.ndindex(4, 4)]
    return sum(taps)[:, ::stride, ::stride] + np.float64(layer.get("bias", 0.0))


def np_up(x, layer):
    """A transposed convolution of kernel 4 and stride 2 to twice the size, in float64: every number
    is spread over its kernel's positions.
    """
    kernel = np.float64(layer["kernel"])
    b, h, w, _ = x.shape
    wide = np.zeros((b, 2 * h + 2, 2 * w + 2, kernel.shape[-1]))
    for i, j in np.ndindex(4, 4):
        wide[:, i : i + 2 * h : 2, j : j + 2 * w : 2] += x @ kernel[3 - i, 3 - j]
    return wide[:, 1:-1, 1:-1] + np.float64(layer.get("bias", 0.0))
