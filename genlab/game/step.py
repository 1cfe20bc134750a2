"""All of training, pure: a method is a game of players, and one `step` plays a round of any game.

A round is: each player in turn makes its moves, each on a fresh batch; a move is one optimiser step
on the gradient of that player's loss with respect to the networks it owns, and no others. Players
may also move at once, or look ahead through one another's optimisers (see `dynamics`). Then the
moving averages follow.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax, random

from genlab.config import ConfigError, choices
from genlab.game.given import begun, refuse_frozen, with_frozen, without_frozen
from genlab.game.players import Ahead, Game, PyTree, State, turns
from genlab.runtime import collectives
from genlab.schedules import Weight, at

INIT = 2**32 - 1  # the round that never comes: initial parameters have randomness of their own


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


def move(
    name: str, players: Mapping, optim: Mapping, params, stats, opt: Mapping, batch, key, step
) -> tuple[dict, dict, PyTree, dict]:
    """One update of the networks a player owns: (owned params, stats, its optimiser state,
    metrics).

    Other players' networks keep their parameters and their statistics.
    """
    player, key = players[name], collectives.device_key(key)
    owned, held = _only(params, player.owns), stats
    params, stats = collectives.whole((params, stats))

    def loss(owned):
        point = {**params, **owned}
        for_all = (stats, opt, batch, key, step)
        return player.loss(
            look_ahead(player.ahead, players, optim, point, *for_all), stats, batch, key, step
        )

    at_hand = _only(params, player.owns)
    grads, (new_stats, metrics) = collectives.grad(loss, at_hand, has_aux=True)
    found = collectives.mean((grads, without_frozen(new_stats), metrics))
    grads, moving, metrics = collectives.whole(found)
    grads, new_stats = collectives.parts(grads), with_frozen(moving, held)
    updates, new_opt = optim[name].update(grads, opt[name], owned)
    others = {n: s for n, s in held.items() if n in params and n not in player.owns}
    after = optax.apply_updates(owned, updates), {**new_stats, **others}, new_opt
    if player.plays is not None:
        before, plays = (owned, {n: held[n] for n in after[1]}, opt[name]), player.plays(metrics)
        after = jax.tree.map(lambda new, old: jnp.where(plays, new, old), after, before)
        metrics = {**metrics, "plays": plays.astype(jnp.float32)}
    new_owned, all_stats, opt_state = after
    return new_owned, all_stats, opt_state, {**metrics, "gradient_norm": optax.tree.norm(grads)}


def look_ahead(ahead: Ahead, players, optim, params, stats, opt, batch, key, step) -> dict:
    """All parameters after the moves that `ahead` foresees."""
    point, opt = params, collectives.whole(dict(opt)) if ahead.steps else dict(opt)
    for _ in range(ahead.steps):
        moved = {}
        for name in ahead.players:
            player, owned = players[name], _only(point, players[name].owns)

            def loss(owned, player=player, point=point):
                return player.loss({**point, **owned}, stats, batch, key, step)[0]

            grads = collectives.whole(collectives.mean(collectives.grad(loss, owned)))
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
