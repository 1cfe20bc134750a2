"""What may lie between a GAN's two networks: packs, a pool, smoothed labels, the best samples,
latent steps.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError
from genlab.losses.adversarial import Objective
from genlab.runtime import collectives
from genlab.schedules import Weight, at


def pack(x: Array, m: int) -> Array:
    """[B, ..., C] -> [B / m, ..., m C]: neighbours side by side along the channels."""
    if m == 1:
        return x
    if len(x) % m:
        raise ConfigError(
            f"a batch of {len(x)} (of each device, under pmap) does not divide into packs of {m}: "
            f"use batch_size {(len(x) // m + 1) * m}, or as much for each device"
        )
    grouped = jnp.moveaxis(x.reshape(len(x) // m, m, *x.shape[1:]), 1, -2)
    return grouped.reshape(*grouped.shape[:-2], m * x.shape[-1])


def pooled(fake: Array, pool: Array, key: Array) -> tuple[Array, Array]:
    """What the critic is shown, and the pool after: half of the samples are exchanged for earlier
    ones, which they replace in the pool (Shrivastava et al. 2017, arXiv:1612.07828, Section 2.3).
    """
    if collectives.axis():
        raise ConfigError("a pool is one for all devices: use loop.placement='jit'")
    if len(pool) < len(fake):
        raise ConfigError(
            f"pool={len(pool)} is smaller than a batch of {len(fake)}: give at least a batch"
        )
    where, swap = random.split(key)
    places = random.permutation(where, len(pool))[: len(fake)]
    swapped = random.bernoulli(swap, 0.5, (len(fake),) + (1,) * (fake.ndim - 1))
    earlier = pool[places]
    kept = jnp.where(swapped, fake, earlier)
    return jnp.where(swapped, earlier, fake), pool.at[places].set(kept)


def smoothed(objective: Objective, real: Array, fake: Array, share: Weight, step: Array) -> Array:
    """The critic's losses where data bear the label "data" by 1 - share, "sample" by share."""
    as_data, as_sample = objective.labels
    share = at(share, step)
    return (1 - share) * as_data(real) + share * as_sample(real) + as_sample(fake)


def top(losses: Array, logits: Array, share: Weight, step: Array) -> Array:
    """Losses of the `share` of samples with the highest logits, scaled so that their mean over the
    batch is the mean over those samples; the others' are 0 (Sinha et al. 2020, arXiv:2002.06224,
    Algorithm 1).
    """
    scores = logits.reshape(len(logits), -1).mean(axis=1)
    everyone = jnp.sort(collectives.whole(scores))
    n = len(everyone)
    k = jnp.clip(jnp.ceil(at(share, step) * n), 1, n)
    least = everyone[n - k.astype(jnp.int32)]
    kept = (scores >= least).reshape(-1, *(1,) * (losses.ndim - 1))
    return jnp.where(kept, losses, 0.0) * (n / k)


def latent_step(rate: float = 0.9, damping: float = 5.0) -> Callable:
    """z + rate g / (damping + |g|^2), g the gradient of the critic's logit in z: the natural
    gradient step of latent optimisation (LOGAN: Wu et al. 2019, arXiv:1912.00953, Section 3).
    The players' gradients pass through it.
    """

    def improved(score: Callable, z: Array) -> Array:
        g = jax.grad(lambda z: score(z).sum() / math.prod(score(z).shape[1:]))(z)
        return z + rate * g / (damping + (g**2).sum(axis=1, keepdims=True))

    return improved
