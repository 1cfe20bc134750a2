"""Two processes that train one run, interrupted, killed and resumed: durations, and equality.

Run:    python benchmarks/processes.py    (on a quiet machine)
Writes: benchmarks/results/processes.json, a source of docs/reliability.md

The game of tests/helpers/faulty.py on two devices in each of two processes on this machine, and in
one process. Seconds are from the signal to the end of the last process, and from a start to the
first round that is logged; the compiled programs are cached by then.
"""

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
import record
from jax import random

from genlab.runs.folder import RunFolder
from genlab.train.restore import trained

jax.config.update("jax_num_cpu_devices", 4)  # to restore states to the same devices
CONFIG = Path(__file__).parents[1] / "tests" / "helpers" / "faulty.py"
ROUNDS, AT = 400, 40
LOOP = {"steps": ROUNDS, "checkpoint_every": 100, "log_every": 10}


def start(workdir: Path, count: int, devices: int = 2, **loop) -> list[subprocess.Popen]:
    """The processes of `genlab train`."""
    loop = {**LOOP, "devices": count * devices, **loop}
    options = [f"--config.loop.{name}={value}" for name, value in loop.items()]
    command = ["train", f"--config={CONFIG}", f"--workdir={workdir}", *options]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    many = [f"--coordinator=127.0.0.1:{port}", f"--processes={count}"] if count > 1 else []
    return [
        subprocess.Popen(
            ["env", f"JAX_NUM_CPU_DEVICES={devices}", sys.executable, "-m", "genlab",
             *command, *many, *([f"--process={i}"] if many else [])],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for i in range(count)
    ]  # fmt: skip


def reach(workdir: Path, rounds: int) -> None:
    """Waits for `rounds` rounds more than the folder's log has."""
    rows = RunFolder(workdir).rows("metrics.jsonl")
    goal = rounds + (rows[-1]["step"] if rows else 0)
    while not any(row["step"] >= goal for row in RunFolder(workdir).rows("metrics.jsonl")):
        time.sleep(0.005)


def ended(group: list[subprocess.Popen], victim: int, number: int) -> dict:
    """Signals one of them: seconds until all have ended, their statuses and last words."""
    started = time.perf_counter()
    group[victim].send_signal(number)
    said = [process.communicate(timeout=120)[1] for process in group]
    words = [text.strip().splitlines()[-1:] for text in said]
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "statuses": [process.returncode for process in group],
        "words": sorted({line for each in words for line in each}),
    }


def leaves(workdir: Path) -> list[np.ndarray]:
    """The last state."""
    state = trained(workdir)[3]  # on as many devices of this process
    state = state.replace(key=random.key_data(state.key))
    return [np.asarray(x, np.float64) for x in jax.tree.leaves(state)]


def difference(a: Path, b: Path) -> float:
    """The largest between the last states."""
    return max(np.abs(x - y).max() for x, y in zip(leaves(a), leaves(b), strict=True))


def logged(workdir: Path) -> list[dict]:
    """The log without its times."""
    rows = RunFolder(workdir).rows("metrics.jsonl")
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def played(workdir: Path, count: int, devices: int = 2) -> None:
    """Continues a run to its end."""
    for process in start(workdir, count, devices):
        assert process.wait() == 0, process.stderr.read()


def measured(base: Path, repeats: int) -> dict:
    """Runs whole and in parts, in one process and in two."""
    found = {}
    played(base / "alone", 1, 4)
    for count in (1, 2):
        whole, parts, times = base / f"whole{count}", base / f"parts{count}", {}
        played(whole, count)
        for name, number, victim in (
            ("SIGTERM", signal.SIGTERM, count - 1),
            ("SIGINT", signal.SIGINT, 0),
            ("SIGKILL of the last", signal.SIGKILL, count - 1),
            ("SIGKILL of the first", signal.SIGKILL, 0),
        ):
            for _ in range(repeats):
                began = time.perf_counter()
                group = start(parts, count, steps=10**6)
                reach(parts, 10)
                first = time.perf_counter() - began
                told = ended(group, victim, number) | {"start_to_first_row": round(first, 2)}
                times.setdefault(name, []).append(told)
        found[f"{count} processes"] = times
        stopped = base / f"stopped{count}"
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            group = start(stopped, count)
            reach(stopped, AT)
            ended(group, count - 1, number)
        played(stopped, count)
        found[f"{count} processes"]["resumed minus uninterrupted"] = difference(whole, stopped)
        found[f"{count} processes"]["log rows equal"] = logged(whole) == logged(stopped)
    found["2 x 2 devices minus 1 x 4"] = difference(base / "whole2", base / "alone")
    return found


def main() -> None:
    """Measures and writes the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    load = record.load()
    with tempfile.TemporaryDirectory() as base:
        found = measured(Path(base), repeats)
    record.write("processes", {"load": load, "rounds": ROUNDS, **found})


if __name__ == "__main__":
    main()
