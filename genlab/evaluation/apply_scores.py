"""How the steps of `genlab apply` are scored, with and without a known answer, and their table."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genlab.evaluation.apply_pixels import channels, eight, levels, without_alpha
from genlab.metrics import no_reference
from genlab.metrics.image import ssim
from genlab.metrics.restoration import CAP
from genlab.runs.files import write_text

KEYS = ("picture", "stage")
OWN = ("sharpness", "noise", "contrast")
INPUT = ("colour", "histogram", "input_psnr", "input_ssim")
ANSWER = ("psnr", "ssim", "mae")
LEAST = 7  # pixels a side of pictures that are compared, for a window of SSIM
BAND = 512  # rows that are compared at once


def scores(
    image: np.ndarray, given: np.ndarray, answer: np.ndarray | None = None
) -> dict[str, float]:
    """A picture uint8 or uint16 [H, W, 1 to 4] by itself, against the one it was made from, and
    against the right answer; no score where sizes differ or a picture is too small for it.
    """
    image = without_alpha(image)[0]
    given = channels(without_alpha(given)[0], image.shape[-1])
    one, like = levels(image)[None], levels(given)[None]
    found = {name: getattr(no_reference, name)(one)[0] for name in OWN}
    found["colour"] = no_reference.colour_difference(one, like)[0]
    found["histogram"] = no_reference.histogram_difference(one, like)[0]
    found |= {f"input_{name}": x for name, x in compared(image, given).items() if name != "mae"}
    if answer is not None:
        right = without_alpha(answer)[0]
        found |= compared(channels(image, right.shape[-1]), right)
    return {name: float(x) for name, x in found.items() if np.isfinite(x)}


def compared(image: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """PSNR, SSIM and MAE in 8 bits, as `Convention` has them; nothing of pictures of unlike sizes,
    or too small. Bands of the picture are compared, for a photograph's maps would fill the memory.
    """
    side = min(other.shape[:2])
    if image.shape != other.shape or side < LEAST:
        return {}
    window = min(11, side - 1 + side % 2)
    x, y = eight(image)[None], eight(other)[None]
    square, absolute = _errors(x, y)
    psnr = min(-10.0 * np.log10(square), CAP) if square else CAP
    return {"psnr": psnr, "ssim": _likeness(x, y, window), "mae": absolute}


def _errors(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Means of squared and absolute differences, as shares of the range."""
    square = absolute = 0.0
    for at in range(0, x.shape[1], BAND):
        error = (x[:, at : at + BAND].astype(np.float64) - y[:, at : at + BAND]) / 255.0
        square, absolute = square + (error**2).sum(), absolute + np.abs(error).sum()
    return square / x.size, absolute / x.size


def _likeness(x: np.ndarray, y: np.ndarray, window: int) -> float:
    """SSIM: a band has as many rows of windows as `BAND`, or what is left."""
    windows = range(0, x.shape[1] - window + 1, BAND)
    bands = [slice(at, at + BAND + window - 1) for at in windows]
    found = [ssim(x[:, band], y[:, band], 255, window)[0] for band in bands]
    return float(np.average(found, weights=[min(BAND, windows.stop - at) for at in windows]))


@dataclass(eq=False)
class Table:
    """The scores of every picture after each stage, in a CSV file that is added to picture by
    picture, so that a call that was interrupted has those of the pictures that it finished.
    """

    path: Path
    answers: bool
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    begun: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The scores."""
        return (*OWN, *INPUT, *(ANSWER if self.answers else ()))

    def keep(self, pictures: Collection[str], stages: Collection[str]) -> None:
        """Begins with the rows of these pictures that are in the file, those of all stages."""
        for row in _whole_rows(self.path, (*KEYS, *self.names)):
            if row["picture"] in pictures:
                self.rows.setdefault(row["picture"], []).append(row)
        wanted = list(stages)
        self.rows = {
            name: rows for name, rows in self.rows.items() if [r["stage"] for r in rows] == wanted
        }

    def add(self, picture: str, found: Mapping[str, Mapping[str, float]]) -> None:
        """The scores of a picture by stage, into the file too; the first replaces it."""
        self.rows[picture] = [
            {"picture": picture, "stage": stage}
            | {name: f"{x[name]:.6g}" if name in x else "" for name in self.names}
            for stage, x in found.items()
        ]
        if not self.begun:
            self.begun = True
            return self._write()
        with self.path.open("a", newline="", encoding="utf-8", errors="backslashreplace") as file:
            self._writer(file).writerows(self.rows[picture])

    def finish(self) -> None:
        """Writes the pictures in the order of their names."""
        self.rows = dict(sorted(self.rows.items()))
        self._write()

    def _write(self) -> None:
        """All of it, in the place of what was there."""
        text = io.StringIO()
        lines = self._writer(text)
        lines.writeheader()
        lines.writerows(row for rows in self.rows.values() for row in rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, text.getvalue())

    def summary(self) -> Iterator[str]:
        """A line for each stage: the means over pictures, each after the one of the stage before,
        over the pictures that have both.
        """
        stages = [[rows[i] for rows in self.rows.values()] for i in range(self._stages)]
        for before, rows in zip([None, *stages], stages, strict=False):
            found = [self._told(name, rows, before) for name in self.names]
            yield f"{rows[0]['stage']}: {', '.join(filter(None, found))} ({len(rows)} pictures)"

    def _told(self, name: str, rows: list[dict[str, str]], before: list | None) -> str:
        pairs = [(row[name], last[name]) for row, last in zip(rows, before or rows, strict=True)]
        both = [(float(x), float(y)) for x, y in pairs if x and y]
        if before and both:
            new, old = np.mean(both, axis=0)
            return f"{name} {old:.4g} -> {new:.4g}"
        own = [float(x) for x, _ in pairs if x]
        return f"{name} {np.mean(own):.4g}" if own else ""

    @property
    def _stages(self) -> int:
        return len(next(iter(self.rows.values()), []))

    def _writer(self, file) -> csv.DictWriter:
        return csv.DictWriter(file, (*KEYS, *self.names), lineterminator="\n")


def _whole_rows(path: Path, header: tuple[str, ...]) -> list[dict[str, str]]:
    """Of a table with these columns; without a last line that was not written to its end."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1]))
    if tuple(lines.fieldnames or ()) != header:
        return []
    return [row for row in lines if None not in row and None not in row.values()]
