"""The files of an edit."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from genlab.data.pictures import headed, titled, write_png
from genlab.evaluation.edit_request import EditRequest
from genlab.sampling.conditions import written
from genlab.sampling.editor import Edited, Inverted
from genlab.sampling.load import TrainedRun


def write(
    folder: Path,
    run: TrainedRun,
    request: EditRequest,
    pictures: np.ndarray | None,
    found: Inverted,
    edited: Edited | None,
    errors: Mapping[str, np.ndarray],
) -> list[str]:
    """The files in `folder`."""
    write_png(folder / "strips.png", _strips(run, request, pictures, found, edited))
    texts = written(run.source.columns, found.given or {})
    made = {"latents": found.latents, "reconstructed": np.asarray(found.examples)}
    files = ["strips.png", "edited.npz"]
    if found.noise is not None:
        made["noise_maps"] = found.noise
    if errors:
        _table(folder / "inversion.csv", {**errors, **texts}, "picture")
        files.insert(1, "inversion.csv")
    if edited:
        made |= {"edited": np.asarray(edited.examples), "edited_latents": edited.latents}
    if edited and edited.changes:
        rows = {"wanted": edited.changes.wanted, **edited.changes.unwanted}
        _table(folder / "changes.csv", rows, "by", edited.heads)
        files.insert(-1, "changes.csv")
    np.savez(folder / "edited.npz", **made, **(found.given or {}))  # pyright: ignore[reportArgumentType]
    return files


def _strips(
    run: TrainedRun,
    request: EditRequest,
    pictures: np.ndarray | None,
    found: Inverted,
    edited: Edited | None,
) -> np.ndarray:
    """A row for each picture: itself where there is one, then what the model makes of it."""
    n = len(found.latents)
    made = edited.examples if edited else found.examples
    wide = np.asarray(made).reshape(n, -1, *made.shape[1:])
    names = list(edited.heads) if edited else ["made"]
    if pictures is not None:
        wide, names = np.concatenate([pictures[:, None], wide], axis=1), ["given", *names]
    column = run.source.columns[run.method.makes]
    sheet = headed(column.draw(wide.reshape(-1, *made.shape[1:]), wide.shape[1]), names)
    return titled(sheet, request.edit.title(request.space)) if request.edit else sheet


def _table(
    path: Path, columns: Mapping[str, Sequence | np.ndarray], head: str, names: Iterable = ()
) -> None:
    """Columns of numbers or texts, a row for each of `names`, or numbered."""
    rows = list(zip(*columns.values(), strict=True))
    names = list(names) or [f"{i:05d}" for i in range(len(rows))]
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([head, *columns])
        for name, row in zip(names, rows, strict=True):
            lines.writerow([name, *(x if isinstance(x, str) else f"{x:.6g}" for x in row)])
