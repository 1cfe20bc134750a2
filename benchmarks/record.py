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
    """The same as one more of the file's "runs". Games whose names have `anew` in them, all for "",
    begin anew, for they compute in another way now: of their runs the medians are kept as
    "superseded".
    """
    path = RESULTS / f"{name}.json"
    held = json.loads(path.read_text()) if path.is_file() else {"runs": []}
    kept, dropped = [], list(held.get("superseded", ()))
    for run in held["runs"]:
        stays, goes = divided(run["games"], anew)
        dropped += [superseded(run, game) for game in goes]
        kept += [run | {"games": stays}] if stays else []
    whole = {**record, "load_before": BEFORE, "environment": environment(), "machine": machine()}
    found = {"runs": [*kept, whole], "superseded": dropped}
    path.write_text(json.dumps(found, indent=2) + "\n")
    return path


def divided(games: dict[str, Any], text: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Games without `text` in their names, and those with it; None is in no name."""
    goes = {name: game for name, game in games.items() if text is not None and text in name}
    return {name: game for name, game in games.items() if name not in goes}, goes


def superseded(run: dict[str, Any], game: str) -> dict[str, Any]:
    """What is kept of a game's run that counts no longer."""
    where = run["environment"]
    median = run["games"][game]["ratio"]["median"]
    return {
        "game": game, "median": median, "started": where["started"], "commit": where["commit"]
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """What differs between machines, or days of a rented one, and moves times: the processor, its
    caches, and the bytes that one thread copies in a second; and since when the machine runs.
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
    boot = Path("/proc/sys/kernel/random/boot_id")
    return {
        "cpu": model and model[1],
        "caches": caches,
        "copied_bytes_per_second": _copied(),
        "boot": boot.read_text().strip() if boot.is_file() else None,
    }


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
