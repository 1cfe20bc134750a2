"""The KL of each unit of the latents of a sweep's variants, or of each level of a hierarchy, as
`evaluation.LatentSpace` tables it: those that collapsed have none.
"""

import base64
import math
from collections.abc import Mapping, Sequence

import numpy as np

from genlab.report.figures.calibration import Calibration
from genlab.report.figures.drawing import Key, drawn, keys
from genlab.report.protocol import Result, alike, final, measured
from genlab.report.reading import Sweep

SIZE = (3.3, 3.0)  # inches
TABLES, OF, KL = ("unit", "level"), "samples", "kl"


def unit_kls(sweep: Sweep) -> list[Calibration]:
    """A picture for each protocol: units in order of their KL, each variant a line, the mean over
    seeds of what their units have in that order.
    """
    found = []
    for rows in final(measured(sweep, "test")).values():
        for group in alike(rows):
            lines = {v: _line([r for r in group if r.variant == v]) for v in sweep.variants}
            if lines := {v: line for v, line in lines.items() if len(line)}:
                found.append(_picture(lines, keys(sweep.variants)))
    return found


def _line(results: Sequence[Result]) -> np.ndarray:
    """KL of units or levels in order, nats, largest first; of the fewest that a seed has."""
    each = []
    for r in results:
        rows = [row for name in TABLES for row in r.tables.get(name, {}).get(OF, {}).values()]
        kls = [row[KL].value for row in rows if KL in row]
        each.append(sorted((kl for kl in kls if math.isfinite(kl)), reverse=True))
    each = [kls for kls in each if kls]
    if not each:
        return np.zeros(0)
    return np.mean([kls[: min(map(len, each))] for kls in each], axis=0)


def _picture(lines: Mapping[str, np.ndarray], look: Mapping[str, Key]) -> Calibration:
    text = drawn(lambda axes: _draw(axes, lines, look), SIZE)
    uri = "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
    told = "; ".join(f"{v}: {', '.join(f'{kl:.3g}' for kl in line)}" for v, line in lines.items())
    title = "KL of each unit (of a hierarchy: of each level), nats, most used first"
    return Calibration(title, f"KL in nats: {told}.", uri)


def _draw(axes, lines: Mapping[str, np.ndarray], look: Mapping[str, Key]) -> None:
    for variant, line in lines.items():
        style = {"color": look[variant].colour, "dashes": look[variant].dashes}
        axes.plot(range(1, len(line) + 1), line, linewidth=1.2, marker=".", markersize=4, **style)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.locator_params(axis="x", integer=True, nbins=6)
