"""Scores of restored images, against scikit-image and their identities."""

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity

from genlab.metrics import image as scores
from genlab.metrics.restoration import (
    capped_psnr,
    luma,
    region_mae,
    region_psnr,
    region_ssim,
    shaved,
)

RNG = np.random.default_rng(0)
TARGET = RNG.integers(0, 256, (2, 16, 18, 3), dtype=np.uint8)
OUTPUT = np.clip(TARGET + RNG.integers(-20, 21, TARGET.shape), 0, 255).astype(np.uint8)
REGION = np.zeros((2, 16, 18, 1), bool)
REGION[0, 2:9, 3:14], REGION[1, :, 10:] = True, True


def test_luma_is_that_of_bt601():
    np.testing.assert_allclose(luma(TARGET)[..., 0], rgb2ycbcr(TARGET)[..., 0], rtol=1e-12)
    ends = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    np.testing.assert_allclose(luma(ends).ravel(), [16, 235])
    np.testing.assert_allclose(luma(np.repeat(ends, 3, -1)), luma(ends))
    with pytest.raises(ValueError, match="1 or 3"):
        luma(TARGET[..., :2])


def test_luma_with_a_peak_of_255_is_above_that_of_its_own_range():
    """By 20 log10(255 / 219), 1.322 dB, where errors are grey."""
    grey, other = (x[..., :1] for x in (TARGET, OUTPUT))
    both = scores.psnr(luma(other), luma(grey), 255), scores.psnr(other, grey, 255)
    np.testing.assert_allclose(both[0] - both[1], 20 * np.log10(255 / 219), rtol=1e-9)


def test_a_border_is_cut_off_each_side():
    np.testing.assert_array_equal(shaved(TARGET, 3), TARGET[:, 3:13, 3:15])
    np.testing.assert_array_equal(shaved(TARGET, 0), TARGET)
    with pytest.raises(ValueError, match="0 to 7"):
        shaved(TARGET, 8)


def test_a_region_is_scored_as_its_pixels_alone():
    square, absolute = [], []
    for out, target, region in zip(OUTPUT, TARGET, REGION[..., 0], strict=True):
        error = out[region].astype(float) - target[region]
        square.append(10 * np.log10(255**2 / (error**2).mean()))
        absolute.append(np.abs(error).mean() / 255)
    np.testing.assert_allclose(region_psnr(OUTPUT, TARGET, REGION, 255), square, rtol=1e-12)
    np.testing.assert_allclose(region_mae(OUTPUT, TARGET, REGION, 255), absolute, rtol=1e-12)
    everywhere = np.ones_like(REGION)
    whole = scores.psnr(OUTPUT, TARGET, 255)
    np.testing.assert_allclose(region_psnr(OUTPUT, TARGET, everywhere, 255), whole, rtol=1e-12)


def test_where_all_else_is_exact_the_share_of_the_region_is_the_difference():
    pasted = np.where(REGION, OUTPUT, TARGET)
    share = REGION.mean((1, 2, 3))
    found = scores.psnr(pasted, TARGET, 255) - region_psnr(OUTPUT, TARGET, REGION, 255)
    np.testing.assert_allclose(found, -10 * np.log10(share), rtol=1e-9)


@pytest.mark.parametrize("window", [11])
def test_ssim_of_a_region_is_scikit_images_map_there(window):
    wanted = []
    for out, target, region in zip(OUTPUT, TARGET, REGION, strict=True):
        _, full = structural_similarity(
            target, out, data_range=255, channel_axis=-1, gaussian_weights=True, sigma=1.5,
            truncate=(window // 2) / 1.5, use_sample_covariance=False, full=True,
        )  # fmt: skip
        cut = slice(window // 2, -(window // 2))
        wanted.append(full[cut, cut][region[cut, cut, 0]].mean())
    found = region_ssim(OUTPUT, TARGET, REGION, 255, window)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_an_exact_image_counts_80_decibels_and_an_empty_region_nothing():
    assert capped_psnr(TARGET, TARGET, 255).tolist() == [80, 80]
    np.testing.assert_array_equal(
        capped_psnr(OUTPUT, TARGET, 255), scores.psnr(OUTPUT, TARGET, 255)
    )
    assert region_psnr(TARGET, TARGET, REGION, 255).tolist() == [80, 80]
    nowhere = np.zeros_like(REGION)
    for score in (region_psnr, region_mae, region_ssim):
        assert np.isnan(score(OUTPUT, TARGET, nowhere, 255)).all()
        with pytest.raises(ValueError, match="the region is"):
            score(OUTPUT, TARGET, REGION[..., 0], 255)
