"""Scores of restored images against the known answer: of luma, without a border, of a region.

Conventions, to be reported with a score (BasicSR's `metrics/psnr_ssim.py` has those of the
super-resolution literature): RGB, or `luma` with the peak at 255 though luma spans 219 levels; a
border of as many pixels as the factor of enlargement cut off each side, or none; images rounded to
8 bits; means over images of scores of each image. SSIM is `image.ssim`: Wang's window, on windows
inside the image, the mean over channels. scikit-image's default, a uniform 7x7 window, and
MATLAB's `ssim`, which replicates edges, are other scores.
"""

import numpy as np
from jaxtyping import Bool, Float, Real

from genlab.metrics.image import psnr, ssim_map

LUMA = (65.481, 128.553, 24.966)  # of R, G and B in 0..1, and 16 for black: Rec. ITU-R BT.601
CAP = 80.0  # decibels: an error of 1e-8 of the squared range counts as none


def luma(images: Real[np.ndarray, "b h w c"]) -> Float[np.ndarray, "b h w 1"]:
    """Y' of Rec. ITU-R BT.601, 16 to 235, of RGB in 0..255; not rounded, as MATLAB's `rgb2ycbcr` of
    floats. Grey images are taken as R = G = B.

    Raises ValueError for other than 1 or 3 channels.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"images have shape {images.shape}; expected [B, H, W, 1 or 3]")
    weights = np.array(LUMA) if images.shape[-1] == 3 else np.array([sum(LUMA)])
    return 16.0 + (images.astype(np.float64) * weights).sum(-1, keepdims=True) / 255.0


def shaved(images: Real[np.ndarray, "b h w c"], border: int) -> Real[np.ndarray, "b i j c"]:
    """Without `border` pixels of each side; ValueError where that leaves nothing."""
    if border < 0 or 2 * border >= min(images.shape[1:3]):
        raise ValueError(
            f"a border of {border} pixels of images of {images.shape[1]}x{images.shape[2]}; "
            f"expected 0 to {(min(images.shape[1:3]) - 1) // 2}"
        )
    return images[:, border : images.shape[1] - border, border : images.shape[2] - border]


def capped_psnr(
    image: Real[np.ndarray, "b h w c"], reference: Real[np.ndarray, "b h w c"], data_range: float
) -> Float[np.ndarray, " b"]:
    """`image.psnr`, at most 80 dB, so that a mean over images with an exact one among them is
    finite: what implementations that add 1e-8 to the error have.
    """
    return np.minimum(psnr(image, reference, data_range), CAP)


def region_psnr(
    image: Real[np.ndarray, "b h w c"],
    reference: Real[np.ndarray, "b h w c"],
    region: Bool[np.ndarray, "b h w 1"],
    data_range: float,
) -> Float[np.ndarray, " b"]:
    """PSNR of the pixels in a region of each image, at most 80 dB; NaN where it has no pixel.

    Where all other pixels are exact, that of the whole image is larger by 10 log10(1 / share of the
    region). Raises ValueError for a region of another shape.
    """
    square = (_float(image) - _float(reference)) ** 2 / data_range**2
    with np.errstate(divide="ignore"):
        return np.minimum(-10.0 * np.log10(_region_mean(square, region)), CAP)


def region_mae(
    image: Real[np.ndarray, "b h w c"],
    reference: Real[np.ndarray, "b h w c"],
    region: Bool[np.ndarray, "b h w 1"],
    data_range: float,
) -> Float[np.ndarray, " b"]:
    """Mean absolute error of the pixels in a region of each image, as a share of the range; NaN
    where it has no pixel. Raises ValueError for a region of another shape.
    """
    return _region_mean(np.abs(_float(image) - _float(reference)) / data_range, region)


def region_ssim(
    image: Real[np.ndarray, "b h w c"],
    reference: Real[np.ndarray, "b h w c"],
    region: Bool[np.ndarray, "b h w 1"],
    data_range: float,
    window: int = 11,
) -> Float[np.ndarray, " b"]:
    """The mean of SSIM over windows inside the image whose centre is in the region; NaN where there
    is none. Raises ValueError as `image.ssim` does, and for a region of another shape.
    """
    found = ssim_map(image, reference, data_range, window)
    edge, (height, width) = window // 2, image.shape[1:3]
    _check_region(image, region)
    return _region_mean(found, region[:, edge : height - edge, edge : width - edge])


def _region_mean(
    values: Float[np.ndarray, "b h w c"], region: Bool[np.ndarray, "b h w 1"]
) -> Float[np.ndarray, " b"]:
    _check_region(values, region)
    count = region.sum((1, 2, 3)) * values.shape[-1]
    total = np.where(region, values, 0.0).sum((1, 2, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _check_region(images: np.ndarray, region: np.ndarray) -> None:
    if region.dtype != np.bool_ or region.shape != (*images.shape[:3], 1):
        raise ValueError(
            f"the region is {region.dtype} {region.shape} for images {images.shape}; expected bool "
            f"{(*images.shape[:3], 1)}, True inside"
        )


def _float(images: np.ndarray) -> Float[np.ndarray, "..."]:
    return np.asarray(images, np.float64)
