"""The runs that a server shows, by an id that says nothing of where they lie."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from genlab.config import ConfigError
from genlab.data.columns import Column, Image, Label, Numbers
from genlab.game.abilities import Encodes, Generates, Guides, HasCodes, Reconstructs, can
from genlab.report import reading
from genlab.runs import saved
from genlab.runs.folder import RunFolder
from genlab.sampling.load import SO_FAR, TrainedRun, load
from genlab.web.changing import can_edit

PLAIN = str | int | float | bool | None
ABILITIES = {
    "sample": Generates,
    "reconstruct": Reconstructs,
    "encode": Encodes,
    "guide": Guides,
    "codes": HasCodes,
}


@dataclass(eq=False)
class Served:
    """One run, loaded when it is first asked for, and anew when it has a newer checkpoint or, once
    it has ended, when its best one counts.
    """

    id: str
    name: str
    folder: Path
    loaded: TrainedRun | None = None
    seen: int = -1  # the newest round when it was loaded

    def __post_init__(self):
        self.folder = self.folder.resolve()  # errors leave it out: "." or "a" is in any sentence

    def run(self) -> TrainedRun:
        """The run with the weights that `load` reads now; ConfigError where it has none yet."""
        newest = max(saved.rounds(self.folder / "checkpoints"), default=-1)
        if self.loaded is None or newest > self.seen or self._ended(self.loaded):
            self.loaded, self.seen = load(self.folder), newest
        return self.loaded

    def _ended(self, run: TrainedRun) -> bool:
        return run.chosen == SO_FAR and not RunFolder(self.folder).trains

    def read(self) -> reading.Run:
        """Its logs, scores and status as they are on the disk now."""
        return reading.read(self.folder).runs[0]


def found(folders: Iterable[str | Path]) -> dict[str, Served]:
    """The runs in `folders`, runs or sweeps, by id: their names, with a number where two are alike.

    ConfigError for a folder that holds neither.
    """
    served: dict[str, Served] = {}
    names: Counter[str] = Counter()
    for folder in folders:
        for run in reading.read(folder).runs:
            if run.folder.is_dir():
                unique = _unique(run.name, served)
                names[run.name] += 1
                again = f" ({names[run.name]})" * (names[run.name] > 1)
                served[unique] = Served(unique, run.name + again, run.folder)
    if not served:
        raise ConfigError("no run to serve: give a folder that `genlab train` or `sweep` wrote")
    return served


def _unique(name: str, taken: Mapping[str, Any]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", ".", name).strip(".") or "run"
    more = (f"{plain}.{i}" for i in range(2, len(taken) + 3))
    return plain if plain not in taken else next(one for one in more if one not in taken)


def summary(one: Served) -> dict[str, Any]:
    """What a list of runs says of it; reads its files, loads no weights."""
    read = one.read()
    told = {"id": one.id, "name": one.name, "status": read.status, "step": read.step}
    return {**told, "title": str(read.config.get("title") or one.name)}


def described(one: Served) -> dict[str, Any]:
    """What it can do and what it can be given; loads it."""
    run = one.run()
    given = {name: control(run.source.columns[name]) for name in run.method.given}
    return {
        **summary(one),
        "checkpoint": run.step,
        "chosen": run.chosen,
        "makes": {"name": run.method.makes, "shape": list(shape_of(run))},
        "given": given,
        "abilities": abilities(run),
        "ways": ways(run),
    }


def abilities(run: TrainedRun) -> list[str]:
    """What it can do, in a word each."""
    found = [name for name, ability in ABILITIES.items() if can(run.method, ability)]
    return [*found, *["translate"] * bool(run.translator.ways), *["edit"] * can_edit(run)]


def ways(run: TrainedRun) -> list[dict[str, Any]]:
    """What it makes of pictures: from which column to which, and the columns that are given as
    pictures too, masks apart.
    """
    columns, found = run.source.columns, []
    for way in run.translator.ways:
        needed, masks = run.translator.needed(way), list(run.translator.masks(way))
        others = [name for name in needed if isinstance(columns[name], Image)]
        found.append({"of": way.of, "to": way.to, "pictures": others, "masks": masks})
    return found


def shape_of(run: TrainedRun) -> tuple[int, ...]:
    """Of one example as it is stored."""
    return tuple(run.source.columns[run.method.makes].stored)


def control(column: Column) -> dict[str, Any]:
    """What a page needs to let a person choose a value of a column: its kind, and the names or the
    range of its values.
    """
    if isinstance(column, Label):
        return {"kind": "label", "names": list(column.names)}
    if isinstance(column, Numbers):
        periods = column.period or (0.0,) * len(column.names)
        ends = zip(column.names, column.low, column.high, periods, strict=True)
        numbers = [{"name": n, "low": a, "high": b, "period": p} for n, a, b, p in ends]
        return {"kind": "numbers", "numbers": numbers}
    return {"kind": type(column).__name__.lower(), "shape": list(column.stored)}


def scores(one: Served) -> list[dict[str, Any]]:
    """Its evaluations, oldest first, with real data's scores and the protocol; null for a score
    that is not known.
    """
    return [
        {
            "evaluator": row.name,
            "step": row.step,
            "scores": finite(row.scores),
            "baselines": finite(row.baselines),
            "protocol": {n: x if isinstance(x, PLAIN) else str(x) for n, x in row.protocol.items()},
            "cautions": list(row.cautions),
        }
        for row in one.read().evals
    ]


def finite(values: Mapping[str, Any]) -> dict[str, float | None]:
    """Numbers as JSON has them: null for what is none."""
    return {n: x if isinstance(x, int | float) and isfinite(x) else None for n, x in values.items()}
