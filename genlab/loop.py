"""`fit`: batches -> rounds -> hooks, from the first round or from the newest checkpoint.

The host never waits for a round it has just dispatched: metrics are read two dispatches late, state
stays on the devices, and a source's next batches are fetched while the last ones are played.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax, random
from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab import evaluate, game, hooks, parallel, samples
from genlab.checkpoint import Checkpoints, shapes
from genlab.config import ConfigError, build
from genlab.experiment import Experiment
from genlab.game import State
from genlab.log import Log, event_files
from genlab.progress import Progress, Silent
from genlab.runs import RunFolder, environment

STATE, DATA = 0, 1  # what is folded into a run's root key


class Training(NamedTuple):
    """An experiment on its devices: what `fit` drives and `bench` measures."""

    config: dict
    experiment: Experiment
    place: parallel.Jit | parallel.Pmap
    moves: int  # batches a round eats

    @property
    def data_key(self) -> jax.Array:
        """The key of data order and augmentation."""
        return random.fold_in(random.key(self.experiment.seed), DATA)

    def fetch(self, step: int, rounds: int) -> dict:
        """What the devices must hold to play `rounds` rounds from `step` on."""
        source, size = self.experiment.data, self.experiment.batch_size
        held = source.fetch(
            "train", self.experiment.seed, step * self.moves, rounds * self.moves, size
        )
        return self.place.put(held, source.resident)

    def init(self) -> State:
        """The state before the first round, on the devices."""
        return parallel.start(self.place, self._init, *self._beginning())

    def like(self) -> Any:
        """The state's shapes and shardings: what a checkpoint is restored into."""
        state = jax.eval_shape(self._init, *self._beginning())
        return shapes(state, self.place.state_sharding(state))

    def _beginning(self) -> tuple[jax.Array, dict]:
        """The root key, and what the source needs on any device to make the first batch."""
        e = self.experiment
        return random.key(e.seed), e.data.fetch("train", e.seed, 0, 1, e.batch_size)

    def compile(self, state: State, held: dict, rounds: int) -> parallel.Compiled:
        """The program of `rounds` rounds, compiled: `run(state, held, data_key)` eats the state."""

        def program(state, held, key, rows):
            return self.play(state, held, key, rows, rounds)

        e = self.experiment
        return self.place.compile(
            program, state, held, self.data_key, e.batch_size, e.data.resident
        )

    def play(
        self, state: State, held: dict, key: jax.Array, rows: jax.Array, rounds: int
    ) -> tuple[State, dict]:
        """`rounds` rounds by `lax.scan`: metrics [rounds]. Traced; the method is built inside, from
        plain numbers.
        """
        method, optim, ema = (build(self.config[name]) for name in ("method", "optim", "ema"))
        source, size = self.experiment.data, self.experiment.batch_size

        def one(state: State, r: jax.Array):
            def batch(m):
                i = state.step * self.moves + m
                return source.batch(held, key, i, r * self.moves + m, rows, size)

            return game.step(method, optim, ema, state, jax.vmap(batch)(jnp.arange(self.moves)))

        return lax.scan(one, state, jnp.arange(rounds))

    def _init(self, key, held) -> State:
        source, size = self.experiment.data, self.experiment.batch_size
        zero = jnp.zeros((), jnp.int32)
        batch = source.batch(held, random.fold_in(key, DATA), zero, zero, jnp.arange(size), size)
        e = self.experiment
        return game.init(e.method, e.optim, e.ema, random.fold_in(key, STATE), batch)


def prepare(config: ConfigDict) -> Training:
    """Builds and checks everything that can be checked before compiling; ConfigError says what is
    wrong.
    """
    plain = config_lib.as_dict(config)
    experiment = build(config)
    if not isinstance(experiment, Experiment):
        raise ConfigError(
            f"config() describes a {type(experiment).__name__}; it must be spec(Experiment, ...)"
        )
    loop = experiment.loop
    place = parallel.placement(loop.placement, loop.devices, loop.sharding)
    parallel.check_batch(place, experiment.batch_size)
    if experiment.data.count("train") < 1:
        raise ConfigError("the train split is empty")
    training = Training(plain, experiment, place, game.rounds(experiment.method))
    training.like()  # traces the networks on a batch: shapes, names and optimisers fit together
    return training


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
        run.append("env.jsonl", environment())
        run.write("env.json", environment())
        run.write("status.json", {"status": "running"})
        try:
            step, state = _train(training, run, show)
        except BaseException as error:
            told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            run.write("status.json", {"status": "failed", "error": told})
            raise
        finally:
            show.end()
        run.write("status.json", {"status": "finished", "step": step, "error": None})
    return state


def _train(training: Training, run: RunFolder, show: Progress) -> tuple[int, State]:
    loop = training.experiment.loop
    show.begin(training.experiment.title or run.path.name, 0, loop.steps)
    with Checkpoints(run.checkpoints, loop.keep, higher=loop.best.startswith("+")) as checkpoints:
        step, state = checkpoints.restore(training.like()) or (0, None)
        if step:
            show.say(f"resuming from round {step}")
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


def cost(training: Training, state: State) -> dict[str, Any]:
    """FLOPs of a round (XLA's count of every move, before optimisation), real images it eats,
    parameters by network.
    """
    e = training.experiment
    state = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), state)
    batch = {"image": jax.ShapeDtypeStruct((e.batch_size, *e.data.shape), jnp.float32)}
    if e.data.classes:
        batch["cond"] = jax.ShapeDtypeStruct((e.batch_size,), jnp.int32)
    flops = 0.0
    for name, player in e.method.players().items():

        def move(state, batch, player=player, name=name):
            return game.move(
                player,
                e.optim[name],
                state.params,
                state.stats,
                state.opt[name],
                batch,
                state.key,
                state.step,
            )

        flops += player.moves * jax.jit(move).lower(state, batch).cost_analysis()["flops"]
    sizes = {n: sum(x.size for x in jax.tree.leaves(p)) for n, p in state.params.items()}
    return {
        "flops_per_round": flops,
        "images_per_round": training.moves * e.batch_size,
        "parameters": sizes,
    }


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
        rows = evaluate.score(training.config, experiment, state, "validation", step)
        evaluate.record(run, rows)
        if loop.best:
            found = evaluate.pick(rows, loop.best.lstrip("+"))
            scored[step] = found if math.isfinite(found) else None

    def save(step: int, state: State) -> None:
        log.check(step, state.params)
        checkpoints.save(step, state, scored.get(step))
        log.good = step

    beside = (
        [hooks.every(loop.sample_every, samples.stages(experiment, run))]
        if loop.sample_every
        else []
    )
    if experiment.evaluate:
        beside.append(hooks.every(loop.evaluate_every, judge))
    return [*beside, hooks.every(loop.checkpoint_every, save)]
