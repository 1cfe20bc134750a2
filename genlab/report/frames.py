"""A sweep as rows for a data frame: scores with what its variants differ in, and curves."""

import math
from collections.abc import Iterable
from typing import Any

from genlab.report.configs import call_text, compared, known, value_at
from genlab.report.protocol import Result, final, measured
from genlab.report.reading import Run, Sweep

KEYS = ("variant", "seed", "status", "checkpoint", "round")


def scores(sweep: Sweep, split: str = "test") -> list[dict[str, Any]]:
    """A row for each run and each of its checkpoints that was scored on a split ("best", "last"):
    `KEYS`, the fields of the config in which the variants differ by their paths, and every score
    as "evaluator/score". A run that was not scored has one row without scores.
    """
    rows: dict[tuple, dict[str, Any]] = {}
    runs = {(run.variant, run.seed): run for run in sweep.runs}
    fields = _fields(sweep)
    by_run: dict[tuple, list[Result]] = {at: [] for at in runs}
    for results in final(measured(sweep, split)).values():
        for result in results:
            by_run[result.variant, result.seed].append(result)
    for at, results in by_run.items():
        head = {"variant": at[0], "seed": at[1], "status": runs[at].status}
        for result in results or [None]:
            chosen, step = (result.chosen, result.step) if result else ("", runs[at].step)
            row = rows.setdefault(
                (*at, chosen, step),
                {**head, "checkpoint": chosen, "round": step, **fields.get(at[0], {})},
            )
            row |= {f"{result.name}/{n}": x for n, x in result.scores.items()} if result else {}
    return list(rows.values())


def curves(sweep: Sweep) -> list[dict[str, Any]]:
    """A row for each row of each run's log: variant, seed, round and every term, "disc/loss"."""
    return [row for run in sweep.runs for row in _logged(run)]


def _logged(run: Run) -> Iterable[dict[str, Any]]:
    for row in run.metrics:
        values = {name: x for name, x in row.items() if name != "step"}
        yield {"variant": run.variant, "seed": run.seed, "round": row["step"], **values}


def _fields(sweep: Sweep) -> dict[str, dict[str, Any]]:
    """By variant, the fields that differ: plain values as they are, calls as text."""
    configs = known(sweep)
    paths = [difference.field for difference in compared(configs)]
    return {v: {path: _plain(value_at(c, path)) for path in paths} for v, c in configs.items()}


def _plain(value: Any) -> Any:
    if value is None:
        return math.nan
    return value if isinstance(value, str | int | float) else call_text(value)
