"""The common part of benchmarks' records: the machine, its load, medians and ranges.

A benchmark reads `load()` before it measures, takes its times with `timed`, and ends with
`write(name, record)`, which puts `benchmarks/results/<name>.json` in place.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax

from genlab.runs.environment import environment

RESULTS = Path(__file__).parent / "results"
QUIET = 0.3  # load above which times depend on other processes
BEFORE = os.getloadavg()[0]  # at the start, before the benchmark itself loads the machine


def load() -> float:
    """The machine's load when this process began; says on stderr where that is not quiet."""
    if BEFORE > QUIET:
        told = f"load {BEFORE:.2f}: not quiet (above {QUIET}), these times are no results"
        print(told, file=sys.stderr)
    return BEFORE


def timed(fn: Callable[[], Any], repeats: int = 7) -> dict[str, Any]:
    """Seconds of `fn()`, what it returns waited for, after one call that does not count."""
    jax.block_until_ready(fn())
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        jax.block_until_ready(fn())
        seconds.append(time.perf_counter() - started)
    return summary(seconds)


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Median and range, and the values."""
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "all": list(values),
    }


def write(name: str, record: dict[str, Any]) -> Path:
    """`record` with the machine, the versions and the load, as `benchmarks/results/<name>.json`."""
    whole = {**record, "load_before": BEFORE, "environment": environment()}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(whole, indent=2) + "\n")
    return path


def read(name: str) -> dict[str, Any]:
    """The record of that name."""
    return json.loads((RESULTS / f"{name}.json").read_text())
