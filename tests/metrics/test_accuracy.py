"""Classification accuracy on classes that are bright on one side: linearly separable."""

import numpy as np
import pytest

from genlab.config import ConfigError
from genlab.evaluation import accuracy
from genlab.evaluation.accuracy import classification_accuracy
from genlab.nets import mlp

TRUNK = mlp.Down((8,))


def halves(n, seed, classes=2):
    """Class c of an 8x8 image: rows from 8 c / classes on are bright, over noise."""
    rng = np.random.default_rng(seed)
    label = rng.integers(classes, size=n)
    image = rng.integers(0, 90, size=(n, 8, 8, 1))
    for i, c in enumerate(label):
        image[i, 8 * c // classes : 8 * (c + 1) // classes] += 150
    return image.astype(np.uint8), label


def test_separable_classes_are_learnt_and_wrong_labels_are_learnt_too(monkeypatch):
    """On either side, a quarter of the test labels flipped, or all of the training set's."""
    monkeypatch.setattr(accuracy, "CHUNK", 20)
    (image, label), (test, truth) = halves(200, 0), halves(100, 1)
    told = {"trunk": mlp.Down((8,)), "steps": 40, "batch_size": 32}
    flipped = np.where(np.arange(100) < 25, 1 - truth, truth)
    found = classification_accuracy(image, label, test, flipped, **told)
    right = flipped == truth
    assert found == 0.75 and found.each == {k: right[flipped == k].mean() for k in (0, 1)}
    assert classification_accuracy(image, 1 - label, test, truth, **told) == 0


X, Y = halves(20, 0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: classification_accuracy(X, Y, X[:, :4], Y, TRUNK), ValueError, r"\(20, 4, 8, 1\)"),
        (lambda: classification_accuracy(X, Y, X, Y[1:], TRUNK), ValueError, "a label for each"),
        (lambda: classification_accuracy(X, Y, X, Y, TRUNK, steps=0), ValueError, "steps is 0"),
        (lambda: classification_accuracy(X / 255, Y, X, Y, TRUNK), ConfigError, "must be uint8"),
    ],
)
def test_refuses_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
