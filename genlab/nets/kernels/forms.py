"""The forms of a convolution and of its gradients that `convolution_cpu.py` chooses from.

Arrays are "b h w c", kernels "k k c o".
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

AXES = ("NHWC", "HWIO", "NHWC")
CACHED = 1 << 22  # numbers, 16 MiB: larger arrays between two steps cost more than the steps
PIECE = 1 << 20  # numbers, of which a piece of a larger array has no more


def turn(w):
    """A transposed convolution's kernel [k, k, O, C] as that of the convolution whose transpose it
    is, and back.
    """
    return w[::-1, ::-1].swapaxes(2, 3)


def contracted(x, y, of_x: int, of_y: int):
    """Of two matrices, the sum over these axes, in float32 at least."""
    wide = jnp.promote_types(x.dtype, jnp.float32)
    return lax.dot_general(x, y, (((of_x,), (of_y,)), ((), ())), preferred_element_type=wide)


def by_phases(y, w, strides, pads, size):
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


def by_blocks(y, w, strides, pads, size):
    """All outputs of one stride as channels of one convolution, then laid side by side: an output
    that many read is summed once, where XLA would sum what overlaps again for each of them.
    """
    (s, t), (c, o) = strides, w.shape[2:]
    k, m = w.shape[0] // s, w.shape[1] // t
    w = w.reshape(k, s, m, t, c, o)[::-1, :, ::-1]
    w = w.transpose(0, 2, 5, 1, 3, 4).reshape(k, m, o, s * t * c)
    around = ((k - 1,) * 2, (m - 1,) * 2)
    x = lax.conv_general_dilated(y, w, (1, 1), around, dimension_numbers=AXES)
    b, height, width = x.shape[:3]
    x = x.reshape(b, height, width, s, t, c).transpose(0, 1, 3, 2, 4, 5)
    return _cut(x.reshape(b, height * s, width * t, c), pads, size)


def _cut(x, pads, size):
    """Without what pads it, and with zeros where no output of the convolution comes from."""
    x = x[:, pads[0][0] : pads[0][0] + size[0], pads[1][0] : pads[1][0] + size[1]]
    return jnp.pad(x, ((0, 0), (0, size[0] - x.shape[1]), (0, size[1] - x.shape[2]), (0, 0)))


def overlapping(y, w, strides, pads, size):
    """Every output's contribution in blocks of one stride, summed where the blocks overlap."""
    (s, t), (b, h, v, o), c = strides, y.shape, w.shape[2]
    k, m = -(-w.shape[0] // s), -(-w.shape[1] // t)
    w = jnp.pad(w, ((0, k * s - w.shape[0]), (0, m * t - w.shape[1]), (0, 0), (0, 0)))
    columns = w.reshape(-1, o)  # as it lies: turning it would cost as much as a small product
    blocks = contracted(y.reshape(-1, o), columns, 1, 1)
    blocks = blocks.reshape(b, h, v, k, s, m, t * c)  # in float32 until they are summed
    apart = [
        jnp.pad(blocks[:, :, :, i, :, j], ((0, 0), (i, k - 1 - i), (j, m - 1 - j), (0, 0), (0, 0)))
        for i in range(k)
        for j in range(m)
    ]
    height, width = h + k - 1, v + m - 1
    x = sum(apart).transpose(0, 1, 3, 2, 4)  # pyright: ignore[reportAttributeAccessIssue]
    return _cut(x.reshape(b, height * s, width * t, c).astype(y.dtype), pads, size)


def product_of_pieces(x, y, strides, pads, kernel):
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


def product_of_shifts(x, y, padding, kernel):
    """The input as it is, times the padded gradient as each of the kernel's taps sees it from
    there; a convolution would have a kernel of the image's size where the input was padded before.
    """
    (k, m), o, (h, v, c) = kernel, y.shape[3], x.shape[1:]
    rows = _rows_of_taps(jnp.pad(y, ((0, 0), *padding, (0, 0))), m, v)[..., ::-1, :]
    rows = rows.reshape(*rows.shape[:3], m * o)  # first along rows: longer pieces are copied faster
    taps = [rows[:, i : i + h] for i in reversed(range(k))]
    columns = jnp.concatenate(taps, axis=-1).reshape(-1, k * m * o)
    w = contracted(x.reshape(-1, c), columns, 0, 0)
    return w.reshape(c, k, m, o).transpose(1, 2, 0, 3).astype(x.dtype)


def sums_of_columns(x, w, pads):
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


def products_of_neighbours(x, y, pads, kernel):
    """A product for each row of taps: the map of fewer channels as it is, times the other, beside
    which lie its neighbours in a row. Where those are many they are laid out for a few images at a
    time, so that they are still in the cache when they are read.
    """
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    along = max(x.shape[2] * y.shape[3], y.shape[2] * x.shape[3])
    images = images_at_a_time(len(x), kernel[1] * y.shape[1] * along)
    part = functools.partial(_of_neighbours, kernel=kernel)
    if images == len(x):
        return part(x, y).astype(x.dtype)
    # One of every so many, not neighbours: a device that has a share of the images keeps it where
    # as many images are taken as there are devices.
    cut = [a.reshape(images, -1, *a.shape[1:]) for a in (x, y)]

    def more(i, w):
        return w + part(*(lax.dynamic_index_in_dim(a, i, 1, keepdims=False) for a in cut))

    made = jax.eval_shape(part, *(a[:, 0] for a in cut))
    nothing = jnp.zeros(made.shape, made.dtype)
    return lax.fori_loop(0, cut[0].shape[1], more, nothing).astype(x.dtype)


def images_at_a_time(images: int, numbers: int) -> int:
    """How many images to take at a time, of which each needs so many numbers."""
    if images * numbers <= CACHED:
        return images
    fit = range(1, min(images, PIECE // numbers) + 1)
    return max((n for n in fit if images % n == 0), default=1)


def _of_neighbours(x, y, kernel):
    (k, m), (h, v), c, o = kernel, y.shape[1:3], x.shape[3], y.shape[3]
    if c <= o:
        y = jnp.pad(y, ((0, 0), (0, 0), (m - 1,) * 2, (0, 0)))
        rows = _neighbours(y, m, x.shape[2])[::-1]
        rows = jnp.concatenate(rows, -1).reshape(-1, m * o)
        taps = [contracted(x[:, i : i + h].reshape(-1, c), rows, 0, 0) for i in range(k)]
        return jnp.stack(taps).reshape(k, c, m, o).swapaxes(1, 2)
    rows = jnp.concatenate(_neighbours(x, m, v), -1)
    taps = [
        contracted(y.reshape(-1, o), rows[:, i : i + h].reshape(-1, m * c), 0, 0) for i in range(k)
    ]
    return jnp.stack(taps).reshape(k, o, m, c).transpose(0, 2, 3, 1)


def by_rows_of_taps(x, y, pads, kernel):
    """The gradient slides down over the input, beside which lie its neighbours in a row."""
    (k, m), c, o = kernel, x.shape[3], y.shape[3]
    rows = _rows_of_taps(jnp.pad(x, ((0, 0), *pads, (0, 0))), m, y.shape[2])
    rows = rows.reshape(*rows.shape[:3], m * c)
    w = lax.conv_general_dilated(
        rows.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3), (1, 1), "VALID", dimension_numbers=AXES
    )
    return w.reshape(m, c, k, o).transpose(2, 0, 1, 3)


def under_rows_of_taps(x, y, pads, kernel):
    """The input slides over the gradient, beside which lie its neighbours in a row."""
    (k, m), c, o = kernel, x.shape[3], y.shape[3]
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    rows = _rows_of_taps(jnp.pad(y, ((0, 0), (0, 0), (m - 1,) * 2, (0, 0))), m, x.shape[2])
    rows = rows[..., ::-1, :].reshape(*rows.shape[:3], m * o)
    w = lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0), rows.transpose(1, 2, 0, 3), (1, 1), "VALID", dimension_numbers=AXES
    )
    return w.reshape(c, k, m, o).transpose(1, 2, 0, 3)


def _rows_of_taps(x, m, width):
    """`m` neighbours along a row, [b, h, width, m, c]."""
    return jnp.stack(_neighbours(x, m, width), axis=3)


def _neighbours(x, m, width):
    return [x[:, :, j : j + width] for j in range(m)]
