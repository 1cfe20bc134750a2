"""The three maps of a convolution (`convolution.py`), each in the form that is fastest on CPU for
its shape by a static rule. All are exact but for the order of sums and rounding;
`benchmarks/convolution.py` measures them beside XLA's own.

Arrays are "b h w c", kernels "k k c o".
"""

import math

import jax
import jax.numpy as jnp
from jax import ShapeDtypeStruct, lax

from genlab.nets.kernels import winograd
from genlab.nets.kernels.resize import added_cpu, repeated

AXES = ("NHWC", "HWIO", "NHWC")
FEW = 4  # channels of an image: too few to fill the kernels that take channels together
# Fewest channels, in and out, from which fewer products win over their additions, for kernels of
# two and of three strides: below, XLA's convolution is within a fifth of the machine's peak, and
# the additions cost more than the products saved (`benchmarks/convolution.py`).
FEWEST_FORWARD, FEWEST_INPUT, FEWEST_WEIGHT = {2: 256, 3: 96}, {2: 64, 3: 96}, {2: 128, 3: 96}
# Fewest tiles of a batch: with fewer, the sums of the kernel cost what the products save.
FEWEST_TILES = {2: 32, 3: 512}
WIDE = 7  # taps of a row, from which a convolution with a column of them beats one product of all
SEVERAL = 8  # images, fewer than which do not fill a convolution over the batch
COLUMNS = 16  # of a product, fewer than which it is slower than a convolution
CACHED = 1 << 22  # numbers, 16 MiB: larger arrays between two steps cost more than the steps


def turn(w):
    """A transposed convolution's kernel [k, k, O, C] as that of the convolution whose transpose it
    is, and back.
    """
    return w[::-1, ::-1].swapaxes(2, 3)


def forward(x, w, *, pooled, **fixed):
    """One convolution of stride 2 where the sums over 2x2 can be taken of the kernel."""
    if not pooled:
        return _forward(x, w, **fixed)
    if _coarse(x.dtype):
        return added_cpu(_forward(x, w, **fixed))
    return _forward(x, _spread(w), **{**fixed, "strides": (2, 2)})


def into_input(y, w, *, pooled, **fixed):
    """The same back: no image is doubled."""
    if not pooled:
        return _into_input(y, w, **fixed)
    if _coarse(y.dtype):
        return _into_input(repeated(y), w, **fixed)
    return _into_input(y, _spread(w), **{**fixed, "strides": (2, 2)})


def into_weight(x, y, *, pooled, kernel, **fixed):
    """The same for the kernel, each of whose taps is in four of the larger one's."""
    if not pooled:
        return _into_weight(x, y, kernel=kernel, **fixed)
    if _coarse(x.dtype):
        return _into_weight(x, repeated(y), kernel=kernel, **fixed)
    k, m = kernel
    w = _into_weight(x, y, kernel=(k + 1, m + 1), **{**fixed, "strides": (2, 2)})
    return w[1:, 1:] + w[1:, :m] + w[:k, 1:] + w[:k, :m]


def _spread(w):
    """The kernel of stride 2 that gives the sums over 2x2 of what `w` gives with stride 1."""
    rows = jnp.pad(w, ((1, 0), (0, 0), (0, 0), (0, 0))) + jnp.pad(w, ((0, 1), *((0, 0),) * 3))
    before, after = (((0, 0), pair, (0, 0), (0, 0)) for pair in ((1, 0), (0, 1)))
    return jnp.pad(rows, before) + jnp.pad(rows, after)


def _coarse(dtype) -> bool:
    """Whether sums of taps would lose what products in this type still have."""
    return jnp.finfo(dtype).bits < 32


def _forward(x, w, *, strides, pads, turned):
    """Fewer products where they win; to an image overlapping sums of one product, or of a
    convolution where the kernel is wide; else XLA's own, which is slow where there are few channels
    to give.
    """
    if _fewer(w.shape, strides, pads, x.shape[:3], x.dtype, FEWEST_FORWARD):
        return winograd.convolve(x, w, strides, pads, turned)
    w = turn(w) if turned else w
    sides = list(zip(w.shape[:2], pads, x.shape[1:3], strict=True))
    back = [(k - 1 - low, k - 1 - high) for k, (low, high), _ in sides]
    if w.shape[3] <= FEW and strides == (1, 1) and min(*back[0], *back[1]) >= 0:
        if w.shape[1] >= WIDE and min(*pads[0], *pads[1]) >= 0:
            return _sums_of_columns(x, w, pads)
        size = [length + low + high - k + 1 for k, (low, high), length in sides]
        return _overlapping(x, turn(w), strides, back, size)
    return lax.conv_general_dilated(x, w, strides, pads, dimension_numbers=AXES)


def _into_input(y, w, *, strides, pads, turned, size):
    """Fewer products where they win; where the kernel is a whole number of strides or leads to an
    image, overlapping sums of one product, or, where that is large, a convolution for each phase of
    the outputs, or with a column of taps at a time; else one in the axes of the fast kernel.
    """
    if _fewer(w.shape, strides, pads, (len(y), *size), y.dtype, FEWEST_INPUT):
        x = ShapeDtypeStruct((len(y), *size, w.shape[3 if turned else 2]), y.dtype)
        back = jax.linear_transpose(lambda x: winograd.convolve(x, w, strides, pads, turned), x)
        return back(y)[0]
    w = turn(w) if turned else w
    (k, m), (s, t) = w.shape[:2], strides
    whole = s > 1 and k % s == 0 and m % t == 0
    if whole and w.shape[2] > FEW and math.prod(y.shape[:3]) * k * m * w.shape[2] > CACHED:
        return _by_phases(y, w, strides, pads, size)
    padding = [
        (k - 1 - low, length - 1 + low - (small - 1) * s)
        for k, s, (low, _), length, small in zip(
            w.shape[:2], strides, pads, size, y.shape[1:3], strict=True
        )
    ]
    inside = min(*padding[0], *padding[1]) >= 0
    if w.shape[2] <= FEW and w.shape[1] >= WIDE and strides == (1, 1) and inside:
        return _sums_of_columns(y, turn(w), padding)
    if (whole or w.shape[2] <= FEW) and min(*pads[0], *pads[1]) >= 0:
        return _overlapping(y, w, strides, pads, size)
    return lax.conv_general_dilated(
        y, turn(w), (1, 1), padding, lhs_dilation=strides, dimension_numbers=AXES
    )


def _into_weight(x, y, *, strides, pads, turned, kernel):
    """Fewer products where they win; from an image by kernels of whole strides one product of
    pieces; else a convolution over the batch as channels, its output the kernel: the gradient
    slides over the input (whose rows of taps become channels first where batch and channels are
    few), or, where it has few channels itself, one product with the gradient shifted by every tap,
    or the input over the gradient, if taps are too few for a product.
    """
    shape = (*kernel, *((y.shape[3], x.shape[3]) if turned else (x.shape[3], y.shape[3])))
    if _fewer(shape, strides, pads, x.shape[:3], x.dtype, FEWEST_WEIGHT):
        w = ShapeDtypeStruct(shape, x.dtype)
        back = jax.linear_transpose(lambda w: winograd.convolve(x, w, strides, pads, turned), w)
        return back(y)[0]
    w = _into_weight_direct(x, y, strides, pads, kernel)
    return turn(w) if turned else w


def _into_weight_direct(x, y, strides, pads, kernel):
    whole = all(s > 1 and k % s == 0 for k, s in zip(kernel, strides, strict=True))
    if x.shape[3] <= FEW and whole and min(*pads[0], *pads[1]) >= 0:
        return _product_of_pieces(x, y, strides, pads, kernel)
    across = list(zip(kernel, strides, pads, x.shape[1:3], y.shape[1:3], strict=True))
    if y.shape[3] <= FEW and strides == (1, 1):
        padding = [(k - 1 - low, long - small + low) for k, _, (low, _), long, small in across]
        enough = math.prod(kernel) * y.shape[3] >= COLUMNS or not any(map(any, pads))
        if enough and min(*padding[0], *padding[1]) >= 0:
            return _product_of_shifts(x, y, padding, kernel)
        w = lax.conv_general_dilated(
            y.transpose(3, 1, 2, 0), x.transpose(1, 2, 0, 3), (1, 1), padding,
            dimension_numbers=AXES,
        )  # fmt: skip
        return w[:, ::-1, ::-1].transpose(1, 2, 3, 0)
    few = len(x) < SEVERAL and x.shape[3] <= FEW and strides == (1, 1)
    if few and min(*pads[0], *pads[1]) >= 0:
        return _by_rows_of_taps(x, y, pads, kernel)
    padding = [(low, k + (small - 1) * s - low - long) for k, s, (low, _), long, small in across]
    w = lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3), (1, 1), padding, rhs_dilation=strides,
        dimension_numbers=AXES,
    )  # fmt: skip
    return w.transpose(1, 2, 0, 3)


def _fewer(kernel, strides, pads, images, dtype, fewest: dict[int, int]) -> bool:
    """Whether fewer products win: there are enough channels for their additions, and enough tiles
    for those of the kernel; `images` is (b, h, w).
    """
    batch, *size = images
    length = 2 if kernel[0] == 2 * strides[0] else 3
    if min(kernel[2:]) < fewest[length] or not winograd.fits(kernel, strides, pads, size, dtype):
        return False
    return batch * winograd.tiles(kernel, strides, pads, size) >= FEWEST_TILES[length]


def _by_phases(y, w, strides, pads, size):
    """Outputs that lie a stride apart see the same taps: a convolution of stride 1 for each phase,
    laid between one another.
    """
    (s, t), c = strides, w.shape[2]
    rows, columns = (
        [_phase(p, step, k, low, small, length) for p in range(step)]
        for step, k, (low, _), small, length in zip(
            strides, w.shape[:2], pads, y.shape[1:3], size, strict=True
        )
    )
    made = [
        jnp.stack(
            [
                lax.conv_general_dilated(
                    y, turn(w[down, across]), (1, 1), (of_rows, of_columns), dimension_numbers=AXES
                )
                for across, of_columns in columns
            ],
            3,
        )
        for down, of_rows in rows
    ]
    x = jnp.stack(made, 2)
    x = x.reshape(len(y), x.shape[1] * s, x.shape[3] * t, c)
    return x[:, : size[0], : size[1]]


def _phase(phase: int, stride: int, k: int, low: int, small: int, length: int):
    """The taps that outputs phase, phase + stride, ... of `length` see, and the padding of the
    `small` inputs of their convolution.
    """
    ahead, first = divmod(phase + low, stride)
    count = -(-length // stride)
    return slice(first, None, stride), (k // stride - 1 - ahead, count - small + ahead)


def _overlapping(y, w, strides, pads, size):
    """Every output's contribution in blocks of one stride, summed where the blocks overlap."""
    (s, t), (b, h, v, o), c = strides, y.shape, w.shape[2]
    k, m = -(-w.shape[0] // s), -(-w.shape[1] // t)
    w = jnp.pad(w, ((0, k * s - w.shape[0]), (0, m * t - w.shape[1]), (0, 0), (0, 0)))
    columns = w.reshape(-1, o)  # as it lies: turning it would cost as much as a small product
    blocks = lax.dot_general(
        y.reshape(-1, o), columns, (((1,), (1,)), ((), ())), preferred_element_type=jnp.float32
    )
    blocks = blocks.reshape(b, h, v, k, s, m, t * c)  # in float32 until they are summed
    apart = [
        jnp.pad(blocks[:, :, :, i, :, j], ((0, 0), (i, k - 1 - i), (j, m - 1 - j), (0, 0), (0, 0)))
        for i in range(k)
        for j in range(m)
    ]
    height, width = h + k - 1, v + m - 1
    x = sum(apart).transpose(0, 1, 3, 2, 4)  # pyright: ignore[reportAttributeAccessIssue]
    x = x.reshape(b, height * s, width * t, c).astype(y.dtype)
    x = x[:, pads[0][0] : pads[0][0] + size[0], pads[1][0] : pads[1][0] + size[1]]
    return jnp.pad(x, ((0, 0), (0, size[0] - x.shape[1]), (0, size[1] - x.shape[2]), (0, 0)))


def _product_of_pieces(x, y, strides, pads, kernel):
    """Input and kernel cut into blocks of one stride, which become channels; then one product."""
    (s, t), (b, h, v, o), c = strides, y.shape, x.shape[3]
    k, m = kernel[0] // s, kernel[1] // t
    height, width = h + k - 1, v + m - 1
    (top, _), (left, _) = pads
    x = x[:, : height * s - top, : width * t - left]
    below, right = height * s - top - x.shape[1], width * t - left - x.shape[2]
    x = jnp.pad(x, ((0, 0), (top, below), (left, right), (0, 0)))
    x = x.reshape(b, height, s, width, t, c).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(b, height, width, s * t * c)
    pieces = [x[:, i : i + h, j : j + v] for i in range(k) for j in range(m)]
    pieces = jnp.concatenate(pieces, axis=-1).reshape(b * h * v, -1)
    w = (pieces.T @ y.reshape(-1, o)).reshape(k, m, s, t, c, o)
    return w.transpose(0, 2, 1, 3, 4, 5).reshape(*kernel, c, o)


def _product_of_shifts(x, y, padding, kernel):
    """The input as it is, times the padded gradient as each of the kernel's taps sees it from
    there; a convolution would have a kernel of the image's size where the input was padded before.
    """
    (k, m), o, (h, v, c) = kernel, y.shape[3], x.shape[1:]
    rows = _rows_of_taps(jnp.pad(y, ((0, 0), *padding, (0, 0))), m, v)[..., ::-1, :]
    rows = rows.reshape(*rows.shape[:3], m * o)  # first along rows: longer pieces are copied faster
    taps = [rows[:, i : i + h] for i in reversed(range(k))]
    columns = jnp.concatenate(taps, axis=-1).reshape(-1, k * m * o)
    w = lax.dot_general(
        x.reshape(-1, c), columns, (((0,), (0,)), ((), ())), preferred_element_type=jnp.float32
    )
    return w.reshape(c, k, m, o).transpose(1, 2, 0, 3).astype(x.dtype)


def _sums_of_columns(x, w, pads):
    """A convolution with each column of the kernel, all as outputs of one, summed as the columns
    lie: as many products, by channels enough to fill a product, and no array of every tap.
    """
    (k, m, c, o), (vertical, across) = w.shape, pads
    x = jnp.pad(x, ((0, 0), (0, 0), across, (0, 0)))
    parts = lax.conv_general_dilated(
        x, w.transpose(0, 2, 1, 3).reshape(k, 1, c, m * o), (1, 1), (vertical, (0, 0)),
        dimension_numbers=AXES, preferred_element_type=jnp.promote_types(x.dtype, jnp.float32),
    )  # fmt: skip
    parts, width = parts.reshape(*parts.shape[:3], m, o), x.shape[2] - m + 1
    found = sum(parts[:, :, j : j + width, j] for j in range(m))
    return found.astype(x.dtype)  # pyright: ignore[reportAttributeAccessIssue]


def _by_rows_of_taps(x, y, pads, kernel):
    """The gradient slides down over the input, beside which lie its neighbours in a row."""
    (k, m), c, o = kernel, x.shape[3], y.shape[3]
    rows = _rows_of_taps(jnp.pad(x, ((0, 0), *pads, (0, 0))), m, y.shape[2])
    rows = rows.reshape(*rows.shape[:3], m * c)
    w = lax.conv_general_dilated(
        rows.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3), (1, 1), "VALID", dimension_numbers=AXES
    )
    return w.reshape(m, c, k, o).transpose(2, 0, 1, 3)


def _rows_of_taps(x, m, width):
    """`m` neighbours along a row, [b, h, width, m, c]."""
    return jnp.stack([x[:, :, j : j + width] for j in range(m)], axis=3)
