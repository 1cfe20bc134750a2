"""Kills a run at chosen moments, again and again in one work folder: see `faults.py`."""

import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "tests" / "helpers" / "faulty.py"
NEEDED = ("_CHECKPOINT_METADATA", "state/_METADATA", "state/manifest.ocdbt", "sums/metadata")
KEEP, BEGUN = 2, "*.orbax-checkpoint-tmp*"


def train(workdir: Path, rounds: int, keep: int = KEEP) -> int:
    """A process that runs `genlab train`, its output in WORKDIR.out; its id.

    It is forked from this one, which has imported the program and never used a device.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        out = os.open(f"{workdir}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1), os.dup2(out, 2)
        from genlab.cli import main

        options = [f"--config.loop.steps={rounds}", f"--config.loop.keep={keep}"]
        code = main.main(["train", f"--config={CONFIG}", f"--workdir={workdir}", *options])
        sys.stdout.flush()
    finally:
        os._exit(code)


def steps(checkpoints: Path) -> list[int]:
    """Rounds that have a folder, ascending."""
    return sorted(int(p.name) for p in checkpoints.glob("*") if p.name.isdecimal())


def any_time(checkpoints: Path, chance: random.Random) -> Iterator[bool]:
    """Whether to kill now: at a random time within eight seconds."""
    end = time.monotonic() + 8 * chance.random()
    while True:
        yield time.monotonic() > end


def saving(checkpoints: Path, chance: random.Random) -> Iterator[bool]:
    """Up to 40 ms after a checkpoint that is being written has been seen, of the first few."""
    left, last = chance.randint(1, 4), None
    while True:
        begun = next(checkpoints.glob(BEGUN), None)
        if begun is not None and begun != last:
            left, last = left - 1, begun
            if not left:
                time.sleep(0.04 * chance.random())
                yield True
        yield False


def deleting(checkpoints: Path, chance: random.Random) -> Iterator[bool]:
    """As soon as the oldest checkpoint has lost a file, of the first few that do."""
    left = chance.randint(1, 3)
    while True:
        there = steps(checkpoints)
        if len(there) > KEEP:
            oldest = checkpoints / str(there[0])
            whole = _size(oldest)
            while oldest.exists() and _size(oldest) >= whole:
                yield False
            left -= 1
            while not left:
                yield True
        yield False


def _size(folder: Path) -> int:
    """Names in a checkpoint and in its state."""
    found = 0
    for path in (folder, folder / "state"):
        try:
            found += len(os.listdir(path))
        except FileNotFoundError:
            pass
    return found


def killed(workdir: Path, moment: Callable, chance: random.Random) -> dict:
    """One life, and what was on disk after it."""
    checkpoints, before, out = workdir / "checkpoints", on_disk(workdir), Path(f"{workdir}.out")
    said = len(out.read_text()) if out.is_file() else 0
    started, child = time.monotonic(), train(workdir, 1000)
    for now in moment(checkpoints, chance):
        if now or time.monotonic() > started + 120 or os.waitpid(child, os.WNOHANG)[0]:
            break
    lived = time.monotonic() - started
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    after = on_disk(workdir)
    found = "saving" if after["begun"] else "deleting" if after["half_deleted"] else "between"
    began = re.findall(r"round (\d+) of \d+", out.read_text()[said:])
    return {
        "aimed_at": moment.__name__,
        "found": "starting" if after == before else found,
        "seconds_lived": round(lived, 3),
        "went_on_from": int(began[0]) if began else None,
        "on_disk": after,
    }


def on_disk(workdir: Path) -> dict:
    """What is on disk after a kill."""
    checkpoints, rows = workdir / "checkpoints", workdir / "metrics.jsonl"
    there = steps(checkpoints)
    half = [s for s in there if not all((checkpoints / str(s) / name).exists() for name in NEEDED)]
    text = rows.read_text() if rows.is_file() else ""
    return {
        "checkpoints": there,
        "begun": sorted(p.name for p in checkpoints.glob(BEGUN)),
        "half_deleted": half,
        "torn_row": bool(text) and not text.endswith("\n"),
        "last_round": last_row(workdir),
    }


def last_row(workdir: Path) -> int:
    """The last whole row's round in the log; 0 without any."""
    path = workdir / "metrics.jsonl"
    found = re.findall(r'^{"step": (\d+),.*}$', path.read_text(), re.M) if path.is_file() else []
    return int(found[-1]) if found else 0


def chain(folder: Path, kills: int, chance: random.Random) -> list[dict]:
    """Some lives in one work folder, then one that may finish; and the uninterrupted run."""
    broken, lives = folder / "broken", []
    for number in range(kills):
        lives.append(killed(broken, (saving, deleting, any_time)[number % 3], chance))
        held = folder / "held" / str(number)
        shutil.copytree(broken, held) if broken.exists() else held.mkdir(parents=True)
        print(number, lives[-1], flush=True)
    rounds = last_row(broken) + 3
    for workdir, keep in ((broken, KEEP), (folder / "whole", rounds)):
        if os.waitstatus_to_exitcode(os.waitpid(train(workdir, rounds, keep), 0)[1]):
            raise SystemExit(Path(f"{workdir}.out").read_text())
    return lives
