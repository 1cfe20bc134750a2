"""Learning rates that are 0 long before a player's last move, said before training."""

import bisect
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from genlab.config import build
from genlab.config.experiment import Experiment

RATES = ("learning_rate", "step_size_fn")  # as optax names them, in any part of a chain
LATE = 0.9  # of the moves: a rate that falls to 0 at the end is meant to


def check(config: Mapping, experiment: Experiment) -> None:
    """Warns of schedules that end too early: optax counts a player's updates, which are several in
    a round where it has several moves.
    """
    for name, player in experiment.method.players().items():
        moves = player.moves * experiment.loop.steps
        for schedule in _schedules(config["optim"].get(name)):
            first = _zero_from(build(schedule), moves)
            if first < LATE * moves:
                warnings.warn(
                    f"optim.{name}: the learning rate is 0 from move {first:,} on, of {moves:,}: "
                    f"a schedule counts the player's moves, {player.moves} a round",
                    stacklevel=2,
                )


def _schedules(node: Any) -> Iterator[Mapping]:
    """What describes the rates in an optimiser's description."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in RATES and isinstance(value, Mapping):
                yield value
            else:
                yield from _schedules(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _schedules(value)


def _zero_from(schedule: Any, moves: int) -> int:
    """The move from which on the rate is 0; `moves` where it never is, or only now and then."""
    return bisect.bisect_left(range(moves), True, key=lambda n: float(schedule(n)) == 0.0)
