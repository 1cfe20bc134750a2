"""Standing statistics: BatchNorm's running ones, taken anew for the weights that are shown."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.experiment import Experiment
from genlab.game import Method, State

STREAM = 80  # latents of standing statistics, apart from training's and evaluation's


def shown(experiment: Experiment, state: State) -> tuple[dict, dict]:
    """(params, stats) to sample and to judge: the moving averages where there are any, with
    standing statistics where `experiment.standing` asks for them.
    """
    params, stats = jax.tree.map(np.asarray, state.averaged)
    if not experiment.standing:
        return params, stats
    key = random.fold_in(random.key(experiment.seed), STREAM)
    size = experiment.batch_size
    return params, standing(experiment.method, params, stats, key, experiment.standing, size)


def standing(
    method: Method, params: dict, stats: dict, key: Array, batches: int, size: int
) -> dict:
    """`stats` with every running mean and variance replaced by its mean over `batches` batches of
    `size` samples (standing statistics: Brock et al. 2019, arXiv:1809.11096, Section 4.2).

    Raises ConfigError for a method whose generator cannot be run in training mode (`settle`).
    """
    if not hasattr(method, "settle"):
        raise ConfigError(f"standing={batches}: {type(method).__name__} has no `settle`; set it 0")

    @jax.jit
    def seen(key):
        """One batch's own statistics b: a running one goes from r to m r + (1 - m) b."""
        zero, one = (
            _running(method.settle(params, _filled(stats, value), key, size)) for value in (0, 1)
        )
        return jax.tree.map(lambda low, high: low / (1 - (high - low)), zero, one)

    found = [seen(random.fold_in(key, number)) for number in range(batches)]
    means = jax.tree.map(lambda *each: np.mean(each, axis=0), *found)
    return {n: {**s, "batch_stats": means[n]} if n in means else s for n, s in stats.items()}


def _running(stats: dict) -> dict:
    return {n: s["batch_stats"] for n, s in stats.items() if "batch_stats" in s}


def _filled(stats: dict, value: float) -> dict:
    def full(leaf):
        return jnp.full_like(leaf, value)

    running = jax.tree.map(full, _running(stats))
    return {n: {**s, "batch_stats": running[n]} if n in running else s for n, s in stats.items()}
