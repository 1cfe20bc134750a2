"""Spaces without weights: pixels, and a random network that is the same everywhere."""

import numpy as np
import pytest

from genlab.config import ConfigError
from genlab.features.plain import Pixels, RandomConv
from genlab.metrics.frechet import frechet_distance

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 10, 9, 3), np.uint8)


def by_hand(images: np.ndarray, kernels: list[np.ndarray]) -> np.ndarray:
    """The network in loops, float64; an odd pixel of padding goes behind, as in TensorFlow."""
    x = images / 127.5 - 1
    for kernel in kernels:
        out = [-(-n // 2) for n in x.shape[1:3]]
        short = [max((m - 1) * 2 + 3 - n, 0) for m, n in zip(out, x.shape[1:3], strict=True)]
        x = np.pad(x, [(0, 0), *((s // 2, s - s // 2) for s in short), (0, 0)])
        y = np.empty((len(x), *out, kernel.shape[-1]))
        for i in range(out[0]):
            for j in range(out[1]):
                window = x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
                y[:, i, j] = np.einsum("nhwc,hwco->no", window, kernel.astype(np.float64))
        x = np.maximum(y, 0)
    return x.mean((1, 2))


def test_pixels_are_themselves():
    found = Pixels().space({}, None)
    np.testing.assert_array_equal(
        found.extract(IMAGES), IMAGES.reshape(6, -1).astype(float) / 127.5 - 1
    )


def test_random_conv_is_the_network_it_says():
    net = RandomConv(width=8)
    found = net.space(None, None).extract(IMAGES)
    assert found.shape == (6, 8) and found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand(IMAGES, net.kernels()), rtol=1e-4, atol=1e-5)


def test_random_conv_is_the_same_everywhere():
    """If this hash changes, every distance in this space does."""
    assert RandomConv().space(None, None).protocol == {
        "features": "random-conv",
        "features_seed": 0,
        "features_sha256": "398c63b0871dbc6d5540c73b875608e23bc9a3a53e165fe48223c90f4794b701",
    }
    other = RandomConv(seed=1).space(None, None).protocol
    assert other["features_seed"] == 1 and other["features_sha256"][:4] != "398c"


def test_weights_are_hes_normal():
    """Variance 2 / fan-in, so that the signal is as strong after three layers as before."""
    for kernel in RandomConv(width=64).kernels()[1:]:
        assert kernel.var() == pytest.approx(2 / (9 * 64), rel=0.03)


def test_greyscale_is_colour_repeated():
    space = RandomConv(width=8).space(None, None)
    grey = IMAGES[..., :1]
    np.testing.assert_array_equal(space.extract(grey), space.extract(np.repeat(grey, 3, -1)))


def test_it_tells_noisier_images_from_less_noisy_ones():
    base = RNG.integers(60, 200, (400, 8, 8, 1))
    space = RandomConv(width=8).space(None, None)

    def noisy(sigma: float) -> np.ndarray:
        noise = sigma * RNG.standard_normal(base.shape)
        return space.extract(np.clip(base + noise, 0, 255).astype(np.uint8))

    clean = space.extract(base.astype(np.uint8))
    distances = [frechet_distance(clean, noisy(sigma)) for sigma in (5, 20, 60)]
    assert distances == sorted(distances) and distances[-1] > 10 * distances[0]


def test_what_is_refused():
    space = RandomConv(width=8).space(None, None)
    with pytest.raises(ValueError, match=r"images of 7 x 8: .* at least 8 x 8"):
        space.extract(np.zeros((2, 7, 8, 1), np.uint8))
    for dtype in (np.float64, np.int64):  # the type that was given, which JAX would narrow
        advice = rf"images are {np.dtype(dtype)}, .*\[-1, 1\], with x \* 255 .* from \[0, 1\]"
        for one in (space, Pixels().space({}, None)):
            with pytest.raises(ValueError, match=advice):
                one.extract(np.zeros((2, 8, 8, 1), dtype))
    with pytest.raises(ConfigError, match="width=0"):
        RandomConv(width=0)
