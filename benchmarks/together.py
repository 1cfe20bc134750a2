"""Seeds of one experiment in one program, against one program after the other.

Run:    python benchmarks/together.py          (on a quiet machine: the load is recorded)
Writes: benchmarks/results/together.json

Seconds of a round of all runs, the median of several dispatches taken in turns, and the ratio of
separate to shared: above 1 the shared program is faster.
"""

import tempfile
import time
from pathlib import Path

import games
import jax
import record

from genlab.config import override
from genlab.train.program import prepare
from genlab.train.vmapped import Runs

CASES = {
    "digits, ns-gan": (games.GAMES["digits, ns-gan"].config, 3),
    "digits, wgan-gp": (games.GAMES["digits, wgan-gp"].config, 3),
    "digits, vae": (games.GAMES["digits, vae"].config, 3),
    "WGAN-GP toy, 2 x 128": (games.GAMES["WGAN-GP toy, 2 x 128"].config, 8),
    "conv VAE 32x32, batch 64": (games.GAMES["conv VAE 32x32, batch 64"].config, 3),
}
ROUNDS, BLOCKS = 20, 7


class Played:
    """A program and its state, played a dispatch at a time."""

    def __init__(self, runs: Runs, states):
        self.held, self.key = runs.fetch(0, ROUNDS), runs.data_key
        self.state = runs.stacked(states)
        self.run = runs.compile(self.state, self.held, ROUNDS).run

    def __call__(self) -> list[dict]:
        """One dispatch; its metrics."""
        self.state, metrics = self.run(self.state, self.held, self.key)
        return metrics


def seconds(programs: list[Played]) -> float:
    """Of a round of all of them."""
    started = time.perf_counter()
    jax.block_until_ready([play() for play in programs])
    return (time.perf_counter() - started) / ROUNDS


def compared(make, runs: int, folder: Path) -> dict:
    """Both ways, in turns."""
    trainings = []
    for seed in range(runs):
        config = make(folder)
        override(config, "seed", seed)
        trainings.append(prepare(config))
    apart = [Played(Runs((training,)), [training.init()]) for training in trainings]
    shared = [Played(Runs(tuple(trainings)), [t.init() for t in trainings])]
    times = {"separate": [], "shared": []}
    for block in range(BLOCKS + 1):
        for name, programs in (("separate", apart), ("shared", shared)):
            spent = seconds(programs)
            if block:  # the first does not count
                times[name].append(spent)
    pairs = zip(times["separate"], times["shared"], strict=True)
    found = {name: record.summary(values) for name, values in times.items()}
    return {"runs": runs, **found, "ratio": record.summary([a / b for a, b in pairs])}


def main() -> None:
    """Measures and writes."""
    record.load()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (make, runs) in CASES.items():
            found[name] = compared(make, runs, Path(folder))
            print(name, runs, f"{found[name]['ratio']['median']:.2f}", flush=True)
    record.write("together", {"rounds_per_dispatch": ROUNDS, "cases": found})


if __name__ == "__main__":
    main()
