"""Convolutions of few positions: products with the kernel as it lies in memory.

In the innermost maps of a U-Net the kernel has more numbers than all that it is multiplied with.
There it is read once and nothing of its size is written but its gradient, which comes in its own
layout: what an optimiser reads across the grain it reads several times more slowly, and it reads a
gradient several times.

Arrays are "b h w c", kernels "k k c o", or "k k o c", taps in reverse, where they are turned
(`convolution.py`); y is what the convolution gives.
"""

import itertools
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from genlab.nets.kernels.forms import contracted


def forward(x, w, strides, pads, turned: bool):
    """y: a product with each tap, or one with all of them where they follow one another."""
    sides = zip(w.shape[:2], strides, pads, x.shape[1:3], strict=True)
    size = [(n + sum(pad) - k) // s + 1 for k, s, pad, n in sides]
    taps, kernels = _taps(x, strides, pads, w.shape[:2], size, turned), _joined(w)
    if turned:
        found = sum(
            contracted(tap, kernel, 1, 1) for tap, kernel in zip(taps, kernels, strict=True)
        )
    else:
        found = contracted(jnp.concatenate(taps, -1), kernels.reshape(-1, w.shape[3]), 1, 0)
    return _images(found, len(x), size, x.dtype)


def into_input(y, w, strides, pads, turned: bool, size):
    """x: what each tap gives, laid where it belongs."""
    rows, kernels = y.reshape(-1, y.shape[3]), _joined(w)
    if turned:
        parts = [contracted(rows, kernel, 1, 0) for kernel in kernels[::-1]]
    else:
        joined = contracted(rows, kernels.reshape(-1, w.shape[3]), 1, 1)
        parts = jnp.split(joined, len(kernels), axis=1)
    wide = jnp.promote_types(y.dtype, jnp.float32)
    sides = zip(w.shape[:2], strides, pads, y.shape[1:3], size, strict=True)
    down, across = ([_place(tap, *side) for tap in range(k)] for k, *side in sides)
    none = (0, 0, 0)
    found: Any = sum(
        lax.pad(_images(part, len(y), y.shape[1:3], wide), wide.type(0), (none, *at, none))
        for part, at in zip(parts, itertools.product(down, across), strict=True)
    )
    return found.astype(y.dtype)


def into_weight(x, y, strides, pads, turned: bool, kernel):
    """w: one product of all taps with y; no piece of it is turned that is shorter than a row."""
    taps = _taps(x, strides, pads, kernel, y.shape[1:3], turned)
    columns, rows = jnp.concatenate(taps, -1), y.reshape(-1, y.shape[3])
    if not turned:
        return contracted(columns, rows, 0, 0).reshape(*kernel, x.shape[3], -1).astype(x.dtype)
    w = contracted(rows, columns, 0, 0).reshape(-1, *kernel, x.shape[3])
    return w.transpose(1, 2, 0, 3).astype(x.dtype)


def _taps(x, strides, pads, kernel, size, turned: bool) -> list[Array]:
    """What each tap sees, position after position: [b * h * w, c]."""
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    (s, t), (h, v) = strides, size
    taps = [
        x[:, i : i + (h - 1) * s + 1 : s, j : j + (v - 1) * t + 1 : t].reshape(-1, x.shape[3])
        for i in range(kernel[0])
        for j in range(kernel[1])
    ]
    return taps[::-1] if turned else taps


def _joined(w):
    """A kernel's taps after one another, as they lie."""
    return w.reshape(-1, *w.shape[2:])


def _images(rows, batch: int, size, dtype):
    return rows.reshape(batch, *size, -1).astype(dtype)


def _place(tap: int, stride: int, pad, small: int, length: int) -> tuple[int, int, int]:
    """Padding before, after and between, by which a tap's part has its place along an axis."""
    before = tap - pad[0]
    return before, length - (small - 1) * stride - 1 - before, stride - 1
