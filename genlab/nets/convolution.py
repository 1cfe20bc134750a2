"""Convolutions in two dimensions that are fast on CPU too, in loops and under any derivative.

XLA's CPU compiler brings a convolution into the form its fast kernel takes only outside loops, and
every round here is played in one: there the gradients of flax's own layers are up to a hundred
times slower (`benchmarks/convolution.py` and its record in `benchmarks/results/`). Three bilinear
maps stand behind every convolution, and each one's derivatives are the other two:

    forward(x, w) = y        into_input(y, w) = x        into_weight(x, y) = w

They are primitives here, so that all derivatives of any order and mode come out in the same three.
On CPU each is written in the form that is fastest for its shape, by the static rules in
`_into_input_cpu` and `_into_weight_cpu`; elsewhere (cuDNN, TPU) XLA's own is taken. All forms are
exact but for the order of sums. Inside `jax.shard_map` these need `check_vma=False`.

Arrays are [B, H, W, C], kernels [k, k, C_in, C_out].
"""

import functools
import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, ShapeDtypeStruct, lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

AXES = ("NHWC", "HWIO", "NHWC")
FEW = 4  # channels of an image: too few to fill the kernels that take channels together
Pads = tuple[tuple[int, int], tuple[int, int]]
Strides = tuple[int, int]


def convolve(x: Array, kernel: Array, strides: Strides = (1, 1), pads: Pads = ((0, 0),) * 2):
    """[B, H, W, C] and [k, k, C, O] -> [B, h, w, O]: `lax.conv_general_dilated` in these axes."""
    strides, pads = tuple(strides), tuple(map(tuple, pads))
    if kernel.shape[:2] == strides == (1, 1) and pads == ((0, 0), (0, 0)):
        return lax.dot_general(x, kernel[0, 0], (((3,), (0,)), ((), ())))
    return _forward.bind(x, kernel, strides=strides, pads=pads)


def convolve_transposed(x: Array, kernel: Array, strides: Strides, padding: str) -> Array:
    """[B, h, w, C] and [k, k, C, O] -> [B, H, W, O]: `lax.conv_transpose` in these axes.

    padding: "SAME" (H = h * stride) or "VALID".
    """
    strides = tuple(strides)
    native = jax.eval_shape(_transposed(strides, padding), x, kernel)
    size = native.shape[1:3]
    pads = tuple(
        _before(k, s, padding, length, small)
        for k, s, length, small in zip(kernel.shape[:2], strides, size, x.shape[1:3], strict=True)
    )
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    return _into_input.bind(x, turned, strides=strides, pads=pads, size=size)


class ConvTranspose(nn.Module):
    """flax's layer of this name, parameters and all, for batches of images."""

    features: int
    kernel_size: Sequence[int]
    strides: Sequence[int] = (1, 1)
    padding: str = "SAME"
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()
    dtype: str | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, h, w, C] -> [B, H, W, features]."""
        shape = (*self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, shape[-1:]) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        y = convolve_transposed(x, kernel, tuple(self.strides), self.padding)
        return y if bias is None else y + bias.reshape(1, 1, 1, -1)


def _general(
    x, kernel, strides, padding, *, lhs_dilation=None, rhs_dilation=None, dimension_numbers=None,
    feature_group_count=1, precision=None, **kwargs,
):  # fmt: skip
    """What flax's layer asks of a convolution: ours where it is plain, XLA's where it is not."""
    plain = feature_group_count == 1 and precision is None and not kwargs and x.ndim == 4
    for dilation in (lhs_dilation, rhs_dilation):
        plain = plain and (dilation is None or set(dilation) == {1})
    if not plain:
        return lax.conv_general_dilated(
            x, kernel, strides, padding, lhs_dilation, rhs_dilation, dimension_numbers,
            feature_group_count, precision=precision, **kwargs,
        )  # fmt: skip
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(x.shape[1:3], kernel.shape[:2], strides, padding)
    return convolve(x, kernel, tuple(strides), tuple((int(a), int(b)) for a, b in padding))


Conv = functools.partial(nn.Conv, conv_general_dilated=_general)
"""flax's layer, computed here; one with groups or dilation is computed as before."""


def _transposed(strides: Strides, padding: str) -> Callable:
    return functools.partial(
        lax.conv_transpose, strides=strides, padding=padding, dimension_numbers=AXES
    )


def _before(k: int, s: int, padding: str, length: int, small: int) -> tuple[int, int]:
    """Padding of the convolution that leads from `length` to `small`, whose transpose
    `lax.conv_transpose` is.
    """
    total = k + s - 2
    low = {
        "SAME": k - 1 if s > k - 1 else math.ceil(total / 2),
        "VALID": k - 1,
    }[padding]
    low = k - 1 - low
    return low, (small - 1) * s + k - length - low


# The three maps, as XLA has them.


def _forward_native(x, w, *, strides, pads):
    return lax.conv_general_dilated(x, w, strides, pads, dimension_numbers=AXES)


def _into_input_native(y, w, *, strides, pads, size):
    x = ShapeDtypeStruct((len(y), *size, w.shape[2]), y.dtype)
    forward = functools.partial(_forward_native, w=w, strides=strides, pads=pads)
    return jax.linear_transpose(forward, x)(y)[0]


def _into_weight_native(x, y, *, strides, pads, kernel):
    w = ShapeDtypeStruct((*kernel, x.shape[3], y.shape[3]), x.dtype)
    forward = functools.partial(_forward_native, x, strides=strides, pads=pads)
    return jax.linear_transpose(forward, w)(y)[0]


# The same on CPU.


def _into_input_cpu(y, w, *, strides, pads, size):
    """Overlapping sums of one product where the kernel is a whole number of strides or leads to an
    image; else a convolution in the axes of the fast kernel.
    """
    (k, m), (s, t) = w.shape[:2], strides
    whole = s > 1 and k % s == 0 and m % t == 0
    if (whole or w.shape[2] <= FEW) and min(*pads[0], *pads[1]) >= 0:
        return _overlapping(y, w, strides, pads, size)
    padding = [
        (k - 1 - low, length - 1 + low - (small - 1) * s)
        for k, s, (low, _), length, small in zip(
            w.shape[:2], strides, pads, size, y.shape[1:3], strict=True
        )
    ]
    turned = w[::-1, ::-1].swapaxes(2, 3)
    return lax.conv_general_dilated(
        y, turned, (1, 1), padding, lhs_dilation=strides, dimension_numbers=AXES
    )


def _into_weight_cpu(x, y, *, strides, pads, kernel):
    """A convolution over the batch as channels, its output the kernel: the gradient slides over the
    input, or, where it has few channels itself, the input over the gradient. From an image by
    kernels of whole strides: one product of pieces.
    """
    whole = all(s > 1 and k % s == 0 for k, s in zip(kernel, strides, strict=True))
    if x.shape[3] <= FEW and whole and min(*pads[0], *pads[1]) >= 0:
        return _product_of_pieces(x, y, strides, pads, kernel)
    across = list(zip(kernel, strides, pads, x.shape[1:3], y.shape[1:3], strict=True))
    if y.shape[3] <= FEW and strides == (1, 1):
        padding = [(k - 1 - low, long - small + low) for k, _, (low, _), long, small in across]
        w = lax.conv_general_dilated(
            y.transpose(3, 1, 2, 0), x.transpose(1, 2, 0, 3), (1, 1), padding,
            dimension_numbers=AXES,
        )  # fmt: skip
        return w[:, ::-1, ::-1].transpose(1, 2, 3, 0)
    padding = [(low, k + (small - 1) * s - low - long) for k, s, (low, _), long, small in across]
    w = lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3), (1, 1), padding, rhs_dilation=strides,
        dimension_numbers=AXES,
    )  # fmt: skip
    return w.transpose(1, 2, 0, 3)


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
    x = sum(apart).transpose(0, 1, 3, 2, 4)
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


# Primitives: their derivatives are one another.


def _primitive(name: str, native: Callable, cpu: Callable) -> Primitive:
    made = Primitive(f"genlab_{name}")
    made.def_impl(jax.jit(made.bind, static_argnames=("strides", "pads", "size", "kernel")))

    @made.def_abstract_eval
    def shape(*arrays, **fixed):
        found = jax.eval_shape(functools.partial(native, **fixed), *arrays)
        return ShapedArray(found.shape, found.dtype)

    mlir.register_lowering(made, mlir.lower_fun(native, multiple_results=False))
    mlir.register_lowering(made, mlir.lower_fun(cpu, multiple_results=False), platform="cpu")
    return made


_forward = _primitive("forward", _forward_native, _forward_native)
_into_input = _primitive("into_input", _into_input_native, _into_input_cpu)
_into_weight = _primitive("into_weight", _into_weight_native, _into_weight_cpu)

ad.defbilinear(
    _forward,
    lambda y, x, w, **fixed: _into_input.bind(y, w, size=tuple(x.aval.shape[1:3]), **fixed),
    lambda y, x, w, **fixed: _into_weight.bind(x, y, kernel=tuple(w.aval.shape[:2]), **fixed),
)
ad.defbilinear(
    _into_input,
    lambda x, y, w, size, **fixed: _forward.bind(x, w, **fixed),
    lambda x, y, w, size, **fixed: _into_weight.bind(x, y, kernel=tuple(w.aval.shape[:2]), **fixed),
)
ad.defbilinear(
    _into_weight,
    lambda w, x, y, kernel, **fixed: _into_input.bind(y, w, size=tuple(x.aval.shape[1:3]), **fixed),
    lambda w, x, y, kernel, **fixed: _forward.bind(x, w, **fixed),
)


def _batched(made: Primitive, native: Callable, arrays, axes, **fixed):
    """Images batched once more are more images; with a kernel for each, one convolution after the
    other on CPU, where XLA has no fast kernel for groups.
    """
    first, second = arrays
    if axes[1] is None and made is not _into_weight:
        first = jnp.moveaxis(first, axes[0], 0)
        found = made.bind(first.reshape(-1, *first.shape[2:]), second, **fixed)
        return found.reshape(*first.shape[:2], *found.shape[1:]), 0
    size = next(a.shape[i] for a, i in zip(arrays, axes, strict=True) if i is not None)
    spread = [
        jnp.broadcast_to(a, (size, *a.shape)) if i is None else jnp.moveaxis(a, i, 0)
        for a, i in zip(arrays, axes, strict=True)
    ]
    one = functools.partial(made.bind, **fixed)
    found = lax.platform_dependent(
        *spread,
        cpu=lambda *a: lax.map(lambda each: one(*each), a),
        default=jax.vmap(functools.partial(native, **fixed)),
    )
    return found, 0


for _made, _native in (
    (_forward, _forward_native),
    (_into_input, _into_input_native),
    (_into_weight, _into_weight_native),
):
    batching.primitive_batchers[_made] = functools.partial(_batched, _made, _native)
