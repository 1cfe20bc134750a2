"""Pictures per second that `genlab.data.products` draws, as a training program draws them.

Run:    python benchmarks/products_rate.py [--out FILE]     (on a quiet machine: load is recorded)
Writes: benchmarks/results/products_rate.json: pictures per second at each size, batches drawn
        inside a scan as in training, the best of a few calls; the goal is 20,000 at 32x32 on 2
        CPU cores
"""

import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import record

from genlab.data import products
from genlab.runtime import compiler

BATCH, SIZES = 64, (16, 32, 64, 128)
PIXELS = 2**22  # of one call
REPEATS = 7


def rate(size: int) -> dict:
    """Pictures per second: median and range over calls, and seconds to compile."""
    source = products(size, columns=("image",))
    batches = max(2, PIXELS // size**2 // BATCH)
    held, key = source.fetch("train", 0, 0, 1, BATCH), jax.random.key(0)

    def draw(first):
        def one(total, j):
            batch = source.batch(held, key, first + j, j, jnp.arange(BATCH), BATCH)
            return total + batch["image"].mean(), None

        return jax.lax.scan(one, 0.0, jnp.arange(batches))[0]

    started = time.perf_counter()
    run = compiler.jit(draw)
    jax.block_until_ready(run(0))
    compiling = time.perf_counter() - started
    found = record.timed(lambda: run(batches), REPEATS)
    per_second = [batches * BATCH / seconds for seconds in found["all"]]
    return {"pictures_per_second": record.summary(per_second), "seconds_to_compile": compiling}


def main() -> None:
    """Measures and writes."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--out", type=Path, default=None, help="another file for the record")
    given = options.parse_args()
    record.load()
    found = {str(size): rate(size) for size in SIZES}
    for size, row in found.items():
        print(f"{size}x{size}: {row['pictures_per_second']['median']:,.0f} pictures/s", flush=True)
    made = {"batch": BATCH, "device": str(jax.devices()[0]), "sizes": found}
    path = record.write("products_rate", made) if given.out is None else given.out
    if given.out is not None:
        path.write_text(json.dumps(made, indent=2) + "\n")


if __name__ == "__main__":
    main()
