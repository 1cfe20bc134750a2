"""What optax lacks: transformations from the papers on games, and schedules for moving averages.

Transformations compose: `spec(optax.chain, spec(optax.rmsprop, 5e-5), spec(clip_weights, 0.01))`.
Optimism (Daskalakis et al. 2018, arXiv:1711.00141) is optax's: `optax.optimistic_gradient_descent`,
and `optax.optimistic_adam_v2`, which is that paper's with `nesterov=False`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from genlab.config import ConfigError, did_you_mean
from genlab.schedules import Weight, at


class Past(NamedTuple):
    """The mean of the parameters of `count` past moves."""

    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]
    mean: Any


def clip_weights(bound: float, only: str | None = None) -> optax.GradientTransformation:
    """Every parameter in [-bound, bound] after the update, to rounding (Arjovsky et al. 2017,
    arXiv:1701.07875, Algorithm 1). It must come last in a chain.

    `only`: the name of the parameters to clip, such as "kernel", which leaves biases free (Korotin
    et al. 2022, arXiv:2206.07767, in their code); None clips all, as Algorithm 1 does.
    """

    def init(params):
        names = {_name(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)}
        if only is not None and only not in names:
            hint = did_you_mean(only, names) or f"; there is {', '.join(sorted(names))}"
            raise ConfigError(f"clip_weights: no parameter is called {only!r}{hint}")
        return optax.EmptyState()

    def update(updates, state, params=None):
        _need(params, "clip_weights")

        def clipped(path, update, old):
            if only is not None and _name(path) != only:
                return update
            return jnp.clip(old + update, -bound, bound) - old

        return jax.tree_util.tree_map_with_path(clipped, updates, params), state

    return optax.GradientTransformation(init, update)


def historical_averaging(weight: Weight) -> optax.GradientTransformation:
    """Adds the gradient of weight |theta - mean of past theta|^2, the norm over all parameters and
    the past a constant (Salimans et al. 2016, arXiv:1606.03498, Section 3.3).

    It comes first in a chain: the penalty is part of the player's cost. `weight` is a number, or a
    schedule of the player's moves.
    """

    def init(params):
        return Past(jnp.zeros((), jnp.int32), jax.tree.map(jnp.copy, params))

    def update(updates, state, params=None):
        _need(params, "historical_averaging")
        pull, n = 2 * at(weight, state.count), state.count + 1
        away = jax.tree.map(jnp.subtract, params, state.mean)
        updates = jax.tree.map(lambda u, d: u + pull * d, updates, away)
        return updates, Past(n, jax.tree.map(lambda m, d: m + d / n, state.mean, away))

    return optax.GradientTransformation(init, update)


class Skipping(NamedTuple):
    """The state of what is skipped, and how many updates were."""

    inner: Any
    skipped: Array


def skip_large(inner: optax.GradientTransformation, limit: float) -> optax.GradientTransformation:
    """`inner`, but no update at all where the norm of the gradient is `limit` or more, or not
    finite: parameters and the state of `inner` stay (Child 2021, arXiv:2011.10650, Section 4.3).
    """
    if limit <= 0:
        raise ConfigError(f"skip_large(limit={limit}): every update would be skipped")

    def init(params):
        return Skipping(inner.init(params), jnp.zeros((), jnp.int32))

    def update(updates, state, params=None):
        takes = optax.tree.norm(updates) < limit  # false for NaN
        safe = jax.tree.map(lambda u: jnp.where(takes, u, 0), updates)
        made, after = inner.update(safe, state.inner, params)
        made = jax.tree.map(lambda u: jnp.where(takes, u, 0), made)
        kept = jax.tree.map(lambda new, old: jnp.where(takes, new, old), after, state.inner)
        return made, Skipping(kept, state.skipped + ~takes)

    return optax.GradientTransformation(init, update)


def scheduled_adam(
    learning_rate: Weight, b1: Weight = 0.9, b2: Weight = 0.999, eps: float = 1e-8
) -> optax.GradientTransformation:
    """Adam whose rate and decays may all follow schedules of its own updates (R3GAN's beta2: Huang
    et al. 2024, arXiv:2501.05441); otherwise `optax.adam`.
    """
    return optax.inject_hyperparams(optax.adam, static_args="eps")(
        learning_rate=learning_rate, b1=b1, b2=b2, eps=eps
    )


def ramped(half_life: Weight, batch: float, ramp: float | None = 0.05) -> Callable:
    """Decay of a moving average that forgets half in `half_life` images, at first in the fraction
    `ramp` of the images seen: 0.5^(batch / min(half_life, ramp seen)) (Karras et al. 2020,
    arXiv:2006.06676, in their code: ema_kimg and ema_rampup).

    It is 0 in round 0, where there is a ramp. `half_life` may be a schedule of the round: with
    ramp=None and `cosine(0, 5e6, ...)` it is R3GAN's (Huang et al. 2024, arXiv:2501.05441).
    """

    def decay(step: Array) -> Array:
        images = jnp.asarray(at(half_life, step), jnp.float32)
        if ramp is not None:
            images = jnp.minimum(images, ramp * batch * jnp.asarray(step, jnp.float32))
        return 0.5 ** (batch / jnp.maximum(images, 1e-8))

    return decay


def from_round(start: int, decay: Weight) -> Callable:
    """`decay` from round `start` on, 0 before: until then the average is the network itself (Brock
    et al. 2019, arXiv:1809.11096, in their code).
    """
    return lambda step: jnp.where(step < start, 0.0, at(decay, step))


def cosine(start: float, end: float, rounds: float) -> Callable:
    """Half a cosine from `start` to `end` in `rounds` rounds, then `end`; either may be 0, as R3GAN
    needs (Huang et al. 2024, arXiv:2501.05441) and `optax.cosine_decay_schedule` cannot.
    """

    def value(step: Array) -> Array:
        done = jnp.clip(jnp.asarray(step, jnp.float32) / rounds, 0.0, 1.0)
        return end + (start - end) * (1 + jnp.cos(jnp.pi * done)) / 2

    return value


def constant_then_linear(value: float, constant: int, falling: int) -> Callable:
    """`value` for `constant` updates, then linearly to 0 over `falling` more (Zhu et al. 2017,
    arXiv:1703.10593, Section 4, Training details: 100 epochs of each).
    """

    def at_update(step: Array) -> Array:
        past = jnp.asarray(step, jnp.float32) - constant
        return value * (1 - jnp.clip(past / falling, 0.0, 1.0))

    return at_update


def _name(path) -> str:
    return str(getattr(path[-1], "key", path[-1])) if path else ""


def _need(params, who: str) -> None:
    if params is None:
        raise ValueError(f"{who} needs the parameters: call update(updates, state, params)")
