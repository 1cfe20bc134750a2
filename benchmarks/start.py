"""How long a person waits: `genlab --help`, and a first round, cold and with a warm cache.

Run:    python benchmarks/start.py          (on a quiet machine: the load is recorded)
Writes: benchmarks/results/start.json, medians over five processes each; beside them what the
        libraries alone take, for a processor's speed is in all of these
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from genlab.runs import environment

ROOT = Path(__file__).parents[1]
FIRST_ROUND = [
    "train",
    "--config=experiments/gan_vs_vae/digits.py",
    "--config.loop.steps=1",
    "--config.loop.checkpoint_every=0",
    "--config.loop.sample_every=0",
    "--config.loop.evaluate_every=0",
    "--config.loop.best=",
]


def seconds(arguments: list[str], cache: str, start: tuple = ("-m", "genlab.launch")) -> float:
    """Wall time of one `genlab` process."""
    started = time.perf_counter()
    command = [sys.executable, *start, *arguments]
    env = {**os.environ, "GENLAB_CACHE": cache}
    subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started


def first_round(cache: str) -> float:
    """A run of one round in a fresh folder."""
    with tempfile.TemporaryDirectory() as folder:
        return seconds([*FIRST_ROUND, f"--workdir={folder}/run"], cache)


def libraries() -> float:
    """What JAX, flax, optax and orbax take to be imported and to add two numbers."""
    code = "import jax, flax.linen, optax, orbax.checkpoint; print(jax.numpy.ones(()) + 1)"
    return seconds([], "", ("-c", code))


def main() -> None:
    """Measures and writes."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as warm:
        help_ = [seconds(["--help"], warm) for _ in range(5)]
        cold = []
        for _ in range(5):
            with tempfile.TemporaryDirectory() as empty:
                cold.append(first_round(empty))
        first_round(warm)
        cached = [first_round(warm) for _ in range(5)]
        alone = [libraries() for _ in range(5)]
    record = {
        "help_seconds": statistics.median(help_),
        "first_round_cold_seconds": statistics.median(cold),
        "first_round_cached_seconds": statistics.median(cached),
        "libraries_alone_seconds": statistics.median(alone),
        "all": {"help": help_, "cold": cold, "cached": cached, "libraries": alone},
        "load_before": load,
        "environment": environment(),
    }
    (ROOT / "benchmarks" / "results" / "start.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps({k: v for k, v in record.items() if k.endswith("seconds")}, indent=2))


if __name__ == "__main__":
    main()
