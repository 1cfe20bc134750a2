"""One small panel as SVG, in the reader's own fonts and colour scheme."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from genlab.report.figures.curves import Curve, cut_at

# Okabe & Ito (2008), told apart with any colour vision; their black and yellow suit one scheme only
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
DASHES = ((), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2))  # once the colours are used up
INK = "#010203"  # stands for the page's text colour until the SVG is written
SIZE = (3.3, 2.2)  # inches
PLOT = (0.13, 0.12, 0.85, 0.8)  # left, bottom, width, height: the same in every panel
LOG_FROM = 100  # greatest over least value
SCHEMES = "svg{color:#33393f}@media(prefers-color-scheme:dark){svg{color:#c9ced6}}"


class Key(NamedTuple):
    """How a variant is drawn, everywhere."""

    variant: str
    colour: str
    dashes: tuple[float, ...]


def keys(variants: Sequence[str]) -> dict[str, Key]:
    """A colour for each variant, and a dash where there are more variants than colours."""
    return {
        name: Key(name, COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)])
        for i, name in enumerate(variants)
    }


def svg(curves: Mapping[str, Curve], look: Mapping[str, Key], baseline: float | None) -> str:
    """The curves of all variants, and a dashed line at the baseline."""
    return drawn(lambda axes: _draw(axes, curves, look, baseline))


def drawn(draw: Callable[[Any], None], size: tuple[float, float] = SIZE) -> str:
    """What `draw` puts on Matplotlib's axes, in the page's colours and fonts, as SVG."""
    text = _figure(draw, size)
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", f"<style>{SCHEMES}</style>", text, flags=re.S)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", text)
    return re.sub(r'(?<= d=")[^"]*', lambda d: re.sub(r"(\.\d)\d+", r"\1", d[0]), text)


def _figure(draw: Callable[[Any], None], size: tuple[float, float]) -> str:
    import matplotlib
    from matplotlib.figure import Figure  # no pyplot: no global state, no display

    ink = dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color", "text.color"), INK)
    small = {"font.size": 8.5, "svg.fonttype": "none", "svg.hashsalt": "genlab"}
    out = io.StringIO()
    with matplotlib.rc_context(ink | small):  # pyright: ignore[reportArgumentType]
        figure = Figure(figsize=size)
        draw(figure.add_axes(PLOT))
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return out.getvalue()


def _draw(
    axes, curves: Mapping[str, Curve], look: Mapping[str, Key], baseline: float | None
) -> None:
    if baseline is not None:
        axes.axhline(baseline, color=INK, linewidth=0.8, dashes=(3, 3), alpha=0.6)
    for variant, c in curves.items():
        style = {"color": look[variant].colour, "linewidth": 1.5, "markersize": 3}
        if c.low != c.high:
            colour = style["color"]
            axes.fill_between(c.steps, c.low, c.high, color=colour, alpha=0.18, linewidth=0)
        marker = "o" if len(c.steps) == 1 else ""
        axes.plot(c.steps, c.mean, dashes=look[variant].dashes, marker=marker, **style)
    _scale(axes, curves)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=INK, alpha=0.12, linewidth=0.6)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda at, _: _short(at))


def _short(value: float) -> str:
    """A number on an axis: `500`, `10k`, `1.5T`."""
    for scale, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= (1e4 if prefix == "k" else scale):
            return f"{value / scale:g}{prefix}"
    return f"{value:g}"


def _scale(axes, curves: Mapping[str, Curve]) -> None:
    log, cut = scale(curves)
    if log:
        axes.set_yscale("log")
    elif cut:
        axes.set_ylim(cut)
        axes.set_title("extremes cut off", loc="right", fontsize=7, color=INK, alpha=0.7)


def scale(curves: Mapping[str, Curve]) -> tuple[bool, tuple[float, float] | None]:
    """Whether the scale is logarithmic, for what falls by orders of magnitude; else limits, where
    extremes are cut off.
    """
    values = [v for c in curves.values() for v in (*c.low, *c.high)]
    if min(values) > 0 and max(values) > LOG_FROM * min(values):
        return True, None
    return False, cut_at(curves.values())
