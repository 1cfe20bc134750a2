"""Maps of arrays with a form of their own for CPU, or GPU: which one is compiled is known at
lowering, when the platform is, and as primitives they stay what they are under any derivative until
then.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import mlir

from genlab.runtime import collectives
from genlab.runtime.compiler import GPUS


def primitive(
    name: str,
    native: Callable,
    cpu: Callable,
    static: Sequence[str] = (),
    gpu: Callable | None = None,
) -> Primitive:
    """The primitive of `native(*arrays, **static)`, compiled for CPU from `cpu` and for GPU from
    `gpu`, if given: they give the same up to rounding. Derivatives and batching are the caller's to
    define.
    """
    made = Primitive(f"genlab_{name}")
    made.def_impl(jax.jit(made.bind, static_argnames=static))

    @made.def_abstract_eval
    def shape(*arrays, **fixed):
        plain = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in arrays]
        found = jax.eval_shape(functools.partial(native, **fixed), *plain)
        return arrays[0].update(shape=found.shape, dtype=found.dtype, weak_type=False)

    mlir.register_lowering(made, _lowering(native))
    mlir.register_lowering(made, _lowering(cpu), platform="cpu")
    if gpu is not None:
        for platform in GPUS:
            mlir.register_lowering(made, _lowering(gpu), platform=platform)
    return made


def _lowering(form: Callable) -> Callable:
    """The rule that compiles `form`. What varies between devices is settled by then: traced as if
    nothing did, no transpose in it sums over them.
    """
    rule = mlir.lower_fun(form, multiple_results=False)

    def lower(context, *arrays, **fixed):
        same = ShapedArray((), jnp.float32).manual_axis_type
        plain = [x.update(manual_axis_type=same) for x in context.avals_in]
        return rule(context.replace(avals_in=plain), *arrays, **fixed)

    return lower


def more_images(made: Primitive, x: Array, axis: int, *others: Array, **fixed) -> tuple[Array, int]:
    """The batching rule of a map of images, "b h w c": batched once more along `axis`, they are
    more images.
    """
    x = jnp.moveaxis(x, axis, 0)
    found = made.bind(x.reshape(-1, *x.shape[2:]), *others, **fixed)
    return found.reshape(*x.shape[:2], *found.shape[1:]), 0


def alike(*arrays: Array) -> tuple[Array, ...]:
    """`arrays` for one primitive under `Pmap`: all of them marked as a device's own if one is, as
    JAX's own operations mark theirs.
    """
    return collectives.varying(arrays) if any(map(collectives.varies, arrays)) else arrays


def blank(shape: tuple[int, ...], like: Array) -> Any:
    """What a map to be transposed takes, of the dtype of `like`, and a device's own where `like`
    is: by an array that all share JAX would sum the transpose over the devices.
    """
    if not collectives.varies(like):
        return jax.ShapeDtypeStruct(shape, like.dtype)
    return collectives.varying(jnp.zeros(shape, like.dtype))
