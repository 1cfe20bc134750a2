"""A report that is written again whenever its runs have something new."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from genlab.report import Report, write
from genlab.report.reading import Run, Sweep, read


def watch(
    folder: str | Path,
    seconds: float = 30.0,
    say: Callable[[str], object] = print,
    wait: Callable[[float], object] = time.sleep,
) -> Report:
    """Writes the report of a sweep or a run, and again when a file of its runs changed, for which
    it looks every so many `seconds`; until every run failed, or finished and, of a sweep, was
    scored. Returns the last report.

    The page loads itself anew as often, but for the last one. Raises ConfigError where there is no
    run yet.
    """
    folder, seen = Path(folder), None
    while True:
        sweep = read(folder)
        done = sum(_done(run, sweep.single) for run in sweep.runs)
        if done == len(sweep.runs):
            return write(folder)
        if (now := _state(sweep)) != seen:
            made, seen = write(folder, reload=seconds), now
            say(f"{done} of {len(sweep.runs)} runs are done: {made.html}")
        wait(seconds)


def _done(run: Run, single: bool) -> bool:
    """Whether nothing more is to come: a sweep scores each run after its training."""
    scored = any(row.protocol.get("split") == "test" for row in run.evals)
    wanted = run.config.get("evaluate") and not single
    return run.status == "failed" or (run.status == "finished" and bool(scored or not wanted))


def _state(sweep: Sweep) -> list[tuple[str, int, int]]:
    """Names, sizes and times of the files that a report reads."""
    found = []
    for run in sweep.runs:
        for place in (run.folder, run.folder / "samples"):
            if place.is_dir():
                with os.scandir(place) as files:
                    whole = [f for f in files if f.is_file() and not f.name.startswith(".")]
                    stats = [(f.path, f.stat()) for f in whole]
                found += [(path, s.st_size, s.st_mtime_ns) for path, s in stats]
    return sorted(found)
