"""The common part of benchmarks' records: the machine, its load, medians and ranges.

A benchmark reads `load()` before it measures, takes its times with `timed`, and ends with
`write(name, record)`, which puts `benchmarks/results/<name>.json` in place, or with
`append(name, record)`, which keeps the records of other days beside the new one.
"""

import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

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


def append(name: str, record: dict[str, Any], anew: str | None = None) -> Path:
    """The same as one more of the file's "runs", from which games whose names have `anew` in them
    are left out; "" begins the file anew.
    """
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text())["runs"] if path.is_file() else []
    kept = [without(run, anew) for run in before]
    whole = {**record, "load_before": BEFORE, "environment": environment(), "machine": machine()}
    runs = [*(run for run in kept if run["games"]), whole]
    path.write_text(json.dumps({"runs": runs}, indent=2) + "\n")
    return path


def without(run: dict[str, Any], text: str | None) -> dict[str, Any]:
    """A run without the games whose names have `text` in them; None leaves all."""
    games = run["games"]
    return run | {"games": {n: game for n, game in games.items() if text is None or text not in n}}


def machine() -> dict[str, Any]:
    """What differs between machines, or days of a rented one, and moves times: the processor, its
    caches, and the bytes that one thread copies in a second.
    """
    cpu = Path("/sys/devices/system/cpu/cpu0/cache")
    caches = {
        f"L{level.read_text().strip()} {(level.parent / 'type').read_text().strip()}": (
            level.parent / "size"
        ).read_text().strip()
        for level in sorted(cpu.glob("index*/level"))
    }  # fmt: skip
    listed = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", listed.read_text() if listed.is_file() else "")
    return {"cpu": model and model[1], "caches": caches, "copied_bytes_per_second": _copied()}


def _copied(size: int = 1 << 28) -> float:
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        np.copyto(target, source)
        seconds.append(time.perf_counter() - started)
    return size / min(seconds)


def read(name: str) -> dict[str, Any]:
    """The record of that name."""
    return json.loads((RESULTS / f"{name}.json").read_text())
