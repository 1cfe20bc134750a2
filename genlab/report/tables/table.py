"""Results: variants × scores under one protocol, with what real data would score beneath."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from genlab.report.figures.strip import Strip, axis
from genlab.report.protocol import (
    Result,
    UnlikeProtocols,
    alike,
    complete,
    disagreement,
    fields,
    final,
    listed,
    measured,
    optimistic,
    rounds,
    versions,
)
from genlab.report.reading import Sweep
from genlab.report.scores import Score, score
from genlab.report.statistics import Estimate, decimals, estimate, written
from genlab.report.tables import checkpoints, control
from genlab.report.tables.paired import Compared, compared
from genlab.report.tables.parts import NOTHING, Grid, grids


class Cell(NamedTuple):
    """One variant's score; `text` is "–" where no seed has one."""

    text: str
    n: int = 0
    best: bool = False
    strip: Strip | None = None


class Row(NamedTuple):
    """A variant and its cells, in the order of the table's scores; `rounds` says which round of
    each seed was scored.
    """

    variant: str
    cells: tuple[Cell, ...]
    rounds: str = ""


class Table(NamedTuple):
    """All variants under one protocol.

    baseline: cells of the same scores between two sets of real data; empty where none was measured
    notes: what a reader must know apart from the numbers
    pairs: the first variant compared with the others, seed by seed
    parts: the scores by part, such as those of each class
    """

    name: str
    scores: tuple[Score, ...]
    rows: tuple[Row, ...]
    baseline: tuple[Cell, ...]
    protocol: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    pairs: tuple[Compared, ...] = ()
    parts: tuple[Grid, ...] = ()

    @property
    def title(self) -> str:
        """The evaluator, and how the checkpoints were chosen, where that is recorded."""
        chosen = dict(self.protocol).get("checkpoint", "")
        words = {"best": f"{chosen.replace('best ', 'best by ', 1)}", "last": "last round"}
        return ", ".join(filter(None, (self.name, words.get(chosen.partition(" ")[0], chosen))))


def tables(sweep: Sweep) -> tuple[list[Table], list[UnlikeProtocols]]:
    """A table per evaluator and protocol, and an `UnlikeProtocols` for every evaluator that needs
    several.

    A variant without any test score has an empty row in each table, so that it is missed.
    """
    made, unlike = [], []
    found = final(measured(sweep, "test"))
    scored = {r.variant for rs in found.values() for r in rs}
    for name, rows in found.items():
        groups = alike(rows)
        if len(groups) > 1 and not complete(groups):
            unlike.append(UnlikeProtocols(name, disagreement(rows)))
        for group in groups:
            present = {r.variant for r in group}
            shown = [v for v in sweep.variants if v in present or v not in scored]
            made.append(table(name, group, shown))
    return made, unlike


def table(name: str, found: Sequence[Result], variants: Sequence[str]) -> Table:
    """The table of one evaluator; raises UnlikeProtocols unless all results share one protocol."""
    if len(alike(found)) > 1:
        raise UnlikeProtocols(name, disagreement(found))
    scores = [score(s) for s in dict.fromkeys(s for r in found for s in r.scores)]
    columns = [_column(s, found, variants) for s in scores]
    at = [checkpoints.rounds([r for r in found if r.variant == v]) for v in variants]
    cells = list(zip(*(column[:-1] for column in columns), strict=True)) or [()] * len(variants)
    rows = [Row(*row) for row in zip(variants, cells, at, strict=True)]
    baseline = tuple(column[-1] for column in columns)
    seeds = listed(map(str, sorted({r.seed for r in found})))
    noted = {"genlab": listed(versions(found)), "rounds": rounds(found), "seeds": seeds}
    return Table(
        name,
        tuple(scores),
        tuple(rows),
        baseline if any(cell.n for cell in baseline) else (),
        (*fields(found[0].protocol), *((name, value) for name, value in noted.items() if value)),
        tuple(_notes(found, rows)),
        tuple(compared(found, variants)),
        grids(found, variants),
    )


def legend(made: Iterable[Table]) -> str:
    """How to read the cells of these tables."""
    cells = [cell for table in made for row in table.rows for cell in row.cells]
    lines = []
    if any(cell.n > 1 for cell in cells):
        lines += ["Mean ± half-width of the 95 % t-interval over the n seeds of each cell."]
    if any(cell.best for cell in cells):
        lines += ["Bold is the best mean of a column, whether or not its interval lies apart."]
    return " ".join(lines)


def _column(of: Score, found: Sequence[Result], variants: Sequence[str]) -> list[Cell]:
    """A score's cells by variant, and last the baseline's."""
    seeds = [[r.scores.get(of.name, math.nan) for r in found if r.variant == v] for v in variants]
    estimates = [estimate(values) for values in seeds]
    known = [e for e in estimates if e]
    baseline = _baseline(of.name, found)
    places = decimals(known)
    along = axis(known, (v for values in seeds for v in values), baseline)
    idle = control.ignoring(of.name, found)
    best = _best(of, [e for e, v in zip(estimates, variants, strict=True) if e and v not in idle])
    cells = [
        Cell(written(e, places), e.n, e.mean == best and v not in idle, along.strip(e, values))
        if e
        else Cell(NOTHING)
        for v, e, values in zip(variants, estimates, seeds, strict=True)
    ]
    return [*cells, Cell(written(baseline, places), baseline.n) if baseline else Cell(NOTHING)]


def _baseline(name: str, found: Sequence[Result]) -> Estimate | None:
    """The baseline over seeds; runs of one seed share their real data, so each seed counts once."""
    seeds: dict[int, set[float]] = {}
    for result in found:
        seeds.setdefault(result.seed, set()).add(result.baselines.get(name, math.nan))
    means = [e.mean for e in map(estimate, seeds.values()) if e]
    return estimate(means[:1] if len(set(means)) == 1 else means)


def _best(of: Score, known: Sequence[Estimate]) -> float | None:
    """The mean nearest the goal; None without a goal, or where no mean stands out."""
    means = {e.mean for e in known}
    return min(means, key=of.distance) if of.goal is not None and len(means) > 1 else None


def _notes(found: Sequence[Result], rows: Sequence[Row]) -> Iterable[str]:
    if any(cell.n == 1 for row in rows for cell in row.cells):
        yield "Where n = 1 a single seed was measured, and there is no interval."
    if len(taken := versions(found)) > 1:
        told = "; ".join(f"{version}: {listed(who)}" for version, who in taken.items())
        yield f"Measured by different versions of genlab ({told})."
    yield from checkpoints.notes(found)
    yield from control.notes(found)
    for caution in dict.fromkeys(c for r in found for c in r.cautions):
        yield f"Caution: {caution}."
    if optimistic(found[0].protocol):
        yield "Flattered: checkpoints were chosen by their score on this very split."
    for r in found:
        if bad := [name for name, value in r.scores.items() if not math.isfinite(value)]:
            yield f"Left out, being no finite number: {listed(bad)} of {r.variant}/seed{r.seed}."
