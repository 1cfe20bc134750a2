"""Compiles every gold config for TPU slices of 1 to 1,024 chips; no TPU is needed.

Run:    pip install 'genlab[tpu]'; python benchmarks/topologies.py   (again: what is missing)
        python benchmarks/topologies.py --resident   (how a resident set is held: seconds)
        --only=dcgan,wgan --chips=4,256 narrow it; --limit=900 is CPU seconds for one program,
        --jobs=2 programs at a time
Writes: benchmarks/results/topologies.json, after each program; `python benchmarks/table.py`
        makes docs/scaling.md of it

Each chip has the authors' batch, so that the global batch grows with the chips (weak scaling).
CIFAR-10 is replaced by zeros of its shape. A program that takes longer to compile than the limit,
or that the compiler refuses, is listed with the reason.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import record

RESULTS = record.RESULTS / "topologies.json"
ROOT = Path(__file__).parents[1]
GOLD = ROOT / "experiments" / "gold" / "cifar10.py"
NAMES = ("dcgan", "lsgan", "wgan", "dragan", "ac-gan", "sngan", "wgan-gp", "sagan",
         "cgan-projection", "biggan", "r3gan")  # fmt: skip
SLICES = {1: "1x1x1", 4: "2x2x1", 16: "2x2x4", 64: "4x4x4", 256: "4x8x8", 1024: "8x8x16"}
PARTS = (  # in the order of what is most worth knowing: chips, dtype, placement, sharding
    (4, "float32", "jit", "replicated"),
    (4, "bfloat16", "jit", "replicated"),
    (4, "float32", "jit", "full"),
    (4, "float32", "pmap", "replicated"),
    (256, "bfloat16", "jit", "replicated"),
    (1, "bfloat16", "jit", "replicated"),
    (1024, "bfloat16", "jit", "replicated"),
    (16, "bfloat16", "jit", "replicated"),
    (64, "bfloat16", "jit", "replicated"),
    (1, "float32", "jit", "replicated"),
    (16, "float32", "jit", "replicated"),
    (64, "float32", "jit", "replicated"),
    (256, "float32", "jit", "replicated"),
    (1024, "float32", "jit", "replicated"),
    (256, "bfloat16", "jit", "full"),
    (1024, "bfloat16", "jit", "full"),
    (256, "bfloat16", "pmap", "replicated"),
    (1024, "float32", "jit", "full"),
    (4, "bfloat16", "pmap", "replicated"),
    (4, "bfloat16", "jit", "full"),
    (1024, "bfloat16", "pmap", "replicated"),
    (64, "float32", "jit", "full"),
    (1024, "float32", "pmap", "replicated"),
    (64, "bfloat16", "jit", "full"),
    (64, "bfloat16", "pmap", "replicated"),
    (64, "float32", "pmap", "replicated"),
    (256, "float32", "jit", "full"),
    (256, "float32", "pmap", "replicated"),
    (16, "float32", "jit", "full"),
    (16, "bfloat16", "jit", "full"),
    (16, "bfloat16", "pmap", "replicated"),
    (16, "float32", "pmap", "replicated"),
    (1, "bfloat16", "pmap", "replicated"),
    (1, "float32", "pmap", "replicated"),
)  # all there are: one chip shares nothing, and `pmap` does not share the state
FIELDS = ("config", "chips", "dtype", "placement", "sharding")


def like_cifar10(augment: tuple = ()):
    """Zeros of the shape of CIFAR-10, with labels."""
    import numpy as np

    from genlab.data import from_arrays

    images, labels = np.zeros((60_000, 32, 32, 3), np.uint8), np.arange(60_000) % 10
    return from_arrays(images, labels, validation=5_000, test=5_000, augment=augment)


def cell(name: str, chips: int, dtype: str, placement: str, sharding: str) -> dict:
    """The record of one program."""
    from genlab import spec
    from genlab.config import files, override
    from genlab.sweep import plan
    from genlab.train.topology import foresee

    config = plan.configure(files.load(GOLD), name, {})
    override(config, "data", spec(like_cifar10, augment=config.data.augment))
    override(config, "batch_size", config.batch_size * chips)
    override(config, "loop.placement", placement)
    override(config, "loop.sharding", sharding)
    for path in dtypes(config.method, "method"):
        override(config, path, dtype)
    return foresee(config, f"v5p:{SLICES[chips]}")


def resident() -> dict:
    """What a chip needs to gather 20 batches of 128 images from a resident CIFAR-10: held as rows,
    as `Resident.fetch` gives them, and as images.
    """
    import jax
    import jax.numpy as jnp

    from genlab.runtime import analysis, hlo
    from genlab.runtime.compiler import compiled_anew
    from genlab.runtime.topologies import devices, named

    one = jax.sharding.SingleDeviceSharding(devices(named("v5p:1x1x1"))[0])
    source = like_cifar10().only(["image"])

    def program(held, step):
        def add(total, i):
            rows = jnp.arange(128)
            return total + source.batch(held, jax.random.key(0), i, 0, rows, 128)["image"].sum(), 0

        return jax.lax.scan(add, 0.0, step + jnp.arange(20))[0]

    found = {}
    for name, shape in (("rows", (50_000, 3_072)), ("images", (50_000, 32, 32, 3))):
        held = {"image": jax.ShapeDtypeStruct(shape, jnp.uint8, sharding=one)}
        step = jax.ShapeDtypeStruct((), jnp.int32, sharding=one)
        with compiled_anew():
            made = jax.jit(program).lower(held, step).compile()
        found[name] = {
            "temporary_bytes": made.memory_analysis().temp_size_in_bytes,
            "main_memory_bytes": analysis.work(hlo.parse(made.as_text())).bytes,
        }
    return found


def dtypes(node, path: str) -> list[str]:
    """Where a config says in which dtype a network computes."""
    if not hasattr(node, "items"):
        return []
    own = [f"{path}.dtype"] if "dtype" in node else []
    inner = [(key, value) for key, value in node.items() if key != "kernel_init"]
    return own + [p for key, value in inner for p in dtypes(value, f"{path}.{key}")]


def compiled(key: tuple, limit: int) -> dict:
    """The row of a program, compiled in a process of its own within `limit` CPU seconds."""
    row = dict(zip(FIELDS, key, strict=True))
    with tempfile.NamedTemporaryFile("r", suffix=".json") as out:
        written = f"json.dump(topologies.cell(*{key!r}), open({out.name!r}, 'w'))"
        code = f"import json, topologies; {written}"
        done = subprocess.run(
            ["sh", "-c", f'ulimit -t {limit}; exec "$0" -c "$1"', sys.executable, code],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            found = json.load(out)
            return row | {k: v for k, v in found.items() if k not in FIELDS}
    why = f"not compiled within {limit} CPU seconds" if done.returncode < 0 else (
        done.stderr.strip().splitlines() or [f"status {done.returncode}"]
    )[-1]  # fmt: skip
    return row | {"failed": why[:300]}


def old(row: dict) -> bool:
    """Whether each chip of a program still works out the order of the whole batch of data."""
    return row.get("order") == "whole batch"


def waiting(rows: list[dict], names: list[str], chips: list[int]) -> list[tuple]:
    """Programs that the record lacks, then those of before a change, of the most chips first."""
    found = {tuple(row[f] for f in FIELDS): row for row in rows if "failed" not in row}
    keys = [(name, *part) for part, name in itertools.product(PARTS, names) if part[0] in chips]
    lacking = [key for key in keys if key not in found]
    before = [key for key in keys if key in found and old(found[key])]
    return lacking + sorted(before, key=lambda key: -key[1])


def main() -> None:
    """Compiles what the record lacks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(NAMES))
    parser.add_argument("--chips", default=",".join(map(str, SLICES)))
    parser.add_argument("--limit", type=int, default=900)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--resident", action="store_true", help="only how a set is held")
    given = parser.parse_args()
    if given.resident:
        found = record.read("topologies") if RESULTS.is_file() else {"rows": []}
        record.write("topologies", found | {"resident": resident()})
        return
    names, chips = given.only.split(","), list(map(int, given.chips.split(",")))
    if unknown := [one for one in (*names, *chips) if one not in (*NAMES, *SLICES)]:
        parser.error(f"no {unknown[0]}: configs are {', '.join(NAMES)}; chips {[*SLICES]}")
    held = record.read("topologies") if RESULTS.is_file() else {"rows": []}
    rows = held["rows"]
    with ThreadPoolExecutor(given.jobs) as pool:
        made = {pool.submit(compiled, key, given.limit): key for key in waiting(rows, names, chips)}
        for one in as_completed(made):
            key, row = made[one], one.result()
            found = [kept for kept in rows if tuple(kept[f] for f in FIELDS) == key]
            if "failed" not in row or all("failed" in kept for kept in found):
                rows = [kept for kept in rows if kept not in found] + [row]
            record.write("topologies", held | {"limit_cpu_seconds": given.limit, "rows": rows})
            print(*key, row.get("failed") or f"{row.get('compile_seconds', 0):.0f} s", flush=True)


if __name__ == "__main__":
    main()
