"""Classification accuracy: what a classifier trained on one labelled set makes of another."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax, random

from genlab import game
from genlab.data.columns import normalise
from genlab.data.sets.arrays import from_arrays
from genlab.data.sources import Source
from genlab.evaluation.parts import PerClass
from genlab.features.space import batched
from genlab.methods.classifier import Classifier, Logits
from genlab.runtime import compiler

CHUNK = 50  # rounds in one program, and batches that a streamed set sends at once
STATE, DATA = 0, 1  # what is folded into the seed's key


def classification_accuracy(
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    trunk: nn.Module,
    steps: int = 1000,
    batch_size: int = 128,
    seed: int = 0,
) -> PerClass:
    """Accuracy on the test set of a classifier trained on the other, 0 to 1: a float, with that of
    each class of the test set in `each`.

    Trained on samples and tested on real images it is the classification accuracy score (Ravuri &
    Vinyals 2019, arXiv:1905.10887) and the GAN-train of Shmelkov et al. 2018 (arXiv:1807.09499),
    which falls with fidelity and with diversity. The other way round
    it is their GAN-test, which falls with fidelity only. Report it with the accuracy of real on
    held-out real, with the trunk, the steps and the seed.

    Images are uint8 [N, H, W, C], labels integers from 0 up [N]; `trunk` is any `Down`, trained
    with Adam at 1e-3 for `steps` batches. Raises ValueError for test images and labels that do not
    fit, and ConfigError for training images and labels that do not.
    """
    train_images, train_labels = np.asarray(train_images), np.asarray(train_labels)
    test_images, test_labels = np.asarray(test_images), np.asarray(test_labels)
    fit = test_images.ndim == 4 and test_images.shape[1:] == train_images.shape[1:]
    if not fit or test_labels.shape != test_images.shape[:1] or not len(test_labels):
        raise ValueError(
            f"test images have shape {test_images.shape}, their labels {test_labels.shape}, and "
            f"training images {train_images.shape}; expected [M, H, W, C], [M] and [N, H, W, C] "
            "with one H, W and C: give images of one size, and a label for each"
        )
    if steps < 1 or batch_size < 1:
        raise ValueError(f"steps is {steps} and batch_size {batch_size}; expected at least 1")
    source = from_arrays(train_images, train_labels, seed=seed)
    classes = 1 + int(max(train_labels.max(), test_labels.max()))
    method = Classifier(Logits(trunk, classes))
    optim = {"classifier": optax.adam(1e-3)}
    params, stats = trained(method, optim, source, steps, batch_size, seed)

    @compiler.jit
    def guess(images: Array) -> dict[str, Array]:
        out = game.apply(method.net, "net", params, stats, normalise(images), train=False)
        (logits, _), _ = out
        return {"label": logits.argmax(-1)}

    right = batched(guess, test_images)["label"] == test_labels
    each = {int(k): float(right[test_labels == k].mean()) for k in np.unique(test_labels)}
    return PerClass(right.mean(), each)


def trained(
    method: Any, optim: dict, source: Source, steps: int, batch_size: int, seed: int
) -> tuple[dict, dict]:
    """(params, stats) of a game of one player after `steps` rounds on a set in memory."""
    key, rows = random.key(seed), jnp.arange(batch_size)
    data_key = random.fold_in(key, DATA)

    @partial(compiler.jit, static_argnums=2)
    def play(state: game.State, held: dict, rounds: int) -> game.State:
        def one(state, j):
            batch = source.batch(held, data_key, state.step, j, rows, batch_size)
            batches = jax.tree.map(lambda x: x[None], batch)
            return game.step(method, optim, {}, state, batches)[0], None

        return lax.scan(one, state, jnp.arange(rounds))[0]

    zero = jnp.zeros((), jnp.int32)
    held = jax.device_put(source.fetch("train", seed, 0, 1, batch_size))
    first = source.batch(held, data_key, zero, zero, rows, batch_size)
    state = game.init(method, optim, {}, random.fold_in(key, STATE), first)
    held = None
    for start in range(0, steps, CHUNK):
        rounds = min(CHUNK, steps - start)
        if held is None or not source.resident:
            held = jax.device_put(source.fetch("train", seed, start, rounds, batch_size))
        state = play(state, held, rounds)
    return state.params, state.stats
