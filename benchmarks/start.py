"""Start-up time: `genlab --help`, and a first round, cold and with a warm cache: until
its row is in the log, and until all is saved and the process has ended.

Run:    python benchmarks/start.py          (on a quiet machine: the load is recorded)
Writes: benchmarks/results/start.json, medians over five processes each, and the time of
        importing the libraries, as a measure of the processor
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from genlab.runs.environment import environment

ROOT = Path(__file__).parents[1]
FIRST_ROUND = [
    "train",
    "--config=experiments/gan_vs_vae/digits.py",
    "--config.loop.steps=1",
    "--config.loop.log_every=1",
    "--config.loop.checkpoint_every=0",
    "--config.loop.sample_every=0",
    "--config.loop.evaluate_every=0",
    "--config.loop.best=",
]


def seconds(command: list[str]) -> float:
    """Wall time of one Python process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started


def first_round(cache: str) -> tuple[float, float]:
    """A run of one round in a fresh folder: seconds to the log's first row, and to the end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "genlab", *FIRST_ROUND, f"--workdir={folder}/run"]
        env, row = {**os.environ, "GENLAB_CACHE": cache}, Path(folder, "run", "metrics.jsonl")
        started = time.perf_counter()
        with subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            while not row.is_file() and process.poll() is None:
                time.sleep(0.01)
            played = time.perf_counter() - started
        if process.returncode or not row.is_file():
            raise RuntimeError("the run ended without its round: its error is above")
        return played, time.perf_counter() - started


def libraries() -> float:
    """Seconds to import JAX, flax, optax and orbax and to add two numbers."""
    code = "import jax, flax.linen, optax, orbax.checkpoint; print(jax.numpy.ones(()) + 1)"
    return seconds(["-c", code])


def main() -> None:
    """Measures and writes."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as warm:
        help_ = [seconds(["-m", "genlab", "--help"]) for _ in range(5)]
        cold = []
        for _ in range(5):
            with tempfile.TemporaryDirectory() as empty:
                cold.append(first_round(empty))
        first_round(warm)
        cached = [first_round(warm) for _ in range(5)]
        alone = [libraries() for _ in range(5)]
    played = {"cold": [first for first, _ in cold], "cached": [first for first, _ in cached]}
    whole = {"cold": [end for _, end in cold], "cached": [end for _, end in cached]}
    record = {
        "help_seconds": statistics.median(help_),
        "first_round_cold_seconds": statistics.median(played["cold"]),
        "first_round_cached_seconds": statistics.median(played["cached"]),
        "run_of_one_round_cold_seconds": statistics.median(whole["cold"]),
        "run_of_one_round_cached_seconds": statistics.median(whole["cached"]),
        "libraries_alone_seconds": statistics.median(alone),
        "all": {"help": help_, "first_round": played, "run": whole, "libraries": alone},
        "load_before": load,
        "environment": environment(),
    }
    (ROOT / "benchmarks" / "results" / "start.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps({k: v for k, v in record.items() if k.endswith("seconds")}, indent=2))


if __name__ == "__main__":
    main()
