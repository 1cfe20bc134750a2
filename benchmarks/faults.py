"""Kills a run repeatedly, and damages checkpoints file by file.

Run:    python benchmarks/faults.py
        python benchmarks/faults.py --recovery    (on a quiet machine)
Writes: benchmarks/results/faults.json, a source of docs/reliability.md

A small GAN with BatchNorm, Adam and a moving average saves after every round and keeps two
checkpoints, so that it is always saving or deleting. Each life is a process that runs `genlab
train` until SIGKILL: at any time after its start, or as soon as a checkpoint is seen half written
or half deleted. The folders are within one called "[faults] *...", which patterns do not match.
At the end every state that was resumed from is compared, bit for bit, with the one
that the uninterrupted run had after the same round, and so are the rows of the log.
"""

import argparse
import collections
import functools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from kills import CONFIG, ROOT, chain, last_row, steps

RESULT = ROOT / "benchmarks" / "results" / "faults.json"


def compare(folder: Path, lives: list[dict]) -> dict:
    """Adds to each life the round that is resumed from and whether it is the uninterrupted run's;
    how the end compares.
    """
    whole = folder / "whole"

    def equal(run: Path) -> tuple[int, bool]:
        step, found = bits(run / "checkpoints")
        same = not step or found == bits(whole / "checkpoints", step)[1]
        return step, same and rows(run, step) == rows(whole, step)

    for number, life in enumerate(lives):
        life["resumed_from"], same = equal(folder / "held" / str(number))
        following = lives[number + 1]["went_on_from"] if number + 1 < len(lives) else None
        life["equal"] = same and following in (None, life["resumed_from"])
        life["rounds_lost"] = life["on_disk"]["last_round"] - life["resumed_from"]
    last, same = equal(folder / "broken")
    left = sorted(p.name for p in (folder / "broken" / "checkpoints").iterdir())
    return {
        "kills": len(lives),
        "equal": sum(life["equal"] for life in lives),
        "end_equal": same,
        "rounds": last,
        "leaves": len(bits(whole / "checkpoints", last)[1]),
        "most_rounds_lost": max(life["rounds_lost"] for life in lives),
        "found": dict(collections.Counter(life["found"] for life in lives)),
        "left_at_the_end": left,
        "lives": lives,
    }


def rows(run: Path, until: int) -> list[dict]:
    """The log without its times, up to a round."""
    from genlab.runs.folder import RunFolder

    found = RunFolder(run).rows("metrics.jsonl")
    return [{k: v for k, v in r.items() if k != "seconds"} for r in found if r["step"] <= until]


def bits(folder: Path, step: int | None = None) -> tuple[int, list[bytes]]:
    """The round a run with these checkpoints goes on from, and every leaf of its state."""
    import jax
    import numpy as np

    from genlab.runs.checkpoint import Checkpoints

    with Checkpoints(folder) as checkpoints:
        found = checkpoints.restore(_like(), step)
    if found is None:
        return 0, []
    state = found[1].replace(key=jax.random.key_data(found[1].key))
    return found[0], [np.asarray(x).tobytes() for x in jax.tree.leaves(state)]


@functools.cache
def _like():
    from genlab.config.files import load
    from genlab.train.program import prepare

    return prepare(load(CONFIG).config()).like()


def damage(folder: Path) -> dict:
    """Every file of the newest checkpoint in turn, cut to half and gone: what is resumed from."""
    last = steps(folder)[-1]
    sound = {step: bits(folder, step)[1] for step in (last, last - 1)}
    names = sorted(str(p.relative_to(folder)) for p in (folder / str(last)).rglob("*"))
    cases = []
    for name in (n for n in names if (folder / n).is_file()):
        for how in ("cut", "gone"):
            with tempfile.TemporaryDirectory() as temporary:
                there = Path(temporary) / "checkpoints"
                for step in sound:
                    shutil.copytree(folder / str(step), there / str(step))
                file = there / name
                kept = file.read_bytes()[: file.stat().st_size // 2]
                file.unlink() if how == "gone" else file.write_bytes(kept)
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    step, found = bits(there)
                said = any("damaged checkpoint" in str(w.message) for w in told)
                passed_over = step != last
                cases.append(
                    {
                        "file": name.partition("/")[2],
                        "how": how,
                        "passed_over": passed_over,
                        "right": found == sound[step] and said == passed_over,
                    }
                )
    return {
        "cases": len(cases),
        "right": sum(case["right"] for case in cases),
        "passed_over": sum(case["passed_over"] for case in cases),
        "each": cases,
    }


def recovery(folder: Path, times: int = 5) -> dict:
    """Seconds from the start of a fresh process to the first row of a round not played before."""
    workdir, found = folder / "recovery", []
    command = [sys.executable, "-m", "genlab", "train", f"--config={CONFIG}"]
    for _ in range(times + 1):
        before, started = last_row(workdir), time.monotonic()
        with subprocess.Popen(
            [*command, f"--workdir={workdir}", "--config.loop.steps=1000"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CONFIG.parents[1]), str(ROOT)])},
            stdout=subprocess.DEVNULL,
        ) as child:
            while last_row(workdir) <= before:
                time.sleep(0.01)
            found.append(time.monotonic() - started)
            while last_row(workdir) <= before + 3:
                time.sleep(0.01)
            child.kill()
    found = [round(seconds, 2) for seconds in found]
    return {"cold": found[0], "median": statistics.median(found[1:]), "all": found[1:]}


def main() -> None:
    """Kills, compares, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recovery", action="store_true", help="only the seconds; quiet machine")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    past = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    sys.path[:0] = [str(CONFIG.parents[1]), str(ROOT)]
    from helpers import faulty  # noqa: F401  so that a life need not import it

    import genlab.api  # noqa: F401

    with tempfile.TemporaryDirectory(prefix="[faults] *") as temporary:  # names are as odd
        folder = Path(temporary)
        os.environ.setdefault("GENLAB_CACHE", str(folder / "cache"))
        if arguments.recovery:
            load = os.getloadavg()[0]
            new = {"recovery_seconds": {**recovery(folder), "load_before": load}}
        else:
            lives = chain(folder, arguments.kills, random.Random(arguments.seed))
            new = {"killed": compare(folder, lives)}
            if arguments.out == RESULT:
                new["damaged"] = damage(folder / "whole" / "checkpoints")
    from genlab.runs.environment import environment

    record = {**past, **new, "environment": environment()}
    arguments.out.write_text(json.dumps(record, indent=2) + "\n")
    killed_ = record.get("killed", {"equal": 0, "kills": 0, "end_equal": True})
    print({k: v for k, v in killed_.items() if k != "lives"}, record.get("recovery_seconds"))
    if killed_["equal"] != killed_["kills"] or not killed_["end_equal"]:
        raise SystemExit("a resumed run differs from the uninterrupted one")


if __name__ == "__main__":
    main()
