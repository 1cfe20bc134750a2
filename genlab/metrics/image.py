"""How near an image is to a reference, pixel by pixel and window by window.

Every score takes the data range, 255 for uint8, 1 for [0, 1] and 2 for [-1, 1], and is the same for
the same images in any of these encodings; only SSIM, which compares intensities as ratios, refuses
those that go below 0. Results are per image, [B], for the caller to average.
"""

import numpy as np
from scipy.ndimage import correlate1d

SIGMA = 1.5  # pixels, of SSIM's Gaussian window
K1, K2 = 0.01, 0.03  # SSIM's constants, as shares of the data range


def mse(image: np.ndarray, reference: np.ndarray, data_range: float) -> np.ndarray:
    """Mean squared error of each image, as a share of the squared range (0 to 1), [B].

    Takes two [B, H, W, C], both uint8 or both floating; multiply by `data_range` squared for the
    error in units of the input. Raises ValueError for unlike shapes or kinds, NaN or infinity, and
    a range that does not hold the reference.
    """
    image, reference = _pair(image, reference, data_range)
    return ((image - reference) ** 2).mean(axis=(1, 2, 3)) / data_range**2


def psnr(image: np.ndarray, reference: np.ndarray, data_range: float) -> np.ndarray:
    """Peak signal-to-noise ratio of each image, 10 log10(data_range^2 / MSE) in decibels, [B].

    Infinite for equal images. Raises ValueError as `mse` does.
    """
    with np.errstate(divide="ignore"):
        return -10.0 * np.log10(mse(image, reference, data_range))


def ssim(
    image: np.ndarray, reference: np.ndarray, data_range: float, window: int = 11
) -> np.ndarray:
    """Structural similarity of each image, the mean over windows and channels, at most 1, [B].

    Wang et al. 2004 (IEEE TIP 13(4)), equation 13 with their window, 11x11 Gaussian of sigma 1.5,
    K1 = 0.01, K2 = 0.03, on the windows that lie inside the image, with population covariances. A
    smaller odd `window` cuts the same Gaussian shorter and is another score: report it as such.
    Raises ValueError as `mse` does, for a window that does not fit, and for negative references.
    """
    x, y = _pair(image, reference, data_range)
    _check_window(window, x.shape)
    if y.min() < 0:
        raise ValueError(
            f"references go down to {y.min():.6g}; SSIM expects intensities from 0 up: map [-1, 1] "
            "to [0, 1] with data_range=1, or to uint8 with 255"
        )

    def blur(v):
        return _blurred(v, window)

    mean_x, mean_y = blur(x), blur(y)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    variances = blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (luminance * (2 * covariance + c2) / (variances + c2)).mean(axis=(1, 2, 3))


def _blurred(x: np.ndarray, window: int) -> np.ndarray:
    """Gaussian means over the windows inside the image, [B, H - window + 1, W - window + 1, C]."""
    radius = window // 2
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SIGMA) ** 2)
    kernel /= kernel.sum()
    x = correlate1d(x, kernel, axis=1)[:, radius : x.shape[1] - radius]
    return correlate1d(x, kernel, axis=2)[:, :, radius : x.shape[2] - radius]


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


def _pair(image, reference, data_range: float) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64, once they are sure to be images of one shape, encoding and range."""
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
    image, reference = image.astype(np.float64), reference.astype(np.float64)
    if not np.isfinite(image).all() or not np.isfinite(reference).all():
        raise ValueError(
            "images or references hold NaN or infinity; expected finite numbers: look at the model"
        )
    span = np.ptp(reference)
    if not data_range > 0 or span > data_range * (1 + 1e-6):
        raise ValueError(
            f"data_range is {data_range} and the references span {span:.6g}; expected a range that "
            "holds them: 255 for uint8, 1 for [0, 1], 2 for [-1, 1]"
        )
    return image, reference


def _encoding(image: np.ndarray) -> str:
    if image.dtype == np.uint8:
        return "uint8"
    if np.issubdtype(image.dtype, np.floating):
        return "floating"
    raise ValueError(
        f"images are {image.dtype}; expected uint8 or floating numbers: convert them first"
    )
