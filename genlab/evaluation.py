"""Judging a run: its evaluators on one split, each score with its protocol, as rows of
`evals.jsonl`.
"""

import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jax import random

from genlab import config as config_lib
from genlab.checkpoint import Checkpoints
from genlab.config import ConfigError, did_you_mean
from genlab.experiment import Experiment
from genlab.game import State
from genlab.metrics.resampling import bootstrap
from genlab.metrics.scores import Subject
from genlab.runs import RunFolder, version
from genlab.samples import write_png
from genlab.standing import shown
from genlab.training import Training, prepare

STREAM = 78  # randomness of evaluation, apart from training's
SELECTION = "validation"  # the split that `loop.best` is taken on: never one that is reported


def score(
    config: dict,
    experiment: Experiment,
    state: State,
    split: str,
    step: int,
    checkpoint: str | None = None,
) -> list[dict]:
    """A row for each evaluator: scores, floors, intervals over the examples, and the protocol they
    were taken under; pictures under `_pictures`.

    `checkpoint` says how the state was chosen (see `trained`); in the course of training none was.
    """
    params, stats = shown(experiment, state)
    key = random.fold_in(random.key(experiment.seed), STREAM)
    key = random.fold_in(key, zlib.crc32(split.encode()))  # splits share no draw of latents
    subject = Subject(config, experiment.method, experiment.data, params, stats, split, key)
    rows = []
    for name, evaluator in experiment.evaluate.items():
        started = time.perf_counter()
        outcome = evaluator(subject)
        protocol = {
            "data": config_lib.fingerprint({**config["data"], "augment": ()})[:16],
            "split": split,
            "weights": "ema" if experiment.ema else "raw",
            **({"standing": experiment.standing} if experiment.standing else {}),
            **({"checkpoint": checkpoint} if checkpoint else {}),
            **outcome.protocol,
            "seed": experiment.seed,
            "genlab": version(),
        }
        rows.append(
            {
                "step": step,
                "name": name,
                "scores": finite(outcome.scores),
                "floors": finite(outcome.floors),
                "intervals": _intervals(outcome.each),
                "protocol": protocol,
                "seconds": round(time.perf_counter() - started, 2),
                "_pictures": outcome.pictures,
            }
        )
    return rows


def finite(scores: dict[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: a score that is not defined for these samples is null."""
    return {name: float(value) if np.isfinite(value) else None for name, value in scores.items()}


def _intervals(each: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of the means of per-example scores, where all are finite."""
    kept = {name: x for name, x in each.items() if len(x) > 1 and np.isfinite(x).all()}
    return {name: bootstrap(np.mean, np.asarray(x, np.float64)) for name, x in kept.items()}


def record(run: RunFolder, rows: list[dict]) -> None:
    """Appends rows to the run's log, their pictures to its samples."""
    for row in rows:
        for name, picture in row["_pictures"].items():
            write_png(run.path / "samples" / f"{name}_{row['step']:06d}.png", picture)
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
        hint = did_you_mean(path, found) or f"; there is {', '.join(found)}"
        raise ConfigError(f"loop.best names {path!r}, which no evaluator gives{hint}")
    return float("nan") if found[path] is None else found[path]


def trained(workdir: str | Path, step: int | None = None) -> tuple[RunFolder, Training, int, State]:
    """A trained run: its folder, its experiment, and the State to show and to judge.

    That is the best checkpoint by validation where `loop.best` names a score, else the newest; or
    that of round `step`. ConfigError where there is none.
    """
    return _restored(workdir, step)[:4]


def _restored(workdir: str | Path, step: int | None) -> tuple[RunFolder, Training, int, State, str]:
    """`trained`, and how the checkpoint was chosen: "best validation SCORE", "last" or "round
    N".
    """
    run = RunFolder.at(workdir)
    training = prepare(run.config)
    loop = training.experiment.loop
    with Checkpoints(run.checkpoints, loop.keep, loop.best) as checkpoints:
        best, steps = checkpoints.best, checkpoints.steps
        found = checkpoints.restore(training.like(), step, prefer=best)
    if found is None:
        raise ConfigError(f"{run.path} has no checkpoint yet: train it first")
    if step is None and found[0] == best:
        return run, training, *found, f"best {SELECTION} {loop.best.lstrip('+')}"
    chosen = "last" if step is None and found[0] == steps[-1] else f"round {found[0]}"
    return run, training, *found, chosen


def evaluate(workdir: str | Path, split: str = "test", step: int | None = None) -> list[dict]:
    """Scores a trained run (see `trained`) on `split` and records the rows.

    Raises ConfigError where there is nothing to evaluate.
    """
    run, training, step, state, checkpoint = _restored(workdir, step)
    experiment = training.experiment
    if not experiment.evaluate:
        raise ConfigError(f"{run.path}: the config's `evaluate` names no evaluator")
    rows = score(training.config, experiment, state, split, step, checkpoint)
    record(run, rows)
    return rows


def lines(rows: list[dict]) -> Iterator[str]:
    """Rows for a terminal: each score with its interval over examples and its floor, then the
    protocol.
    """
    from genlab.report.protocol import flattered

    for row in rows:
        yield f"{row['name']}" + (f" (round {row['step']})" if "step" in row else "")
        for name, value in row["scores"].items():
            told = "undefined" if value is None else f"{value:.4g}"
            if name in row.get("intervals", {}):
                low, high = row["intervals"][name]
                told += f"   95 % over examples {low:.4g} to {high:.4g}"
            floor = row["floors"].get(name)
            told += f"   real data {floor:.4g}" if floor is not None else ""
            yield f"  {name:14} {told}"
        yield "  " + ", ".join(f"{k}={v}" for k, v in row["protocol"].items())
        if flattered(row["protocol"]):
            yield "  flattered: the checkpoint was chosen by its score on this very split"
