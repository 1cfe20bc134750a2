"""Learning curves as small multiples: a panel for each score and for each term of each player."""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from genlab.report.figures.curves import Curve, Series, curve
from genlab.report.figures.drawing import keys, svg
from genlab.report.numbers import number
from genlab.report.protocol import Result, alike, disagreement, measured, short
from genlab.report.reading import Run, Sweep
from genlab.report.scores import score
from genlab.report.statistics import estimate


class Panel(NamedTuple):
    """One score or term of all variants, over rounds: as a picture, and as the numbers in it.

    alt:      what the picture shows, for those who cannot see it
    baseline: what real data scores, where that is known
    """

    title: str
    alt: str
    uri: str
    curves: dict[str, Curve]
    baseline: float | None = None


def panels(sweep: Sweep) -> dict[str, list[Panel]]:
    """Panels under headings: each evaluator's scores, then each player's terms."""
    scored = measured(sweep, "validation")
    found = {
        f"{name} on validation data": _score_panels([r for r in scored if r.name == name], sweep)
        for name in dict.fromkeys(r.name for r in scored)
    }
    for name in dict.fromkeys(term for run in sweep.runs for term in run.terms):
        player, _, term = name.rpartition("/")
        by_variant = _by_variant((run.variant, _term(run, name)) for run in sweep.runs)
        found.setdefault(player, []).append(_panel(term, by_variant, sweep))
    shown = {heading: [p for p in drawn if p] for heading, drawn in found.items()}
    return {heading: drawn for heading, drawn in shown.items() if drawn}


def losses(sweep: Sweep) -> list[Panel]:
    """The loss of each player over the rounds, titled by it; none of what was not logged."""
    names = dict.fromkeys(term for run in sweep.runs for term in run.terms)
    found = [
        _panel(name, _by_variant((run.variant, _term(run, name)) for run in sweep.runs), sweep)
        for name in names
        if name.endswith("/loss")
    ]
    return [panel for panel in found if panel]


def _score_panels(scored: Sequence[Result], sweep: Sweep) -> list[Panel | None]:
    """One evaluator's panels; unlike protocols are drawn apart, titled by what differs."""
    drawn = []
    unlike = disagreement(scored)
    for group in alike(scored):
        apart = ", ".join(f"{f} {short(group[0].protocol.get(f))}" for f in unlike)
        for name in dict.fromkeys(s for r in group for s in r.scores):
            title = f"{name} ({apart})" if apart else name
            drawn.append(_score_panel(name, title, group, sweep))
    return drawn


def _score_panel(name: str, title: str, group: Sequence[Result], sweep: Sweep) -> Panel | None:
    runs: dict[tuple[str, int], Series] = {}
    for r in group:
        runs.setdefault((r.variant, r.seed), {})[r.step] = r.scores.get(name, math.nan)
    by_variant = _by_variant((variant, series) for (variant, _), series in runs.items())
    baseline = estimate(r.baselines.get(name, math.nan) for r in group)
    arrow = f"{title} {score(name).arrow}".strip()
    return _panel(arrow, by_variant, sweep, baseline.mean if baseline else None)


def _term(run: Run, name: str) -> Series:
    return {row["step"]: number(row[name]) for row in run.metrics if name in row}


def _by_variant(series: Iterable[tuple[str, Series]]) -> dict[str, list[Series]]:
    found: dict[str, list[Series]] = {}
    for variant, values in series:
        found.setdefault(variant, []).append(values)
    return found


def _panel(
    title: str,
    by_variant: Mapping[str, list[Series]],
    sweep: Sweep,
    baseline: float | None = None,
) -> Panel | None:
    """None where nothing finite was logged."""
    curves = {variant: curve(seeds) for variant, seeds in by_variant.items()}
    curves = {variant: c for variant, c in curves.items() if c.steps}
    if not curves:
        return None
    ends = "; ".join(f"{variant} ends at {c.mean[-1]:.4g}" for variant, c in curves.items())
    drawn = svg(curves, keys(sweep.variants), baseline).encode()
    uri = "data:image/svg+xml;base64," + base64.b64encode(drawn).decode()
    return Panel(title, f"{title} over training rounds: {ends}.", uri, curves, baseline)
