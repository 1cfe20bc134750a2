"""Scores of pictures without a known answer: sharpness, noise, contrast, and how far colours are
from those of another picture. None of them says that a picture is good: noise is sharp.

Pictures are [B, H, W, 1 or 3] in levels of 0 to 255, of integers or floating.
"""

from collections.abc import Callable

import numpy as np
import scipy
from jaxtyping import Float, Real

from genlab.metrics.restoration import luma

LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float64)
DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float64)  # of two Laplacians
Images = Real[np.ndarray, "b h w c"]


def sharpness(images: Images) -> Float[np.ndarray, " b"]:
    """Variance of the Laplacian of luma, of four neighbours, inside the picture (Pech-Pacheco et
    al. 2000), in squared levels. Noise counts as sharp. NaN below 3x3 pixels.
    """
    return _inside(_luma(images), LAPLACIAN, np.var)


def noise(images: Images) -> Float[np.ndarray, " b"]:
    """Standard deviation of white Gaussian noise, in levels: sqrt(pi / 2) / 6 of the mean absolute
    difference of two Laplacians inside the picture (Immerkær 1996), the mean over channels. Fine
    texture counts as noise. NaN below 3x3 pixels.
    """
    found = [_inside(_float(images)[..., c], DIFFERENCE, _deviation) for c in _channels(images)]
    return np.mean(found, axis=0)


def contrast(images: Images) -> Float[np.ndarray, " b"]:
    """Standard deviation of luma, in levels: RMS contrast (Peli 1990)."""
    return _luma(images).std((1, 2))


def colour_difference(images: Images, others: Images) -> Float[np.ndarray, " b"]:
    """sqrt of the mean over channels of (difference of means)^2 + (difference of standard
    deviations)^2, in levels: what `match:mean` makes 0. Sizes may differ; ValueError for unlike
    counts or channels.
    """
    _check(images, others)
    mean, spread = (f(_float(images)) - f(_float(others)) for f in (_mean, _std))
    return np.sqrt((mean**2 + spread**2).mean(-1))


def histogram_difference(images: Images, others: Images) -> Float[np.ndarray, " b"]:
    """Wasserstein-1 distance of the values of each channel, the mean over channels, in levels: what
    `match:histogram` makes 0. Sizes may differ; ValueError for unlike counts or channels.
    """
    _check(images, others)
    pairs = [[(x[..., c], y[..., c]) for c in _channels(images)]
             for x, y in zip(images, others, strict=True)]  # fmt: skip
    return np.array([np.mean([_transported(a, b) for a, b in pair]) for pair in pairs])


def _transported(a: np.ndarray, b: np.ndarray) -> float:
    """The area between two distribution functions."""
    (x, times), (y, others) = (np.unique(v, return_counts=True) for v in (a, b))
    at = np.union1d(x, y).astype(np.float64)
    below = [
        np.concatenate([[0], np.cumsum(n)])[np.searchsorted(v, at[:-1], "right")] / n.sum()
        for v, n in ((x, times), (y, others))
    ]
    return float((np.abs(below[0] - below[1]) * np.diff(at)).sum())


def _inside(
    planes: Float[np.ndarray, "b h w"], kernel: np.ndarray, score: Callable[..., np.floating]
) -> Float[np.ndarray, " b"]:
    """A score of each plane, filtered, where the kernel fits."""
    if min(planes.shape[1:]) < len(kernel):
        return np.full(len(planes), np.nan)
    return np.array([score(scipy.signal.convolve2d(x, kernel, "valid")) for x in planes])


def _deviation(x: np.ndarray) -> np.floating:
    """Of what was white Gaussian noise before `DIFFERENCE`, whose weights have a norm of 6."""
    return np.sqrt(np.pi / 2) / 6 * np.abs(x).mean()


def _luma(images: Images) -> Float[np.ndarray, "b h w"]:
    """Of the full range, 0 to 255."""
    return (luma(images)[..., 0] - 16.0) * (255.0 / 219.0)


def _mean(x: Float[np.ndarray, "b h w c"]) -> Float[np.ndarray, "b c"]:
    return x.mean((1, 2))


def _std(x: Float[np.ndarray, "b h w c"]) -> Float[np.ndarray, "b c"]:
    return x.std((1, 2))


def _float(images: Images) -> Float[np.ndarray, "b h w c"]:
    return np.asarray(images, np.float64)


def _channels(images: Images) -> range:
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"images have shape {images.shape}; expected [B, H, W, 1 or 3]")
    return range(images.shape[-1])


def _check(images: Images, others: Images) -> None:
    if _channels(images) != _channels(others) or len(images) != len(others):
        raise ValueError(
            f"images {images.shape} and {others.shape}; expected as many, of as many channels"
        )
