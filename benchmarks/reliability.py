"""Writes docs/reliability.md: the words of reliability.md beside this file, with the figures of the
benchmarks' records in their places.

Run:    python benchmarks/reliability.py
Reads:  benchmarks/results/faults.json, inputs.json, processes.json
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "reliability.md"


def recorded(name: str) -> dict[str, Any] | None:
    """A benchmark's record; None before it has run."""
    path = HERE / "results" / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def faults(record: dict[str, Any]) -> dict[str, Any]:
    """Kills, damaged files, seconds to be back."""
    killed, seconds = record["killed"], record.get("recovery_seconds")
    lost = Counter(life["rounds_lost"] for life in killed["lives"])
    return {
        **record,
        "begun": sum(bool(life["on_disk"]["begun"]) for life in killed["lives"]),
        "half": sum(bool(life["on_disk"]["half_deleted"]) for life in killed["lives"]),
        "end": "equal" if killed["end_equal"] else "NOT equal",
        "lost": ", ".join(f"{rounds} in {kills} kills" for rounds, kills in sorted(lost.items())),
        "left": " and ".join(killed["left_at_the_end"]),
        "recovery": "The seconds of a restart have not been measured."
        if seconds is None
        else "From the start of a new process to the first round not played before: "
        f"{seconds['median']} s (median of {len(seconds['all'])}, programs being cached; load "
        f"{seconds['load_before']:.2f} before).",
    }


def inputs(record: dict[str, Any]) -> str:
    """Input files and fuzzed configs."""
    return f"`benchmarks/results/inputs.json` ({len(record)} entries)."


def processes(record: dict[str, Any]) -> str:
    """Several processes, and signals."""
    return f"`benchmarks/results/processes.json` ({len(record)} entries)."


def page() -> str:
    """The whole page."""
    told = faults(recorded("faults"))
    for section in (inputs, processes):
        record = recorded(section.__name__)
        told[section.__name__] = "No record yet." if record is None else section(record)
    return (HERE / "reliability.md").read_text().format(**told)


if __name__ == "__main__":
    PAGE.write_text(page())
