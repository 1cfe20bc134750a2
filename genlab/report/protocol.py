"""How a score was measured; scores measured differently are kept apart, and it is said why."""

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from genlab.report.reading import Curves, Eval, Run, Sweep, Tables

SHORT_HASH = 10
NOTED = ("seed", "genlab")  # told of each row, and no reason to keep rows apart


class Result(NamedTuple):
    """What one evaluator found of one run; `baselines` are the scores of held-out real data.

    protocol: what two results must share to stand in one table
    noted:    the fields `NOTED`. A version of genlab is one: what a score depends on has fields of
              its own, and a change of its meaning is a change of its name or of those
    trained:  the rounds of the run in all
    looks:    the rounds among which validation chose this one; () where it did not
    cautions: what a reader must know beside the numbers
    tables:   scores by part, such as those of each class
    curves:   of numbers asked for, measured against asked
    """

    name: str
    variant: str
    seed: int
    step: int
    scores: dict[str, float]
    baselines: dict[str, float]
    protocol: dict[str, Any]
    noted: Mapping[str, Any] = MappingProxyType({})
    trained: int = 0
    looks: tuple[int, ...] = ()
    cautions: tuple[str, ...] = ()
    tables: Tables = MappingProxyType({})
    curves: Curves = MappingProxyType({})

    @property
    def chosen(self) -> str:
        """How its checkpoint was chosen: "best", "last", "round" (asked for), or "" (not said)."""
        return str(self.protocol.get("checkpoint") or "").partition(" ")[0]


class UnlikeProtocols(ValueError):
    """Scores that were measured differently and so do not belong in one table.

    fields: the differing fields, each with the variants that had each value
    """

    def __init__(self, name: str, fields: dict[str, dict[str, list[str]]]):
        told = (
            f"{field} ({'; '.join(f'{value}: {listed(who)}' for value, who in values.items())})"
            for field, values in fields.items()
        )
        self.name, self.fields = name, fields
        super().__init__(
            f"{name}: scores of unlike protocols are not put in one table; they differ in "
            + ", ".join(told)
            + "."
        )


def measured(sweep: Sweep, split: str) -> list[Result]:
    """Everything measured on a split, in the order of the runs and of their files.

    Rows of a checkpoint that was best by another score than the run's config now names are not
    among them: the config was changed since.
    """
    return [
        Result(
            row.name, run.variant, run.seed, row.step, row.scores, row.baselines,
            {field: v for field, v in row.protocol.items() if field not in NOTED},
            {field: v for field, v in row.protocol.items() if field in NOTED},
            run.step, run.looks, row.cautions, row.tables,
            row.curves,
        )
        for run in sweep.runs for row in run.evals
        if row.protocol.get("split") == split and not _outdated(run, row)
    ]  # fmt: skip


def _outdated(run: Run, row: Eval) -> bool:
    checkpoint = str(row.protocol.get("checkpoint"))
    if run.best is None or not checkpoint.startswith("best "):
        return False
    return checkpoint.split(" ")[-1] != run.best


def versions(results: Iterable[Result]) -> dict[str, list[str]]:
    """The versions of genlab that took the results, each with its variants; of old rows, none."""
    found: dict[str, dict[str, None]] = {}
    for result in results:
        if "genlab" in result.noted:
            found.setdefault(str(result.noted["genlab"]), {})[result.variant] = None
    return {version: list(who) for version, who in found.items()}


def optimistic(protocol: dict[str, Any]) -> bool:
    """Whether the checkpoint was chosen by its score on the very split that is reported."""
    return str(protocol.get("checkpoint")).startswith(f"best {protocol.get('split')} ")


def final(results: Iterable[Result]) -> dict[str, list[Result]]:
    """By evaluator, the last result of every run: one of its best checkpoint, one of its last
    round, and one of a round that was asked for, where there are such.
    """
    last: dict[tuple, Result] = {}
    for r in results:
        last.pop((r.name, r.variant, r.seed, ""), None)  # of before checkpoints were told apart
        last[r.name, r.variant, r.seed, r.chosen] = r
    found: dict[str, list[Result]] = {}
    for result in last.values():
        found.setdefault(result.name, []).append(result)
    return found


def scored(results: Iterable[Result]) -> dict[tuple[str, int], dict[int, str]]:
    """By run, (variant, seed), the rounds that were scored and how each was chosen, the best
    checkpoint before the last.
    """
    order = ("best", "last", "round", "")
    every = [r for rows in final(results).values() for r in rows]
    found: dict[tuple[str, int], dict[int, str]] = {}
    for r in sorted(every, key=lambda r: order.index(r.chosen) if r.chosen in order else -1):
        found.setdefault((r.variant, r.seed), {}).setdefault(r.step, r.chosen)
    return found


def complete(groups: Sequence[Sequence[Result]]) -> bool:
    """Whether groups of one evaluator differ only in how the checkpoint was chosen, and each has
    every run: then they are two views of all, and none is apart from the others.
    """
    runs = {frozenset((r.variant, r.seed) for r in group) for group in groups}
    return len(runs) == 1 and [*disagreement([r for g in groups for r in g])] == ["checkpoint"]


def alike(results: Iterable[Result]) -> list[list[Result]]:
    """Results grouped by protocol."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(json.dumps(result.protocol, sort_keys=True), []).append(result)
    return list(groups.values())


def disagreement(results: Sequence[Result]) -> dict[str, dict[str, list[str]]]:
    """`{"samples": {"500": ["hinge"], "5000": ["r1"]}}`, for each field that differs."""
    fields: dict[str, dict[str, list[str]]] = {}
    for field in dict.fromkeys(f for result in results for f in result.protocol):
        values: dict[str, dict[str, None]] = {}
        for result in results:
            value = result.protocol.get(field, "not given")
            text = short(value) if isinstance(value, str) else json.dumps(value)
            values.setdefault(text, {})[result.variant] = None
        if len(values) > 1:
            fields[field] = {text: list(who) for text, who in values.items()}
    return fields


def fields(protocol: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Names and values of a protocol as text, hashes cut short."""
    return tuple((name.replace("_", " "), short(value)) for name, value in protocol.items())


def rounds(results: Iterable[Result]) -> str:
    """After which rounds the results were taken: `2000`, or `800 to 2000`."""
    steps = [result.step for result in results]
    return str(min(steps)) if min(steps) == max(steps) else f"{min(steps)} to {max(steps)}"


def short(value: Any) -> str:
    """A protocol's value as text: the first letters of a hash, six figures of a float."""
    if isinstance(value, str):
        is_hash = len(value) >= 32 and not set(value.lower()) - set("0123456789abcdef")
        return value[:SHORT_HASH] if is_hash else value
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def listed(names: Iterable[str]) -> str:
    """Names with commas between."""
    return ", ".join(names)
