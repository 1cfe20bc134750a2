"""Convolutions in two dimensions that are fast on CPU too, in loops and under any derivative.

XLA's CPU compiler brings a convolution into the form its fast kernel takes only outside loops, and
every round here is played in one: there the gradients of flax's own layers take a hundred times as
long and more (`benchmarks/convolution.py` and its record in `benchmarks/results/`). Three bilinear
maps stand behind every convolution, and each one's derivatives are the other two:

    forward(x, w) = y        into_input(y, w) = x        into_weight(x, y) = w

They are primitives here, so that all derivatives of any order and mode come out in the same three.
A kernel that is `turned` lies as a transposed convolution's parameters do, [k, k, O, C], taps in
reverse: to turn it in memory and its gradient back costs as much as a small product.
A map that is `pooled` is summed over blocks of 2x2 after its convolution, so that its transpose
doubles images before one: on CPU both are one convolution of stride 2 with a kernel of one tap
more, at 16 products for 36 of a 3x3 kernel, and the larger image is never written.
On CPU each is written in the form that is fastest for its shape (`convolution_cpu.py`); elsewhere
(cuDNN, TPU) XLA's own is taken. A kernel may have more bits than the images, in whose dtype it is
computed: its gradient then comes in its own (see `product.py`). On GPU it is summed in float32 and
rounded once to the images' dtype: asked for more, XLA converts the images instead
(`docs/speed.md` has both times).

Arrays are "b h w c", kernels "k k c o".
"""

import functools
import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching
from jaxtyping import Float

from genlab.nets.kernels import convolution_cpu
from genlab.nets.kernels.forms import AXES, turn
from genlab.nets.kernels.grouped import grouped
from genlab.nets.kernels.primitive import alike, blank, more_images, primitive
from genlab.nets.kernels.product import kernel_kept, product
from genlab.nets.kernels.resize import added, mean_pool, repeated, upsample
from genlab.runtime.compiler import GPUS

Pads = tuple[tuple[int, ...], ...]  # (before, after) along both axes
Strides = tuple[int, ...]  # along both axes


def convolve(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "k l c o"],
    strides: Strides = (1, 1),
    pads: Pads = ((0, 0),) * 2,
) -> Float[Array, "b i j o"]:
    """`lax.conv_general_dilated` in these axes."""
    strides, pads = tuple(strides), tuple(map(tuple, pads))
    if kernel.shape[:2] == strides == (1, 1) and pads == ((0, 0), (0, 0)):
        return product(x, kernel[0, 0])
    x, kernel = alike(x, kernel)
    return _forward.bind(x, kernel, strides=strides, pads=pads, turned=False, pooled=False)


def convolve_pooled(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k l c o"], pads: Pads
) -> Float[Array, "b i/2 j/2 o"]:
    """`mean_pool(convolve(x, kernel, pads=pads))`; i and j even."""
    strides, pads, (x, kernel) = (1, 1), tuple(map(tuple, pads)), alike(x, kernel)
    return _forward.bind(x, kernel, strides=strides, pads=pads, turned=False, pooled=True) / 4


def convolve_upsampled(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k l c o"], pads: Pads
) -> Float[Array, "b i j o"]:
    """`convolve(upsample(x), kernel, pads=pads)`."""
    sides = list(zip(kernel.shape[:2], pads, x.shape[1:3], strict=True))
    size = tuple(2 * length + low + high - k + 1 for k, (low, high), length in sides)
    back = tuple((k - 1 - low, k - 1 - high) for k, (low, high), _ in sides)
    fixed = {"strides": (1, 1), "pads": back, "turned": True, "pooled": True}
    x, kernel = alike(x, kernel)
    return _into_input.bind(x, kernel, size=size, **fixed)


def convolve_transposed(
    x: Float[Array, "b i j c"], kernel: Float[Array, "k l c o"], strides: Strides, padding: str
) -> Float[Array, "b h w o"]:
    """`lax.conv_transpose` in these axes.

    padding: "SAME" (h = i * stride) or "VALID".
    """
    strides, (x, kernel) = tuple(strides), alike(x, kernel)
    converted = jax.ShapeDtypeStruct(kernel.shape, x.dtype)
    native = jax.eval_shape(_transposed(strides, padding), x, converted)
    size = native.shape[1:3]
    pads = tuple(
        _before(k, s, padding, length, small)
        for k, s, length, small in zip(kernel.shape[:2], strides, size, x.shape[1:3], strict=True)
    )
    fixed = {"strides": strides, "pads": pads, "turned": True, "pooled": False}
    return _into_input.bind(x, kernel, size=size, **fixed)


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
    def __call__(self, x: Float[Array, "b i j c"]) -> Float[Array, "b h w d"]:
        """A map of `features` channels."""
        shape = (*self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, shape[-1:]) if self.use_bias else None
        x, kernel, bias = kernel_kept(x, kernel, bias, dtype=self.dtype)
        y = convolve_transposed(x, kernel, tuple(self.strides), self.padding)
        return y if bias is None else y + bias.reshape(1, 1, 1, -1)


def _general(x, kernel, strides, padding, **more):
    """What flax's layer asks of a convolution: ours where it is plain, XLA's where it is not."""
    groups = more.pop("feature_group_count", 1)
    if not _plain(x, **more):
        kernel, more = kernel.astype(x.dtype), {**more, "feature_group_count": groups}
        return lax.conv_general_dilated(x, kernel, strides, padding, **more)
    if groups > 1:
        pads = _pads(x.shape, kernel, strides, padding)
        return grouped(convolve, x, kernel, groups, strides, pads)
    return convolve(x, kernel, tuple(strides), _pads(x.shape, kernel, strides, padding))


def _plain(
    x, lhs_dilation=None, rhs_dilation=None, dimension_numbers=None, feature_group_count=1,
    precision=None, **more,
) -> bool:  # fmt: skip
    """Whether nothing is asked beyond strides and padding."""
    dilated = any(set(d) != {1} for d in (lhs_dilation, rhs_dilation) if d is not None)
    return x.ndim == 4 and feature_group_count == 1 and precision is None and not (dilated or more)


def _pads(shape, kernel, strides, padding) -> Pads:
    """Of a "SAME", "VALID" or pairs of numbers, over images of `shape`."""
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(shape[1:3], kernel.shape[:2], strides, padding)
    return tuple((int(a), int(b)) for a, b in padding)


def _general_pooled(x, kernel, strides, padding, **more):
    if not _one_with_its_resampling(x, kernel, strides, **more):
        return mean_pool(_general(x, kernel, strides, padding, **more))
    return convolve_pooled(x, kernel, _pads(x.shape, kernel, strides, padding))


def _general_upsampled(x, kernel, strides, padding, **more):
    if not _one_with_its_resampling(x, kernel, strides, **more):
        return _general(upsample(x), kernel, strides, padding, **more)
    doubled = (len(x), 2 * x.shape[1], 2 * x.shape[2])
    return convolve_upsampled(x, kernel, _pads(doubled, kernel, strides, padding))


def _one_with_its_resampling(x, kernel, strides, **more) -> bool:
    return max(strides) == 1 < min(kernel.shape[:2]) and _plain(x, **more)


_Conv = functools.partial(nn.Conv, promote_dtype=kernel_kept)
Conv = functools.partial(_Conv, conv_general_dilated=_general)
"""flax's layer, computed here; one with dilation is computed as before."""
PooledConv = functools.partial(_Conv, conv_general_dilated=_general_pooled)
"""`Conv`, then a mean over blocks of 2x2, before the bias: the same after it."""
UpsampledConv = functools.partial(_Conv, conv_general_dilated=_general_upsampled)
"""Nearest-neighbour doubling, then `Conv`."""


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


def _forward_native(x, w, *, strides, pads, turned, pooled):
    w = (turn(w) if turned else w).astype(x.dtype)
    y = lax.conv_general_dilated(x, w, strides, pads, dimension_numbers=AXES)
    return added(y) if pooled else y


def _into_input_native(y, w, *, turned, size, **fixed):
    x = blank((len(y), *size, w.shape[3 if turned else 2]), y)
    forward = functools.partial(_forward_native, w=w, turned=turned, **fixed)
    return jax.linear_transpose(forward, x)(y)[0]


def _into_weight_native(x, y, *, turned, kernel, dtype, **fixed):
    if dtype != x.dtype.name:
        return _into_wide_weight(x, y, turned, kernel, dtype, **fixed)
    channels = (y.shape[3], x.shape[3]) if turned else (x.shape[3], y.shape[3])
    w = blank((*kernel, *channels), x)
    forward = functools.partial(_forward_native, x, turned=turned, **fixed)
    return jax.linear_transpose(forward, w)(y)[0]


def _into_wide_weight(x, y, turned, kernel, dtype, strides, pads, pooled):
    """A convolution of `x` with `y` over the batch, whose sums are given as they are taken."""
    y = repeated(y) if pooled else y
    sides = zip(kernel, strides, pads, x.shape[1:3], y.shape[1:3], strict=True)
    around = [(low, k - 1 + s * (n - 1) + 1 - m - low) for k, s, (low, _), m, n in sides]
    over = lax.ConvDimensionNumbers((3, 0, 1, 2), (3, 0, 1, 2), (2, 3, 0, 1))
    w = lax.conv_general_dilated(
        x, y, (1, 1), around, rhs_dilation=strides, dimension_numbers=over,
        preferred_element_type=jnp.dtype(dtype),
    )  # fmt: skip
    return turn(w) if turned else w


# On CPU a kernel of more bits is converted, and so is its gradient; on GPU its gradient is.


def _forward_cpu(x, w, **fixed):
    return convolution_cpu.forward(x, w.astype(x.dtype), **fixed)


def _into_input_cpu(y, w, **fixed):
    return convolution_cpu.into_input(y, w.astype(y.dtype), **fixed)


def _into_weight_cpu(x, y, *, dtype, **fixed):
    return convolution_cpu.into_weight(x, y, **fixed).astype(dtype)


def _into_weight_gpu(x, y, *, dtype, **fixed):
    return _into_weight_native(x, y, dtype=x.dtype.name, **fixed).astype(dtype)


# Primitives: their derivatives are one another.

STATIC = ("strides", "pads", "turned", "pooled", "size", "kernel", "dtype")
_forward = primitive("forward", _forward_native, _forward_cpu, STATIC)
_into_input = primitive("into_input", _into_input_native, _into_input_cpu, STATIC)
_into_weight = primitive(
    "into_weight", _into_weight_native, _into_weight_cpu, STATIC, gpu=_into_weight_gpu
)


def _kernel(w) -> dict:
    return {"kernel": tuple(w.aval.shape[:2]), "dtype": w.aval.dtype.name}


ad.defbilinear(
    _forward,
    lambda y, x, w, **fixed: _into_input.bind(y, w, size=tuple(x.aval.shape[1:3]), **fixed),
    lambda y, x, w, **fixed: _into_weight.bind(x, y, **_kernel(w), **fixed),
)
ad.defbilinear(
    _into_input,
    lambda x, y, w, size, **fixed: _forward.bind(x, w, **fixed),
    lambda x, y, w, size, **fixed: _into_weight.bind(x, y, **_kernel(w), **fixed),
)
ad.defbilinear(
    _into_weight,
    lambda w, x, y, kernel, dtype, **fixed: _into_input.bind(
        y, w, size=tuple(x.aval.shape[1:3]), **fixed
    ),
    lambda w, x, y, kernel, dtype, **fixed: _forward.bind(x, w, **fixed),
)


def _batched(made: Primitive, native: Callable, gpu: Callable, arrays, axes, **fixed):
    """Images batched once more are more images; with a kernel for each, one convolution after the
    other on CPU, where XLA has no fast kernel for groups.
    """
    first, second = arrays
    if axes[1] is None and made is not _into_weight:
        return more_images(made, first, axes[0], second, **fixed)
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
        **dict.fromkeys(GPUS, jax.vmap(functools.partial(gpu, **fixed))),
    )
    return found, 0


for _made, *_forms in (
    (_forward, _forward_native, _forward_native),
    (_into_input, _into_input_native, _into_input_native),
    (_into_weight, _into_weight_native, _into_weight_gpu),
):
    batching.primitive_batchers[_made] = functools.partial(_batched, _made, *_forms)
