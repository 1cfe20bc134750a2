"""Options of a GAN: changes of its two losses that compose, as `game.dynamics` changes its players.

An option is what a factory such as `packed(2)` returns: an `Option`, which has a function for every
place where the losses may be changed; one that is not given changes nothing. A factory of your own,
in a file beside the experiment's, joins them as `options=(spec(truncated, 2.0), spec(pooled, 50))`:

    def truncated(bound):
        return Option(latents=lambda z, score, key, step: jnp.clip(z, -bound, bound))

Numbers may be tracers.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError
from genlab.game import dropout
from genlab.losses.adversarial import Objective
from genlab.runtime import collectives
from genlab.schedules import Weight, at

POOL = 104  # a stream of randomness under a move's key


def as_it_is(x: Any, *_) -> Any:
    """`x`."""
    return x


@dataclass(frozen=True)
class Option:
    """One change of a GAN's losses; several apply in order, at each place.

    conditions: (cond, key, step) -> cond, the columns given, of a batch in training
    conditioned: cond -> cond, the same outside of training
    latents:   (z [n, latent], score, key, step) -> z, before samples are made of them; `score(z)`
               is the critic's logits on G(z)
    samples:   (fake, key, step, memory) -> (fake, memory): what the critic is trained on in place
               of the newest samples
    inputs:    x [B, ...] -> what the critic takes as its inputs, data and samples alike
    objective: (objective, step) -> objective: the losses of critic and generator, given the logits
    generator_batch: samples in the generator's loss for each example of a batch
    networks:  (key, x, z, cond) -> (params, stats): networks of its own, which no player owns
    generated: (context, z) -> (values [B] by name, weights by name, memory): more terms of the
               generator's loss, and what it remembers then
    terms:     the names of those
    memory:    the name of what it remembers, part of every checkpoint; "" for nothing
    start:     fake [B, ...] -> that memory before the first round
    check:     gan -> None, at build; raises ConfigError for a GAN that it does not fit

    `step` is the round. `key` is the move's: fold a number of your own, 200 or more, into it.
    """

    conditions: Callable = as_it_is
    conditioned: Callable = as_it_is
    latents: Callable = as_it_is
    samples: Callable = lambda fake, key, step, memory: (fake, memory)
    inputs: Callable = as_it_is
    objective: Callable = as_it_is
    generator_batch: int = 1
    networks: Callable = lambda key, x, z, cond: ({}, {})
    generated: Callable | None = None
    terms: tuple[str, ...] = ()
    memory: str = ""
    start: Callable = lambda fake: ()
    check: Callable = lambda gan: None


def inputs(options: Iterable[Option], x: Array) -> Array:
    """What the critic takes as its inputs, of examples `x`."""
    return reduce(lambda x, option: option.inputs(x), options, x)


def changed(options: Iterable[Option], objective: Objective, step: Array | int) -> Objective:
    """The objective in round `step`, after every option's change."""
    return reduce(lambda pair, option: option.objective(pair, step), options, objective)


def condition_dropout(share: Weight = 0.1) -> Option:
    """A random `share` of the examples, data and samples alike, is played without its conditions:
    the model can then be sampled with guidance (Ho & Salimans 2022, arXiv:2207.12598, Section 3.2,
    Algorithm 1, where the share is 0.1 or 0.2).
    """
    return Option(
        conditions=lambda cond, key, step: dropout.dropped(cond, share, key, step),
        conditioned=dropout.marked,
        check=lambda gan: dropout.check("condition_dropout", share, gan.given),
    )


def generator_batch(factor: int) -> Option:
    """The generator's loss is taken over `factor` samples for each example of a batch (Gulrajani et
    al. 2017, arXiv:1704.00028, in their code: twice the critic's batch).
    """
    _at_least("generator_batch", factor, 1)
    return Option(generator_batch=factor)


def latent_step(rate: float = 0.9, damping: float = 5.0) -> Option:
    """Latents take one step of latent optimisation before samples are made of them (LOGAN: Wu et
    al. 2019, arXiv:1912.00953, Section 3): see `natural_step`.
    """
    return improved(partial(natural_step, rate=rate, damping=damping))


def improved(by: Callable) -> Option:
    """Latents are changed by `by(score, z) -> z` before samples are made of them."""
    return Option(latents=lambda z, score, key, step: by(score, z))


def pooled(size: int) -> Option:
    """The critic sees earlier samples, out of `size` kept ones, in place of half the new ones
    (Shrivastava et al. 2017, arXiv:1612.07828, Section 2.3).
    """
    _at_least("pooled", size, 1)

    def check(gan):
        if gan.given or gan.prior.codes:
            what = f"given={gan.given}" if gan.given else "codes"
            raise ConfigError(f"pooled({size}) with {what}: a pool keeps images without conditions")

    return Option(
        samples=lambda fake, key, step, pool: exchanged(fake, pool, random.fold_in(key, POOL)),
        memory="pool",
        start=lambda fake: jnp.resize(fake, (size, *fake.shape[1:])),
        check=check,
    )


def packed(m: int) -> Option:
    """The critic judges `m` examples at once, concatenated along the channels (PacGAN: Lin et al.
    2018, arXiv:1712.04086, Section 3).
    """
    _at_least("packed", m, 2)

    def check(gan):
        if gan.given or gan.prior.codes or gan.regularisers or gan.augment:
            raise ConfigError(
                f"packed({m}): a pack has no one label, no one latent and no channels of an image, "
                "so neither `given` nor codes nor regularisers nor augment go with it"
            )
        if any(option.generator_batch > 1 for option in gan.options):
            raise ConfigError(f"packed({m}) with generator_batch: a pack would be one example")

    return Option(inputs=lambda x: pack(x, m), check=check)


def smoothed(share: Weight) -> Option:
    """Data bear the label "sample" by `share`, in the critic's loss (one-sided label smoothing:
    Salimans et al. 2016, arXiv:1606.03498, Section 3.4); a number or a schedule of the round.
    """
    _is_a_share("smoothed", share)
    return Option(objective=lambda pair, step: smooth(pair, share, step))


def top(share: Weight) -> Option:
    """The generator learns from the `share` of a batch's samples with the highest logits (top-k:
    Sinha et al. 2020, arXiv:2002.06224, Section 4); a number or a schedule of the round.
    """
    _is_a_share("top", share)

    def objective(pair, step):
        def generator(real, fake, *memory):
            losses = pair.generator(real, fake, *memory)
            return best(losses, pair.logit(fake), share, step)

        return pair._replace(generator=generator)

    return Option(objective=objective)


def natural_step(score: Callable, z: Array, rate: float, damping: float) -> Array:
    """z + rate g / (damping + |g|^2), g the gradient of the critic's logit in z: the natural
    gradient step (Wu et al. 2019, arXiv:1912.00953, Section 3). Gradients of a loss pass through
    it.
    """
    g = jax.grad(lambda z: score(z).sum() / math.prod(score(z).shape[1:]))(z)
    return z + rate * g / (damping + (g**2).sum(axis=1, keepdims=True))


def exchanged(fake: Array, pool: Array, key: Array) -> tuple[Array, Array]:
    """(what the critic is shown, the pool after): half of the samples are exchanged for earlier
    ones, which they replace in the pool (Shrivastava et al. 2017, arXiv:1612.07828, Section 2.3).
    """
    if collectives.axis():
        raise ConfigError("a pool is one for all devices: use loop.placement='jit'")
    if len(pool) < len(fake):
        raise ConfigError(
            f"pooled({len(pool)}) is smaller than a batch of {len(fake)}: give at least a batch"
        )
    where, swap = random.split(key)
    places = random.permutation(where, len(pool))[: len(fake)]
    swapped = random.bernoulli(swap, 0.5, (len(fake),) + (1,) * (fake.ndim - 1))
    earlier = pool[places]
    kept = jnp.where(swapped, fake, earlier)
    return jnp.where(swapped, earlier, fake), pool.at[places].set(kept)


def pack(x: Array, m: int) -> Array:
    """[B, ..., C] -> [B / m, ..., m C]: neighbours side by side along the channels."""
    if len(x) % m:
        raise ConfigError(
            f"a batch of {len(x)} (of each device, under pmap) does not divide into packs of {m}: "
            f"use batch_size {(len(x) // m + 1) * m}, or as much for each device"
        )
    grouped = jnp.moveaxis(x.reshape(len(x) // m, m, *x.shape[1:]), 1, -2)
    return grouped.reshape(*grouped.shape[:-2], m * x.shape[-1])


def smooth(objective: Objective, share: Weight, step: Array) -> Objective:
    """`objective` where data bear the label "data" by 1 - share, "sample" by share.

    Raises ConfigError for an objective without labels.
    """
    if objective.labels is None:
        raise ConfigError(
            "smoothed: this objective compares or scores and gives no image a label: use minimax, "
            "nonsaturating or least_squares, or leave smoothed out"
        )
    as_data, as_sample = objective.labels

    def mixed(logit):
        part = at(share, step)
        return (1 - part) * as_data(logit) + part * as_sample(logit)

    return objective._replace(
        critic=lambda real, fake, *memory: mixed(real) + as_sample(fake),
        labels=(mixed, as_sample),
    )


def best(losses: Array, logits: Array, share: Weight, step: Array) -> Array:
    """Losses of the `share` of samples with the highest logits, scaled so that their mean over the
    batch is the mean over those samples; the others' are 0 (Sinha et al. 2020, arXiv:2002.06224,
    Algorithm 1).
    """
    scores = logits.reshape(len(logits), -1).mean(axis=1)
    everyone = jnp.sort(collectives.gather(scores))
    n = len(everyone)
    k = jnp.clip(jnp.ceil(at(share, step) * n), 1, n)
    least = everyone[n - k.astype(jnp.int32)]
    kept = (scores >= least).reshape(-1, *(1,) * (losses.ndim - 1))
    return jnp.where(kept, losses, 0.0) * (n / k)


def _at_least(name: str, given: int, least: int) -> None:
    if given < least:
        raise ConfigError(f"{name}({given}): at least {least}; leave it out for none")


def _is_a_share(name: str, given: Weight) -> None:
    if isinstance(given, int | float) and not 0 < given <= 1:
        raise ConfigError(f"{name}({given}): it is a share, above 0 and at most 1")
