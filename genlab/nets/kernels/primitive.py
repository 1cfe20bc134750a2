"""Maps of arrays with a form of their own for CPU: which one is compiled is known at lowering, when
the platform is, and as primitives they stay what they are under any derivative until then.
"""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import mlir


def primitive(name: str, native: Callable, cpu: Callable, static: Sequence[str] = ()) -> Primitive:
    """The primitive of `native(*arrays, **static)`, compiled for CPU from `cpu`, which gives the
    same up to rounding. Derivatives and batching are the caller's to define.
    """
    made = Primitive(f"genlab_{name}")
    made.def_impl(jax.jit(made.bind, static_argnames=static))

    @made.def_abstract_eval
    def shape(*arrays, **fixed):
        found = jax.eval_shape(functools.partial(native, **fixed), *arrays)
        return ShapedArray(found.shape, found.dtype)

    mlir.register_lowering(made, mlir.lower_fun(native, multiple_results=False))
    mlir.register_lowering(made, mlir.lower_fun(cpu, multiple_results=False), platform="cpu")
    return made


def more_images(made: Primitive, x: Array, axis: int, *others: Array, **fixed) -> tuple[Array, int]:
    """The batching rule of a map of images, "b h w c": batched once more along `axis`, they are
    more images.
    """
    x = jnp.moveaxis(x, axis, 0)
    found = made.bind(x.reshape(-1, *x.shape[2:]), *others, **fixed)
    return found.reshape(*x.shape[:2], *found.shape[1:]), 0
