"""Goodput: the share of a run's wall time that its rounds were trained in, restarts and all.

Every start of a run counts its seconds by what they are spent on, and appends them to the run's
`clock.jsonl` with each checkpoint and at its end; so does the scoring of a run that is trained.
"""

import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any

from genlab.runs.folder import RunFolder

PARTS = ("compiling", "evaluation", "saving")
SCORING = "scoring"  # in the name of a row that is of no start


class Clock:
    """Seconds of one start since it was made, or of the scoring after the last round."""

    def __init__(self, scoring: bool = False):
        self._began = time.perf_counter()
        self._spent: dict[str, float] = {name: 0.0 for name in PARTS}
        self._name = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._name += f" {SCORING}" * scoring

    @contextlib.contextmanager
    def counting(self, part: str) -> Iterator[None]:
        """What is done meanwhile is this part of `PARTS`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._spent[part] += time.perf_counter() - started

    def keep(self, run: RunFolder, step: int) -> None:
        """Appends a row to the folder, if this process writes it."""
        wall = time.perf_counter() - self._began
        parts = {name: round(seconds, 6) for name, seconds in self._spent.items()}
        row = {"start": self._name, "step": step, "wall": round(wall, 6), **parts}
        run.append("clock.jsonl", row)


def goodput(run: RunFolder) -> dict[str, Any] | None:
    """Seconds of all starts of a run: `wall` from each start to its last row, `productive` of the
    rounds that are in the run (those that a kill took back count as lost), the parts, and the
    `rest`: starting, previews of data, lost rounds. `share` is productive over wall. None of a run
    without a clock.
    """
    starts = {name: row for name, row in _last(run).items() if SCORING not in name}
    metrics = run.rows("metrics.jsonl")
    if not starts or not metrics:
        return None
    found = {name: sum(float(row[name]) for row in starts.values()) for name in ("wall", *PARTS)}
    productive = float(metrics[-1].get("seconds", 0.0))
    rest = max(0.0, found["wall"] - productive - sum(found[name] for name in PARTS))
    share = min(1.0, productive / found["wall"]) if found["wall"] else 0.0
    return {"starts": len(starts), "productive": productive, **found, "rest": rest, "share": share}


def _last(run: RunFolder) -> dict[str, dict]:
    """The last row of every start and scoring."""
    return {str(row.get("start")): row for row in run.rows("clock.jsonl")}


def start_to_end(run: RunFolder) -> float:
    """Wall seconds of all starts and of the newest scoring; NaN where no scoring was timed."""
    rows = _last(run)
    scored = [row["wall"] for name, row in rows.items() if SCORING in name]
    played = [row["wall"] for name, row in rows.items() if SCORING not in name]
    return sum(played) + scored[-1] if scored and played else math.nan


def one_line(found: dict[str, Any]) -> str:
    """For people."""
    parts = ", ".join(f"{name} {found[name]:.1f} s" for name in (*PARTS, "rest"))
    return (
        f"{100 * found['share']:.1f} %: {found['productive']:.1f} s of rounds in "
        f"{found['wall']:.1f} s of {found['starts']} start{'s' * (found['starts'] != 1)}; {parts}"
    )
