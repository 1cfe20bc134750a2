"""Convolutions by fewer products: Winograd's minimal filtering (Lavin & Gray 2015, arXiv
1509.09308), for kernels of two or three blocks of one stride.

Two neighbouring outputs of r taps need r + 1 products and not 2 r (Winograd 1980): sums of inputs
times sums of taps, summed again. In two dimensions that is 9 products for 16 where a kernel is two
strides (4x4 with stride 2), and 16 for 36 where it is three (3x3 with stride 1). What lies within
a stride is first laid into channels. Every step is linear in the images and in the kernel, so that
the gradients are transposes of the same sums and save as many products. Equal to the direct sum but
for rounding, which grows by a small factor (`tests/nets/test_winograd.py`). The price is memory:
the sums of inputs take 2.25 and 4 times the room of the inputs.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

TILE = 2  # outputs of one tile along an axis


class Filter(NamedTuple):
    """output = outputs @ ((kernel @ taps) * (inputs @ pieces)): Lavin & Gray's matrix form.

    inputs: "r+1 r+1"; kernel: "r+1 r"; outputs: "2 r+1".
    """

    inputs: Sequence
    kernel: Sequence
    outputs: Sequence


FILTERS = {  # by the kernel's length in strides
    2: Filter(
        inputs=((1, -1, 0), (0, 1, 0), (0, 1, -1)),
        kernel=((1, 0), (1, 1), (0, 1)),
        outputs=((1, 1, 0), (0, 1, -1)),
    ),
    3: Filter(
        inputs=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
        kernel=((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
        outputs=((1, 1, 1, 0), (0, 1, -1, -1)),
    ),
}


def fits(kernel: Sequence[int], strides, pads, size, dtype) -> bool:
    """Whether `convolve` can take a kernel of shape `kernel` over images of `size`: two or three
    whole strides, whole tiles, and a type whose rounding leaves room for the sums.
    """
    for k, s, (low, high), length in zip(kernel[:2], strides, pads, size, strict=True):
        blocks = (length + low + high) // s
        whole = k % s == 0 and k // s in FILTERS and (length + low + high) % s == 0
        outputs = blocks - k // s + 1
        if not whole or min(low, high) < 0 or outputs < 1 or outputs % TILE:
            return False
    return jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits >= 32


def tiles(kernel: Sequence[int], strides, pads, size) -> int:
    """Of one image, where `convolve` fits."""
    sides = zip(kernel[:2], strides, pads, size, strict=True)
    return math.prod(((n + sum(pad)) // s - k // s + 1) // TILE for k, s, pad, n in sides)


def convolve(
    x: Float[Array, "b h w c"],
    w: Float[Array, "k l _ _"],
    strides: tuple[int, int],
    pads: Sequence[tuple[int, int]],
    turned: bool,
) -> Float[Array, "b i j o"]:
    """The convolution, where it `fits`."""
    (s, t), (k, m), c = strides, w.shape[:2], x.shape[3]
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    b, height, width = len(x), x.shape[1] // s, x.shape[2] // t
    x = x.reshape(b, height, s, width, t, c)
    w = w[::-1, ::-1] if turned else w
    w = w.reshape(k // s, s, m // t, t, *w.shape[2:])
    rows, columns = FILTERS[k // s], FILTERS[m // t]
    kernels = [
        part
        for row in _sums(rows.kernel, list(w))
        for part in _sums(columns.kernel, [row[:, j] for j in range(m // t)])
    ]
    products = [
        _product(part.transpose(0, 1, 3, 2, 4, 5).reshape(-1, s * t * c), kernel, turned)
        for part, kernel in zip(_tiles(x, rows, columns), kernels, strict=True)
    ]
    h, v = (height - k // s + 1) // TILE, (width - m // t + 1) // TILE
    across = len(columns.kernel)
    o = products[0].shape[1]
    table = [p.reshape(b, h, v, o) for p in products]
    by_row = [_sums(rows.outputs, table[j::across]) for j in range(across)]
    found = [jnp.stack(_sums(columns.outputs, list(row)), 3) for row in zip(*by_row, strict=True)]
    return jnp.stack(found, 2).reshape(b, TILE * h, TILE * v, o)


def _product(x, kernel, turned: bool):
    """A matrix times a kernel, turned or not: whole rows are moved, none is turned."""
    if turned:
        kernel = kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)
        return lax.dot_general(x, kernel, (((1,), (1,)), ((), ())))
    return x @ kernel.reshape(-1, kernel.shape[3])


def _tiles(
    x: Float[Array, "b h s w t c"], rows: Filter, columns: Filter
) -> list[Float[Array, "b h/2 s w/2 t c"]]:
    """The sums of every tile's blocks, row after row."""
    down = _sums(rows.inputs, _overlapping(x, 1, len(rows.kernel)))
    return [
        part
        for each in down
        for part in _sums(columns.inputs, _overlapping(each, 3, len(columns.kernel)))
    ]


def _overlapping(x, axis: int, count: int) -> list[Array]:
    """The first, second, ... block of every tile along `axis`; tiles overlap in all but two."""
    end = x.shape[axis] - count + 1
    return [lax.slice_in_dim(x, i, i + end, TILE, axis) for i in range(count)]


def _sums(weights: Sequence[Sequence[float]], parts: Sequence[Array]) -> list[Any]:
    """One weighted sum of the parts for each row of weights; nothing is multiplied by 0 or 1."""
    return [
        sum(
            part if weight == 1 else -part if weight == -1 else weight * part
            for weight, part in zip(row, parts, strict=True)
            if weight
        )
        for row in weights
    ]
