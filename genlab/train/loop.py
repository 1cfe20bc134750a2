"""`fit`: batches -> rounds -> hooks, from the first round or from the newest checkpoint.

A run asked to stop (see `runtime.signals`) ends the dispatch it is in, saves and leaves; an
evaluation under way is finished first, for its score belongs to the checkpoint.

The host never waits for a round it has just dispatched: metrics are read two dispatches late, state
stays on the devices, and a source's next batches are fetched while the last ones are played.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.game import State
from genlab.runs.checkpoint import Checkpoints
from genlab.runs.files import object_in
from genlab.runs.folder import RunFolder
from genlab.runs.goodput import Clock
from genlab.runtime import placement, processes, profiling, signals
from genlab.runtime.progress import Progress, Silent
from genlab.train import hooks
from genlab.train.cost import cost
from genlab.train.folders import claimed, recorded
from genlab.train.log import LAG, Log
from genlab.train.program import Training, prepare
from genlab.train.trackers.following import Followers, followed, looking
from genlab.train.vmapped import Runs


class RunContext(NamedTuple):
    """Per-run objects the loop needs; the clock is one of all runs that are trained together."""

    training: Training
    run: RunFolder
    checkpoints: Checkpoints
    log: Log
    hooks: list[hooks.Hook]
    clock: Clock
    followers: Followers


def fit(
    config: ConfigDict,
    workdir: str | Path,
    show: Progress | None = None,
    given: hooks.Maker = hooks.none,
    accept_code_change: bool = False,
    profile: profiling.Rounds | None = None,
) -> State:
    """Trains what `config` describes in `workdir` and returns the last State; resumes what is
    there, bit for bit. `given` makes the hooks (`genlab.fit`: previews and scores).

    accept_code_change: of a run that exists, go on with the user's code as it is now, once nothing
        else keeps it from going on; it is recorded
    profile: the rounds to trace into the run's folder, `profile/`, with a summary, `profile.json`

    Raises ConfigError for what cannot work, before anything is compiled; NotFinite when training
    meets NaN; Interrupted when it is asked to stop, with all rounds saved.

    In several processes all must call it alike.
    """
    return fit_vmapped([config], [workdir], show, given, accept_code_change, profile)[0]


def fit_vmapped(
    configs: Sequence[ConfigDict],
    workdirs: Sequence[str | Path],
    show: Progress | None = None,
    given: hooks.Maker = hooks.none,
    accept_code_change: bool = False,
    profile: profiling.Rounds | None = None,
) -> list[State]:
    """`fit` of several runs by one program (see `vmapped.groups` for which can be), each in a
    folder of its own; those that are at different rounds, group by group. An error or a signal
    stops all of them: each goes on from its own checkpoint.
    """
    show = show if show and processes.is_main() else Silent()
    alike = config_lib.fingerprint([config_lib.as_dict(config) for config in configs])
    trainings = processes.agreed(lambda: list(map(prepare, configs)), lambda _: alike)
    with contextlib.ExitStack() as held:
        given_runs = zip(workdirs, configs, trainings, strict=True)
        runs = [held.enter_context(claimed(*one, accept_code_change)) for one in given_runs]
        held.enter_context(signals.watched())
        with recorded(runs, show):
            states = _train(trainings, runs, show, given, profile)
        for run, state in zip(runs, states, strict=True):
            done = {"status": "finished", "step": int(state.step), "error": None}
            run.write("status.json", done)
        if processes.count() == 1 and (number := signals.requested()):
            raise signals.Interrupted(f"interrupted; {runs[-1].path} is finished", number)
    return states


def _train(
    trainings: Sequence[Training],
    runs: Sequence[RunFolder],
    show: Progress,
    given: hooks.Maker,
    profile: profiling.Rounds | None,
) -> list[State]:
    loop = trainings[0].experiment.loop
    with contextlib.ExitStack() as held:
        trace = _traced(runs[0], profile, held)
        contexts, states, clock = [], [], Clock()
        aside = held.enter_context(ThreadPoolExecutor(1))  # compiles what makes new states
        for training, run in zip(trainings, runs, strict=True):
            opened = Checkpoints(run.checkpoints, loop.keep, loop.best)
            checkpoints = held.enter_context(opened)
            step, state = checkpoints.restore(training.like()) or (0, None)
            checkpoints.set_aside(newer_than=step)
            run.rewind(step)
            begin = training.begin(aside) if state is None else lambda state=state: state
            states.append((step, begin))
            followers = held.enter_context(followed(training, run, step))
            shown = show if not contexts else Silent()
            log = _log(training, run, step, shown, [followers.row], len(runs))
            own = _hooks(training, run, checkpoints, log, clock, looking(given, followers))
            contexts.append(RunContext(training, run, checkpoints, log, own, clock, followers))
        show.begin(trainings[0].experiment.title or runs[0].path.name, states[0][0], loop.steps)
        last: dict[int, State] = {}
        for step in sorted({step for step, _ in states}):
            here = [number for number, (at, _) in enumerate(states) if at == step]
            played = _play([contexts[n] for n in here], step, [states[n][1] for n in here], trace)
            last |= zip(here, played, strict=True)
        for context in contexts:
            clock.keep(context.run, loop.steps)
    return [last[number] for number in range(len(contexts))]


def _play(
    contexts: Sequence[RunContext],
    step: int,
    begin: Sequence[Callable[[], State]],
    trace: profiling.Trace | None = None,
) -> list[State]:
    """From round `step` to the last, all runs in one program, from the states that `begin` gives.
    It is called once the program is compiled: what makes new states is compiled at the same time.
    """
    trainings = tuple(context.training for context in contexts)
    runs = Runs(trainings)
    loop, source = runs.first.experiment.loop, runs.first.experiment.data
    every = [hook for context in contexts for hook in context.hooks]
    programs: dict[int, tuple[Callable, float]] = {}
    held, key, state = None, runs.data_key, None
    asked_to_stop = processes.Stop(ahead=LAG)

    def states() -> list[State]:
        return [given() for given in begin] if state is None else runs.unstacked(state)

    while step < loop.steps:
        if number := asked_to_stop():
            _leave(step, states(), number, contexts)
        stop = hooks.next_stop(every, step, loop.steps)
        if trace:
            stop = min(stop, trace.asked.next_stop(step) or stop)
        rounds = min(loop.rounds_per_call, stop - step)
        if held is None or not source.resident:
            held = runs.fetch(step, rounds)
        if new := rounds not in programs:
            programs[rounds] = _compile(runs, contexts, held, rounds)
        run, seconds = programs[rounds]
        if state is None:
            state = runs.stacked(states())
            for context in contexts:
                context.followers.stage(step, "training", True)
        if trace:
            trace.before(step, state)
        state, metrics = run(state, held, key)
        for context, own in zip(contexts, metrics, strict=True):
            context.log.add(step, rounds, own)
        step += rounds
        if trace and trace.ends(step):
            with _paused(contexts):
                _note_profile(contexts[0].run, trace.after(step, metrics))
        if new:
            _note_cost(contexts, seconds)
        if hooks.due(every, step, loop.steps):
            with _paused(contexts):
                for context, own in zip(contexts, states(), strict=True):
                    for hook in hooks.due(context.hooks, step, loop.steps):
                        hook.fn(step, own)
    for context in contexts:
        context.log.drain()
    return states()


def _traced(
    run: RunFolder, profile: profiling.Rounds | None, held: contextlib.ExitStack
) -> profiling.Trace | None:
    """The main process's trace, if one is asked for; ended with `held`, whatever happens."""
    if profile is None or not run.writes:
        return None
    trace = profiling.Trace(profile, run.path / "profile")
    held.callback(trace.close)
    return trace


@contextlib.contextmanager
def _paused(contexts: Sequence[RunContext]) -> Iterator[None]:
    """Every log read to its end, the clocks stopped."""
    for context in contexts:
        context.log.drain()
    for context in contexts:
        context.log.pause()
    with profiling.apart():
        yield
    for context in contexts:
        context.log.go_on()


def _leave(
    step: int, states: Sequence[State], number: int, contexts: Sequence[RunContext]
) -> NoReturn:
    """Saves round `step`, whatever the intervals say; the log rows it is in stay open."""
    for context, state in zip(contexts, states, strict=True):
        context.log.drain()
        context.log.pause()
        if step:
            context.log.check(step, state.params)
            context.log.suspend(step)
            with context.clock.counting("saving"):
                context.checkpoints.save(step, state)
    for context in contexts:
        context.checkpoints.wait()
        context.clock.keep(context.run, step)
    reason = f"interrupted after round {step}, which is saved; the same command goes on from there"
    raise signals.Interrupted(reason if step else "interrupted before the first round", number)


def _compile(
    runs: Runs, contexts: Sequence[RunContext], held: dict, rounds: int
) -> tuple[Callable, float]:
    """The program, and the seconds it took to make."""
    with _paused(contexts), contexts[0].clock.counting("compiling"):
        started = time.perf_counter()
        compiled = runs.compile(runs.like(), held, rounds)
        return compiled.run, time.perf_counter() - started


def _note_cost(contexts: Sequence[RunContext], compiling: float) -> None:
    """Writes what a round costs to the folders that lack it; after the first dispatch, so that the
    first round need not wait for it.
    """
    for context in contexts:
        held = _cost_of(context.run)
        if not context.run.writes or held.get("flops_per_round") is not None:
            continue
        with _paused(contexts):
            share = {
                "compile_seconds": round(compiling / len(contexts), 6),
                "sharing": len(contexts),
            }
            context.run.write("cost.json", {**share, **held, **cost(context.training)})


def _note_profile(run: RunFolder, found: dict[str, Any]) -> None:
    """Writes what the traced rounds spend their time on: all of it, and the seconds to the cost."""
    run.write("profile.json", found)
    seconds = {name: found[name] for name in ("rounds", "devices", "seconds")}
    run.write("cost.json", {**_cost_of(run), "profile": seconds})


def _cost_of(run: RunFolder) -> dict[str, Any]:
    return object_in(run.path / "cost.json")


def _log(
    training: Training, run: RunFolder, step: int, show: Progress, sinks: list, sharing: int
) -> Log:
    past = run.rows("metrics.jsonl")
    images = training.moves * training.experiment.batch_size
    log = Log(
        run,
        training.experiment.loop.log_every,
        images,
        float(past[-1].get("seconds", 0.0)) if past else 0.0,
        show.advance,
        sinks,
        sharing,
    )
    log.take_up(step)
    return log


def _hooks(
    training: Training,
    run: RunFolder,
    checkpoints: Checkpoints,
    log: Log,
    clock: Clock,
    given: hooks.Maker,
) -> list[hooks.Hook]:
    """The hooks that `given` makes, then saving: a checkpoint has the score of its round."""
    loop = training.experiment.loop
    scored: dict[int, float | None] = {}

    def on_main_process(hook: Callable[[int, State], float | None]) -> Callable:
        """Called in the main process, with the weights whole on its devices."""

        def call(step: int, state: State) -> None:
            whole = placement.gathered(training.place, replace(state, opt={}))
            try:
                with clock.counting("evaluation"):
                    score = processes.on_main(lambda: hook(step, whole))
            except Exception:
                save(step, state)  # a hook's mistake shall not cost the training
                raise
            if score is not None:
                scored[step] = score if math.isfinite(score) else None

        return call

    def save(step: int, state: State) -> None:
        log.check(step, state.params)
        log.saved(step)  # its row first: a kill in between shall not leave a round without one
        with clock.counting("saving"):
            checkpoints.save(step, state, scored.get(step))
        clock.keep(run, step)

    made = [hooks.every(hook.every, on_main_process(hook.fn)) for hook in given(training, run)]
    return [*made, hooks.every(loop.saved_every, save)]
