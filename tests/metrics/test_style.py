"""Distances of style transfer, longhand and by their identities."""

import numpy as np
import pytest

from genlab.metrics.style import content_distance, gram, gram_distance

RNG = np.random.default_rng(0)
A, B = ([RNG.normal(size=(2, 4, 3, 5)), RNG.normal(size=(2, 2, 2, 7))] for _ in range(2))


def test_a_gram_matrix_is_of_channels_over_positions():
    for maps in A:
        for found, one in zip(gram(maps), maps, strict=True):
            rows = one.reshape(-1, one.shape[-1])
            np.testing.assert_allclose(found, rows.T @ rows / rows.size, rtol=1e-12)


def test_distances_are_sums_over_layers():
    style = sum(((gram(x) - gram(y)) ** 2).sum((1, 2)) for x, y in zip(A, B, strict=True))
    np.testing.assert_allclose(gram_distance(A, B), style)
    content = [sum(((x[i] - y[i]) ** 2).mean() for x, y in zip(A, B, strict=True)) for i in (0, 1)]
    np.testing.assert_allclose(content_distance(A, B), content)


def test_style_does_not_know_places_and_content_does():
    moved = [np.flip(x, (1, 2)).copy() for x in A]
    np.testing.assert_allclose(gram_distance(A, moved), 0, atol=1e-12)
    assert (content_distance(A, moved) > 0.1).all() and (content_distance(A, A) == 0).all()
    larger = [x.repeat(2, 1) for x in A]  # every position twice: the same statistics
    np.testing.assert_allclose(gram_distance(A, larger), 0, atol=1e-12)
    with pytest.raises(ValueError, match="of the same shape"):
        content_distance(A, larger)
    with pytest.raises(ValueError, match="count and channels"):
        gram_distance(A, B[:1])


def test_the_losses_of_training_are_the_same_distances():
    from genlab.losses import features

    np.testing.assert_allclose(features.gram(A, B), gram_distance(A, B), rtol=1e-5)
    np.testing.assert_allclose(features.content(A, B), content_distance(A, B), rtol=1e-5)
