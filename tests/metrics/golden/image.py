"""Image scores against scikit-image and piq (in float64, without piq's downsampling). Its PSNR adds
1e-8 to the error.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write


def pair(h, w, c=3, n=2):
    """Smooth uint8 images and noisy copies of them."""
    rng = np.random.default_rng(h * w)
    y, x = np.mgrid[:h, :w] / 20
    waves = rng.uniform(0.3, 2, size=(n, 1, 1, c, 2)), rng.uniform(0, 6, size=(n, 1, 1, c))
    phase = y[..., None] * waves[0][..., 0] + x[..., None] * waves[0][..., 1] + waves[1]
    reference = 128 + 100 * np.sin(phase)
    noisy = 0.9 * reference + rng.normal(scale=20, size=reference.shape) + 5
    return [np.clip(np.rint(v), 0, 255).astype(np.uint8) for v in (noisy, reference)]


def ours(name, shape, **kwargs):
    from genlab.metrics import image

    found = getattr(image, name)(*pair(*shape), 255, **kwargs)
    return getattr(found, "values", found)


def skimage(name, shape, **kwargs):
    from skimage import metrics

    return [getattr(metrics, name)(y, x, **kwargs) for x, y in zip(*pair(*shape), strict=True)]


def skimage_mse(shape):
    from skimage.metrics import mean_squared_error

    return [mean_squared_error(y / 255, x / 255) for x, y in zip(*pair(*shape), strict=True)]


def skimage_ssim(shape):
    return skimage(
        "structural_similarity", shape, data_range=255, channel_axis=-1,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip


def piq(name, shape, **kwargs):
    import piq as library
    import torch

    x, y = (torch.tensor(v.transpose(0, 3, 1, 2), dtype=torch.float64) for v in pair(*shape))
    found = getattr(library, name)(x, y, data_range=255, reduction="none", **kwargs)
    return found.reshape(len(x)).numpy()


def piq_scales(shape, scales):
    import torch

    weights = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:scales], dtype=torch.float64)
    return piq("multi_scale_ssim", shape, scale_weights=weights)


SMALL, EVEN, ODD, FEW = (40, 48), (176, 192, 1), (161, 170, 1), (48, 65)
CASES = [
    Case(
        "MSE", "image.mse", "scikit-image",
        partial(ours, "mse", SMALL), partial(skimage_mse, SMALL), 1e-12,
    ),
    Case(
        "PSNR", "image.psnr", "scikit-image", partial(ours, "psnr", SMALL),
        partial(skimage, "peak_signal_noise_ratio", SMALL, data_range=255), 1e-12,
    ),
    Case(
        "PSNR, piq", "image.psnr", "piq",
        partial(ours, "psnr", SMALL), partial(piq, "psnr", SMALL), 1e-6,
    ),
    Case(
        "SSIM", "image.ssim", "scikit-image",
        partial(ours, "ssim", SMALL), partial(skimage_ssim, SMALL), 1e-10,
    ),
    Case(
        "SSIM, piq", "image.ssim", "piq",
        partial(ours, "ssim", SMALL), partial(piq, "ssim", SMALL, downsample=False), 1e-10,
    ),
    Case(
        "MS-SSIM", "image.ms_ssim", "piq",
        partial(ours, "ms_ssim", EVEN), partial(piq, "multi_scale_ssim", EVEN), 1e-8,
    ),
    Case(
        "MS-SSIM, odd sides", "image.ms_ssim", "piq",
        partial(ours, "ms_ssim", ODD), partial(piq, "multi_scale_ssim", ODD), 1e-8,
    ),
    Case(
        "MS-SSIM, 3 scales", "image.ms_ssim", "piq",
        partial(ours, "ms_ssim", FEW, scales=3), partial(piq_scales, FEW, 3), 1e-8,
    ),
]  # fmt: skip

if __name__ == "__main__":
    write(__file__, CASES)
