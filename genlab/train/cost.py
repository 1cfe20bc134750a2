"""What a round of an experiment costs, before anything is compiled."""

from typing import Any

import jax

from genlab import game
from genlab.nets import frozen
from genlab.train.program import Training, batch_like


def cost(training: Training) -> dict[str, Any]:
    """FLOPs of a round, real images it takes, parameters by network, and those of networks that no
    player owns or that are frozen, which are not trained. FLOPs are XLA's count of every move,
    before optimisation, as it is written for a TPU wherever it runs: on CPU some convolutions are
    written with fewer products. Accelerators' backends do not count: the CPU's does, and they are
    None where JAX has none.
    """
    e, state = training.experiment, training.shape()
    counting = counter()
    batch = batch_like(e, (e.batch_size,))
    given = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=counting), (state, batch)
    )
    flops, players = 0.0, e.method.players()
    for name, player in players.items() if counting else ():

        def move(state, batch, name=name):
            held = state.params, state.stats, state.opt
            return game.move(name, players, e.optim, *held, batch, state.key, state.step)

        written = jax.jit(move).trace(*given).lower(lowering_platforms=("tpu",))
        flops += player.moves * (written.cost_analysis() or {})["flops"]
    owned = {network for player in players.values() for network in player.owns}
    sizes, untrained = {}, {}
    for network, tree in state.params.items():
        size, rest = _size(tree), _size(state.stats.get(network, {}).get(frozen.FROZEN, {}))
        if network not in owned:
            size, rest = 0, rest + size
        if rest:
            untrained[network] = rest
        if size or not rest:
            sizes[network] = size
    return {
        "flops_per_round": flops if counting else None,
        "images_per_round": training.moves * e.batch_size,
        "parameters": sizes,
        **({"frozen": untrained} if untrained else {}),
    }


def counter() -> jax.sharding.Sharding | None:
    """Where programs are counted: the CPU; None where JAX_PLATFORMS leaves it out."""
    try:
        return jax.sharding.SingleDeviceSharding(jax.local_devices(backend="cpu")[0])
    except RuntimeError:
        return None


def _size(tree: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))
