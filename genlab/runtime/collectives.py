"""Reductions over the devices of a traced step: the mean, the whole batch, the device's own key."""

import contextvars
from typing import Any

from jax import Array, lax, random
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

AXIS = "data"
PyTree = Any
_mesh: contextvars.ContextVar[Mesh | None] = contextvars.ContextVar(
    "the mesh of the `Jit` that is being traced", default=None
)


def axis() -> str | None:
    """The named axis when the caller is traced under `Pmap`, else None; what a synchronised
    BatchNorm needs.
    """
    try:
        lax.axis_index(AXIS)
    except NameError:
        return None
    return AXIS


def mean(tree: PyTree) -> PyTree:
    """The mean over the devices of a `Pmap`; the tree itself in the global view, where it is the
    mean already.
    """
    return lax.pmean(tree, AXIS) if axis() else tree


def whole(x: Array) -> Array:
    """The global batch's rows from every device of a `Pmap`; `x` itself in the global view, where
    it is the global batch already.
    """
    return lax.all_gather(x, AXIS, tiled=True) if axis() else x


def split(x: Array) -> Array:
    """`x` with its rows divided over the devices of a `Jit`: what is drawn inside a program, as
    latents are, would be drawn and worked on whole on each of them; `x` itself elsewhere.
    """
    mesh = _mesh.get()
    return x if mesh is None else lax.with_sharding_constraint(x, NamedSharding(mesh, P(AXIS)))


def own(key: Array) -> Array:
    """This device's own key under `Pmap`; the key itself in the global view."""
    return random.fold_in(key, lax.axis_index(AXIS)) if axis() else key
