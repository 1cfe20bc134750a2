"""What a traced step asks of its devices: a mean, the whole batch, a device's own key and rows.

Under `Jit` a step is written for the global batch, and most of these are the identity; `shard`,
`by_rows`, `whole` and `parts` say how it lies on the devices, and do nothing elsewhere. Under
`Pmap` each device traces its own rows, and what a paper defines over the batch, such as the mean
logit of the other side, has to ask for it. There JAX knows of each array whether it is the same on
all devices or may vary, and refuses a state that may; a loop or a branch that begins with constants
and goes on with a device's own arrays needs `varying` of the constants.
"""

import contextvars
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax, random
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

AXIS = "data"
PyTree = Any
traced: contextvars.ContextVar[Any] = contextvars.ContextVar(
    "the `Jit` that is being traced", default=None
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
    """The mean over the devices of a `Pmap`; under `Jit` the tree itself, the global mean. What is
    known to be the same on all devices is not sent again.
    """
    if not axis():
        return tree
    known = _checked()
    return jax.tree.map(lambda x: x if known and not varies(x) else lax.pmean(x, AXIS), tree)


def grad(loss: Callable, owned: PyTree, has_aux: bool = False) -> PyTree:
    """`jax.grad(loss, has_aux=has_aux)(owned)` for this device's rows, whose `mean` is the gradient
    for the global batch. The parameters are marked as a device's own: of those that all share JAX
    would sum the gradient over the devices itself, once for each use.
    """

    def own(owned):
        found = loss(owned)
        return (varying(found[0]), found[1]) if has_aux else varying(found)

    return jax.grad(own, has_aux=has_aux)(varying(owned))


def varying(tree: PyTree) -> PyTree:
    """`tree`, marked as this device's own under `Pmap`: the same numbers, which may vary from now
    on. `tree` itself elsewhere.
    """
    if not (axis() and _checked()):
        return tree
    return jax.tree.map(lambda x: x if varies(x) else lax.pcast(x, AXIS, to="varying"), tree)


def varies(x: Any) -> bool:
    """Whether `x` may differ between the devices of a `Pmap`."""
    return AXIS in jax.typeof(x).manual_axis_type.varying


def _checked() -> bool:
    """Whether JAX keeps account of what varies: `jax.shard_map` does, `jax.pmap` does not."""
    return varies(lax.axis_index(AXIS))


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
    place = traced.get()
    if place is None:
        return x
    return lax.with_sharding_constraint(x, NamedSharding(place.mesh, P(AXIS)))


def by_rows(function: Callable[[Array], Array], x: Array) -> Array:
    """`function(x)`, of which each row depends on the same row of `x` alone: under `Jit` each
    device works on its own, where rows divide over the devices; else all work on all. XLA would ask
    all devices at each turn of a loop that goes on until all rows are done.
    """
    place = traced.get()
    if place is None or len(x) % place.mesh.size or place.mesh.size == 1:
        return function(x)
    split = P(AXIS)
    return jax.shard_map(function, mesh=place.mesh, in_specs=split, out_specs=split)(x)


def whole(tree: PyTree) -> PyTree:
    """All of each array on every device, where the state is fully sharded; `tree` itself elsewhere.

    Parameters are gathered by it once for a move. Otherwise XLA gathers them for each use, or
    divides products by the parameters' axes and exchanges activations.
    """
    place = traced.get()
    if place is None or place.sharding != "full":
        return tree
    return lax.with_sharding_constraint(tree, NamedSharding(place.mesh, P()))


def parts(tree: PyTree) -> PyTree:
    """Each device's part alone, where the state is fully sharded, so that an optimiser works on no
    more of it; `tree` itself elsewhere.
    """
    place = traced.get()
    if place is None or place.sharding != "full":
        return tree
    return lax.with_sharding_constraint(tree, place.state_sharding(tree))


def device_key(key: Array) -> Array:
    """This device's own key under `Pmap`; under `Jit` the key itself."""
    return random.fold_in(key, lax.axis_index(AXIS)) if axis() else key
