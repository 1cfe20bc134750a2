"""Evaluation of a run: its evaluators on one split, each score with its protocol, as rows of
`evals.jsonl`.
"""

import contextlib
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jax import random

from genlab import config as config_lib
from genlab.config import ConfigError, choices
from genlab.config.experiment import Experiment
from genlab.config.upgrades import in_a_row
from genlab.data import provenance
from genlab.data.pictures import write_png
from genlab.data.sources import Source, contents_of
from genlab.evaluation import parts
from genlab.evaluation.evaluators import EvaluationContext
from genlab.game import State
from genlab.game.abilities import Generates
from genlab.metrics.resampling import bootstrap
from genlab.runs import saved
from genlab.runs.environment import version
from genlab.runs.folder import RunFolder
from genlab.sampling import previews
from genlab.sampling.batch_norm import evaluation_variables
from genlab.train.kept_data import DataGone
from genlab.train.restore import Step, restored

STREAM = 78  # randomness of evaluation, apart from training's
Shown = Callable[[list[dict]], None]
"""What is done with rows as soon as there are any."""


def unseen(rows: list[dict]) -> None:
    """Shows nothing."""


def score(
    config: dict,
    experiment: Experiment,
    state: State,
    split: str,
    step: int,
    checkpoint: str | None = None,
    lacking: dict[str, ConfigError] | None = None,
) -> list[dict]:
    """A row for each evaluator: scores, baselines, intervals over the examples, and the protocol
    they were taken under; pictures under `_pictures`.

    lacking: takes, by name, the evaluators that need data that are gone, and why; without it the
        first of them raises DataGone

    `checkpoint` says how the state was chosen (see `trained`); in the course of training none was.
    """
    params, stats = evaluation_variables(experiment, state)
    key = random.fold_in(random.key(experiment.seed), STREAM)
    key = random.fold_in(key, zlib.crc32(split.encode()))  # splits share no draw of latents
    context = EvaluationContext(
        config, experiment.method, experiment.data, params, stats, split, key
    )
    rows = []
    for name, evaluator in experiment.evaluate.items():
        started = time.perf_counter()
        try:
            with contextlib.chdir("."):  # back here, wherever a user's evaluator goes
                result = evaluator(context)
        except DataGone as error:
            if lacking is None:
                raise
            lacking[name] = error
            continue
        protocol = {
            **_data(config["data"], experiment.data),
            "split": split,
            "weights": "ema" if experiment.ema else "raw",
            **({"recalibrate": experiment.recalibrate} if experiment.recalibrate else {}),
            **({"checkpoint": checkpoint} if checkpoint else {}),
            **result.protocol,
            "seed": experiment.seed,
            "genlab": version(),
        }
        rows.append(
            {
                "step": step,
                "name": name,
                "scores": finite(result.scores),
                "baselines": finite(result.baselines),
                "intervals": {**_intervals(result.each), **result.intervals},
                **({"tables": parts.plain(result.tables)} if result.tables else {}),
                **({"curves": result.curves} if result.curves else {}),
                "protocol": protocol,
                **({"cautions": list(result.cautions)} if result.cautions else {}),
                "seconds": round(time.perf_counter() - started, 2),
                "_pictures": result.pictures,
            }
        )
    return rows


def finite(scores: dict[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: a score that is not defined for these samples is null."""
    return {name: float(value) if np.isfinite(value) else None for name, value in scores.items()}


def _data(data: dict, source: Source) -> dict[str, str]:
    """Fingerprints of a config's data, and of the files that they are read from where there are
    any.
    """
    plain = in_a_row({**data, "augment": ()})
    if plain.get("split_by") == "position":
        del plain["split_by"]  # as the scores of runs from before it was a field have it
    contents = contents_of(source)
    files = {"files": config_lib.fingerprint(list(contents.values()))[:16]} if contents else {}
    return {"data": config_lib.fingerprint(plain)[:16], **files}


def _intervals(each: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of the means of per-example scores, where all are finite."""
    kept = {name: x for name, x in each.items() if len(x) > 1 and np.isfinite(x).all()}
    return {name: bootstrap(np.mean, np.asarray(x, np.float64)) for name, x in kept.items()}


def record(run: RunFolder, rows: list[dict]) -> None:
    """Appends rows to the run's log, their pictures to its samples: where two evaluators draw one
    of the same name, the second's has its evaluator's name before it.
    """
    first: dict[tuple[str, int], str] = {}
    for row in rows:
        for name, picture in row["_pictures"].items():
            alone = first.setdefault((name, row["step"]), row["name"]) == row["name"]
            named = name if alone else f"{row['name']}_{name}"
            what = provenance.about(run.path, row["step"], "genlab evaluate", {"picture": named})
            write_png(run.path / "samples" / f"{named}_{row['step']:06d}.png", picture, what)
        run.append("evals.jsonl", plain(row))


def plain(row: dict) -> dict:
    """A row as JSON has it, without its pictures."""
    return {name: value for name, value in row.items() if name != "_pictures"}


def pick(rows: list[dict], path: str) -> float:
    """The score called "evaluator/score"; ConfigError if no evaluator gives it."""
    found = {
        f"{row['name']}/{name}": value for row in rows for name, value in row["scores"].items()
    }
    if path not in found:
        hint = choices(path, found)
        raise ConfigError(f"loop.best names {path!r}, which no evaluator gives{hint}")
    return float("nan") if found[path] is None else found[path]


def evaluate(
    workdir: str | Path, split: str = "test", step: Step = None, shown: Shown = unseen
) -> list[dict]:
    """Scores a trained run on `split`, records the rows in its folder, and draws the pictures of
    what was scored, where the run draws any. The data are opened where an evaluator or a picture
    asks for examples; where they are gone the other evaluators score, and a warning names those
    that could not (see `unscored`).

    step:  the round that is scored, or "last" for the newest checkpoint; without it the best by
        validation where `loop.best` names a score, else the newest
    shown: is called with the rows before they are written, for the disk may refuse them

    Returns a row for each evaluator, with `scores`, `baselines` (of real data), `intervals` and
    `protocol`. Raises ConfigError where there is nothing to evaluate.
    """
    run, training, step, state, checkpoint = restored(workdir, step)
    experiment = training.experiment
    if not experiment.evaluate:
        raise ConfigError(f"{run.path}: the config's `evaluate` names no evaluator")
    lacking: dict[str, ConfigError] = {}
    rows = score(training.config, experiment, state, split, step, checkpoint, lacking)
    if lacking and not rows:
        raise next(iter(lacking.values()))
    data = _data(config_lib.as_dict(run.own_config.data), experiment.data)
    for row in rows:  # the same from any directory
        row["protocol"].update(data)
    shown(rows)
    record(run, rows)
    if experiment.loop.sample_every and isinstance(experiment.method, Generates):
        try:
            previews.stages(experiment, run)(step, state)
        except ConfigError as error:  # the data are gone, which scores may not need
            told = f"{run.path}: not every picture of round {step} was drawn: {error}"
            warnings.warn(told, stacklevel=2)
    for name, error in lacking.items():
        warnings.warn(f"{name} was not scored: {error}", stacklevel=2)
    return rows


def best_and_last(workdir: str | Path, split: str = "test", shown: Shown = unseen) -> list[dict]:
    """The rows of `evaluate`; where `loop.best` chose the checkpoint, also those of the last round,
    so that what the choice gains is seen.
    """
    rows = evaluate(workdir, split, shown=shown)
    if not rows[0]["protocol"]["checkpoint"].startswith("best "):
        return rows
    run = RunFolder.at(workdir)
    if rows[0]["step"] != saved.newest(run.checkpoints):
        return [*rows, *evaluate(workdir, split, "last", shown)]
    last = [{**row, "protocol": {**row["protocol"], "checkpoint": "last"}} for row in rows]
    shown(last)
    record(run, [{**row, "_pictures": {}} for row in last])
    return [*rows, *last]


def unscored(workdir: str | Path, rows: list[dict]) -> list[str]:
    """The evaluators of a run that have no row, by name: a warning has said why."""
    scored = {row["name"] for row in rows}
    return [name for name in RunFolder(workdir).config.evaluate if name not in scored]


def lines(rows: list[dict]) -> Iterator[str]:
    """Rows for a terminal: each score with its interval over examples and its baseline, then the
    protocol.
    """
    from genlab.report.protocol import optimistic

    for row in rows:
        told = [f"round {row['step']}"] if "step" in row else []
        told += filter(None, [row["protocol"].get("checkpoint")])
        yield f"{row['name']}" + (f" ({', '.join(told)})" if told else "")
        for name, value in row["scores"].items():
            text = "undefined" if value is None else f"{value:.4g}"
            if name in row.get("intervals", {}):
                low, high = row["intervals"][name]
                text += f"   95 % over examples {low:.4g} to {high:.4g}"
            baseline = row["baselines"].get(name)
            text += f"   real data {baseline:.4g}" if baseline is not None else ""
            yield f"  {name:14} {text}"
        yield from _tables(row.get("tables", {}))
        yield "  " + ", ".join(f"{k}={v}" for k, v in row["protocol"].items())
        yield from (f"  caution: {text}" for text in row.get("cautions", ()))
        if optimistic(row["protocol"]):
            yield "  optimistic: the checkpoint was chosen by its score on this very split"


def _tables(tables: Mapping[str, parts.Parts]) -> Iterator[str]:
    """Scores by part, in columns."""
    from genlab.report.tables.parts import grid

    for name, of in tables.items():
        cells = {
            what: {part: {s: _cell(v) for s, v in found.items()} for part, found in rows.items()}
            for what, rows in of.items()
        }
        made = grid(name, cells)
        rows = [made.headings, *made.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(made.headings))]
        yield f"  {made.title}"
        for row in rows:
            padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
            yield "    " + "  ".join(padded).rstrip()


def _cell(value: Any) -> str:
    """A value of a table: 0.93, or 0.93 (0.91 to 0.95)."""
    if isinstance(value, list):
        value, low, high = value
        return _cell(value) if low is None else f"{value:.4g} ({low:.4g} to {high:.4g})"
    return "undefined" if value is None else f"{value:.4g}"
