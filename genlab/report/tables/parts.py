"""Scores by part (of each class, of each column), laid out as text in a grid."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from genlab.report.protocol import Result
from genlab.report.reading import Measured
from genlab.report.scores import score
from genlab.report.statistics import decimals, estimate, written

NOTHING = "–"
OWN = {"unit": ("kl", "variance")}
"""Tables of parts that are each run's own, with the scores that order them: the first that a run
has.
"""
LISTED = 12  # of those
SAMPLES = "samples"  # the rows of a model's own scores; others are references, as "real data"


class Grid(NamedTuple):
    """`rows` of cells under `headings`; a cell is text."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def grid(name: str, cells: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Grid:
    """Cells by what was measured, part and score, as rows of the parts.

    What was measured stands in columns where there is one score, else the scores do.
    """
    whats = list(cells)
    parts = list(dict.fromkeys(part for of in cells.values() for part in of))
    scores = list(dict.fromkeys(s for of in cells.values() for found in of.values() for s in found))
    headings = [score(s).heading for s in scores]

    def row(what: str, part: str) -> list[str]:
        found = cells[what].get(part, {})
        return [found.get(s, NOTHING) for s in scores]

    if len(scores) == 1:
        rows = [(part, *(row(what, part)[0] for what in whats)) for part in parts]
        return Grid(f"{headings[0]} by {name}", (name, *whats), tuple(rows))
    if len(whats) == 1:
        rows = [(part, *row(whats[0], part)) for part in parts]
        return Grid(f"By {name}", (name, *headings), tuple(rows))
    rows = [
        (part if what == whats[0] else "", what, *row(what, part))
        for part in parts
        for what in whats
    ]
    return Grid(f"By {name}", (name, "of", *headings), tuple(rows))


def grids(found: Sequence[Result], variants: Sequence[str]) -> tuple[Grid, ...]:
    """A grid for each table of results of one protocol: the variants' means over seeds, then what
    they are compared with. Parts that are each run's own, as the units of a latent, are averaged in
    the order of a score, not by their names, where runs are several.
    """
    names = dict.fromkeys(name for r in found for name in r.tables)
    made = []
    for name in names:
        if name in OWN and len(found) > 1:
            made.append(_in_order(name, found, variants))
        else:
            made.append(grid(name, _cells(name, found, variants)))
    return tuple(made)


def _in_order(name: str, found: Sequence[Result], variants: Sequence[str]) -> Grid:
    """The grid of parts by their places: 1 has the largest score."""
    ordered, used = [], {}
    for r in (r for r in found if name in r.tables):
        by = {what: _order(x, OWN[name]) for what, x in r.tables[name].items()}
        placed = {what: _placed(x, by[what]) for what, x in r.tables[name].items()}
        ordered.append(r._replace(tables={name: placed}))
        used |= dict.fromkeys(by.values())
    made = grid(name, _cells(name, ordered, variants))
    most = max(len(x) for r in found for x in r.tables.get(name, {}).values())
    shown = f", the {LISTED} of {most} that have the most" if most > LISTED else ""
    how = " or ".join(used)
    return made._replace(title=f"{made.title}, in each run in the order of its {how}{shown}")


def _order(parts: Mapping[str, Mapping[str, Measured]], scores: Sequence[str]) -> str:
    """The first of these scores that a part has."""
    return next((s for s in scores if any(s in part for part in parts.values())), scores[0])


def _placed(parts: Mapping[str, Mapping[str, Measured]], by: str) -> dict[str, Mapping]:
    known = [
        scores for scores in parts.values() if by in scores and not math.isnan(scores[by].value)
    ]
    ordered = sorted(known, key=lambda scores: -scores[by].value)[:LISTED]
    return {str(place): scores for place, scores in enumerate(ordered, start=1)}


def _cells(
    name: str, found: Sequence[Result], variants: Sequence[str]
) -> dict[str, dict[str, dict[str, str]]]:
    values: dict[str, dict[str, dict[str, list[Measured]]]] = {v: {} for v in variants}
    for r in sorted(found, key=lambda r: variants.index(r.variant)):
        for what, parts in r.tables.get(name, {}).items():
            held = values.setdefault(r.variant if what == SAMPLES else what, {})
            for part, scores in parts.items():
                for s, value in scores.items():
                    held.setdefault(part, {}).setdefault(s, []).append(value)
    order = {**{v: values[v] for v in variants if values[v]}, **values}
    places = _places(order.values())
    return {
        what: {
            part: {s: _text(x, places[s], what in variants) for s, x in scores.items()}
            for part, scores in parts.items()
        }
        for what, parts in order.items()
        if parts
    }


def _places(of: Iterable[Mapping[str, Mapping[str, Sequence[Measured]]]]) -> dict[str, int]:
    """Decimals of each score, the same for all of its cells."""
    known: dict[str, list] = {}
    for parts in of:
        for scores in parts.values():
            for s, x in scores.items():
                known.setdefault(s, []).append(estimate(v.value for v in x))
    return {s: decimals([e for e in x if e]) for s, x in known.items()}


def _text(values: Sequence[Measured], places: int, model: bool) -> str:
    """The mean over seeds; of one seed the interval over samples, where that is known. Of what is
    no `model`, which runs may share, the mean alone.
    """
    finite = [v for v in values if math.isfinite(v.value)]
    found = estimate(v.value for v in finite)
    if found is None:
        return NOTHING
    if found.n == 1 and math.isfinite(finite[0].low):
        low, high = (f"{end:.{places}f}" for end in finite[0][1:])
        return f"{found.mean:.{places}f} ({low} to {high})"
    return written(found if model else found._replace(half=None), places)
