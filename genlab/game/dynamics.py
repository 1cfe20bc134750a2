"""How a game is played: changes of its players that hold for any method.

A change maps players to players; a method's `dynamics` names any number of them, applied in order.
Optimistic updates need none: they are an optimiser (`optax.optimistic_gradient_descent`).
"""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce

import jax
import jax.numpy as jnp

from genlab.config import ConfigError, choices
from genlab.game.players import Ahead, Player
from genlab.losses.total import total
from genlab.runtime import collectives
from genlab.schedules import Weight

Players = Mapping[str, Player]
Change = Callable[[Players], Players]


def changed(players: Players, changes: Iterable[Change]) -> dict[str, Player]:
    """The players after every change in turn."""
    return dict(reduce(lambda found, change: change(found), changes, players))


def simultaneous() -> Change:
    """All players move at once, from the same parameters and on the same batch (simultaneous
    gradient descent: Mescheder et al. 2017, arXiv:1705.10461, Algorithm 1).
    """

    def change(players):
        first = next(iter(players))
        return {name: player._replace(beside=name != first) for name, player in players.items()}

    return change


def unrolled(steps: int = 5, player: str = "gen", opponent: str = "disc") -> Change:
    """`player` sees its opponent `steps` moves later, and differentiates through those moves, the
    opponent's optimiser included (Metz et al. 2017, arXiv:1611.02163, Eqs. 10-12).

    Its loss should be the whole value of the game, as in `minimax` and the f-GANs' "saddle": data's
    term, which it otherwise cannot change, is half of what the opponent's answer costs it.

    Where the opponent's optimiser takes a root (Adam), give it `eps_root`: its slope at 0 is
    infinite.
    """
    if steps < 1:
        raise ConfigError(f"unrolled(steps={steps}): at least 1; leave it out for none")

    def change(players):
        _known("unrolled", players, player, opponent)
        foresees = Ahead((opponent,), steps, through=True)
        return {**players, player: players[player]._replace(ahead=foresees)}

    return change


def extragradient() -> Change:
    """All players move at once, each by its gradient at the point one simultaneous move ahead
    (Korpelevich 1976; Gidel et al. 2019, arXiv:1802.10551, Algorithm 2, one batch for both).
    """

    def change(players):
        foresees = Ahead(tuple(players), 1)
        return {name: p._replace(ahead=foresees) for name, p in simultaneous()(players).items()}

    return change


def consensus(weight: Weight = 10.0) -> Change:
    """Adds weight x |v|^2 / 2 to every loss, v the gradients of all the players (Mescheder et al.
    2017, arXiv:1705.10461, Section 4).
    """

    def change(players):
        def energy(params, stats, batch, key, step):
            squares = 0.0
            for player in players.values():
                owned = {name: params[name] for name in player.owns}

                def loss(owned, player=player):
                    return player.loss({**params, **owned}, stats, batch, key, step)[0]

                grads = collectives.mean(collectives.grad(loss, owned))
                squares += sum(jnp.vdot(g, g) for g in jax.tree.leaves(grads))
            return squares / 2

        def joined(player):
            def loss(params, stats, batch, key, step):
                own, (stats_after, metrics) = player.loss(params, stats, batch, key, step)
                terms = {"own": own, "consensus": energy(params, stats, batch, key, step)}
                loss, seen = total(terms, {"consensus": weight}, step)
                seen = {"loss": loss, "consensus": seen["consensus"]}
                return loss, (stats_after, {**metrics, **seen})

            return player._replace(loss=loss)

        return {name: joined(player) for name, player in players.items()}

    return change


def balanced(least: float, player: str = "disc", metric: str = "adversarial") -> Change:
    """`player` holds still in a move where its `metric` is below `least`: a critic that is ahead
    waits (Larsen et al. 2016, arXiv:1512.09300, train by such a rule in their code).
    """

    def change(players):
        _known("balanced", players, player)

        def plays(metrics):
            if metric not in metrics:
                hint = choices(metric, metrics)
                raise ConfigError(f"balanced(metric={metric!r}) is no term of {player!r}{hint}")
            return metrics[metric] >= least

        return {**players, player: players[player]._replace(plays=plays)}

    return change


def _known(what: str, players: Players, *names: str) -> None:
    for name in names:
        if name not in players:
            hint = choices(name, players)
            raise ConfigError(f"{what} names {name!r}, which is no player of this game{hint}")
