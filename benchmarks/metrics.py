"""Times and memory of the scores at the size usual in papers: 50,000 features of 2,048.

    python benchmarks/metrics.py [--count 50000 --size 2048] [--only frechet,compare,neighbours]

Each score runs in its own process; `peak` is that process's largest resident memory, its two
inputs (float32, 0.76 GiB together) and the interpreter included. Writes
benchmarks/results/metrics_scale.json.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy

RESULTS = Path(__file__).parent / "results"


def features(count: int, size: int, seed: int) -> np.ndarray:
    """[count, size] float32, not negative, as pooled features are."""
    rng, found = np.random.default_rng(seed), np.empty((count, size), np.float32)
    for start in range(0, count, 1000):
        found[start : start + 1000] = np.maximum(
            rng.standard_normal(found[start : start + 1000].shape, np.float32), 0
        )
    return found


def frechet(real: np.ndarray, fake: np.ndarray) -> float:
    """Frechet distance, moments streamed in batches of 500."""
    from genlab.metrics.frechet import Streaming, frechet_from_moments

    moments = []
    for side in (real, fake):
        streaming = Streaming()
        for start in range(0, len(side), 500):
            streaming.add(side[start : start + 500])
        moments.append(streaming.moments)
    return frechet_from_moments(*moments)


def compare(real: np.ndarray, fake: np.ndarray) -> float:
    """Frechet and kernel distance by name, with their baselines, as in `genlab evaluate`."""
    from genlab.evaluation import compare

    return compare(real, fake, scores=("fd", "kid")).scores["fd"]


def neighbours(real: np.ndarray, fake: np.ndarray) -> float:
    """Density and coverage; precision and recall take twice as long."""
    from genlab.metrics.neighbours import density_coverage

    return density_coverage(real, fake)[1]


SCORES = {"frechet": frechet, "compare": compare, "neighbours": neighbours}


def measure(name: str, count: int, size: int, answer: Callable) -> None:
    """One score, in its own process."""
    real, fake = features(count, size, 0), features(count, size, 1)
    started = time.perf_counter()
    value = SCORES[name](real, fake)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    answer({"value": value, "seconds": round(seconds, 1), "peak_GiB": round(peak, 2)})


def main() -> None:
    """Every score asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--only", default="frechet,compare,neighbours")
    given = parser.parse_args()
    record = {
        "count": given.count,
        "size": given.size,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scores": {},
    }
    for name in given.only.split(","):
        here, there = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(
            target=measure, args=(name, given.count, given.size, there.send)
        )
        process.start()
        while not here.poll(1):
            if not process.is_alive():
                raise SystemExit(f"{name} ended without an answer (exit code {process.exitcode})")
        record["scores"][name] = here.recv()
        process.join()
        print(name, record["scores"][name], flush=True)
        (RESULTS / "metrics_scale.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
