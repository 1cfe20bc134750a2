"""What a notebook shows of a trained run: its samples as a picture, the run as a small page."""

import base64
import html
import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from genlab.data.columns import Column
from genlab.data.pictures import enlarged, write_png
from genlab.report.figures.panels import Panel

WIDE = 320  # pixels a sheet of small pictures is enlarged to, by a whole factor


class Examples(np.ndarray):
    """Stored examples [N, ...] or rows of them [N, M, ...], an array like any other, which a
    notebook shows as a picture.
    """

    column: Column | None = None

    @classmethod
    def of(cls, values: np.ndarray, column: Column) -> "Examples":
        """`values` of a column, not copied."""
        made = np.asarray(values).view(cls)
        made.column = column
        return made

    def __array_finalize__(self, other: Any) -> None:
        self.column = getattr(other, "column", None)

    def _repr_png_(self) -> bytes | None:
        """A grid of them, small ones enlarged; None for what is no longer examples of the column,
        as one of their means.
        """
        column, rows = self.column, None
        if column is None or not self.size:
            return None
        values, one = np.asarray(self), tuple(column.stored)
        if self.shape[2:] == one and self.ndim == len(one) + 2:
            rows, values = self.shape[1], values.reshape(-1, *one)
        return png(_seen(column.draw(values, rows))) if values.shape[1:] == one else None


def _seen(sheet: np.ndarray) -> np.ndarray:
    """A picture, uint8 [H, W, C], whose pixels can be told apart: [f H, f W, C]."""
    height, width = sheet.shape[:2]
    times = max(1, WIDE // width)
    return enlarged(sheet[None], times * height, times * width)[0]


def png(image: np.ndarray) -> bytes:
    """A picture, uint8 [H, W, 1 or 3], as a PNG file."""
    held = io.BytesIO()
    write_png(held, image)
    return held.getvalue()


def page(
    title: str, scores: Iterable[Mapping], picture: bytes | None, curves: Iterable[Panel] = ()
) -> str:
    """HTML of a run: its samples, the last scores of each evaluator and split, its curves."""
    last = {(row["name"], row["protocol"].get("split")): row for row in scores}
    lines = [
        f"<tr><th>{_safe(name)} ({_safe(split)}, round {_safe(row['step'])})</th>"
        f"<td>{_safe(_scores(row['scores']))}</td></tr>"
        for (name, split), row in last.items()
    ]
    table = f"<table>{''.join(lines)}</table>" if lines else ""
    encoded = base64.b64encode(picture).decode() if picture else ""
    shown = f'<img src="data:image/png;base64,{encoded}" alt="samples">' if encoded else ""
    drawn = [
        f'<figure style="display: inline-block; margin: 0"><figcaption>{_safe(one.title)}'
        f'</figcaption><img src="{one.uri}" alt="{_safe(one.alt)}" width="330"></figure>'
        for one in curves
    ]
    return f"<div><p>{_safe(title)}</p>{shown}{table}{''.join(drawn)}</div>"


def _scores(scores: Mapping[str, float | None]) -> str:
    return ", ".join(f"{n} {'undefined' if v is None else f'{v:.4g}'}" for n, v in scores.items())


def _safe(text: Any) -> str:
    return html.escape(str(text))
