"""Losses between pictures, and between their features, against NumPy in float64."""

import jax
import numpy as np
import pytest

from genlab.config import ConfigError
from genlab.losses import features, pictures

RNG = np.random.default_rng(0)
A, B = RNG.uniform(-1, 1, (2, 3, 4, 5, 2))
MAPS = [RNG.normal(size=(2, 3, *shape)) for shape in ((4, 4, 2), (2, 2, 5))]
OUTPUT, TARGET = ([m[i] for m in MAPS] for i in (0, 1))


def content(power):
    """Over layers, the sum of the means of |difference|^power."""
    found = [np.abs(a - b) ** power for a, b in zip(OUTPUT, TARGET, strict=True)]
    return sum(f.reshape(3, -1).mean(1) for f in found)


def gram():
    """Channel by channel, as the paper writes it."""
    total = np.zeros(3)
    for a, b in zip(OUTPUT, TARGET, strict=True):
        for n in range(3):
            for i in range(a.shape[-1]):
                for j in range(a.shape[-1]):
                    of = [(m[n, :, :, i] * m[n, :, :, j]).sum() / m[n].size for m in (a, b)]
                    total[n] += (of[0] - of[1]) ** 2
    return total


ORACLES = {
    pictures.l1: lambda: np.array(
        [np.abs(a - b).sum() / a.size for a, b in zip(A, B, strict=True)]
    ),
    pictures.l2: lambda: np.array([((a - b) ** 2).sum() / 40 for a, b in zip(A, B, strict=True)]),
    features.content: lambda: content(2),
    features.content_l1: lambda: content(1),
    features.gram: gram,
}


@pytest.mark.parametrize("loss", ORACLES, ids=lambda loss: loss.__name__)
def test_a_loss_of_two_pictures_is_that_of_its_equation(loss):
    seen = (A, B) if loss.__module__ == pictures.__name__ else (OUTPUT, TARGET)
    seen = jax.tree.map(np.float32, seen)
    np.testing.assert_allclose(jax.jit(loss)(*seen), ORACLES[loss](), rtol=2e-5)
    np.testing.assert_array_equal(loss(seen[0], seen[0]), np.zeros(3))


def test_features_of_unlike_networks_are_refused():
    with pytest.raises(ConfigError, match="of 2 and of 1 layers"):
        features.content(OUTPUT, TARGET[:1])
