"""Rate against distortion of the variants of a sweep, as `evaluation.LatentSpace` scores them."""

import base64
import math
from collections.abc import Mapping, Sequence

from genlab.report.figures.calibration import Calibration
from genlab.report.figures.drawing import INK, Key, drawn, keys
from genlab.report.protocol import Result, alike, final, measured
from genlab.report.reading import Sweep

SIZE = (3.3, 3.0)  # inches
RATE, DISTORTION = "rate", "distortion"

Point = tuple[float, float]


def rate_distortion(sweep: Sweep) -> list[Calibration]:
    """A picture for each protocol that two variants or more were scored under (Alemi et al. 2018,
    arXiv:1711.00464): every run a point, variants joined in order of their rate. The sum
    of both numbers is minus the ELBO: dotted lines have the same one.
    """
    found = []
    for rows in final(measured(sweep, "test")).values():
        for group in alike(rows):
            points = _points(group)
            if len(points) > 1:
                found.append(_picture(points, sweep))
    return found


def _points(group: Sequence[Result]) -> dict[str, list[Point]]:
    """By variant, of its runs."""
    points: dict[str, list[Point]] = {}
    for r in group:
        pair = (r.scores.get(RATE, math.nan), r.scores.get(DISTORTION, math.nan))
        if all(map(math.isfinite, pair)):
            points.setdefault(r.variant, []).append(pair)
    return points


def _picture(points: Mapping[str, list[Point]], sweep: Sweep) -> Calibration:
    look, means = keys(sweep.variants), {v: _mean(p) for v, p in points.items()}
    text = drawn(lambda axes: _draw(axes, points, means, look), SIZE)
    uri = "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
    told = "; ".join(f"{v}: {d:.4g} at a rate of {r:.3g}" for v, (r, d) in means.items())
    return Calibration("distortion against rate, nats", f"Distortion in nats: {told}.", uri)


def _mean(points: Sequence[Point]) -> Point:
    rates, distortions = zip(*points, strict=True)
    return sum(rates) / len(points), sum(distortions) / len(points)


def _draw(axes, points, means: Mapping[str, Point], look: Mapping[str, Key]) -> None:
    order = sorted(means.values())
    axes.plot(*zip(*order, strict=True), color=INK, linewidth=0.8, alpha=0.5)
    for variant, runs in points.items():
        colour = look[variant].colour
        axes.plot(*zip(*runs, strict=True), ".", color=colour, markersize=3, alpha=0.6)
        axes.plot(*means[variant], "o", color=colour, markersize=5)
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    for rate, distortion in order:  # lines of one ELBO
        ends = [rate + distortion - low, rate + distortion - high]
        axes.plot([low, high], ends, color=INK, linewidth=0.5, alpha=0.3, linestyle=":")
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    axes.spines[["top", "right"]].set_visible(False)
    axes.locator_params(nbins=5)
