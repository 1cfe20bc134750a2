"""`fit`: batches -> rounds -> hooks, from the first round or from the newest checkpoint.

The host never waits for a round it has just dispatched: metrics are read two dispatches late, state
stays on the devices, and a source's next batches are fetched while the last ones are played.
"""

import contextlib
import math
import time
from collections.abc import Callable
from pathlib import Path

from ml_collections import ConfigDict

from genlab import evaluation, hooks, samples
from genlab.checkpoint import Checkpoints
from genlab.game import State
from genlab.log import Log, event_files
from genlab.progress import Progress, Silent
from genlab.runs import NotWritten, RunFolder, environment
from genlab.training import Training, cost, prepare


def fit(config: ConfigDict, workdir: str | Path, show: Progress | None = None) -> State:
    """Trains what `config` describes in `workdir` and returns the last State; resumes what is
    there, bit for bit.

    Raises ConfigError for what cannot work, before anything is compiled; NotFinite when training
    meets NaN.
    """
    show = show or Silent()
    training = prepare(config)
    run = RunFolder(workdir)
    with run.locked():
        run = RunFolder.start(workdir, config)
        found = environment()
        run.append("env.jsonl", found)  # of every start; env.json is the last
        run.write("env.json", found)
        run.write("status.json", {"status": "running"})
        try:
            step, state = _train(training, run, show)
        except Exception as error:  # an interrupted run stays "running": it can go on
            told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            with contextlib.suppress(NotWritten):  # a full disk is what it may be about
                run.write("status.json", {"status": "failed", "error": told})
            raise
        finally:
            show.end()
        run.write("status.json", {"status": "finished", "step": step, "error": None})
    return state


def _train(training: Training, run: RunFolder, show: Progress) -> tuple[int, State]:
    loop = training.experiment.loop
    with Checkpoints(run.checkpoints, loop.keep, loop.best) as checkpoints:
        step, state = checkpoints.restore(training.like()) or (0, None)
        checkpoints.set_aside(newer_than=step)
        show.begin(training.experiment.title or run.path.name, step, loop.steps)
        state = training.init() if state is None else state
        run.rewind(step)
        log = _log(training, run, step, show)
        beside = _hooks(training, run, checkpoints, log)
        programs: dict[int, Callable] = {}
        held, key = None, training.data_key
        while step < loop.steps:
            rounds = min(loop.rounds_per_call, hooks.next_stop(beside, step, loop.steps) - step)
            if held is None or not training.experiment.data.resident:
                held = training.fetch(step, rounds)
            if rounds not in programs:
                programs[rounds] = _compile(training, run, log, state, held, rounds)
            state, metrics = programs[rounds](state, held, key)
            log.add(step, rounds, metrics)
            step += rounds
            called = hooks.due(beside, step, loop.steps)
            if called:
                log.drain()
                log.pause()
                for hook in called:
                    hook.fn(step, state)
                log.go_on()
        log.drain()
    return step, state


def _compile(training: Training, run: RunFolder, log: Log, state, held, rounds: int) -> Callable:
    log.drain()
    log.pause()
    started = time.perf_counter()
    compiled = training.compile(state, held, rounds)
    seconds = time.perf_counter() - started
    if not (run.path / "cost.json").is_file():
        run.write("cost.json", {**cost(training, state), "compile_seconds": round(seconds, 2)})
    log.go_on()
    return compiled.run


def _log(training: Training, run: RunFolder, step: int, show: Progress) -> Log:
    past = run.rows("metrics.jsonl")
    sinks = [event_files(run, step)] if training.experiment.loop.tensorboard else []
    images = training.moves * training.experiment.batch_size
    log = Log(
        run,
        training.experiment.loop.log_every,
        images,
        past[-1]["seconds"] if past else 0.0,
        show.advance,
        sinks,
    )
    log.good = step
    return log


def _hooks(
    training: Training, run: RunFolder, checkpoints: Checkpoints, log: Log
) -> list[hooks.Hook]:
    """Evaluation comes before saving: the checkpoint carries the score it is chosen by."""
    experiment = training.experiment
    loop = experiment.loop
    scored: dict[int, float | None] = {}

    def judge(step: int, state: State) -> None:
        try:
            rows = evaluation.score(training.config, experiment, state, "validation", step)
        except Exception:
            save(step, state)  # an evaluator's mistake shall not cost the training
            raise
        evaluation.record(run, rows)
        if loop.best:
            found = evaluation.pick(rows, loop.best.lstrip("+"))
            scored[step] = found if math.isfinite(found) else None

    def save(step: int, state: State) -> None:
        log.check(step, state.params)
        log.saved(step)  # its row first: a kill in between shall not leave a round without one
        checkpoints.save(step, state, scored.get(step))

    beside = (
        [hooks.every(loop.sample_every, samples.stages(experiment, run))]
        if loop.sample_every
        else []
    )
    if experiment.evaluate:
        beside.append(hooks.every(loop.evaluate_every, judge))
    return [*beside, hooks.every(loop.saved_every, save)]
