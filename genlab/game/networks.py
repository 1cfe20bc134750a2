"""Networks as losses call them: by name, among the parameters and statistics of a whole game."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
from jax import Array

from genlab.config import ConfigError, did_you_mean
from genlab.nets.frozen import FROZEN


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


class Made(NamedTuple):
    """What a network made: the last of it, all that is to be like the target (what the network sows
    as "outputs", as a coarse and a fine stage; the last alone where it sows nothing), and the
    statistics after.
    """

    last: Any
    all: tuple[Any, ...]
    stats: dict


def outputs(net, name: str, params: dict, stats: dict, *args, key: Array | None = None) -> Made:
    """`apply`, and what the network sows as its outputs."""
    held = stats.get(name, {})
    moving = [kind for kind in held if kind != FROZEN]
    rngs = None if key is None else {"dropout": key}
    variables, mutable = {"params": params[name], **held}, [*moving, "intermediates"]
    last, new = net.apply(variables, *args, rngs=rngs, mutable=mutable)
    new = dict(new)
    sown = jax.tree_util.tree_leaves_with_path(new.pop("intermediates", {}))
    found = [x for path, x in sown if any(getattr(p, "key", "") == "outputs" for p in path)]
    after = {**stats, name: {**held, **new}} if name in stats else stats
    return Made(last, tuple(found) or (last,), after)


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
