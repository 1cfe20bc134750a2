"""All of training, pure: a method is a game of players, and one `step` plays a round of any game.

A round is: each player in turn makes its moves, each on a fresh batch; a move is one optimiser step
on the gradient of that player's loss with respect to the networks it owns, and no others. Then the
moving averages follow.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax import Array, lax, random

from genlab import parallel
from genlab.config import ConfigError, did_you_mean

PyTree = Any
INIT = 2**32 - 1  # the round that never comes: initial parameters have randomness of their own


class Player(NamedTuple):
    """One party of the game.

    loss:  (params, stats, batch, key, step) -> (scalar, (stats, metrics)); `params` holds every
           network, `step` is the round, for whatever follows a schedule.
    owns:  names of the networks this player may change; gradients exist for these alone,
           so no loss ever writes stop_gradient or detach.
    moves: updates per round, each on a fresh batch (n_critic of Arjovsky et al. 2017,
           arXiv:1701.07875, Algorithm 1).
    """

    loss: Callable
    owns: tuple[str, ...]
    moves: int = 1


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
        params = {network: average["params"] for network, average in self.ema.items()}
        stats = {network: average["stats"] for network, average in self.ema.items()}
        known = {network: value for network, value in stats.items() if network in self.stats}
        return {**self.params, **params}, {**self.stats, **known}


class Method(Protocol):
    """A generative model as a game; frozen dataclasses satisfy it."""

    classes: int  # labels it conditions on; 0 for none

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Fresh (params, stats), both by network."""

    def players(self) -> dict[str, Player]:
        """The players by name; insertion order is the order of play."""

    def latents(self, key: Array, n: int) -> Array:
        """`n` latents from the prior, [n, latent]."""

    def generate(self, params: dict, stats: dict, z: Array, cond: Array | None = None) -> Array:
        """What the model makes of latents `z`: [n, H, W, C] in [-1, 1] (or points [n, D])."""


def init(
    method: Method, optim: Mapping, ema: Mapping[str, float], key: Array, batch: dict
) -> State:
    """The state before the first round.

    Raises ConfigError where players, optimisers, networks and averages do not name each other.
    """
    params, stats = method.init(random.fold_in(key, INIT), batch)
    players = method.players()
    _match("optim", optim, "player", players, complete=True)
    _match("ema", ema, "network", params)
    for name, player in players.items():
        _match(f"player {name!r} owns", player.owns, "network", params)
    opt = {name: optim[name].init(_only(params, player.owns)) for name, player in players.items()}
    averages = jax.tree.map(jnp.copy, _averaged_part(params, stats, ema))
    return State(jnp.zeros((), jnp.int32), key, params, stats, opt, averages)


def rounds(method: Method) -> int:
    """Batches that one round eats: the sum of the players' moves."""
    return sum(player.moves for player in method.players().values())


def move(
    player: Player, optim, params, stats, opt, batch, key, step
) -> tuple[dict, dict, PyTree, dict]:
    """One update of the networks a player owns: (owned params, stats, its optimiser state,
    metrics).

    Other players' networks keep their parameters and their statistics.
    """
    owned = _only(params, player.owns)

    def loss(owned):
        return player.loss({**params, **owned}, stats, batch, parallel.own(key), step)

    grads, (new_stats, metrics) = jax.grad(loss, has_aux=True)(owned)
    grads, new_stats, metrics = parallel.mean((grads, new_stats, metrics))
    updates, opt = optim.update(grads, opt, owned)
    kept = {n: s for n, s in stats.items() if n in params and n not in player.owns}
    metrics = {**metrics, "gradient_norm": optax.tree.norm(grads)}
    return optax.apply_updates(owned, updates), {**new_stats, **kept}, opt, metrics


def step(
    method: Method, optim: Mapping, ema: Mapping[str, float], state: State, batches: dict
) -> tuple[State, dict[str, Array]]:
    """One round; `batches` has a leading axis of `rounds(method)`. Metrics are `player/term`, means
    over its moves.
    """
    key = random.fold_in(state.key, state.step)
    params, stats, opt, metrics, start = state.params, state.stats, dict(state.opt), {}, 0
    for number, (name, player) in enumerate(method.players().items()):
        turn = random.fold_in(key, number)
        fresh = jax.tree.map(lambda x, a=start, b=start + player.moves: x[a:b], batches)

        def play(carry, xs, player=player, name=name, turn=turn, params=params):
            owned, stats, opt = carry
            n, batch = xs
            key = random.fold_in(turn, n)
            owned, stats, opt, seen = move(
                player, optim[name], {**params, **owned}, stats, opt, batch, key, state.step
            )
            return (owned, stats, opt), seen

        carry = (_only(params, player.owns), stats, opt[name])
        (owned, stats, opt[name]), seen = lax.scan(play, carry, (jnp.arange(player.moves), fresh))
        params = {**params, **owned}
        metrics |= {f"{name}/{term}": values.mean() for term, values in seen.items()}
        start += player.moves

    latest = _averaged_part(params, stats, ema)
    averages = {
        network: jax.tree.map(lambda e, x, d=decay: d * e + (1 - d) * x, state.ema[network], new)
        for (network, new), decay in zip(latest.items(), ema.values(), strict=True)
    }
    return State(state.step + 1, state.key, params, stats, opt, averages), metrics


def apply(net, name: str, params: dict, stats: dict, *args, **kwargs) -> tuple[Any, dict]:
    """`net(*args)` with the parameters and linen state called `name`: (output, stats with this
    network's renewed).
    """
    variables = {"params": params[name], **stats.get(name, {})}
    out, new = net.apply(variables, *args, **kwargs, mutable=list(stats.get(name, {})))
    return out, ({**stats, name: dict(new)} if name in stats else stats)


def fresh(net, name: str, key: Array, *args) -> tuple[dict, dict]:
    """A network's first (params, stats), each `{name: ...}`, ready to be merged with the other
    networks'.
    """
    variables = dict(net.init(key, *args))
    params = variables.pop("params", {})
    return {name: params}, ({name: variables} if variables else {})


def labels(batch: dict, classes: int) -> Array | None:
    """The batch's labels for networks that condition on `classes` of them; None for networks that
    do not.
    """
    if classes and "cond" not in batch:
        raise ConfigError(f"the networks have classes={classes}, but the data have no labels")
    return batch["cond"] if classes else None


def _averaged_part(params: dict, stats: dict, ema: Mapping) -> dict[str, dict]:
    """What a moving average follows: a network's parameters and, for they belong together, its
    statistics.
    """
    return {n: {"params": params[n], "stats": stats.get(n, {})} for n in ema}


def _only(tree: Mapping, names) -> dict:
    return {name: tree[name] for name in names}


def _match(what: str, names, kind: str, known: Mapping, complete: bool = False) -> None:
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"; there is {', '.join(known)}"
            raise ConfigError(f"{what} names {name!r}, which is no {kind} of this method{hint}")
    missing = [name for name in known if complete and name not in names]
    if missing:
        raise ConfigError(
            f"{what} has nothing for {kind} {missing[0]!r}: give one for each of {', '.join(known)}"
        )
