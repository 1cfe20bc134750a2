"""Writes docs/reliability.md: the text of benchmarks/reliability.md with figures from the records.

Run:    python benchmarks/reliability.py
Reads:  benchmarks/results/faults.json, inputs.json, processes.json
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "reliability.md"
KEYS = ("seconds", "start_to_first_row")


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
    outcomes = ("refused", "worked", "failed", "finding")
    kinds = {**record["by_kind"], "all": record["outcomes"]}
    rows = [f"| {kind} | " + " | ".join(str(n.get(o, 0)) for o in outcomes) + " |"
            for kind, n in kinds.items()]  # fmt: skip
    found = [f"* `{' '.join(one['arguments'])[:120]}`: {one['told']}" for one in record["findings"]]
    head = (
        f"{record['cases']:,} wrong or odd requests, seed {record['seed']} "
        f"(`python benchmarks/inputs.py`). {record['what'][0].upper()}{record['what'][1:]}"
    )
    table = ["| kind | " + " | ".join(outcomes) + " |", "| --- " * 5 + "|", *rows]
    return "\n".join([head, "", *table, *(["", "Findings:", "", *found] if found else [])])


def processes(record: dict[str, Any]) -> str:
    """Several processes, and signals."""
    lines = [
        "| processes | signal | seconds to the last exit | exit statuses | start to first row |"
    ]
    lines += ["| --- " * 5 + "|"]
    for count in (1, 2):
        told = record[f"{count} processes"]
        for signal, times in told.items():
            if isinstance(times, list):
                ended, begun = ([one[key] for one in times] for key in KEYS)
                statuses = ", ".join(map(str, times[0]["statuses"]))
                lines += [
                    f"| {count} | {signal} | {min(ended)} to {max(ended)} s | {statuses} | "
                    f"{min(begun)} to {max(begun)} s |"
                ]
    resumed = [record[f"{count} processes"]["resumed minus uninterrupted"] for count in (1, 2)]
    rows = [record[f"{count} processes"]["log rows equal"] for count in (1, 2)]
    lines += [
        "",
        f"Stopped by SIGTERM, SIGKILL and SIGINT in turn and resumed each time, compared with the "
        f"uninterrupted run: the largest difference of any number in the state is {resumed[0]:g} "
        f"in one process and {resumed[1]:g} in two; log rows equal: {rows[0]} and {rows[1]}. Two "
        f"processes with two devices each against one with four: "
        f"{record['2 x 2 devices minus 1 x 4']:.1e} after {record['rounds']} rounds (sums in "
        f"another order, which training amplifies; `tests/test_processes.py` asserts it for few). "
        f"Load before: "
        f"{record['load']:.2f}.",
    ]
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    told = faults(recorded("faults"))
    for section in (inputs, processes):
        record = recorded(section.__name__)
        told[section.__name__] = "Not measured yet." if record is None else section(record)
    return (HERE / "reliability.md").read_text().format(**told)


if __name__ == "__main__":
    PAGE.write_text(page())
