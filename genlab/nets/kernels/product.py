"""Products of what a network computes, in bfloat16, and a kernel that stays in its own float32.

A layer of flax converts its kernel to the layer's dtype, and the kernel's gradient comes in that
dtype: rounded, and on several devices summed over them as it is, once for each use of the network
(XLA's partitioner sums what a product gives, where it gives it). Here the factors are converted and
the gradient of the kernel is float32, so that its sums are, and uses are added before the devices.

Arrays are "... i" and kernels "i o". Three bilinear maps; each one's derivatives are the other two.
"""

import functools
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax import Array, lax, vmap
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

from genlab.nets.kernels.primitive import alike, primitive


def kernel_kept(*arrays: Any, dtype=None, inexact: bool = True) -> list[Any]:
    """flax's `promote_dtype` of (inputs, kernel, bias), the last an array or None, except that a
    kernel of more bits than the inputs then have stays what it is.
    """
    inputs, kernel, *rest = promote_dtype(*arrays, dtype=dtype, inexact=inexact)
    return [inputs, arrays[1] if narrower(inputs, arrays[1]) else kernel, *rest]


def narrower(x: Array, w: Array) -> bool:
    """Whether `x` has fewer bits than `w`."""
    return jnp.finfo(x.dtype).bits < jnp.finfo(w.dtype).bits


def product(x: Array, w: Array) -> Array:
    """`x @ w` in the dtype of `x`."""
    if not narrower(x, w):
        return lax.dot_general(x, w, (((x.ndim - 1,), (0,)), ((), ())))
    return _forward.bind(*alike(x, w))


def _general(x: Array, w: Array, dimensions, precision=None) -> Array:
    """What flax's layer asks of a product."""
    return product(x, w) if narrower(x, w) else lax.dot_general(x, w, dimensions, precision)


Dense = functools.partial(nn.Dense, promote_dtype=kernel_kept, dot_general=_general)
"""flax's layer, computed here."""


def _forward_native(x, w):
    return lax.dot_general(x, w.astype(x.dtype), (((x.ndim - 1,), (0,)), ((), ())))


def _into_input_native(y, w):
    return lax.dot_general(y, w.astype(y.dtype), (((y.ndim - 1,), (1,)), ((), ())))


def _into_weight_native(x, y, *, dtype):
    return _summed(x, y, jnp.dtype(dtype))


def _into_weight_cpu(x, y, *, dtype):
    return _summed(x, y, None).astype(dtype)


def _summed(x, y, dtype):
    rows = tuple(range(x.ndim - 1))
    return lax.dot_general(x, y, ((rows, rows), ((), ())), preferred_element_type=dtype)


_forward = primitive("product", _forward_native, _forward_native)
_into_input = primitive("product_into_input", _into_input_native, _into_input_native)
_into_weight = primitive("product_into_weight", _into_weight_native, _into_weight_cpu, ("dtype",))

ad.defbilinear(
    _forward,
    lambda y, x, w: _into_input.bind(y, w),
    lambda y, x, w: _into_weight.bind(x, y, dtype=w.aval.dtype.name),
)
ad.defbilinear(
    _into_input,
    lambda x, y, w: _forward.bind(x, w),
    lambda x, y, w: _into_weight.bind(x, y, dtype=w.aval.dtype.name),
)
ad.defbilinear(
    _into_weight,
    lambda w, x, y, dtype: _into_input.bind(y, w),
    lambda w, x, y, dtype: _forward.bind(x, w),
)


def _batched(made: Primitive, native, arrays, axes, **fixed):
    """Rows batched once more are more rows, where all share the kernel."""
    if axes[1] is None and made is not _into_weight:
        return made.bind(jnp.moveaxis(arrays[0], axes[0], 0), arrays[1]), 0
    return vmap(functools.partial(native, **fixed), in_axes=axes)(*arrays), 0


for _made, _native in (
    (_forward, _forward_native),
    (_into_input, _into_input_native),
    (_into_weight, _into_weight_native),
):
    batching.primitive_batchers[_made] = functools.partial(_batched, _made, _native)
