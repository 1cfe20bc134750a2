"""Wasserstein distances: closed forms, an oracle of the image pyramid, and POT."""

import itertools

import numpy as np
import pytest
from metrics.golden import transport as golden
from metrics.golden.case import compare
from scipy.ndimage import convolve
from scipy.stats import wasserstein_distance

from genlab.metrics import transport
from genlab.metrics.transport import (
    directions,
    image_sliced_wasserstein,
    sliced_wasserstein,
    wasserstein,
)


def draw(n, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize("p", [1, 2])
def test_translation_moves_every_point_by_its_length(p):
    x, c = draw(40), np.array([0.3, -0.4, 1.2])
    np.testing.assert_allclose(wasserstein(x, x + c, p), 1.3, rtol=1e-10)
    lines = directions(3, 50)
    expected = (np.abs(c @ lines) ** p).mean() ** (1 / p)
    np.testing.assert_allclose(sliced_wasserstein(x, x + c, lines, p), expected, rtol=1e-10)


def test_sliced_w2_of_a_translation_is_its_length_over_the_root_of_the_dimension():
    """E (c.theta)^2 = |c|^2 / D for theta uniform on the sphere."""
    x, c = draw(5, 4), np.array([1.0, 2.0, 0.0, -1.0])
    found = sliced_wasserstein(x, x + c, directions(4, 20_000), 2)
    np.testing.assert_allclose(found, np.sqrt(6 / 4), rtol=0.02)


@pytest.mark.parametrize("p", [1, 2])
def test_the_assignment_is_the_best_of_all(p):
    x, y = draw(6), draw(6, seed=1)
    costs = [
        (np.linalg.norm(x - y[list(order)], axis=1) ** p).mean()
        for order in itertools.permutations(range(6))
    ]
    np.testing.assert_allclose(wasserstein(x, y, p), min(costs) ** (1 / p), rtol=1e-10)


@pytest.mark.parametrize("m", [30, 45, 7])
def test_on_a_line_is_the_area_between_the_distributions(m):
    x, y = draw(30, 1), 2 * draw(m, 1, seed=1)
    expected = wasserstein_distance(x[:, 0], y[:, 0])
    np.testing.assert_allclose(wasserstein(x, y), expected, rtol=1e-8)
    for line in ([[1.0]], [[-1.0]]):
        np.testing.assert_allclose(sliced_wasserstein(x, y, line), expected, rtol=1e-10)


def test_rows_given_twice_change_nothing():
    x, y = draw(12), draw(10, seed=1)
    twice = np.repeat(x, 2, axis=0)
    np.testing.assert_allclose(wasserstein(twice, y), wasserstein(x, y), rtol=1e-8)
    lines = directions(3, 20)
    np.testing.assert_allclose(
        sliced_wasserstein(twice, y, lines, 2), sliced_wasserstein(x, y, lines, 2), rtol=1e-10
    )


@pytest.mark.parametrize("p", [1, 2])
def test_sliced_is_at_most_exact_and_tiles_are_no_part_of_it(p, monkeypatch):
    x, y, lines = draw(30), draw(30, seed=1) + 0.5, directions(3, 40)
    found = sliced_wasserstein(x, y, lines, p)
    assert 0 < found < wasserstein(x, y, p)
    monkeypatch.setattr(transport, "TILE", 90)
    np.testing.assert_allclose(sliced_wasserstein(x, y, lines, p), found, rtol=1e-12)


def test_directions_are_unit_columns_of_their_seed():
    lines = directions(5, 100, seed=3)
    np.testing.assert_allclose(np.linalg.norm(lines, axis=0), 1.0)
    assert lines.shape == (5, 100) and (directions(5, 100, seed=3) == lines).all()
    assert (directions(5, 100, seed=4) != lines).any()


def pyramid(images, count):
    """Longhand: the two-dimensional filter, levels one after another."""
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, :, :, None] / 256
    levels = [images]
    for _ in range(count - 1):
        down = convolve(levels[-1], kernel, mode="mirror")[:, ::2, ::2]
        up = np.zeros_like(levels[-1])
        up[:, ::2, ::2] = down
        levels[-1] = levels[-1] - convolve(up, 4 * kernel, mode="mirror")
        levels.append(down)
    return levels


def test_levels_of_the_pyramid_are_those_made_longhand():
    images = np.random.default_rng(0).uniform(size=(2, 64, 64, 3))
    for level, expected in enumerate(pyramid(images, 3)):
        found = transport._laplacian(images, level, 3)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_descriptors_are_patches_normalised_channel_by_channel():
    images = np.random.default_rng(0).uniform(size=(3, 16, 16, 2))
    corners = np.random.default_rng(1).integers(0, 10, (2, 3, transport.PATCHES))
    found = transport._descriptors(images, 0, 1, corners).reshape(-1, 7, 7, 2)
    patches = np.array(
        [
            images[i, y : y + 7, x : x + 7]
            for i in range(3)
            for y, x in zip(corners[0, i], corners[1, i], strict=True)
        ]
    )
    expected = (patches - patches.mean(axis=(0, 1, 2))) / patches.std(axis=(0, 1, 2))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_image_distance_is_nothing_for_equal_sets_and_blind_to_brightness_and_contrast():
    rng = np.random.default_rng(0)
    real = rng.integers(0, 256, (8, 32, 32, 3)).astype(np.uint8)
    same = image_sliced_wasserstein(real, real)
    assert same.sides.tolist() == [32, 16] and same.mean == 0
    scaled = image_sliced_wasserstein(real, real / 127.5 - 1)
    assert scaled.mean < 1e-2  # times 1,000


def test_image_distance_finds_the_level_that_changed():
    """Noise of the finest scale, and none of the coarser."""
    coarse = np.random.default_rng(0).uniform(size=(16, 4, 4, 1))
    real = coarse.repeat(8, axis=1).repeat(8, axis=2)
    checks = 1.0 - 2.0 * (np.indices((32, 32)).sum(axis=0) % 2)
    found = image_sliced_wasserstein(real, real + 0.5 * checks[None, :, :, None])
    assert found.levels[0] > 10 * found.levels[1]
    np.testing.assert_allclose(found.mean, found.levels.mean())
    again = image_sliced_wasserstein(real, real + 0.5 * checks[None, :, :, None])
    assert (again.levels == found.levels).all()


def test_a_set_without_variation_has_a_distance():
    real = np.random.default_rng(0).uniform(size=(4, 16, 16, 1))
    found = image_sliced_wasserstein(real, np.full_like(real, 0.5)).mean
    assert 100 < found < 1000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wasserstein(draw(4), draw(4, 2)), r"\(4, 3\) and \(4, 2\).*one D"),
        (lambda: wasserstein(draw(4), draw(4), 0.5), r"p is 0\.5; expected 1 or more"),
        (lambda: wasserstein(draw(300), draw(301)), "90300 pairs.*65536 for others"),
        (lambda: wasserstein(draw(5000, 1), draw(5000, 1)), "at most 16777216 for equal"),
        (lambda: wasserstein(draw(4) * np.inf, draw(4)), "NaN or infinity"),
        (lambda: sliced_wasserstein(draw(4), draw(4), directions(2, 5)), r"\(2, 5\).*3 wide"),
        (lambda: image_sliced_wasserstein(np.ones((2, 16, 18, 1)), np.ones(1)), "square"),
        (lambda: image_sliced_wasserstein(*np.ones((2, 2, 35, 35, 1))), "side of 35.*power of two"),
        (lambda: image_sliced_wasserstein(*np.ones((2, 2, 8, 8, 1))), "side of 8"),
        (
            lambda: image_sliced_wasserstein(np.ones((2, 16, 16, 1)), np.ones((3, 16, 16, 1))),
            "equal shapes",
        ),
    ],
)
def test_refuses_what_it_cannot_measure(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance
