"""Scores of pictures without a known answer: by loops, by SciPy, and what they measure."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from genlab.metrics.no_reference import (
    colour_difference,
    contrast,
    histogram_difference,
    noise,
    sharpness,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 7, 9, 3), dtype=np.uint8)
OTHERS = RNG.integers(30, 200, (2, 5, 6, 3), dtype=np.uint8)


def filtered(plane, weights):
    """Of each pixel with eight neighbours the weighted sum over them and itself, by loops."""
    return np.array([
        [sum(weights[a][b] * float(plane[i + a][j + b]) for a in range(3) for b in range(3))
         for j in range(len(plane[0]) - 2)]
        for i in range(len(plane) - 2)
    ])  # fmt: skip


def grey(image):
    return 0.299 * image[..., 0] + 0.587 * image[..., 1] + 0.114 * image[..., 2]


def test_sharpness_is_the_variance_of_the_laplacian_and_contrast_the_deviation():
    laplacian = ((0, 1, 0), (1, -4, 1), (0, 1, 0))
    wanted = [np.var(filtered(grey(x), laplacian)) for x in IMAGES]
    np.testing.assert_allclose(sharpness(IMAGES), wanted, rtol=1e-9)
    np.testing.assert_allclose(contrast(IMAGES), [np.std(grey(x)) for x in IMAGES], rtol=1e-9)
    np.testing.assert_allclose(sharpness(IMAGES[..., :1].repeat(3, -1)), sharpness(IMAGES[..., :1]))
    blurred = scipy.ndimage.gaussian_filter(IMAGES.astype(float), (0, 1, 1, 0))
    assert (sharpness(blurred) < sharpness(IMAGES) / 10).all()
    plane = np.add.outer(np.arange(7.0), 3 * np.arange(9.0))[None, ..., None]
    assert sharpness(plane) == pytest.approx(0, abs=1e-20)
    assert np.isnan(sharpness(IMAGES[:, :2])).all() and np.isnan(noise(IMAGES[:, :, :2])).all()


def test_noise_is_immerkaers_estimate_and_near_the_deviation_that_was_added():
    weights = ((1, -2, 1), (-2, 4, -2), (1, -2, 1))
    wanted = [
        np.mean([np.sqrt(np.pi / 2) * np.abs(filtered(x[..., c], weights)).sum() / (6 * 7 * 5)
                 for c in range(3)])
        for x in IMAGES
    ]  # fmt: skip
    np.testing.assert_allclose(noise(IMAGES), wanted, rtol=1e-9)
    flat = np.add.outer(np.linspace(0, 90, 64), np.linspace(0, 120, 64))[None, ..., None]
    noisy = flat + RNG.normal(0, 8, (1, 64, 64, 3))
    assert noise(noisy) == pytest.approx(8, rel=0.05) and noise(flat) == pytest.approx(0, abs=1e-9)


def test_colours_are_compared_by_their_moments_and_by_their_distribution():
    wanted = [
        np.sqrt(np.mean([(a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2
                         for a, b in zip(x.T, y.T, strict=True)]))
        for x, y in zip(IMAGES, OTHERS, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(colour_difference(IMAGES, OTHERS), wanted, rtol=1e-12)
    wanted = [
        np.mean([scipy.stats.wasserstein_distance(x[..., c].ravel(), y[..., c].ravel())
                 for c in range(3)])
        for x, y in zip(IMAGES, OTHERS, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(histogram_difference(IMAGES, OTHERS), wanted, rtol=1e-9)
    turned = IMAGES[:, ::-1, ::-1]
    for of in (colour_difference, histogram_difference):
        np.testing.assert_allclose(of(IMAGES, turned), 0, atol=1e-9)
        np.testing.assert_allclose(of(IMAGES.astype(float) + 3, IMAGES), 3, rtol=1e-9)
        with pytest.raises(ValueError, match="as many channels"):
            of(IMAGES, IMAGES[..., :1])
    with pytest.raises(ValueError, match="1 or 3"):
        contrast(IMAGES[..., :2])
