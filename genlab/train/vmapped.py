"""Several runs trained by one program: seeds, and variants that differ only in numbers.

What differs, the seed and floating-point numbers of methods, optimisers and averages, becomes an
argument of the program, and the step is mapped over it by `vmap`; nothing in a method knows. Each
run is what its own program would make of it, up to the order of sums: its own randomness and data
order, checkpoints, log and scores.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import ConfigError, build
from genlab.game import State
from genlab.runs.checkpoint import shapes
from genlab.runtime import placement, processes
from genlab.train.program import Training

NUMBERS = ("method", "optim", "ema")  # where numbers may be arguments of the program


class Runs(NamedTuple):
    """One run, or several that one program trains: what the loop drives.

    The state of several is that of each stacked along a new leading axis. One run is trained by its
    own program, without that axis.
    """

    trainings: tuple[Training, ...]

    @property
    def first(self) -> Training:
        """The run whose config the program is built from."""
        return self.trainings[0]

    @property
    def data_key(self) -> Array | tuple[Array, list[Array]]:
        """The data key; of several runs keys [runs], and the numbers that differ, each [runs]."""
        if self.single:
            return self.first.data_key
        keys = jnp.stack([training.data_key for training in self.trainings])
        plain = [{name: t.config[name] for name in NUMBERS} for t in self.trainings]
        return keys, [jnp.asarray(values) for values in differing(plain).values()]

    @property
    def single(self) -> bool:
        """Whether it is one run."""
        return len(self.trainings) == 1

    def fetch(self, step: int, rounds: int) -> dict:
        """What the devices must hold; the same for all, for the set lives on the device."""
        return self.first.fetch(step, rounds)

    def like(self) -> State:
        """The shapes and shardings of one state of all runs."""
        if self.single:
            return self.first.like()
        state = jax.eval_shape(_stack, tuple(training.like() for training in self.trainings))
        return shapes(state, self.first.place.state_sharding(state))

    def stacked(self, states: Sequence[State]) -> State:
        """One state of all runs; theirs are used up."""
        if self.single:
            return states[0]
        shardings = jax.tree.map(lambda leaf: leaf.sharding, self.like())
        return jax.jit(_stack, out_shardings=shardings)(tuple(states))

    def unstacked(self, state: State) -> list[State]:
        """The runs' own states."""
        if self.single:
            return [state]
        return [_taken(state, number) for number in range(len(self.trainings))]

    def compile(self, state: State, held: dict, rounds: int) -> placement.Compiled:
        """The program of `rounds` rounds of each run, compiled for a state or what is `like` it:
        `run(state, held, data_key) -> (state, [metrics of each run])` donates the state.
        """
        e = self.first.experiment
        if self.single:
            run, executable = self.first.compile(state, held, rounds)

            def listed(*given):
                state, metrics = run(*given)
                return state, [metrics]

            return placement.Compiled(listed, executable)

        def program(state, held, key, rows):
            each = partial(self._play, held=held, rows=rows, rounds=rounds)
            state, metrics = jax.vmap(each)(state, *key)
            runs = range(len(self.trainings))
            return state, [jax.tree.map(lambda x, n=n: x[n], metrics) for n in runs]

        return self.first.place.compile(
            program, state, held, self.data_key, e.batch_size, e.data.resident
        )

    def _play(self, state: State, key: Array, numbers: list[Array], held, rows, rounds: int):
        plain = [{name: t.config[name] for name in NUMBERS} for t in self.trainings]
        given = dict(zip(differing(plain), numbers, strict=True))
        parts = {name: build(part) for name, part in _with(plain[0], given).items()}
        experiment = replace(self.first.experiment, **parts)
        return replace(self.first, experiment=experiment).play(state, held, key, rows, rounds)


def groups(configs: Sequence[ConfigDict]) -> list[list[int]]:
    """Which of these runs one program can train: those that differ only in their seed and in
    numbers. Positions, each in one group.
    """
    found: dict[str, list[int]] = {}
    for number, config in enumerate(configs):
        plain = config_lib.as_dict(config)
        found.setdefault(_skeleton(plain, number), []).append(number)
    return list(found.values())


def obstacle(config: ConfigDict) -> str:
    """Why such runs cannot share a program; "" if they can, as far as a config says."""
    if config.loop.placement != "jit" or config.loop.sharding != "replicated":
        return "a shared program needs loop.placement='jit' and a replicated state"
    if processes.count() > 1:
        return "a shared program needs one process"
    if not build(config.data).resident:
        return "the data are streamed, and each run reads its own"
    return ""


def differing(trees: Sequence[Any], path: tuple = ()) -> dict[tuple, list[float]]:
    """The numbers in which nested dicts and lists of one form differ: by path, one for each.

    Raises ConfigError where something else differs.
    """
    first = trees[0]
    if isinstance(first, dict | list | tuple):
        keys = list(first) if isinstance(first, dict) else range(len(first))
        found = {}
        for key in keys:
            found |= differing([tree[key] for tree in trees], (*path, key))
        return found
    if all(tree == first and type(tree) is type(first) for tree in trees):
        return {}
    if not all(type(tree) is float for tree in trees):
        raise ConfigError(f"{'.'.join(map(str, path))} is no number of one program: {trees}")
    return {path: list(trees)}


def _skeleton(plain: dict, number: int) -> str:
    """What two runs of one program have in common, as text."""
    shared = {name: _unnumbered(plain[name]) for name in NUMBERS}
    return json.dumps({**plain, **shared, "seed": None}, sort_keys=True, default=str)


def _unnumbered(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _unnumbered(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_unnumbered(value) for value in tree]
    return "number" if isinstance(tree, float) else tree


def _with(tree: Any, given: dict[tuple, Any], path: tuple = ()) -> Any:
    """`tree` with the values given for some paths."""
    if isinstance(tree, dict):
        return {key: _with(value, given, (*path, key)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(_with(value, given, (*path, n)) for n, value in enumerate(tree))
    return given.get(path, tree)


def _stack(states: tuple[State, ...]) -> State:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


@partial(jax.jit, static_argnums=1)
def _taken(state: State, number: int) -> State:
    return jax.tree.map(lambda x: x[number], state)
