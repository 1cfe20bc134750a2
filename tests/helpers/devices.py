"""Functions on several devices, as the placement "pmap" runs them."""

import jax
from jax.sharding import PartitionSpec as P

from genlab.runtime import placement
from genlab.runtime.collectives import AXIS


def on_devices(fn, devices=2, in_axes=0):
    """`fn` on each device's part of the arguments along these axes (None: all of it on each); the
    results one after the other. JAX checks what may differ between the devices.
    """

    def mapped(*args):
        axes = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)

        def own(*parts):
            return jax.tree.map(lambda x: x[None], fn(*map(taken, parts, axes)))

        specs = tuple(P() if axis is None else P(*(None,) * axis, AXIS) for axis in axes)
        mesh = placement.by_name("pmap", devices).mesh
        return jax.jit(jax.shard_map(own, mesh=mesh, in_specs=specs, out_specs=P(AXIS)))(*args)

    return mapped


def taken(part, axis):
    """A device's part without the axis of the devices."""
    if axis is None:
        return part
    return jax.tree.map(lambda x: x[(slice(None),) * axis + (0,)], part)
