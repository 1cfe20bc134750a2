"""All of training, pure: a method is a game of players, and one `step` plays a round of any game.

A round is: each player in turn makes its moves, each on a fresh batch; a move is one optimiser step
on the gradient of that player's loss with respect to the networks it owns, and no others. Players
may also move at once, or look ahead through one another's optimisers (see `dynamics`). Then the
moving averages follow.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax import Array, lax, random

from genlab.config import ConfigError, choices, did_you_mean
from genlab.game.given import begun, refuse_frozen, with_frozen, without_frozen
from genlab.nets.frozen import FROZEN
from genlab.runs.saved import averaged
from genlab.runtime import collectives
from genlab.schedules import Weight, at

PyTree = Any
INIT = 2**32 - 1  # the round that never comes: initial parameters have randomness of their own


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


def init(
    method: Game,
    optim: Mapping,
    ema: Mapping[str, Weight],
    key: Array,
    batch: dict,
    begin: Mapping[str, dict] = MappingProxyType({}),
) -> State:
    """The state before the first round; networks that `begin` names have its linen variables
    instead of fresh ones.

    Raises ConfigError where players, optimisers, networks and averages do not name each other.
    """
    params, stats = method.init(random.fold_in(key, INIT), batch)
    _match("begin", begin, "network", params)
    params, stats = begun(params, stats, begin)
    players = method.players()
    _match("optim", optim, "player", players, complete=True)
    _match("ema", ema, "network", params)
    for name, player in players.items():
        _match(f"player {name!r} owns", player.owns, "network", params)
        _match(f"player {name!r} looks ahead and", player.ahead.players, "player", players)
        refuse_frozen(name, player.owns, params, stats)
    opt = {name: optim[name].init(_only(params, player.owns)) for name, player in players.items()}
    averages = jax.tree.map(jnp.copy, _averaged_part(params, stats, ema))
    return State(jnp.zeros((), jnp.int32), key, params, stats, opt, averages)


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


def move(
    name: str, players: Mapping, optim: Mapping, params, stats, opt: Mapping, batch, key, step
) -> tuple[dict, dict, PyTree, dict]:
    """One update of the networks a player owns: (owned params, stats, its optimiser state,
    metrics).

    Other players' networks keep their parameters and their statistics.
    """
    player, key = players[name], collectives.device_key(key)
    owned = _only(params, player.owns)

    def loss(owned):
        point = {**params, **owned}
        for_all = (stats, opt, batch, key, step)
        return player.loss(
            look_ahead(player.ahead, players, optim, point, *for_all), stats, batch, key, step
        )

    grads, (new_stats, metrics) = jax.grad(loss, has_aux=True)(owned)
    grads, moving, metrics = collectives.mean((grads, without_frozen(new_stats), metrics))
    new_stats = with_frozen(moving, stats)
    updates, new_opt = optim[name].update(grads, opt[name], owned)
    others = {n: s for n, s in stats.items() if n in params and n not in player.owns}
    after = optax.apply_updates(owned, updates), {**new_stats, **others}, new_opt
    if player.plays is not None:
        before, plays = (owned, {n: stats[n] for n in after[1]}, opt[name]), player.plays(metrics)
        after = jax.tree.map(lambda new, old: jnp.where(plays, new, old), after, before)
        metrics = {**metrics, "plays": plays.astype(jnp.float32)}
    new_owned, all_stats, opt_state = after
    return new_owned, all_stats, opt_state, {**metrics, "gradient_norm": optax.tree.norm(grads)}


def look_ahead(ahead: Ahead, players, optim, params, stats, opt, batch, key, step) -> dict:
    """All parameters after the moves that `ahead` foresees."""
    point, opt = params, dict(opt)
    for _ in range(ahead.steps):
        moved = {}
        for name in ahead.players:
            player, owned = players[name], _only(point, players[name].owns)

            def loss(owned, player=player, point=point):
                return player.loss({**point, **owned}, stats, batch, key, step)[0]

            grads = collectives.mean(jax.grad(loss)(owned))
            updates, opt[name] = optim[name].update(grads, opt[name], owned)
            moved |= optax.apply_updates(owned, updates)
        point = {**point, **moved}
    if ahead.through or not ahead.steps:
        return point
    return jax.tree.map(lambda here, there: here + lax.stop_gradient(there - here), params, point)


def step(
    method: Game, optim: Mapping, ema: Mapping[str, Weight], state: State, batches: dict
) -> tuple[State, dict[str, Array]]:
    """One round; `batches` has a leading axis of `batches_per_round(method)`. Metrics are
    `player/term`, means over its moves.
    """
    key, players = random.fold_in(state.key, state.step), method.players()
    carry, metrics, start = (state.params, state.stats, state.opt), {}, 0
    for number, turn in enumerate(turns(players)):
        moves, turn_key = players[turn[0]].moves, random.fold_in(key, number)
        fresh = jax.tree.map(lambda x, a=start, b=start + moves: x[a:b], batches)

        def play(carry, xs, turn=turn, turn_key=turn_key):
            (params, stats, opt), (n, batch), moved, seen = carry, xs, {}, {}
            here = random.fold_in(turn_key, n)
            after = dict(opt)
            for name in turn:
                owned, stats, after[name], terms = move(
                    name, players, optim, params, stats, opt, batch, here, state.step
                )
                moved |= owned
                seen |= {f"{name}/{term}": value for term, value in terms.items()}
            return ({**params, **moved}, stats, after), seen

        carry, seen = lax.scan(play, carry, (jnp.arange(moves), fresh))
        metrics |= _means(seen)
        start += moves

    params, stats, opt = carry
    latest = _averaged_part(params, stats, ema)
    averages = {
        network: jax.tree.map(partial(_towards, at(decay, state.step)), state.ema[network], new)
        for (network, new), decay in zip(latest.items(), ema.values(), strict=True)
    }
    return State(state.step + 1, state.key, params, stats, opt, averages), metrics


def _means(seen: dict[str, Array]) -> dict[str, Array]:
    """The mean of each metric over the moves; over those up to the first that met NaN or infinity
    where one did, for after it all terms are NaN, and the one it began in could not be told.
    """
    bad = jnp.stack([~jnp.isfinite(values) for values in seen.values()]).any(axis=0)
    until = jnp.cumsum(bad) - bad == 0

    def mean(values: Array) -> Array:
        cut = jnp.where(until, values, 0).sum() / until.sum()
        return jnp.where(bad.any(), cut, values.mean())

    return {name: mean(values) for name, values in seen.items()}


def apply(
    net, name: str, params: dict, stats: dict, *args, key: Array | None = None, **kwargs
) -> tuple[Any, dict]:
    """`net(*args)` with the parameters and linen state called `name`: (output, stats with this
    network's renewed). `key` is for dropout.
    """
    held = stats.get(name, {})
    variables, moving = {"params": params[name], **held}, [kind for kind in held if kind != FROZEN]
    rngs = None if key is None else {"dropout": key}
    out, new = net.apply(variables, *args, **kwargs, rngs=rngs, mutable=moving)
    return out, ({**stats, name: {**held, **new}} if name in stats else stats)


def fresh(net, name: str, key: Array, *args) -> tuple[dict, dict]:
    """A network's first (params, stats), each `{name: ...}`, ready to be merged with the other
    networks'.
    """
    variables = dict(net.init({"params": key, "dropout": key}, *args))
    variables.pop("intermediates", None)
    params = variables.pop("params", {})
    return {name: params}, ({name: variables} if variables else {})


def conditions(batch: dict, given: Sequence[str]) -> dict[str, Array] | None:
    """The batch's columns that networks are given, by name; None for networks that are given none.

    Raises ConfigError for a column that the data do not have.
    """
    for name in given:
        if name not in batch:
            hint = did_you_mean(name, batch) or f"; they have {', '.join(sorted(batch))}"
            raise ConfigError(f"method.given names {name!r}, no column of the data{hint}")
    return {name: batch[name] for name in given} or None


def _averaged_part(params: dict, stats: dict, ema: Mapping) -> dict[str, dict]:
    """What a moving average follows: a network's parameters and, for they belong together, its
    statistics.
    """
    moving = without_frozen(stats)
    return {n: {"params": params[n], "stats": moving.get(n, {})} for n in ema}


def _towards(decay, average, latest):
    return decay * average + (1 - decay) * latest


def _only(tree: Mapping, names) -> dict:
    return {name: tree[name] for name in names}


def _match(what: str, names, kind: str, known: Mapping, complete: bool = False) -> None:
    for name in names:
        if name not in known:
            hint = choices(name, known)
            raise ConfigError(f"{what} names {name!r}, which is no {kind} of this method{hint}")
    missing = [name for name in known if complete and name not in names]
    if missing:
        raise ConfigError(
            f"{what} has nothing for {kind} {missing[0]!r}: give one for each of {', '.join(known)}"
        )
