"""`fit`: batches -> rounds -> hooks, from the first round or from the newest checkpoint.

A run asked to stop (see `interruption.py`) ends the dispatch it is in, saves and leaves; an
evaluation under way is finished first, for its score belongs to the checkpoint.

The host never waits for a round it has just dispatched: metrics are read two dispatches late, state
stays on the devices, and a source's next batches are fetched while the last ones are played.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab import evaluation, hooks, interruption, parallel, processes, samples
from genlab.checkpoint import Checkpoints
from genlab.game import State
from genlab.log import LAG, Log, event_files
from genlab.progress import Progress, Silent
from genlab.runs import NotWritten, RunFolder, environment
from genlab.training import Training, cost, prepare


def fit(config: ConfigDict, workdir: str | Path, show: Progress | None = None) -> State:
    """Trains what `config` describes in `workdir` and returns the last State; resumes what is
    there, bit for bit.

    Raises ConfigError for what cannot work, before anything is compiled; NotFinite when training
    meets NaN; Interrupted when it is asked to stop, with all rounds saved.

    In several processes all must call it alike.
    """
    show = show if show and processes.first() else Silent()
    alike = config_lib.fingerprint(config_lib.as_dict(config))
    training = processes.together(lambda: prepare(config), lambda _: alike)
    with _claimed(workdir, config) as run, interruption.watched():
        found = environment()
        run.append("env.jsonl", found)  # of every start; env.json is the last
        run.write("env.json", found)
        run.write("status.json", {"status": "running"})
        try:
            step, state = _train(training, run, show)
        except interruption.Interrupted:
            run.write("status.json", {"status": "interrupted"})
            raise
        except Exception as error:
            told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            with contextlib.suppress(NotWritten):  # a full disk is what it may be about
                run.write("status.json", {"status": "failed", "error": told})
            raise
        finally:
            show.end()
        run.write("status.json", {"status": "finished", "step": step, "error": None})
        if processes.count() == 1 and (number := interruption.requested()):
            raise interruption.Interrupted(f"interrupted; {run.path} is finished", number)
    return state


@contextlib.contextmanager
def _claimed(workdir: str | Path, config: ConfigDict) -> Iterator[RunFolder]:
    """The run folder, locked and taken up by the first process; what it refuses, all refuse."""
    with contextlib.ExitStack() as held:

        def claim() -> None:
            held.enter_context(RunFolder(workdir).locked())
            RunFolder.start(workdir, config)

        processes.by_first(claim)
        yield RunFolder(workdir, writes=processes.first())


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
        asked_to_stop = processes.Stop(ahead=LAG)
        while step < loop.steps:
            if number := asked_to_stop():
                _leave(step, state, number, checkpoints, log)
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


def _leave(step: int, state: State, number: int, checkpoints: Checkpoints, log: Log) -> NoReturn:
    """Saves round `step`, whatever the intervals say; the log row it is in stays open."""
    log.drain()
    log.pause()
    if step:
        log.check(step, state.params)
        log.suspend(step)
        checkpoints.save(step, state)
        checkpoints.wait()
    told = f"interrupted after round {step}, which is saved; the same command goes on from there"
    raise interruption.Interrupted(told if step else "interrupted before the first round", number)


def _compile(training: Training, run: RunFolder, log: Log, state, held, rounds: int) -> Callable:
    log.drain()
    log.pause()
    started = time.perf_counter()
    compiled = training.compile(state, held, rounds)
    seconds = time.perf_counter() - started
    if run.writes and not (run.path / "cost.json").is_file():
        run.write("cost.json", {**cost(training, state), "compile_seconds": round(seconds, 2)})
    log.go_on()
    return compiled.run


def _log(training: Training, run: RunFolder, step: int, show: Progress) -> Log:
    past = run.rows("metrics.jsonl")
    written = run.writes and training.experiment.loop.tensorboard
    sinks = [event_files(run, step)] if written else []
    images = training.moves * training.experiment.batch_size
    log = Log(
        run,
        training.experiment.loop.log_every,
        images,
        past[-1]["seconds"] if past else 0.0,
        show.advance,
        sinks,
    )
    log.take_up(step)
    return log


def _hooks(
    training: Training, run: RunFolder, checkpoints: Checkpoints, log: Log
) -> list[hooks.Hook]:
    """Evaluation comes before saving: the checkpoint carries the score it is chosen by."""
    experiment = training.experiment
    loop = experiment.loop
    scored: dict[int, float | None] = {}

    def scores(step: int, state: State) -> float:
        rows = evaluation.score(training.config, experiment, state, "validation", step)
        evaluation.record(run, rows)
        return evaluation.pick(rows, loop.best.lstrip("+")) if loop.best else math.nan

    def judge(step: int, state: State) -> None:
        try:
            found = by_first(scores)(step, state)
        except Exception:
            save(step, state)  # an evaluator's mistake shall not cost the training
            raise
        scored[step] = found if math.isfinite(found) else None

    def by_first(hook: Callable) -> Callable:
        """The first process calls it, with the weights whole on its devices."""

        def call(step: int, state: State):
            whole = parallel.gathered(training.place, state.replace(opt={}))
            return processes.by_first(lambda: hook(step, whole))

        return call

    def save(step: int, state: State) -> None:
        log.check(step, state.params)
        log.saved(step)  # its row first: a kill in between shall not leave a round without one
        checkpoints.save(step, state, scored.get(step))

    beside = (
        [hooks.every(loop.sample_every, by_first(samples.stages(experiment, run)))]
        if loop.sample_every
        else []
    )
    if experiment.evaluate:
        beside.append(hooks.every(loop.evaluate_every, judge))
    return [*beside, hooks.every(loop.saved_every, save)]
