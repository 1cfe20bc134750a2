"""Run folders as they are found: whole, unfinished, or cut off in the middle of a line.

Nothing here raises because a run went wrong; what could not be read is a line in `Run.problems`.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from genlab.config import ConfigError
from genlab.config.upgrades import upgraded
from genlab.report.numbers import number, numbers
from genlab.runs.files import object_in, rows_in

RUN_FILES = ("config.json", "status.json", "metrics.jsonl")  # any of them makes a folder a run
SEED_FOLDER = re.compile(r"seed(\d+)")


OLD_FIELDS = {"floor": "baseline", "floors": "baselines", "standing": "recalibrate"}
"""Of rows of `evals.jsonl` and of their protocols: the names in older runs."""


class Measured(NamedTuple):
    """A value of a table, with its interval over samples; NaN where it is not known."""

    value: float
    low: float = math.nan
    high: float = math.nan


Tables = Mapping[str, dict[str, dict[str, dict[str, Measured]]]]
"""Scores by part: by the table's name ("class"), of what ("samples", "real data"), by the part's
name, by the score's.
"""


Curves = Mapping[str, dict[str, dict[str, list[float]]]]
"""Measured against asked: by the number's name, by what was measured ("samples", "real data"), by
field ("asked", "measured", "low", "high").
"""


class Eval(NamedTuple):
    """What one evaluator found at one step; `baselines` are the scores of held-out real data,
    `cautions` what a reader must know beside the numbers.
    """

    step: int
    name: str
    scores: dict[str, float]
    baselines: dict[str, float]
    protocol: dict[str, Any]
    cautions: tuple[str, ...] = ()
    tables: Tables = MappingProxyType({})
    curves: Curves = MappingProxyType({})


@dataclass(frozen=True)
class Run:
    """One run folder.

    metrics:  rows of `metrics.jsonl` by step; a step logged again after a resume counts once
    status:   "finished", "failed", "unfinished" or "not started"
    step:     rounds trained
    problems: what could not be read, a line each
    """

    folder: Path
    variant: str
    seed: int
    config: dict = field(default_factory=dict)
    env: dict = field(default_factory=dict)
    cost: dict = field(default_factory=dict)
    metrics: tuple[dict, ...] = ()
    evals: tuple[Eval, ...] = ()
    status: str = "not started"
    step: int = 0
    error: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`variant/seed0`."""
        return f"{self.variant}/seed{self.seed}"

    @property
    def rounds(self) -> str:
        """How far it is: "120 of 300 rounds"; the rounds alone where its config does not say."""
        loop = self.config.get("loop")
        total = loop.get("steps") if isinstance(loop, dict) else None
        return f"{self.step} of {total} rounds" if total else f"{self.step} rounds"

    @property
    def best(self) -> str | None:
        """The score that chooses its checkpoint, "evaluator/score"; "" for none, None where that is
        not known.
        """
        loop = self.config.get("loop")
        best = loop.get("best") if isinstance(loop, dict) else None
        return best.lstrip("+") if isinstance(best, str) else None

    @property
    def looks(self) -> tuple[int, ...]:
        """The rounds at which that score was taken in the course of training, ascending."""
        evaluator = (self.best or "").partition("/")[0]
        taken = {
            row.step
            for row in self.evals
            if row.name == evaluator and "checkpoint" not in row.protocol
            and row.protocol.get("split") == "validation"
        }  # fmt: skip
        return tuple(sorted(taken))

    @property
    def terms(self) -> list[str]:
        """Names of the logged terms, `player/term`, in the order they appear."""
        return list(dict.fromkeys(k for row in self.metrics for k in row if "/" in k))

    def last(self, name: str) -> float | None:
        """The last finite value logged under `name`."""
        values = [number(row.get(name)) for row in self.metrics]
        return next((v for v in reversed(values) if math.isfinite(v)), None)


class Sweep(NamedTuple):
    """Variants × seeds; a single run is a sweep of one variant and one seed.

    commands: the lines of `genlab sweep` that it was started with
    """

    folder: Path
    experiment: str
    title: str
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    runs: tuple[Run, ...]
    problems: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def single(self) -> bool:
        """Whether the folder itself is the run."""
        return [run.folder for run in self.runs] == [self.folder]

    def of(self, variant: str) -> list[Run]:
        """The runs of a variant, by seed."""
        return [run for run in self.runs if run.variant == variant]


def read(folder: str | Path) -> Sweep:
    """A sweep folder, or a single run folder; ConfigError where there is neither."""
    folder = Path(folder)
    if (folder / "sweep.json").exists():
        return _sweep(folder)
    if any((folder / name).exists() for name in RUN_FILES):
        return _single(folder)
    if _found(folder):
        return _sweep(folder)
    raise ConfigError(
        f"{folder} holds neither sweep.json nor a run ({', '.join(RUN_FILES)}); "
        "give a folder that `genlab sweep` or `genlab train` wrote"
    )


def _sweep(folder: Path) -> Sweep:
    problems: list[str] = []
    listed = object_in(folder / "sweep.json", problems)
    found = _found(folder)
    variants = _strings(listed.get("variants")) or tuple(dict.fromkeys(v for v, _ in found))
    seeds = _integers(listed.get("seeds")) or tuple(sorted({s for _, s in found}))
    runs = (_run(folder / v / f"seed{s}", v, s) for v in variants for s in seeds)
    experiment = str(listed.get("experiment") or "")
    title = str(listed.get("title") or experiment or folder.resolve().name)
    commands = _strings(listed.get("commands"))
    return Sweep(folder, experiment, title, variants, seeds, tuple(runs), tuple(problems), commands)


def _single(folder: Path) -> Sweep:
    path = folder.resolve()
    seed_folder = SEED_FOLDER.fullmatch(path.name)
    variant = path.parent.name if seed_folder else path.name
    run = _run(folder, variant, int(seed_folder[1]) if seed_folder else 0)
    seed = run.config.get("seed")
    run = replace(run, seed=seed if isinstance(seed, int) else run.seed)
    title = str(run.config.get("title") or variant)
    return Sweep(folder, "", title, (variant,), (run.seed,), (run,))


def _found(folder: Path) -> list[tuple[str, int]]:
    """(variant, seed) of the run folders that exist."""
    matches = ((path, SEED_FOLDER.fullmatch(path.name)) for path in sorted(folder.glob("*/seed*")))
    return [(path.parent.name, int(match[1])) for path, match in matches if match]


def _run(folder: Path, variant: str, seed: int) -> Run:
    if not folder.is_dir():
        return Run(folder, variant, seed)
    problems: list[str] = []
    config, env, cost, status = (
        object_in(folder / f"{name}.json", problems) for name in ("config", "env", "cost", "status")
    )
    config = upgraded(config)
    metrics = {row["step"]: row for row in rows_in(folder / "metrics.jsonl", problems, ["step"])}
    evals = _evals(rows_in(folder / "evals.jsonl", problems, ["step"]))
    word = str(status.get("status"))
    step = status.get("step")
    return Run(
        folder, variant, seed, config, env, cost, tuple(metrics[s] for s in sorted(metrics)), evals,
        status=word if word in ("finished", "failed") else "unfinished",
        step=step if isinstance(step, int) else max(metrics, default=0),
        error=str(status["error"]) if status.get("error") else None,
        problems=tuple(problems),
    )  # fmt: skip


def _evals(rows: Iterable[dict]) -> tuple[Eval, ...]:
    return tuple(
        Eval(
            row["step"],
            str(row["name"]),
            numbers(row.get("scores")),
            numbers(row.get("baselines")),
            _renamed(row["protocol"]) if isinstance(row.get("protocol"), dict) else {},
            _strings(row.get("cautions")),
            _tables(row.get("tables")),
            _curves(row.get("curves")),
        )
        for row in map(_renamed, rows)
        if "name" in row
    )


def _tables(found: Any) -> Tables:
    return {
        name: {
            what: {part: _measured(scores) for part, scores in _object(parts).items()}
            for what, parts in _object(table).items()
        }
        for name, table in _object(found).items()
    }


def _curves(found: Any) -> Curves:
    return {
        name: {
            what: {f: [number(v) for v in x] for f, x in _object(curve).items() if _listed(x)}
            for what, curve in _object(of).items()
        }
        for name, of in _object(found).items()
    }


def _listed(value: Any) -> bool:
    return isinstance(value, list)


def _measured(scores: Any) -> dict[str, Measured]:
    values = {s: x if isinstance(x, list) else [x] for s, x in _object(scores).items()}
    return {s: Measured(*map(number, x)) for s, x in values.items() if len(x) in (1, 3)}


def _object(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _renamed(fields: dict) -> dict:
    """A row of an older run under today's names."""
    return {
        OLD_FIELDS.get(name) or re.sub("^floor_", "baseline_", name): value
        for name, value in fields.items()
    }


def _strings(values: Any) -> tuple[str, ...]:
    return tuple(map(str, values)) if isinstance(values, list) else ()


def _integers(values: Any) -> tuple[int, ...]:
    return tuple(v for v in values if isinstance(v, int)) if isinstance(values, list) else ()
