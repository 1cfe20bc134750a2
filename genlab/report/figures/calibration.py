"""What was measured of samples against what was asked of them, one small picture a number."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genlab.report.figures.drawing import INK, Key, drawn, keys
from genlab.report.protocol import Result, alike, final, measured
from genlab.report.reading import Sweep

SIZE = (3.3, 3.0)  # inches
SAMPLES, DECODED, REAL, TRAINED = "samples", "decoded", "real data", "trained"
FIELDS = ("asked", "measured", "low", "high")

Line = Mapping[str, Sequence[float]]  # the FIELDS, a value for each bin


class Calibration(NamedTuple):
    """The picture of one number; `alt` says what it shows to those who cannot see it."""

    title: str
    alt: str
    uri: str


def calibrations(sweep: Sweep) -> dict[str, list[Calibration]]:
    """By evaluator: pictures of the numbers of its test scores, one for each protocol. Where the
    set was decoded exactly, what is drawn is what was decoded.
    """
    found: dict[str, list[Calibration]] = {}
    for name, rows in final(measured(sweep, "test")).items():
        for group in alike(rows):
            numbers = dict.fromkeys(number for r in group for number in r.curves)
            made = [_picture(number, group, sweep) for number in numbers]
            chosen = str(group[0].protocol.get("checkpoint") or "")
            if shown := [one for one in made if one]:
                found[", ".join(filter(None, (name, chosen)))] = shown
    return found


def _picture(number: str, group: Sequence[Result], sweep: Sweep) -> Calibration | None:
    kinds = {what for r in group for what in r.curves.get(number, {})}
    what = DECODED if DECODED in kinds else SAMPLES
    lines = {}
    for variant in sweep.variants:
        own = [r.curves[number] for r in group if r.variant == variant and number in r.curves]
        if mean := _mean([c[what] for c in own if what in c]):
            lines[variant] = mean
    if not lines:
        return None
    first = next(r.curves[number] for r in group if number in r.curves)
    real = _mean([first[REAL]]) if REAL in first and what == SAMPLES else None
    look = keys(sweep.variants)
    text = drawn(lambda axes: _draw(axes, lines, look, real, first.get(TRAINED, {})), SIZE)
    uri = "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
    told = "; ".join(f"{v}: {_told(line)}" for v, line in lines.items())
    title = f"{number}, decoded" if what == DECODED else number
    return Calibration(title, f"Measured {title} against asked: {told}.", uri)


def _mean(lines: Sequence[Line]) -> dict[str, list[float]] | None:
    """Over seeds, bin by bin, of those with the bins of the first."""
    whole = [x for x in lines if _sound(x)]
    if not whole:
        return None
    like = [x for x in whole if len(x["asked"]) == len(whole[0]["asked"])]
    return {
        f: [sum(v) / len(like) for v in zip(*(x[f] for x in like), strict=True)] for f in FIELDS
    }


def _sound(line: Line) -> bool:
    """Whether a line of a file can be drawn."""
    lengths = {len(line.get(field, ())) for field in FIELDS}
    values = [v for field in FIELDS for v in line.get(field, ())]
    return len(lengths) == 1 and bool(values) and all(map(math.isfinite, values))


def _told(line: Line) -> str:
    ends = zip(line["asked"][:: max(len(line["asked"]) - 1, 1)],
               line["measured"][:: max(len(line["asked"]) - 1, 1)], strict=True)  # fmt: skip
    return ", ".join(f"{measured:.3g} where {asked:.3g} was asked" for asked, measured in ends)


def _draw(
    axes, lines: Mapping[str, Line], look: Mapping[str, Key], real: Line | None, trained: Line
) -> None:
    asked = [v for line in lines.values() for v in line["asked"]]
    low, high = min(asked), max(asked)
    for start, stop in _untrained(low, high, trained):
        axes.axvspan(start, stop, color=INK, alpha=0.08, linewidth=0)
    axes.plot([low, high], [low, high], color=INK, linewidth=0.7, alpha=0.7)
    if real:
        axes.plot(real["asked"], real["measured"], color=INK, linewidth=1, dashes=(3, 3), alpha=0.6)
    for variant, line in lines.items():
        colour = look[variant].colour
        axes.fill_between(
            line["asked"], line["low"], line["high"], color=colour, alpha=0.15, linewidth=0
        )
        axes.plot(line["asked"], line["measured"], color=colour, dashes=look[variant].dashes)
    axes.spines[["top", "right"]].set_visible(False)
    axes.locator_params(nbins=5)


def _untrained(low: float, high: float, trained: Line) -> list[tuple[float, float]]:
    """Stretches of low .. high between those trained on; none where that is not known."""
    ends = sorted(zip(trained.get("low", ()), trained.get("high", ()), strict=False))
    if not ends:
        return []
    starts = [low, *(stop for _, stop in ends)]
    stops = [*(start for start, _ in ends), high]
    return [(a, b) for a, b in zip(starts, stops, strict=True) if b - a > 0.01 * (high - low)]
