"""Image scores against scikit-image, and their identities."""

from functools import partial

import numpy as np
import pytest
from metrics.golden import image as golden
from metrics.golden.case import compare
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from genlab.metrics.image import diversity, ms_ssim, mse, psnr, ssim


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


def pair(shape=(3, 20, 24, 3), seed=0):
    """Smooth-ish uint8 images and noisy copies of them."""
    rng = np.random.default_rng(seed)
    reference = rng.uniform(40, 215, size=shape).cumsum(axis=1) % 256
    noisy = reference + rng.normal(scale=15, size=shape)
    return (np.clip(np.rint(x), 0, 255).astype(np.uint8) for x in (noisy, reference))


def test_ssim_equals_scikit_image():
    image, reference = pair()
    expected = [
        structural_similarity(
            y, x, data_range=255, channel_axis=-1,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )
        for x, y in zip(image, reference, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(ssim(image, reference, data_range=255), expected, rtol=1e-10)


@pytest.mark.parametrize("shape", [(1, 11, 11, 1), (2, 11, 30, 2)])
def test_ssim_of_the_smallest_images_equals_the_definition(shape):
    image, reference = pair(shape)
    expected = by_definition(image, reference, 255, 11)
    np.testing.assert_allclose(ssim(image, reference, data_range=255), expected, rtol=1e-10)


@pytest.mark.parametrize("window", [3, 7])
def test_ssim_with_a_smaller_window_equals_the_definition(window):
    image, reference = pair((2, 8, 8, 1))
    expected = by_definition(image, reference, 255, window)
    actual = ssim(image, reference, data_range=255, window=window)
    np.testing.assert_allclose(actual, expected, rtol=1e-10)


def by_definition(image, reference, data_range, window):
    """Wang et al. 2004, equations 13 to 17, one window at a time."""
    offsets = np.arange(window) - window // 2
    weights = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2

    def one(x, y):
        mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
        var_x, var_y = (weights * (x - mean_x) ** 2).sum(), (weights * (y - mean_y) ** 2).sum()
        covariance = (weights * (x - mean_x) * (y - mean_y)).sum()
        top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
        return top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))

    def mean(x, y):
        h, w, c = x.shape
        corners = np.ndindex(h - window + 1, w - window + 1, c)
        cut = lambda v, i, j, k: v[i : i + window, j : j + window, k].astype(float)  # noqa: E731
        return np.mean([one(cut(x, *at), cut(y, *at)) for at in corners])

    return [mean(x, y) for x, y in zip(image, reference, strict=True)]


def test_psnr_equals_scikit_image():
    image, reference = pair()
    expected = [
        peak_signal_noise_ratio(y, x, data_range=255) for x, y in zip(image, reference, strict=True)
    ]
    np.testing.assert_allclose(psnr(image, reference, data_range=255), expected, rtol=1e-12)


def test_mse_of_a_constant_error_is_its_square():
    reference = np.zeros((2, 4, 4, 1), np.uint8)
    image = reference + np.array([51, 102], np.uint8)[:, None, None, None]
    np.testing.assert_allclose(mse(image, reference, 255), [0.04, 0.16], rtol=1e-12)
    np.testing.assert_allclose(psnr(image, reference, 255), -10 * np.log10([0.04, 0.16]))


def test_uint8_does_not_wrap_around():
    dark, light = np.zeros((1, 4, 4, 1), np.uint8), np.full((1, 4, 4, 1), 255, np.uint8)
    assert mse(dark, light, 255) == mse(light, dark, 255) == 1


def test_equal_images_are_perfect_and_ssim_is_symmetric():
    image, reference = pair()
    np.testing.assert_allclose(ssim(image, image, 255), 1, rtol=1e-12)
    assert (psnr(image, image, 255) == np.inf).all()
    np.testing.assert_allclose(ssim(image, reference, 255), ssim(reference, image, 255), rtol=1e-12)


def test_the_negative_of_an_image_is_dissimilar():
    image, _ = pair()
    assert (ssim(255 - image, image, 255) < 0).all()


@pytest.mark.parametrize("score", [mse, psnr])
def test_scores_do_not_depend_on_the_encoding(score):
    image, reference = pair()
    expected = score(image, reference, data_range=255)
    signed = [x / 127.5 - 1 for x in (image, reference)]
    unit = [x / 255 for x in (image, reference)]
    np.testing.assert_allclose(score(*signed, data_range=2), expected, rtol=1e-10)
    np.testing.assert_allclose(score(*unit, data_range=1), expected, rtol=1e-10)


def test_ssim_depends_on_scale_only_through_the_range():
    image, reference = pair()
    actual = ssim(image / 255, reference / 255, data_range=1)
    np.testing.assert_allclose(actual, ssim(image, reference, data_range=255), rtol=1e-9)


def test_ssim_refuses_signed_images():
    """Its luminance term is a ratio of intensities, so a shifted range gives another number."""
    with pytest.raises(ValueError, match=r"down to -1; .*from 0 up: map \[-1, 1\] to \[0, 1\]"):
        ssim(FLOATS, FLOATS, data_range=2)


@pytest.mark.parametrize("score", [mse, psnr, ssim])
def test_each_image_has_its_own_score(score):
    image, reference = pair()
    alone = [score(image[i : i + 1], reference[i : i + 1], 255)[0] for i in range(3)]
    np.testing.assert_allclose(score(image, reference, 255), alone, rtol=1e-12)
    assert len(set(alone)) == 3


@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (1, 8, 40, 1)])
def test_small_images_are_refused_with_the_window_to_give(shape):
    image, reference = pair(shape)
    with pytest.raises(ValueError, match=r"window is 11 and the images 8x\d+.*window=7"):
        ssim(image, reference, 255)
    assert np.isfinite(ssim(image, reference, 255, window=7)).all()


def test_even_windows_and_images_without_room_for_one_are_refused():
    with pytest.raises(ValueError, match=r"window is 6 .*odd window from 3 to 7: give window=7"):
        ssim(*pair((1, 8, 8, 1)), 255, window=6)
    with pytest.raises(ValueError, match=r"the images 2x9.*enlarge the images"):
        ssim(*pair((1, 2, 9, 1)), 255)


FLOATS = np.linspace(-1, 1, 2 * 12 * 12).reshape(2, 12, 12, 1)
BYTES = np.arange(2 * 12 * 12).astype(np.uint8).reshape(2, 12, 12, 1)
UNIT = (FLOATS + 1) / 2


@pytest.mark.parametrize("score", [mse, psnr, ssim])
@pytest.mark.parametrize(
    ("image", "reference", "data_range", "message"),
    [
        (FLOATS[0], FLOATS[0], 2, r"\(12, 12, 1\).*\[B, H, W, C\]: give a single image a leading"),
        (FLOATS[:1], FLOATS, 2, r"\(1, 12, 12, 1\) and references \(2, 12, 12, 1\)"),
        (FLOATS, BYTES, 255, "float64 and references uint8.*one encoding"),
        (FLOATS.astype(int), FLOATS.astype(int), 2, "are int64; expected uint8 or floating"),
        (FLOATS, FLOATS, 1, r"data_range is 1 and the references span 2;.*2 for \[-1, 1\]"),
        (FLOATS, FLOATS, 0, "data_range is 0"),
        (BYTES, BYTES, np.inf, "data_range is inf"),
        (
            UNIT,
            UNIT,
            255,
            r"data_range is 255 and the references are fractions from 0 to 1;.*1 for",
        ),
        (BYTES, BYTES, 2, r"data_range is 2 and the uint8 images reach 255;.*255 for uint8"),
        (FLOATS * np.nan, FLOATS, 2, "NaN or infinity; expected finite"),
    ],
)
def test_refuses_what_cannot_be_compared(score, image, reference, data_range, message):
    with pytest.raises(ValueError, match=message):
        score(image, reference, data_range)


def test_a_dark_image_of_8_bits_has_their_range_in_any_encoding():
    black, dim = np.zeros((1, 12, 12, 1)), np.ones((1, 12, 12, 1))
    for dtype in (np.uint8, np.float32):
        found = mse(dim.astype(dtype), black.astype(dtype), 255)
        np.testing.assert_allclose(found, 1 / 255**2)


def test_ms_ssim_of_one_scale_is_ssim_and_of_equal_images_1():
    image, reference = pair((2, 22, 24, 1))
    one = ms_ssim(image, reference, 255, scales=1)
    assert (one.scales, one.window) == (1, 11)
    np.testing.assert_allclose(one.values, ssim(image, reference, 255), rtol=1e-12)
    np.testing.assert_allclose(ms_ssim(image, image, 255, scales=2).values, 1, rtol=1e-12)
    assert (ms_ssim(255 - image, image, 255, scales=2).values == 0).all()


def test_ms_ssim_forgives_fine_noise_on_smooth_images_more_than_ssim_does():
    image, reference = golden.pair(48, 48, 1)
    fine, coarse = ssim(image, reference, 255), ms_ssim(image, reference, 255, scales=2).values
    assert (fine + 0.1 < coarse).all() and (coarse < 1).all()


@pytest.mark.parametrize(
    ("shape", "scales", "advice"),
    [
        ((1, 160, 200, 1), 5, r"160x200; .*161 pixels a side .*scales=4"),
        ((1, 20, 20, 1), 2, r"21 pixels a side .*scales=1"),
        ((1, 20, 20, 1), 0, r"scales is 0"),
        ((1, 400, 400, 1), 6, r"from 1 to 5 scales"),
    ],
)
def test_images_too_small_for_the_scales_are_refused_with_the_scales_to_give(shape, scales, advice):
    image = np.zeros(shape, np.uint8)
    with pytest.raises(ValueError, match=advice):
        ms_ssim(image, image, 255, scales)


ALIKE = partial(ssim, data_range=255)


def test_diversity_of_copies_is_1_and_of_unlike_images_their_similarity():
    (image, other), _ = pair((2, 12, 12, 1))
    assert diversity(np.stack([image] * 3), ALIKE).similarity == pytest.approx(1, rel=1e-12)
    two = diversity(np.stack([image, other]), ALIKE, pairs=40)
    expected = ALIKE(image[None], other[None]), ALIKE(other[None], image[None])
    assert two.similarity == pytest.approx(float(expected[0][0]), rel=1e-9)
    assert two.pairs == 40 and two.by_class.shape == (1,)


def test_diversity_within_classes_compares_no_others():
    """A class of copies beside one of noise, in which no image meets itself."""
    noise = np.random.default_rng(0).integers(256, size=(20, 12, 12, 1)).astype(np.uint8)
    images, labels = np.concatenate([noise, noise[[0] * 20]]), np.repeat([3, 7], 20)
    found = diversity(images, ALIKE, labels)
    np.testing.assert_allclose(found.by_class, [0, 1], atol=0.1)
    assert found.by_class[1] == pytest.approx(1)
    assert found.similarity == pytest.approx(found.by_class.mean(), rel=1e-12)
    assert found.similarity == diversity(images, ALIKE, labels).similarity
    assert found.similarity != diversity(images, ALIKE, labels, seed=1).similarity


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": np.zeros(3)}, r"\(3,\) for 2 images"),
        ({"pairs": 0}, "pairs is 0"),
        ({"labels": np.array([0, 1])}, "class 0 has 1 image; expected at least 2"),
    ],
)
def test_diversity_refuses_what_has_no_pairs(given, message):
    with pytest.raises(ValueError, match=message):
        diversity(BYTES, ALIKE, **given)
