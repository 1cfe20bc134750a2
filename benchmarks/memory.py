"""What rematerialisation saves and costs, by XLA's own analysis, at several batch sizes.

Run:    python benchmarks/memory.py            (--time on a quiet machine: the load is recorded)
        python benchmarks/memory.py --tpu      (with libtpu installed; no TPU is needed)
Writes: benchmarks/results/memory.json and memory_tpu.json: bytes of temporaries and FLOPs of a
        trunk's gradient with its blocks kept and with them recomputed; with --time its seconds

With --tpu programs are compiled for one chip of a TPU v5e ahead of time, and not run.
"""

import argparse
import functools
import os

import jax
import jax.numpy as jnp
import numpy as np
import record
from jax import random
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from genlab.nets import Discriminator, Generator, biggan, r3gan, resnet

SHAPE = (32, 32, 3)
TRUNKS = {  # (network, shape of an example, batch sizes) at a share `scale` of its width
    "WGAN-GP generator": (lambda k, s: Generator(resnet.Up(SHAPE, int(128 * s), remat=k)), (128,)),
    "WGAN-GP critic": (lambda k, s: Discriminator(resnet.Down(int(128 * s), remat=k)), SHAPE),
    "BigGAN-128 critic": (
        lambda k, s: Discriminator(biggan.Down(int(96 * s), remat=k)),
        (128, 128, 3),
    ),
    "R3GAN critic": (
        lambda k, s: r3gan.Discriminator(
            r3gan.Down((int(768 * s),) * 4, (int(96 * s),) * 4, remat=k)
        ),
        SHAPE,
    ),
}


def gradient(net, example: tuple[int, ...], batch: int):
    """(a network's value and gradient, shapes of its arguments)."""
    x = jax.ShapeDtypeStruct((batch, *example), jnp.float32)
    variables = jax.eval_shape(net.init, random.key(0), x)
    variables = {name: tree for name, tree in variables.items() if name != "intermediates"}
    params, stats = variables.pop("params"), variables

    def loss(params, stats, x):
        made, _ = net.apply({"params": params, **stats}, x, mutable=list(stats))
        return jnp.square(made).sum()

    return jax.grad(loss), (params, stats, x)


def analysed(net, example: tuple[int, ...], batch: int, sharding, time: bool) -> dict:
    """Of the compiled gradient."""
    fn, shapes = gradient(net, example, batch)
    where = {} if sharding is None else {"in_shardings": sharding, "out_shardings": sharding}
    compiled = jax.jit(fn, **where).lower(*shapes).compile()
    found = {
        "temporary_bytes": compiled.memory_analysis().temp_size_in_bytes,
        "flops": compiled.cost_analysis()["flops"],
    }
    if time:
        arrays = jax.tree.map(lambda x: jnp.full(x.shape, 0.01, x.dtype), shapes)
        found["seconds"] = record.timed(lambda: compiled(*arrays), 3)
    return found


@functools.cache
def chip() -> NamedSharding:
    """One chip of a TPU v5e, described without having it."""
    from jax.experimental import topologies

    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    found = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2")
    return NamedSharding(jax.sharding.Mesh(np.array(found.devices[:1]), ("data",)), P())


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpu", action="store_true")
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--scale", type=float, help="share of the full widths")
    parser.add_argument("--batches", default="")
    given = parser.parse_args()
    if given.time:
        record.load()
    scale = given.scale or (1.0 if given.tpu else 0.25)
    batches = [int(n) for n in (given.batches or ("64,256" if given.tpu else "16,64")).split(",")]
    rows = []
    for name, (make, example) in TRUNKS.items():
        for batch in batches:
            row = {"network": name, "batch": batch}
            for kept, remat in (("kept", False), ("anew", True)):
                sharding = chip() if given.tpu else None
                row[kept] = analysed(make(remat, scale), example, batch, sharding, given.time)
            rows.append(row)
            told = [f"{row[k]['temporary_bytes'] / 2**20:.0f} MiB" for k in ("kept", "anew")]
            flops = row["anew"]["flops"] / row["kept"]["flops"]
            print(name, batch, *told, f"FLOPs x {flops:.2f}", flush=True)
            written = {"compiled for": "TPU v5e" if given.tpu else "this machine's CPU"}
            name_of = "memory_tpu" if given.tpu else "memory"
            record.write(name_of, {**written, "scale": scale, "rows": rows})


if __name__ == "__main__":
    main()
