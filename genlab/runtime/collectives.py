"""What a traced step asks of its devices: a mean, the whole batch, a device's own key and rows.

Under `Jit` a step is written for the global batch, and all of these are the identity (`shard`
distributes what is drawn). Under `Pmap` each device traces its own rows, and what a paper defines
over the batch, such as the mean logit of the other side, has to ask for it.
"""

import contextvars
from typing import Any

import jax.numpy as jnp
from jax import Array, lax, random
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

AXIS = "data"
PyTree = Any
traced_mesh: contextvars.ContextVar[Mesh | None] = contextvars.ContextVar(
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
    """The mean over the devices of a `Pmap`; under `Jit` the tree itself, the global mean."""
    return lax.pmean(tree, AXIS) if axis() else tree


def total(tree: PyTree) -> PyTree:
    """The sum over the devices of a `Pmap`; under `Jit` the tree itself, the global sum."""
    return lax.psum(tree, AXIS) if axis() else tree


def dealt(x: Array) -> Array:
    """Rows that all devices of a `Pmap` agree on, row k being that of device k modulo their number;
    under `Jit` `x` itself.
    """
    if not axis():
        return x
    turn = jnp.arange(len(x)) % lax.psum(1, AXIS) == lax.axis_index(AXIS)
    return lax.psum(jnp.where(turn.reshape(-1, *(1,) * (x.ndim - 1)), x, 0), AXIS)


def gather(x: Array) -> Array:
    """The global batch's rows from every device of a `Pmap`; under `Jit` `x`, the global batch."""
    return lax.all_gather(x, AXIS, tiled=True) if axis() else x


def own_rows(x: Array, n: int) -> Array:
    """This device's `n` rows of what was computed for the global batch; `x` if it has `n` rows."""
    return x if len(x) == n else lax.dynamic_slice_in_dim(x, lax.axis_index(AXIS) * n, n)


def shard(x: Array) -> Array:
    """Shards `x` along the batch axis under `Jit`; otherwise XLA would replicate arrays that are
    created inside the program, as latents are. `x` itself elsewhere.
    """
    mesh = traced_mesh.get()
    return x if mesh is None else lax.with_sharding_constraint(x, NamedSharding(mesh, P(AXIS)))


def device_key(key: Array) -> Array:
    """This device's own key under `Pmap`; under `Jit` the key itself."""
    return random.fold_in(key, lax.axis_index(AXIS)) if axis() else key
