"""Recalibration of BatchNorm: its statistics taken anew for the weights that are evaluated."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.game import State
from genlab.game.abilities import Recalibrates
from genlab.runtime import compiler
from genlab.sampling.conditions import loaded, spread
from genlab.sampling.sampler import part

STREAM = 80  # latents of recalibration, apart from training's and evaluation's


def evaluation_variables(experiment, state: State) -> tuple[dict, dict]:
    """(params, stats) to sample and score: the moving averages where there are any, with BatchNorm
    recalibrated where `experiment.recalibrate` asks for it.
    """
    params, stats = jax.tree.map(np.asarray, state.averaged)
    method, source = experiment.method, experiment.data
    return params, as_evaluated(experiment, method, source, params, stats)


def as_evaluated(settings, method: Any, source, params: dict, stats: dict) -> dict:
    """`stats`, recalibrated where `settings`, an experiment or its config, asks for it: by its
    fields `recalibrate`, `batch_size` and `seed`. Of `source` it needs the columns.
    """
    batches, size = settings.recalibrate, settings.batch_size
    if not batches:
        return stats
    key = random.fold_in(random.key(settings.seed), STREAM)
    cond = loaded(source, spread(method, source, batches * size))
    return recalibrated(method, params, stats, key, batches, size, cond)


def recalibrated(
    method: Recalibrates,
    params: dict,
    stats: dict,
    key: Array,
    batches: int,
    size: int,
    cond: Mapping[str, Array] | None = None,
) -> dict:
    """`stats` with every running mean and variance replaced by its mean over `batches` batches of
    `size` samples (standing statistics: Brock et al. 2019, arXiv:1809.11096, Section 4.2); `cond`
    is the conditions of all of them, batch after batch.

    The method's `update_stats` runs its generator in training mode.
    """
    running = {n: s["batch_stats"] for n, s in stats.items() if "batch_stats" in s}

    @compiler.jit
    def seen(key, cond):
        """One batch's own statistics b: a running one goes from r to m r + (1 - m) b."""

        def after(r):
            here = {n: {**s, "batch_stats": r[n]} if n in r else s for n, s in stats.items()}
            updated = method.update_stats(params, here, key, size, cond)
            return {n: s["batch_stats"] for n, s in updated.items() if "batch_stats" in s}

        zeros, ones = (jax.tree.map(fill, running) for fill in (jnp.zeros_like, jnp.ones_like))
        at_zero, momentum = jax.jvp(after, (zeros,), (ones,))
        return jax.tree.map(lambda b, m: b / (1 - m), at_zero, momentum)

    found = [
        seen(random.fold_in(key, number), part(cond, slice(number * size, (number + 1) * size)))
        for number in range(batches)
    ]
    means = jax.tree.map(lambda *each: np.mean(each, axis=0), *found)
    return {n: {**s, "batch_stats": means[n]} if n in means else s for n, s in stats.items()}
