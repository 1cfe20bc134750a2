"""The numbers of the learning curves, for the page's own program to draw, read out and enlarge."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from genlab.report.figures.axes import AXES
from genlab.report.figures.curves import Curve
from genlab.report.figures.drawing import Key, scale
from genlab.report.figures.panels import Panel
from genlab.report.reading import Sweep

DIGITS = 5  # of a number on the page


def data(panels: Mapping[str, Sequence[Panel]], keys: Mapping[str, Key], sweep: Sweep) -> dict:
    """What JSON can hold of the panels, in their order; {} of none.

    axes:   what curves can be read against; of each, curves share lists of `places`
    keys:   colour and dashes of each variant
    places: by axis, where the points of a curve are; null where that is not known
    panels: baseline, log scale, limits without extremes, and by variant its place, mean, and least
            and greatest seed where there are several
    """
    places: dict[tuple, int] = {}
    drawn = [_panel(p, sweep, places) for group in panels.values() for p in group]
    if not drawn:
        return {}
    found: list[list] = [list(map(_numbers, axes)) for axes in places]
    known = [i for i in range(len(AXES)) if any(axes[i] for axes in found)]
    return {
        "axes": [AXES[i].name for i in known],
        "keys": {name: [key.colour, list(key.dashes)] for name, key in keys.items()},
        "places": [[axes[i] or None for i in known] for axes in found],
        "panels": drawn,
    }


def _panel(panel: Panel, sweep: Sweep, places: dict[tuple, int]) -> dict[str, Any]:
    log, cut = scale(panel.curves)
    curves = {}
    for variant, c in panel.curves.items():
        at = tuple(tuple(axis.of(variant, sweep, c).steps) for axis in AXES)
        curves[variant] = {"at": places.setdefault(at, len(places)), **_values(c)}
    baseline = panel.baseline if panel.baseline is None else _number(panel.baseline)
    return {"baseline": baseline, "log": log, "cut": cut and _numbers(cut), "curves": curves}


def _values(c: Curve) -> dict[str, list]:
    mean = {"mean": _numbers(c.mean)}
    if c.low == c.mean == c.high:
        return mean
    return {**mean, "low": _numbers(c.low), "high": _numbers(c.high)}


def _numbers(values: Iterable[float]) -> list[float | int | None]:
    return [*map(_number, values)]


def _number(value: float) -> float | int | None:
    """As short as the page needs it."""
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
