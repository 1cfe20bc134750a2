"""Run folders in training: locked against a second run, their environment and status recorded."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jax.errors import JaxRuntimeError
from ml_collections import ConfigDict

from genlab.config import ConfigError
from genlab.data.sources import Resident, Source, contents_of
from genlab.runs import ingredients, kept_code
from genlab.runs.environment import environment
from genlab.runs.files import NotWritten
from genlab.runs.folder import RunFolder
from genlab.runtime import placement, processes, signals
from genlab.runtime.progress import Progress
from genlab.train.program import Training

ROWS = 1024  # of training, whose conditions a run keeps


@contextlib.contextmanager
def recorded(runs: Sequence[RunFolder], show: Progress) -> Iterator[None]:
    """Writes the environment and the status of the runs to their folders."""

    def write(status: dict) -> None:
        for run in runs:
            run.write("status.json", status)

    found = environment()
    for run in runs:
        run.append("env.jsonl", found)  # of every start; env.json is the last
        run.write("env.json", found)
    write({"status": "running"})
    try:
        yield
    except signals.Interrupted:
        write({"status": "interrupted"})
        raise
    except Exception as error:
        if processes.count() > 1 and isinstance(error, JaxRuntimeError):
            raise  # another process is gone: no failure of the run
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        with contextlib.suppress(NotWritten):  # a full disk is what it may be about
            write({"status": "failed", "error": reason})
        raise
    finally:
        show.end()


@contextlib.contextmanager
def claimed(
    workdir: str | Path, config: ConfigDict, training: Training, accept_code_change: bool = False
) -> Iterator[RunFolder]:
    """The run folder, locked and started by the main process; what it refuses, all refuse."""
    with contextlib.ExitStack() as held:

        def claim() -> None:
            held.enter_context(RunFolder(workdir).locked())
            refuse_other_draws(RunFolder(workdir), training.place)
            source = training.experiment.data
            if accept_code_change:
                accept_code(RunFolder(workdir), config, source)
            used = ingredients.used(config)
            run = RunFolder.start(workdir, config, used, contents_of(source))
            run.keep_columns(source.columns)
            if rows := training_rows(source, training.experiment.method.given):
                run.keep_conditions(rows)

        processes.on_main(claim)
        yield RunFolder(workdir, writes=processes.is_main())


def training_rows(source: Source, given: Sequence[str]) -> dict[str, np.ndarray]:
    """Up to 1024 rows of the vector-like columns `given`, evenly from a set in memory, else the
    first; {} of fewer than two, which no row holds together.
    """
    names = [name for name in given if len(source.columns[name].shape) == 1]
    if len(names) < 2:
        return {}
    part = source.only(names)
    rows = part.read("train", None if isinstance(part, Resident) else ROWS)
    count = len(rows[names[0]])
    at = np.unique(np.linspace(0, count - 1, min(count, ROWS)).astype(int))
    return {name: rows[name][at] for name in names}


def accept_code(run: RunFolder, config: ConfigDict, source: Source) -> None:
    """Records that a run, if there is one, may go on with the user's code as it is now.

    Raises ConfigError, and records nothing, where it may not go on for another reason.
    """
    if run.exists and kept_code.changes_of(run.path, config, run.ingredients):
        used = ingredients.used(config)
        run.refuse_other(config, used, contents_of(source))
        run.checked_columns(source.columns)
        kept_code.accept(run.path, config, used)


def refuse_other_draws(run: RunFolder, place: placement.Jit | placement.Pmap) -> None:
    """ConfigError where a run under "pmap" would go on with another number of devices: each draws
    latents, noise and dropout for its own rows, so the draws would be others. (The placement itself
    is part of a run's identity.)
    """
    if not isinstance(place, placement.Pmap) or not run.exists:
        return
    loop, starts = run.config.loop, run.rows("env.jsonl")
    was = loop.devices or (starts[-1].get("devices") if starts else None)
    if loop.placement == "pmap" and was not in (None, place.mesh.size):
        raise ConfigError(
            f"{run.path} was trained on {was} devices under loop.placement='pmap', and now there "
            f"are {place.mesh.size}. Each draws for its own rows, so the next rounds would be of "
            f"another run: give --config.loop.devices={was}, or another --workdir"
        )
