"""Similarity of an image to a reference: MSE, PSNR, SSIM and MS-SSIM; and diversity of a set.

Every score takes the data range, 255 for uint8, 1 for [0, 1] and 2 for [-1, 1], and is the same for
the same images in any of these encodings; only SSIM, which compares intensities as ratios, refuses
those that go below 0. Results are per image, for the caller to average.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int, Real

SIGMA = 1.5  # pixels, of SSIM's Gaussian window
K1, K2 = 0.01, 0.03  # SSIM's constants, as shares of the data range
WIDE = 100  # from this data range on images are on a scale of 8 bits or more, not [0, 1]
WEIGHTS = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333  # of MS-SSIM's scales, finest first


class MultiScale(NamedTuple):
    """Result of `ms_ssim`, with the settings to report.

    values: of each image, 0 to 1
    scales: how many; 5 in the paper, fewer give another score
    window: side of the Gaussian window, pixels; likewise 11
    """

    values: Float[np.ndarray, " b"]
    scales: int
    window: int


class Diversity(NamedTuple):
    """Result of `diversity`: the lower the similarity, the more diverse the images.

    similarity: mean over all pairs
    by_class:   mean over the pairs of each class, in order of label; one entry where none are given
    pairs:      of each class
    """

    similarity: float
    by_class: Float[np.ndarray, " k"]
    pairs: int


def mse(
    image: Real[np.ndarray, "b h w c"], reference: Real[np.ndarray, "b h w c"], data_range: float
) -> Float[np.ndarray, " b"]:
    """Mean squared error of each image, as a share of the squared range (0 to 1).

    Takes two sets, both uint8 or both floating; multiply by `data_range` squared for the
    error in units of the input. Raises ValueError for unequal shapes or kinds, NaN or infinity, and
    a range that does not hold the reference or is that of another encoding.
    """
    image, reference = _pair(image, reference, data_range)
    return ((image - reference) ** 2).mean(axis=(1, 2, 3)) / data_range**2


def psnr(
    image: Real[np.ndarray, "b h w c"], reference: Real[np.ndarray, "b h w c"], data_range: float
) -> Float[np.ndarray, " b"]:
    """Peak signal-to-noise ratio of each image, 10 log10(data_range^2 / MSE) in decibels.

    Infinite for equal images. Raises ValueError as `mse` does.
    """
    with np.errstate(divide="ignore"):
        return -10.0 * np.log10(mse(image, reference, data_range))


def ssim(
    image: Real[np.ndarray, "b h w c"],
    reference: Real[np.ndarray, "b h w c"],
    data_range: float,
    window: int = 11,
) -> Float[np.ndarray, " b"]:
    """Structural similarity of each image, the mean over windows and channels, at most 1.

    Wang et al. 2004 (IEEE TIP 13(4)), equation 13 with their window, 11x11 Gaussian of sigma 1.5,
    K1 = 0.01, K2 = 0.03, on the windows that lie inside the image, with population covariances. A
    smaller odd `window` truncates the same Gaussian and gives another score: report it as such.
    Raises ValueError as `mse` does, for a window that does not fit, and for negative references.
    """
    return ssim_map(image, reference, data_range, window).mean(axis=(1, 2, 3))


def ssim_map(
    image: Real[np.ndarray, "b h w c"],
    reference: Real[np.ndarray, "b h w c"],
    data_range: float,
    window: int = 11,
) -> Float[np.ndarray, "b i j c"]:
    """`ssim` at each window inside the image, by the window's first pixel: window - 1 fewer a side.
    Raises ValueError as `ssim` does.
    """
    x, y = _intensities(image, reference, data_range)
    _check_window(window, x.shape)
    luminance, contrast = _compared(x, y, data_range, window)
    return luminance * contrast


def ms_ssim(
    image: Real[np.ndarray, "b h w c"],
    reference: Real[np.ndarray, "b h w c"],
    data_range: float,
    scales: int = 5,
    window: int = 11,
) -> MultiScale:
    """Multi-scale structural similarity of each image, 0 to 1.

    Wang, Simoncelli & Bovik 2003 (Asilomar): in each channel the product of the mean
    contrast and structure at every scale and of the mean SSIM at the coarsest, to the powers of
    their weights, on windows that lie inside the image; negative means count as 0. Each
    scale is the last one's means of 2x2 pixels; where a side is odd, the first row and column are
    doubled before. Images need (window - 1) 2^(scales - 1) + 1 pixels a side, 161. Smaller ones
    need fewer `scales`, whose weights are then divided by their sum: another score, so the result
    carries their number. Raises ValueError as `ssim` does, and for images too small.
    """
    x, y = _intensities(image, reference, data_range)
    _check_window(window, x.shape)
    _check_scales(scales, window, x.shape)
    weights = np.array(WEIGHTS[:scales])
    if scales < len(WEIGHTS):
        weights /= weights.sum()
    values = np.ones((x.shape[0], x.shape[3]))
    for scale, weight in enumerate(weights, 1):
        luminance, contrast = _compared(x, y, data_range, window)
        factor = luminance * contrast if scale == scales else contrast
        values *= np.maximum(factor.mean(axis=(1, 2)), 0) ** weight
        x, y = _halved(x), _halved(y)
    return MultiScale(values.mean(axis=1), scales, window)


def diversity(
    images: Real[np.ndarray, "n h w c"],
    similarity: Callable[
        [Real[np.ndarray, "b h w c"], Real[np.ndarray, "b h w c"]], Float[np.ndarray, " b"]
    ],
    labels: Int[np.ndarray, " n"] | None = None,
    pairs: int = 100,
    seed: int = 0,
) -> Diversity:
    """Mean similarity of random pairs of `images`, within classes where `labels` are
    given.

    Odena et al. 2017 (arXiv:1610.09585): MS-SSIM of 100 pairs of each class, to be
    compared with that of real images: a class whose samples are more alike has collapsed.
    `similarity` is, for example, `lambda a, b: ms_ssim(a, b,
    255).values`. The two of a pair are different images; pairs may repeat. Raises ValueError
    for labels of another length, fewer than 2 images of a class, and no pairs.
    """
    images = np.asarray(images)
    labels = np.zeros(len(images), np.int64) if labels is None else np.asarray(labels)
    if labels.shape != images.shape[:1] or pairs < 1:
        raise ValueError(
            f"labels have shape {labels.shape} for {len(images)} images, and pairs is {pairs}; "
            "expected a label for each image and at least 1 pair"
        )
    random, found = np.random.default_rng(seed), []
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        if len(members) < 2:
            raise ValueError(
                f"class {label} has 1 image; expected at least 2 to compare: give more samples, or "
                "leave the class out"
            )
        first = random.integers(len(members), size=pairs)
        second = (first + random.integers(1, len(members), size=pairs)) % len(members)
        sliced = [slice(at, at + 16) for at in range(0, pairs, 16)]  # bounds what is held at once
        parts = [similarity(images[members[first[s]]], images[members[second[s]]]) for s in sliced]
        found.append(np.concatenate(parts).mean())
    return Diversity(float(np.mean(found)), np.array(found), pairs)


def _compared(
    x: Float[np.ndarray, "b h w c"], y: Float[np.ndarray, "b h w c"], data_range: float, window: int
) -> tuple[Float[np.ndarray, "b i j c"], Float[np.ndarray, "b i j c"]]:
    """SSIM's two factors at each window: luminance, and contrast with structure (Wang et al. 2004,
    equations 6 and 13).
    """
    mean_x, mean_y = _blurred(x, window), _blurred(y, window)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    variances = _blurred(x * x, window) - mean_x**2 + _blurred(y * y, window) - mean_y**2
    covariance = _blurred(x * y, window) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _halved(x: Float[np.ndarray, "b h w c"]) -> Float[np.ndarray, "b i j c"]:
    odd = max(x.shape[1] % 2, x.shape[2] % 2)
    x = np.pad(x, ((0, 0), (odd, 0), (odd, 0), (0, 0)), mode="edge")
    b, h, w, c = x.shape
    x = x[:, : h - h % 2, : w - w % 2]
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


def _blurred(x: Float[np.ndarray, "b h w c"], window: int) -> Float[np.ndarray, "b i j c"]:
    """Gaussian means over the windows inside the image, window - 1 fewer a side."""
    radius = window // 2
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SIGMA) ** 2)
    kernel /= kernel.sum()
    x = scipy.ndimage.correlate1d(x, kernel, axis=1)[:, radius : x.shape[1] - radius]
    return scipy.ndimage.correlate1d(x, kernel, axis=2)[:, :, radius : x.shape[2] - radius]


def _check_window(window: int, shape: tuple[int, ...]) -> None:
    side = min(shape[1:3])
    if window % 2 == 1 and 3 <= window <= side:
        return
    largest = side - 1 + side % 2
    advice = f"give window={min(largest, 7)}" if largest >= 3 else "enlarge the images"
    raise ValueError(
        f"the window is {window} and the images {shape[1]}x{shape[2]}; expected an odd window "
        f"from 3 to {largest}: {advice}, and report it with the score"
    )


def _check_scales(scales: int, window: int, shape: tuple[int, ...]) -> None:
    side = min(shape[1:3])
    most = int(np.log2((side - 1) / (window - 1))) + 1
    if 1 <= scales <= min(most, len(WEIGHTS)):
        return
    raise ValueError(
        f"scales is {scales} and the images are {shape[1]}x{shape[2]}; expected from 1 to "
        f"{len(WEIGHTS)} scales, and {(window - 1) * 2 ** (max(scales, 1) - 1) + 1} pixels a side "
        f"for so many: give scales={min(most, len(WEIGHTS))}, and report it with the score"
    )


def _intensities(
    image: Real[np.ndarray, "b h w c"], reference: Real[np.ndarray, "b h w c"], data_range: float
) -> tuple[Float[np.ndarray, "b h w c"], Float[np.ndarray, "b h w c"]]:
    """As `_pair`, of references that do not go below 0."""
    x, y = _pair(image, reference, data_range)
    if y.min() < 0:
        raise ValueError(
            f"references go down to {y.min():.6g}; SSIM expects intensities from 0 up: map [-1, 1] "
            "to [0, 1] with data_range=1, or to uint8 with 255"
        )
    return x, y


def _pair(
    image: Real[np.ndarray, "b h w c"], reference: Real[np.ndarray, "b h w c"], data_range: float
) -> tuple[Float[np.ndarray, "b h w c"], Float[np.ndarray, "b h w c"]]:
    """Both in float64, checked to be images of one shape, encoding and range."""
    image, reference = np.asarray(image), np.asarray(reference)
    if image.shape != reference.shape or image.ndim != 4 or 0 in image.shape:
        raise ValueError(
            f"images have shape {image.shape} and references {reference.shape}; expected two equal "
            "[B, H, W, C]: give a single image a leading axis, a grey one a last axis"
        )
    if _encoding(image) != _encoding(reference):
        raise ValueError(
            f"images are {image.dtype} and references {reference.dtype}; expected both uint8 or "
            "both floating: bring both to one encoding"
        )
    whole = image.dtype == np.uint8
    image, reference = image.astype(np.float64), reference.astype(np.float64)
    if not np.isfinite(image).all() or not np.isfinite(reference).all():
        raise ValueError(
            "images or references hold NaN or infinity; expected finite numbers: look at the model"
        )
    span = max(image.max(), reference.max()) if whole else np.ptp(reference)
    if not 0 < data_range < np.inf or span > data_range * (1 + 1e-6):
        found = f"the uint8 images reach {span:g}" if whole else f"the references span {span:.6g}"
        raise ValueError(
            f"data_range is {data_range} and {found}; expected a range that "
            "holds them: 255 for uint8, 1 for [0, 1], 2 for [-1, 1]"
        )
    if data_range >= WIDE and _fractions(reference):
        low, high = reference.min(), reference.max()
        raise ValueError(
            f"data_range is {data_range} and the references are fractions from {low:.6g} to "
            f"{high:.6g}; expected the range of their encoding: 1 for [0, 1], 2 for [-1, 1], 255 "
            "for [0, 255]"
        )
    return image, reference


def _fractions(reference: Float[np.ndarray, "b h w c"]) -> bool:
    """Whether all numbers are in [-1, 1] and not all of them are whole, as in a black image of 8
    bits.
    """
    return bool(np.abs(reference).max() <= 1 and (reference % 1 != 0).any())


def _encoding(image: np.ndarray) -> str:
    if image.dtype == np.uint8:
        return "uint8"
    if np.issubdtype(image.dtype, np.floating):
        return "floating"
    raise ValueError(
        f"images are {image.dtype}; expected uint8 or floating numbers: convert them first"
    )
