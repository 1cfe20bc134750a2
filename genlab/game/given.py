"""Weights that a game is given from outside: networks that begin from a trained run's, and frozen
ones that no player owns.
"""

from collections.abc import Mapping
from typing import Any

import jax

from genlab.config import ConfigError
from genlab.nets.frozen import FROZEN


def without_frozen(stats: Mapping) -> dict:
    """Statistics without the weights of frozen networks: these are the same on every device and in
    every round, and a mean of them might not be, to the last bit.
    """
    return {
        name: {kind: tree for kind, tree in held.items() if kind != FROZEN}
        if isinstance(held, Mapping)
        else held
        for name, held in stats.items()
    }


def with_frozen(moving: Mapping, stats: Mapping) -> dict:
    """`moving` with the frozen weights that `stats` holds."""
    return {
        name: {**held, FROZEN: stats[name][FROZEN]}
        if isinstance(held, Mapping) and FROZEN in stats.get(name, {})
        else held
        for name, held in moving.items()
    }


def refuse_frozen(player: str, owns: tuple[str, ...], params: Mapping, stats: Mapping) -> None:
    """ConfigError for a player all of whose networks are frozen."""
    frozen = [name for name in owns if FROZEN in stats.get(name, {})]
    if frozen and not jax.tree.leaves([params[name] for name in owns]):
        raise ConfigError(
            f"player {player!r} has nothing to train: {', '.join(frozen)} of a trained run is "
            f"frozen; to train it on from there, give begin={{{frozen[0]!r}: ...}}"
        )


def begun(params: Mapping, stats: Mapping, begin: Mapping[str, dict]) -> tuple[dict, dict]:
    """(params, stats) with the linen variables that `begin` gives for some networks.

    Raises ConfigError naming the first leaf that differs in shape or type, is missing or too many.
    """
    for name, variables in begin.items():
        fresh = {"params": params[name], **stats.get(name, {})}
        wanted, given = (_leaves(tree) for tree in (fresh, variables))
        for leaf in [*wanted, *given]:
            if wanted.get(leaf) != given.get(leaf):
                here, there = (one.get(leaf, "nothing") for one in (wanted, given))
                raise ConfigError(
                    f"begin.{name}: at {leaf} this network has {here}, the one to begin from "
                    f"{there}: both must be of one architecture"
                )
        params = {**params, name: variables["params"]}
        others = {kind: tree for kind, tree in variables.items() if kind != "params"}
        stats = {**stats, name: others} if others else stats
    return dict(params), dict(stats)


def _leaves(tree: Any) -> dict[str, str]:
    """Type and shape of each leaf by its path."""
    found = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): f"{x.dtype} {list(x.shape)}"
        for path, x in found
    }
