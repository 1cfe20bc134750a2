"""genlab against pythae: the same VAE, VQ-VAE, WAE and VAE with 16 planar flows, the same nets,
batch, epochs and optimiser.

Run:    python -m venv peers && peers/bin/pip install pythae==0.1.2 torch
        python benchmarks/against_peers.py --peer=peers/bin/python [--only=vae] [--blocks=5]
Writes: one more of the runs of benchmarks/results/against_peers.json (when nothing was left out)

pythae has an environment of its own. Each contender is a process that sleeps while the other runs;
they take turns, an epoch each, over 4,096 images of 28x28 numbers, batch 64. Before anything is
timed the numbers of parameters are compared. A ratio is pythae's time over genlab's in the same
turn; it differs from one machine to another, so that runs are added to those of before, and a goal
counts in the worst of them. Memory is the most that a process has held, its libraries included. Run
it only on an otherwise idle machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import record

HERE = Path(__file__).parent
MODELS = ("vae", "vq-vae", "wae", "planar")  # the last of many parts
SIZES = dict.fromkeys(MODELS, (512, 256, 16))
SMALL = {f"{name}-small": (32, 16, 4) for name in MODELS}  # where dispatch counts
GAMES = {**SIZES, **SMALL}


class Contender:
    """A process that builds its game, says what it is, and plays an epoch whenever asked."""

    def __init__(self, python: str, script: str, game: str):
        name, *sizes = game.removesuffix("-small"), *map(str, GAMES[game])
        self._process = subprocess.Popen(
            [python, str(HERE / script), name, *sizes],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parent,
        )
        self.parameters = self._answer()["parameters"]

    def play(self) -> float:
        """Seconds of an epoch."""
        print("play", file=self._process.stdin, flush=True)
        return self._answer()["seconds"]

    def end(self) -> float:
        """The most memory it has held, in MiB; ends it."""
        print("end", file=self._process.stdin, flush=True)
        peak = self._answer()["peak_mib"]
        self._process.wait()
        return peak

    def _answer(self) -> dict:
        for line in self._process.stdout:
            if line.startswith("{"):  # other lines are what a library prints
                return json.loads(line)
        raise SystemExit(f"{self._process.args}: ended early; its message is above")


def compared(peer: str, game: str, blocks: int) -> dict:
    """A row: seconds of an epoch, the ratio of each turn, parameters and memory of both."""
    both = {
        "genlab": Contender(sys.executable, "peers_genlab.py", game),
        "pythae": Contender(peer, "peers_pythae.py", game),
    }
    sizes = {name: one.parameters for name, one in both.items()}
    if len(set(sizes.values())) > 1:
        raise SystemExit(f"{game}: unlike numbers of parameters: {sizes}")
    for one in both.values():
        one.play()  # compiled, warmed up
    turns = [{name: one.play() for name, one in both.items()} for _ in range(blocks)]
    ratios = sorted(turn["pythae"] / turn["genlab"] for turn in turns)
    row = {
        "game": game,
        "parameters": sizes["genlab"],
        "seconds": {n: statistics.median(turn[n] for turn in turns) for n in both},
        "ratio": {"median": statistics.median(ratios), "low": ratios[0], "high": ratios[-1]},
        "peak_mib": {name: one.end() for name, one in both.items()},
    }
    print(
        f"{game:14} genlab {row['seconds']['genlab']:.3f} s, pythae {row['seconds']['pythae']:.3f} "
        f"s an epoch: {row['ratio']['median']:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}); "
        f"{row['peak_mib']['genlab']:.0f} and {row['peak_mib']['pythae']:.0f} MiB",
        flush=True,
    )
    return row


def main() -> None:
    """All games, or those whose name holds --only."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="the Python of pythae's environment")
    parser.add_argument("--only", default="", help="games whose name holds this; writes nothing")
    parser.add_argument("--blocks", type=int, default=5, help="turns that are timed")
    arguments = parser.parse_args()
    record.load()
    chosen = [game for game in GAMES if arguments.only in game]
    rows = [compared(arguments.peer, game, arguments.blocks) for game in chosen]
    if len(rows) == len(GAMES):
        record.append("against_peers", {"games": {row["game"]: row for row in rows}})


if __name__ == "__main__":
    main()
