"""What a game is: players, each with a loss, the networks it owns and its moves; and the state that
they change.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import flax.struct
from jax import Array

from genlab.config import ConfigError
from genlab.runs.saved import averaged

PyTree = Any


class Ahead(NamedTuple):
    """What a player foresees: its loss is taken where `steps` moves of `players` would lead.

    Those move at once, by their own optimisers, on the batch at hand; nothing of it is kept.
    through: whether the gradient passes through those moves (unrolled: yes; extragradient: no)
    """

    players: tuple[str, ...] = ()
    steps: int = 0
    through: bool = False


class Player(NamedTuple):
    """One party of the game.

    loss:   (params, stats, batch, key, step) -> (scalar, (stats, metrics)); `params` holds every
            network, `step` is the round, for whatever follows a schedule.
    owns:   names of the networks this player may change; gradients exist for these alone,
            so no loss ever writes stop_gradient or detach.
    moves:  updates per round, each on a fresh batch (n_critic of Arjovsky et al. 2017,
            arXiv:1701.07875, Algorithm 1).
    beside: moves at once with the player before it: from the same parameters, on the same batch
            and with the same randomness (statistics are handed on from one to the next).
    ahead:  what it foresees before it moves.
    plays:  metrics -> whether the move is made at all; None for always.
    """

    loss: Callable
    owns: tuple[str, ...]
    moves: int = 1
    beside: bool = False
    ahead: Ahead = Ahead()
    plays: Callable | None = None


@flax.struct.dataclass
class State:
    """Everything that changes in a run: one pytree, one checkpoint.

    step:   rounds played
    key:    the run's key; never split, only folded with the step
    params: by network
    stats:  by network, then linen collection (batch_stats, ...); or by the name of a carried
            statistic
    opt:    by player
    ema:    by network, for those that have a moving average: its `params` and its `stats`
    """

    step: Array
    key: Array
    params: dict[str, PyTree]
    stats: dict[str, PyTree]
    opt: dict[str, PyTree]
    ema: dict[str, PyTree]

    @property
    def averaged(self) -> tuple[dict[str, PyTree], dict[str, PyTree]]:
        """(params, stats) to sample and evaluate with: moving averages where there are any."""
        return averaged(self.params, self.stats, self.ema)


class Game(Protocol):
    """What `step` plays; frozen dataclasses satisfy it."""

    @property
    def makes(self) -> str:
        """The column it is a model of."""
        ...

    @property
    def given(self) -> tuple[str, ...]:
        """The columns it is conditioned on."""
        ...

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Fresh (params, stats), both by network."""
        ...

    def players(self) -> dict[str, Player]:
        """The players by name; insertion order is the order of play."""
        ...


class Method(Game, Protocol):
    """A generative model as a game."""

    def latents(self, key: Array, n: int) -> Array:
        """`n` latents from the prior, [n, latent]."""
        ...

    def generate(self, params: dict, stats: dict, z: Array, cond: Mapping | None = None) -> Array:
        """What the model makes of latents `z`: [n, H, W, C] in [-1, 1] (or points [n, D]); `cond`
        is the columns given, by name.
        """
        ...


def turns(players: Mapping[str, Player]) -> list[tuple[str, ...]]:
    """The players' names in order of play, those who move at once together.

    Raises ConfigError where players who move at once have different numbers of moves.
    """
    found: list[tuple[str, ...]] = []
    for name, player in players.items():
        if not (player.beside and found):
            found.append((name,))
            continue
        first = players[found[-1][0]].moves
        if player.moves != first:
            raise ConfigError(
                f"{found[-1][0]!r} and {name!r} move at once, but make {first} and {player.moves} "
                "moves a round: give both as many, or let them alternate"
            )
        found[-1] += (name,)
    return found


def batches_per_round(method: Game) -> int:
    """Batches that one round eats: the moves of each turn."""
    players = method.players()
    return sum(players[turn[0]].moves for turn in turns(players))
