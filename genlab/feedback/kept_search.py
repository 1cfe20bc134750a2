"""A search for one person, kept in a folder, so that it goes on whenever there is time for it.

search.json    the model, the conditions, the seed and the number of directions
answers.jsonl  a line for each duel: both points, and whether the first was chosen
duel.png       the two pictures to choose between
best.png       the picture liked best so far; best.npy is its latent
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from genlab.config import ConfigError
from genlab.data import provenance
from genlab.data.columns import Column
from genlab.data.pictures import write_png
from genlab.feedback.search import LatentSearch
from genlab.runs.files import append_row, rows_in, sound_object_in, write_json, writing
from genlab.sampling.load import TrainedRun

SETTINGS, ANSWERS, DUEL, BEST = "search.json", "answers.jsonl", "duel.png", "best.png"
SIDE = 256  # pixels that a picture is enlarged to, where it is smaller


def opened(run: TrainedRun, folder: str | Path, settings: Mapping[str, Any]) -> LatentSearch:
    """The search in a folder with its answers so far; a new one where there is none.

    settings: of `LatentSearch.of`: given, seed, directions; those of a search that is there need
              not be given again

    ConfigError for a search of another model, or with other settings than it was begun with.
    """
    folder = Path(folder)
    begun = sound_object_in(folder / SETTINGS)
    told = {name: value for name, value in settings.items() if value not in (None, {})}
    if not begun:
        return _begun(run, folder, told)
    _check(run, folder, begun, told)
    search = LatentSearch.of(run, **begun["settings"])
    problems: list[str] = []
    rows = rows_in(folder / ANSWERS, problems, ("duel", "first"))
    if (folder / ANSWERS).is_file() and problems:
        raise ConfigError(f"{folder}: {problems[0]}: mend it, or move it away to do without")
    if not rows:
        return search
    duels = np.array([row["duel"] for row in rows])
    wins = np.array([row["first"] for row in rows], bool)
    return replace(search, duels=duels, wins=wins)


def _begun(run: TrainedRun, folder: Path, told: Mapping[str, Any]) -> LatentSearch:
    search = LatentSearch.of(run, **told)
    settings = {"given": {}, "seed": search.seed, "directions": len(search.directions), **told}
    plain = {"run": str(run.folder.path), "model": run.weights.fingerprint, "checkpoint": run.step}
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / SETTINGS, {**plain, "settings": settings})
    return search


def _check(run: TrainedRun, folder: Path, begun: Mapping, told: Mapping) -> None:
    if begun.get("model") != run.weights.fingerprint:
        raise ConfigError(
            f"{folder} is a search of another model, {str(begun.get('model'))[:12]} of round "
            f"{begun.get('checkpoint')} ({begun.get('run')}); {run.folder.path} is "
            f"{run.weights.fingerprint[:12]} after round {run.step}: give another folder, or --step"
        )
    for name, value in told.items():
        if begun["settings"].get(name) != value:
            raise ConfigError(
                f"{folder} was begun with {name}={begun['settings'].get(name)}, not {value}: leave "
                f"--{name} out, or give another folder"
            )


def answered(folder: str | Path, search: LatentSearch, first: bool) -> LatentSearch:
    """The search after one more answer, which is kept in the folder."""
    append_row(Path(folder) / ANSWERS, {"duel": search.duel.tolist(), "first": bool(first)})
    return search.answered(first)


def shown(folder: str | Path, search: LatentSearch) -> Path:
    """Writes the two pictures of the next duel, the first on the left."""
    return _drawn(Path(folder) / DUEL, search, search.duel)


def found(folder: str | Path, search: LatentSearch) -> Path:
    """Writes the picture that is liked best, and its latent; ConfigError before an answer."""
    folder = Path(folder)
    with writing(folder / "best.npy"):
        np.save(folder / "best.npy", search.best)
    return _drawn(folder / BEST, search, search.found[None])


def _drawn(path: Path, search: LatentSearch, points: np.ndarray) -> Path:
    made = np.asarray(search.pictures(points)).reshape(len(points), *_column(search).stored)
    picture = _column(search).draw(made, len(points))
    by = max(1, round(SIDE / picture.shape[0]))
    run, settings = search.run, {"seed": search.seed, "answers": search.answers}
    what = provenance.about(Path(run.folder.path), run.step, "genlab feedback --search", settings)
    with writing(path):
        write_png(path, picture.repeat(by, axis=0).repeat(by, axis=1), what)
    return path


def _column(search: LatentSearch) -> Column:
    return search.run.source.columns[search.run.method.makes]
