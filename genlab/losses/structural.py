"""SSIM and MS-SSIM as losses between two pictures in [-1, 1], each `(output, target, key)` -> " b".

Both compare intensities as ratios and are taken of (x + 1) / 2, in [0, 1]. As scores of pictures as
they are stored they are `metrics.image`'s, which this room does not know.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError

Pictures = Float[Array, "b h w c"]

SIGMA = 1.5  # pixels, of the Gaussian window (Wang et al. 2004, Section III.B)
K1, K2 = 0.01, 0.03  # shares of the range of intensities, 1
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
LEAST = 1e-4  # of a scale's factor, below which a power's slope would have no bound


def ssim(
    output: Pictures, target: Pictures, key: Array | None = None, window: int = 11
) -> Float[Array, " b"]:
    """1 - SSIM, the mean over windows inside the picture and over channels (Wang et al. 2004, IEEE
    TIP 13(4), Eq. 13; as a loss Zhao et al. 2017, arXiv:1511.08861).

    window: side of the Gaussian window of sigma 1.5, odd; ConfigError where it does not fit
    """
    _check(window, output.shape)
    luminance, contrast = _compared((output + 1) / 2, (target + 1) / 2, window)
    return 1 - (luminance * contrast).mean((1, 2, 3))


def ms_ssim(
    output: Pictures,
    target: Pictures,
    key: Array | None = None,
    window: int = 11,
    scales: int | None = None,
) -> Float[Array, " b"]:
    """1 - MS-SSIM: the contrast and structure of each scale and the luminance of the coarsest, to
    the powers of their weights, the mean over channels (Wang, Simoncelli & Bovik 2003; as a loss
    Zhao et al. 2017, arXiv:1511.08861).

    scales: each half as fine as the one before; None for as many as the picture has room for, at
            most the paper's 5, whose weights are divided by their sum; ConfigError for more
    """
    _check(window, output.shape)
    most = int(math.log2((min(output.shape[1:3]) - 1) / (window - 1))) + 1
    scales = min(most, len(WEIGHTS)) if scales is None else scales
    if not 1 <= scales <= min(most, len(WEIGHTS)):
        raise ConfigError(
            f"ms_ssim(scales={scales}, window={window}) of pictures of {output.shape[1]}x"
            f"{output.shape[2]}: set scales to 1 .. {min(most, len(WEIGHTS))}"
        )
    x, y, value = (output + 1) / 2, (target + 1) / 2, 1.0
    for scale, weight in enumerate(WEIGHTS[:scales], start=1):
        luminance, contrast = _compared(x, y, window)
        factor = luminance * contrast if scale == scales else contrast
        kept = jnp.maximum(factor.mean((1, 2)), LEAST)
        value = value * kept ** (weight / sum(WEIGHTS[:scales]))
        x, y = _halved(x), _halved(y)
    return 1 - jnp.asarray(value).mean(-1)


def _compared(x: Pictures, y: Pictures, window: int) -> tuple[Pictures, Pictures]:
    """Luminance, and contrast with structure, at each window."""
    mean_x, mean_y = _blurred(x, window), _blurred(y, window)
    c1, c2 = K1**2, K2**2
    variances = _blurred(x * x, window) - mean_x**2 + _blurred(y * y, window) - mean_y**2
    covariance = _blurred(x * y, window) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _blurred(x: Pictures, window: int) -> Pictures:
    """Gaussian means; as two products, which are faster than convolutions of each channel."""
    rows, columns = (_means(side, window) for side in x.shape[1:3])
    return jnp.einsum("ih,bhwc,jw->bijc", rows, x, columns, precision="highest")


def _means(side: int, window: int) -> Float[np.ndarray, "side-window+1 side"]:
    """The matrix that takes the Gaussian mean of each window along an axis."""
    taps = np.exp(-0.5 * (np.arange(-(window // 2), window // 2 + 1) / SIGMA) ** 2)
    places = np.arange(side - window + 1)
    matrix = np.zeros((len(places), side), np.float32)
    for i, tap in enumerate(taps / taps.sum()):
        matrix[places, places + i] = tap
    return matrix


def _halved(x: Pictures) -> Pictures:
    """Means over 2x2, the first row and column twice where a side is odd."""
    odd = max(x.shape[1] % 2, x.shape[2] % 2)
    x = jnp.pad(x, ((0, 0), (odd, 0), (odd, 0), (0, 0)), mode="edge")
    b, h, w, c = x.shape
    return x[:, : h - h % 2, : w - w % 2].reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


def _check(window: int, shape: tuple[int, ...]) -> None:
    if len(shape) != 4:
        raise ConfigError(f"SSIM is of pictures, and these data are {shape[1:]}: give l1 or l2")
    side = min(shape[1:3])
    if window % 2 and 3 <= window <= side:
        return
    raise ConfigError(
        f"the window of SSIM is {window} and the pictures are {shape[1]}x{shape[2]}: set window to "
        f"an odd number from 3 to {side - 1 + side % 2}"
    )
