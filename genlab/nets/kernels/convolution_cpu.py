"""The three maps of a convolution (`convolution.py`), each in the form that is fastest on CPU for
its shape by a static rule. All are exact but for the order of sums and rounding;
`benchmarks/convolution.py` measures them beside XLA's own.

Arrays are "b h w c", kernels "k k c o".
"""

import math

import jax
import jax.numpy as jnp
from jax import ShapeDtypeStruct, lax

from genlab.nets.kernels import columns, forms, winograd
from genlab.nets.kernels.resize import added_cpu, repeated

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
# Taps of a row up to which, and channels below which, products with its neighbours are fastest
NEIGHBOURS, NARROW = 3, 48
OUTWEIGHS = 2  # channels of the smaller map a position, from which a kernel outweighs what it sees


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
    """Products with the kernel as it lies where it outweighs what it sees; fewer products where
    they win; to an image overlapping sums of one product, or of a convolution where the kernel is
    wide; else XLA's own, which is slow where there are few channels to give.
    """
    if _outweighs(w.shape, strides, pads, x.shape[:3], turned):
        return columns.forward(x, w, strides, pads, turned)
    if _fewer(w.shape, strides, pads, x.shape[:3], x.dtype, FEWEST_FORWARD):
        return winograd.convolve(x, w, strides, pads, turned)
    w = forms.turn(w) if turned else w
    sides = list(zip(w.shape[:2], pads, x.shape[1:3], strict=True))
    back = [(k - 1 - low, k - 1 - high) for k, (low, high), _ in sides]
    if w.shape[3] <= FEW and strides == (1, 1) and min(*back[0], *back[1]) >= 0:
        if w.shape[1] >= WIDE and min(*pads[0], *pads[1]) >= 0:
            return forms.sums_of_columns(x, w, pads)
        size = [length + low + high - k + 1 for k, (low, high), length in sides]
        return forms.overlapping(x, forms.turn(w), strides, back, size)
    return lax.conv_general_dilated(x, w, strides, pads, dimension_numbers=forms.AXES)


def _into_input(y, w, *, strides, pads, turned, size):
    """Products with the kernel as it lies where it outweighs what it sees; fewer products where
    they win; where the kernel is a whole number of strides, one convolution for all outputs of a
    stride, or, where these are large, one for each phase; to an image overlapping sums of one
    product, or a convolution with a column of taps at a time; else one in the axes of the fast
    kernel.
    """
    if _outweighs(w.shape, strides, pads, (len(y), *size), turned):
        return columns.into_input(y, w, strides, pads, turned, size)
    if _fewer(w.shape, strides, pads, (len(y), *size), y.dtype, FEWEST_INPUT):
        x = ShapeDtypeStruct((len(y), *size, w.shape[3 if turned else 2]), y.dtype)
        back = jax.linear_transpose(lambda x: winograd.convolve(x, w, strides, pads, turned), x)
        return back(y)[0]
    w = forms.turn(w) if turned else w
    (k, m), (s, t) = w.shape[:2], strides
    whole = s > 1 and k % s == 0 and m % t == 0
    whole_images = min(*pads[0], *pads[1]) >= 0  # nothing is cut off
    if whole and w.shape[2] > FEW:
        if math.prod(y.shape[:3]) * k * m * w.shape[2] > forms.CACHED:
            return forms.by_phases(y, w, strides, pads, size)
        if whole_images:
            return forms.by_blocks(y, w, strides, pads, size)
    padding = [
        (k - 1 - low, length - 1 + low - (small - 1) * s)
        for k, s, (low, _), length, small in zip(
            w.shape[:2], strides, pads, size, y.shape[1:3], strict=True
        )
    ]
    inside = min(*padding[0], *padding[1]) >= 0
    if w.shape[2] <= FEW and w.shape[1] >= WIDE and strides == (1, 1) and inside:
        return forms.sums_of_columns(y, forms.turn(w), padding)
    if w.shape[2] <= FEW and whole_images:
        return forms.overlapping(y, w, strides, pads, size)
    return lax.conv_general_dilated(
        y, forms.turn(w), (1, 1), padding, lhs_dilation=strides, dimension_numbers=forms.AXES
    )


def _into_weight(x, y, *, strides, pads, turned, kernel):
    """One product of all taps where the kernel outweighs what it sees; fewer products where they
    win; from an image by kernels of whole strides one product of pieces; from few channels by small
    kernels a product for each row of taps; else a convolution over the batch as channels, its
    output the kernel: the gradient slides over the input (whose rows of taps become channels first
    where batch and channels are few), or, where it has few channels itself, one product with the
    gradient shifted by every tap; or the input over the gradient, if taps are too few for a
    product, or as rows of taps if too many.
    """
    shape = (*kernel, *((y.shape[3], x.shape[3]) if turned else (x.shape[3], y.shape[3])))
    if _outweighs(shape, strides, pads, x.shape[:3], turned):
        return columns.into_weight(x, y, strides, pads, turned, kernel)
    if _fewer(shape, strides, pads, x.shape[:3], x.dtype, FEWEST_WEIGHT):
        w = ShapeDtypeStruct(shape, x.dtype)
        back = jax.linear_transpose(lambda w: winograd.convolve(x, w, strides, pads, turned), w)
        return back(y)[0]
    w = _into_weight_direct(x, y, strides, pads, kernel)
    return forms.turn(w) if turned else w


def _into_weight_direct(x, y, strides, pads, kernel):
    whole = all(s > 1 and k % s == 0 for k, s in zip(kernel, strides, strict=True))
    if x.shape[3] <= FEW and whole and min(*pads[0], *pads[1]) >= 0:
        return forms.product_of_pieces(x, y, strides, pads, kernel)
    across = list(zip(kernel, strides, pads, x.shape[1:3], y.shape[1:3], strict=True))
    if y.shape[3] <= FEW and strides == (1, 1):
        padding = [(k - 1 - low, long - small + low) for k, _, (low, _), long, small in across]
        taps = math.prod(kernel) * y.shape[3]
        if math.prod(y.shape[:3]) * taps > forms.CACHED and min(*pads[0], *pads[1]) >= 0:
            return forms.under_rows_of_taps(x, y, pads, kernel)
        enough = taps >= COLUMNS or not any(map(any, pads))
        if enough and min(*padding[0], *padding[1]) >= 0:
            return forms.product_of_shifts(x, y, padding, kernel)
        w = lax.conv_general_dilated(
            y.transpose(3, 1, 2, 0), x.transpose(1, 2, 0, 3), (1, 1), padding,
            dimension_numbers=forms.AXES,
        )  # fmt: skip
        return w[:, ::-1, ::-1].transpose(1, 2, 3, 0)
    small = max(kernel) <= NEIGHBOURS and FEW < min(x.shape[3], y.shape[3]) < NARROW
    if small and strides == (1, 1) and min(*pads[0], *pads[1]) >= 0:
        return forms.products_of_neighbours(x, y, pads, kernel)
    few = len(x) < SEVERAL and x.shape[3] <= FEW and strides == (1, 1)
    if few and min(*pads[0], *pads[1]) >= 0:
        return forms.by_rows_of_taps(x, y, pads, kernel)
    padding = [(low, k + (small - 1) * s - low - long) for k, s, (low, _), long, small in across]
    w = lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3), (1, 1), padding, rhs_dilation=strides,
        dimension_numbers=forms.AXES,
    )  # fmt: skip
    return w.transpose(1, 2, 0, 3)


def _outweighs(kernel, strides, pads, images, turned: bool) -> bool:
    """Whether the kernel outweighs what it sees: there are few positions, and more channels than
    an image's.
    """
    batch, *size = images
    if min(*pads[0], *pads[1]) < 0 or min(kernel[2:]) <= FEW:
        return False
    sides = zip(kernel[:2], strides, pads, size, strict=True)
    positions = batch * math.prod((n + sum(pad) - k) // s + 1 for k, s, pad, n in sides)
    return kernel[2 if turned else 3] >= OUTWEIGHS * positions


def _fewer(kernel, strides, pads, images, dtype, fewest: dict[int, int]) -> bool:
    """Whether fewer products win: there are enough channels for their additions, and enough tiles
    for those of the kernel; `images` is (b, h, w).
    """
    batch, *size = images
    length = 2 if kernel[0] == 2 * strides[0] else 3
    if min(kernel[2:]) < fewest[length] or not winograd.fits(kernel, strides, pads, size, dtype):
        return False
    return batch * winograd.tiles(kernel, strides, pads, size) >= FEWEST_TILES[length]
