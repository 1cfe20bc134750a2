"""The networks of one move, called by name; what their losses are written in."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError, choose
from genlab.game import apply, fresh
from genlab.losses import adversarial
from genlab.losses.adversarial import Objective
from genlab.losses.objective import scaled

CALLS = 300  # streams of randomness under a move's key, one for each call of a network


class Play:
    """`play("gen", x)` is what network `gen` makes of `x`; `play.stats` are the statistics after
    all calls. Every call has randomness of its own.
    """

    def __init__(self, networks: Mapping[str, nn.Module], params: dict, stats: dict, key: Array):
        self.networks, self.params, self.stats, self.key = networks, params, stats, key
        self.calls = 0

    def __call__(self, name: str, *args: Any) -> Any:
        """What the network `name` makes of `args`, in training mode."""
        own = random.fold_in(self.key, CALLS + self.calls)
        self.calls += 1
        made, self.stats = apply(self.networks[name], name, self.params, self.stats, *args, key=own)
        return made

    def on_both(self, name: str, one: Array, other: Array) -> tuple[Array, Array]:
        """What the translator `name` makes of two batches of examples alike. They go through it in
        one call, an example of each in turn, so that a kernel is read and its gradient summed once;
        in a call each where the network keeps statistics, as BatchNorm's, for those are a batch's.
        """
        if name in self.stats:
            return self(name, None, {"x": one}), self(name, None, {"x": other})
        # side by side within each example: a batch that is spread over devices stays where it is
        pairs = jnp.stack([one, other], 1)
        made = self(name, None, {"x": pairs.reshape(-1, *one.shape[1:])})
        made = made.reshape(len(one), 2, *made.shape[1:])
        return made[:, 0], made[:, 1]


def begun(networks: Mapping[str, nn.Module], key: Array, inputs: Mapping[str, tuple]):
    """Fresh (params, stats) of networks, each called with its `inputs`."""
    params, stats = {}, {}
    for number, (name, args) in enumerate(inputs.items()):
        more = fresh(networks[name], name, random.fold_in(key, number), *args)
        params, stats = {**params, **more[0]}, {**stats, **more[1]}
    return params, stats


def difference(a: Array, b: Array) -> Array:
    """|a - b|, the mean over the numbers of each example."""
    return jnp.abs(a - b).reshape(len(a), -1).mean(-1)


def on_logits(objective: str | Objective, who: str) -> Objective:
    """The objective of that name; ConfigError for one that remembers, or wants more than a logit of
    an example or of a patch.
    """
    found = choose(adversarial, objective)
    found = found if isinstance(found, Objective) else found()
    if found.start or found.columns:
        raise ConfigError(
            f"{who}.objective={objective!r} has a memory or wants more than a logit: use "
            "least_squares, nonsaturating, hinge, wasserstein ..."
        )
    return scaled(found)


def as_many_channels(who: str, pictures: Mapping[str, Array], advice: str = "") -> None:
    """ConfigError for columns of unlike channels that one network sees."""
    if len({x.shape[-1] for x in pictures.values()}) > 1:
        of = ", ".join(f"{name!r} has {x.shape[-1]}" for name, x in pictures.items())
        raise ConfigError(
            f"{who} sees all with one network, which needs as many channels of each, and {of}: "
            f"bring the data to as many channels{advice}"
        )


def fits(who: str, made: Array, wanted: Array, column: str) -> None:
    """ConfigError for a generator that makes examples of another shape than its column."""
    if made.shape != wanted.shape:
        raise ConfigError(
            f"{who} makes {made.shape[1:]}, column {column!r} is {wanted.shape[1:]}: set the "
            "channels of its trunk, or bring the data to one size"
        )
