"""An experiment on its devices: checked, traced, compiled. `fit` drives it, `bench` measures it."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random
from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab import game
from genlab.config import ConfigError, build, did_you_mean, placed
from genlab.config.experiment import Experiment
from genlab.data.sources import Source
from genlab.game import State
from genlab.game.abilities import require
from genlab.nets import frozen
from genlab.runs import ingredients
from genlab.runs.checkpoint import shapes
from genlab.runtime import placement
from genlab.train import best, rates

STATE, DATA = 0, 1  # what is folded into a run's root key
MARK = (
    "; under loop.placement='pmap' what a loop begins with, and what a branch gives, must be "
    "marked as a device's own where the rest is: genlab.runtime.collectives.varying(x)"
)


@dataclass(frozen=True, eq=False)
class Training:
    """An experiment on its devices: what `fit` drives and `bench` measures. Its first state and its
    round are traced once each, to be checked, and compiled from that.
    """

    config: dict
    experiment: Experiment
    place: placement.Jit | placement.Pmap
    moves: int  # batches of a round

    @cached_property
    def source(self) -> Source:
        """The method's columns of the data; no other is read, held or loaded."""
        return self.experiment.data.only(columns_of(self.experiment.method))

    @property
    def data_key(self) -> jax.Array:
        """The key of data order and augmentation."""
        return random.fold_in(random.key(self.experiment.seed), DATA)

    def fetch(self, step: int, rounds: int) -> dict:
        """What the devices must hold to play `rounds` rounds from `step` on; of streamed batches
        this process reads its own rows.
        """
        e, source = self.experiment, self.source
        share = {} if source.resident else {"rows": self.place.rows(e.batch_size)}
        first, batches = step * self.moves, rounds * self.moves
        held = source.fetch("train", e.seed, first, batches, e.batch_size, **share)
        return self.place.put(held, source.resident)

    def begin(self, aside: Executor) -> Callable[[], State]:
        """What gives the state before the first round, on the devices, once it is compiled `aside`,
        in another thread.
        """
        beginning = self._beginning()
        ingredients.refuse_absent(self.config)
        return placement.start(self.place, aside, self._first, *beginning)

    def init(self) -> State:
        """The state before the first round, on the devices."""
        with ThreadPoolExecutor(1) as aside:
            return self.begin(aside)()

    def shape(self) -> State:
        """The state's shapes."""
        return jax.eval_shape(self._first, *self._beginning())

    def like(self) -> Any:
        """The state's shapes and shardings: what a checkpoint is restored into."""
        state = self.shape()
        return shapes(state, self.place.state_sharding(state))

    def like_trained(self) -> Any:
        """`like`, from the columns of the data alone, without an example."""
        e = self.experiment
        batch = batch_like(e, (e.batch_size,))
        state = jax.eval_shape(self._begun, random.key(e.seed), batch, self._ingredients)
        return shapes(state, self.place.state_sharding(state))

    def held_like(self, rounds: int) -> dict:
        """The shapes and shardings of what `fetch` puts on the devices; reads one example."""
        e, source = self.experiment, self.source
        one = {} if source.resident else {"rows": np.arange(1)}
        held = source.fetch("train", e.seed, 0, 1, e.batch_size, **one)
        sharding = self.place.held_sharding(source.resident)

        def like(x) -> jax.ShapeDtypeStruct:
            x = np.asarray(x)
            batches = rounds * self.moves, e.batch_size
            shape = x.shape if source.resident else (*batches, *x.shape[2:])
            return jax.ShapeDtypeStruct(shape, x.dtype, sharding=sharding)

        return jax.tree.map(like, held)

    def _beginning(self) -> tuple[jax.Array, dict, dict]:
        """The root key, what the source needs on any device to make the first batch, and the
        weights taken from other runs.
        """
        e = self.experiment
        held = self.source.fetch("train", e.seed, 0, 1, e.batch_size)
        return random.key(e.seed), held, self._ingredients

    @cached_property
    def _ingredients(self) -> dict:
        return ingredients.weights(self.config)

    def trace(self) -> None:
        """Traces one whole round, compiling nothing: shapes, names and optimisers fit together."""
        batches = batch_like(self.experiment, (self.moves, self.experiment.batch_size))
        batches = shapes(batches, self.place.state_sharding(batches))
        jax.eval_shape(self.place.step(self.step), self.like(), batches)

    def compile(self, state: State, held: dict, rounds: int) -> placement.Compiled:
        """The program of `rounds` rounds, compiled for a state or what is `like` it:
        `run(state, held, data_key) -> (state, metrics)` donates the state.
        """

        def program(state, held, key, rows):
            return self.play(state, held, key, rows, rounds)

        e = self.experiment
        return self.place.compile(
            program, state, held, self.data_key, e.batch_size, e.data.resident
        )

    def play(
        self, state: State, held: dict, key: jax.Array, rows: jax.Array, rounds: int
    ) -> tuple[State, dict]:
        """`rounds` rounds by `lax.scan`: metrics [rounds]. Traced, by `place.compile`."""

        def one(state: State, r: jax.Array):
            def batch(m):
                i = state.step * self.moves + m
                return self._batch(held, key, i, r * self.moves + m, rows)

            return self.step(state, jax.vmap(batch)(jnp.arange(self.moves)))

        return lax.scan(one, state, jnp.arange(rounds))

    def _batch(self, held: dict, key: jax.Array, i: jax.Array, j: jax.Array, rows: jax.Array):
        """The method's columns of batch `i`."""
        e = self.experiment
        batch = self.source.batch(held, key, i, j, rows, e.batch_size)
        return {name: batch[name] for name in columns_of(e.method)}

    @cached_property
    def step(self) -> Callable:
        """One round, traced once whoever asks: JAX keeps the trace of one and the same function."""
        e = self.experiment
        return jax.jit(partial(game.step, e.method, e.optim, e.ema), inline=True)

    @cached_property
    def _first(self) -> Callable:
        """`_init`, one and the same function at each call, for the same reason."""
        return self._init

    def _init(self, key, held, weights) -> State:
        e, zero = self.experiment, jnp.zeros((), jnp.int32)
        rows = jnp.arange(e.batch_size)
        batch = self._batch(held, random.fold_in(key, DATA), zero, zero, rows)
        return self._begun(key, batch, weights)

    def _begun(self, key, batch, weights) -> State:
        e, key = self.experiment, random.fold_in(key, STATE)
        with frozen.given(weights["frozen"]):
            return game.init(e.method, e.optim, e.ema, key, batch, weights["begin"])


def prepare(config: ConfigDict, devices: Sequence[Any] = ()) -> Training:
    """Builds and checks everything that can be checked before compiling; ConfigError says what is
    wrong. All `devices` given take part, in place of this machine's.
    """
    training = _placed(config, build(config), devices)
    if training.experiment.data.count("train") < 1:
        raise ConfigError("the train split is empty")
    check(training.experiment)
    try:
        training.trace()
    except ConfigError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:400]
        told = f"this game cannot be played: {type(error).__name__}: {text}"
        told += MARK if "to='varying'" in str(error) else ""
        raise ConfigError(placed(told, error)) from error
    rates.check(training.config, training.experiment)
    return training


def reopened(config: ConfigDict, data: Source) -> Training:
    """A run that was trained, with its `data`, to be restored and scored: only what is asked of its
    evaluators is checked anew.
    """
    fields = {name: data if name == "data" else value for name, value in config.items()}
    training = _placed(config, build(fields))
    check(training.experiment)
    return training


def _placed(config: ConfigDict, experiment: Any, devices: Sequence[Any] = ()) -> Training:
    if not isinstance(experiment, Experiment):
        raise ConfigError(
            f"config() describes a {type(experiment).__name__}; it must be spec(Experiment, ...)"
        )
    loop = experiment.loop
    few = None if devices else loop.devices
    place = placement.by_name(loop.placement, few, loop.sharding, devices)
    placement.check_batch(place, experiment.batch_size)
    moves = game.batches_per_round(experiment.method)
    return Training(config_lib.as_dict(config), experiment, place, moves)


def columns_of(method: game.Method) -> tuple[str, ...]:
    """The columns of the data that a method is trained on: what it makes, and what it is given."""
    return (method.makes, *method.given)


def batch_like(experiment: Experiment, leading: tuple[int, ...]) -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch of the method's columns, with these leading axes."""
    columns = experiment.data.columns
    return {
        name: jax.ShapeDtypeStruct((*leading, *columns[name].shape), jnp.float32)
        for name in columns_of(experiment.method)
    }


def check(experiment: Experiment) -> None:
    """ConfigError for columns that the data do not have, and for evaluators that ask for what the
    method cannot do.
    """
    method, known = experiment.method, experiment.data.columns
    for field, names in (("makes", (method.makes,)), ("given", method.given)):
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known) or f"; they have {', '.join(known)}"
                raise ConfigError(f"method.{field} names {name!r}, no column of the data{hint}")
    if method.makes in method.given or len(set(method.given)) < len(method.given):
        raise ConfigError(
            f"method.given is {method.given} and makes is {method.makes!r}: name each column once"
        )
    if hasattr(method, "check"):
        method.check(known)
    for name, evaluator in experiment.evaluate.items():
        for ability in getattr(evaluator, "abilities", ()):
            require(method, ability, f"evaluate.{name} ({type(evaluator).__name__})")
        if hasattr(evaluator, "check"):
            evaluator.check(method, experiment.data)
    best.check(experiment)
