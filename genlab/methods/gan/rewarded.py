"""Fine-tuning by a reward: the game goes on, the generator is rewarded for what people prefer, and
stays near the generator that it began from.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.game import apply, fresh
from genlab.methods.gan.options import Option
from genlab.schedules import Weight

REWARD, FIRST = "reward", "first"  # what the networks are called in a game
MEMORY = "distance_weight"
STEP = 0.2  # of the relative error that a move sees, at most


def rewarded(
    reward: nn.Module,
    first: nn.Module,
    weight: Weight = 1.0,
    bound: float = 2.0,
    budget: float = 0.05,
    coefficient: float = 1.0,
    rate: float = 0.1,
) -> Option:
    """Adds weight x E max(bound - r(G(z)), 0) + c x E d(G(z), G0(z)) / budget to the generator's
    loss, over the same z, G as it is sampled (running statistics).

    The reward's loss is 0 from `bound` on, so that nothing is gained by running away (ReFL of Xu et
    al. 2023, arXiv:2304.05977). d is the mean squared difference of pixels in [-1, 1]; c begins at
    `coefficient` and is multiplied in each move by 1 + rate x clip(E d / budget - 1, -0.2, 0.2), so
    that the mean of d comes to `budget` (the adaptive controller of Ziegler et al. 2019,
    arXiv:1909.08593, Section 2.2, of a KL there).

    reward: pictures -> [B], as `spec(LinearReward, ...)`; `genlab.feedback.tuning` writes it
    first:  G0, `spec(trained, "runs/x", "gen")`; begin the generator and the critic there too
    """
    for name, value in {"bound": bound, "budget": budget, "coefficient": coefficient}.items():
        if isinstance(value, int | float) and not value > 0:
            raise ConfigError(f"rewarded({name}={value}): expected a number above 0")
    if isinstance(rate, int | float) and not 0 <= rate < 1 / STEP:
        raise ConfigError(f"rewarded(rate={rate}): expected 0, for a constant weight, up to 5")
    steered = _Steered(reward, first, weight, bound, budget, rate)
    return Option(
        networks=steered.init,
        generated=steered.terms,
        terms=(REWARD, "distance"),
        memory=MEMORY,
        start=lambda fake: jnp.asarray(coefficient, jnp.float32),
    )


@dataclass(frozen=True)
class _Steered:
    reward: nn.Module
    first: nn.Module
    weight: Weight
    bound: float
    budget: float
    rate: float

    def init(self, key: Array, x: Array, z: Array, cond: Any) -> tuple[dict, dict]:
        """Both networks, which nobody owns."""
        params, stats = fresh(self.reward, REWARD, key, x)
        more_params, more_stats = fresh(self.first, FIRST, key, z, cond)
        return {**params, **more_params}, {**stats, **more_stats}

    def terms(self, context: Any, z: Array) -> tuple[dict, dict, Array]:
        """(values [B] by name, weights, the memory after)."""
        held = context.params, context.stats
        made, _ = apply(context.generator, "gen", *held, z, context.cond, train=False)
        before, _ = apply(self.first, FIRST, *held, z, context.cond, train=False)
        reward, _ = apply(self.reward, REWARD, *held, made, None)
        distance = squared(made, before) / self.budget
        coefficient = context.memory[MEMORY]
        values = {REWARD: jnp.maximum(self.bound - reward, 0.0), "distance": distance}
        off = jnp.clip(distance.mean() - 1, -STEP, STEP)
        return (
            values,
            {REWARD: self.weight, "distance": coefficient},
            coefficient * (1 + self.rate * off),
        )


def squared(a: Float[Array, " b *shape"], b: Float[Array, " b *shape"]) -> Float[Array, " b"]:
    """The mean squared difference of two examples, over all but the batch."""
    return jnp.square(a - b).reshape(len(a), -1).mean(axis=1)
