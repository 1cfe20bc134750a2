"""Where the time of a round goes: seconds of its operations by kind, on one core, where each takes
as long as its own work.

Run:    python benchmarks/operations.py [--only=TEXT]          (on a quiet machine, on Linux)
Writes: benchmarks/results/operations.json (when nothing was left out)

Kinds are read from the compiled program: a fusion is a product or a sum if it holds one, layout if
it only moves numbers, and else a pass over numbers (norms, activations, Adam).
"""

import argparse
import os
import tempfile
from collections import defaultdict
from pathlib import Path

import jax
import record
from against_pytorch import flops
from games import GAMES, Game

from genlab.runtime import hlo
from genlab.runtime.profiling import operations
from genlab.train.benchmark import matmul_peak
from genlab.train.program import prepare

CALLS = 3
KINDS = {  # by the first that a fusion holds
    "convolutions": {"convolution"},
    "products": {"dot"},
    "sums": {"reduce", "reduce-window", "scatter"},
}
MOVES = {
    "bitcast", "broadcast", "concatenate", "constant", "convert", "copy", "dynamic-slice",
    "dynamic-update-slice", "gather", "iota", "pad", "parameter", "reshape", "reverse", "slice",
    "transpose", "tuple",
}  # fmt: skip


def kinds(text: str) -> dict[str, str]:
    """The kind of each instruction of a compiled program."""
    program = hlo.parse(text)
    found = {}
    for _, made in program:
        called = made.named("calls")
        inside = program.computations[called].instructions.values() if called else (made,)
        found[made.name] = kind({one.opcode for one in inside})
    return found


def kind(opcodes: set[str]) -> str:
    """Of an instruction that holds these."""
    for name, some in KINDS.items():
        if opcodes & some:
            return name
    return "layout" if opcodes <= MOVES else "passes"


def spent(game: Game, folder: Path) -> dict:
    """Seconds of a round by kind, and its FLOPs by direct sums."""
    training = prepare(game.config(folder))
    rounds = training.experiment.loop.rounds_per_call
    held, state = training.fetch(0, rounds), training.init()
    program, executable = training.compile(state, held, rounds)
    state, metrics = program(state, held, training.data_key)
    jax.block_until_ready(metrics)
    with tempfile.TemporaryDirectory() as traced:
        with jax.profiler.trace(traced):
            for _ in range(CALLS):
                state, metrics = program(state, held, training.data_key)
            jax.block_until_ready(metrics)
        (file,) = Path(traced).rglob("*.xplane.pb")
        planes = list(jax.profiler.ProfileData.from_file(str(file)).planes)
    known, seconds = kinds(executable.as_text()), defaultdict(float)
    for ran in operations(planes).values():
        for one in ran:
            seconds[known.get(one.name, "passes")] += (one.end - one.begin) / 1e9 / CALLS / rounds
    counted = flops(training, state, held)
    return {"seconds_per_round": dict(seconds), "flops_per_round": counted}


def main() -> None:
    """Traces and writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="games whose name has this in it")
    asked = parser.parse_args()
    record.load()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX counts its threads
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, game in GAMES.items():
            if asked.only in name:
                found[name] = spent(game, Path(folder))
                told = found[name]["seconds_per_round"]
                print(name, {kind: round(1e3 * told[kind], 3) for kind in sorted(told)}, flush=True)
    if not asked.only:
        record.write("operations", {"games": found, "matmul_peak": matmul_peak(jax.devices())})


if __name__ == "__main__":
    main()
