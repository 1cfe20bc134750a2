"""Which collectives the compiler for TPU makes of a gather and of a reduce-scatter, by slice.

Run:    pip install 'genlab[tpu]'; python benchmarks/collectives.py   (seconds; no TPU is needed)
Writes: benchmarks/results/collectives.json; `python benchmarks/table.py` makes a line of
        docs/scaling.md of it

A program asks by name for one of them, of a kernel of 4 x 4 x 1,024 x 512 in float32 that is split
by its inputs.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import record
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from topologies import SLICES

from genlab.runtime import topologies
from genlab.runtime.communication import exchanges
from genlab.runtime.compiler import compiled_anew

SHAPE, SPLIT = (4, 4, 1024, 512), P(None, None, "chips")


def gather(part: jax.Array) -> jax.Array:
    """The whole kernel, of each chip's part."""
    return lax.all_gather(part, "chips", axis=2, tiled=True)


def scatter(whole: jax.Array) -> jax.Array:
    """A chip's part of the sum of what the chips have."""
    own = jnp.sin(whole * (1.0 + lax.axis_index("chips")))
    return lax.psum_scatter(own, "chips", scatter_dimension=2, tiled=True)


def made(chips: int, program: Callable, given: P, found: P) -> list[str]:
    """The kinds of collectives in the compiled program."""
    slice_ = topologies.named(f"v5p:{SLICES[chips]}")
    mesh = Mesh(np.array(topologies.devices(slice_)), ("chips",), axis_types=(AxisType.Auto,))
    mapped = jax.shard_map(program, mesh=mesh, in_specs=given, out_specs=found, check_vma=False)
    like = jax.ShapeDtypeStruct(SHAPE, jnp.float32, sharding=NamedSharding(mesh, given))
    with compiled_anew():
        text = jax.jit(mapped).lower(like).compile().as_text()
    return sorted({one.kind for one in exchanges(text)})


def main() -> None:
    """Compiles both for each slice of several chips."""
    slices = {}
    for chips in sorted(SLICES)[1:]:
        of = partial(made, chips)
        slices[str(chips)] = {
            "all-gather": of(gather, SPLIT, P()),
            "reduce-scatter": of(scatter, P(), SPLIT),
        }
        print(chips, slices[str(chips)], flush=True)
    record.write("collectives", {"shape": SHAPE, "slices": slices})


if __name__ == "__main__":
    main()
