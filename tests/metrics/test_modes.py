"""Mode scores against the exact values of the mixtures themselves."""

import numpy as np
import pytest

from genlab.metrics.modes import mode_scores

ANGLES = 2 * np.pi * np.arange(8) / 8
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
GRID = np.stack(np.meshgrid(*2 * [[-4, -2, 0, 2, 4]]), axis=-1).reshape(25, 2)


def draw(means, std, n, seed=0):
    rng = np.random.default_rng(seed)
    return means[rng.integers(len(means), size=n)] + std * rng.normal(size=(n, means.shape[1]))


@pytest.mark.parametrize(("means", "std"), [(RING, 0.01), (GRID, 0.05)])
def test_the_mixture_itself_scores_the_ceiling(means, std):
    """1 - exp(-4.5) = 98.889 % lie within 3 standard deviations, to 4 standard errors."""
    n, ceiling = 200_000, 1 - np.exp(-4.5)
    scores = mode_scores(draw(means, std, n), means, std)
    assert scores.modes == len(means)
    assert abs(ceiling - 0.98889) < 1e-5
    assert abs(scores.high_quality - ceiling) < 4 * np.sqrt(ceiling * (1 - ceiling) / n)


@pytest.mark.parametrize(("means", "std", "floor"), [(RING, 0.01, 0.0014), (GRID, 0.05, 0.0049)])
def test_the_mixture_itself_has_the_reverse_kl_of_a_finite_histogram(means, std, floor):
    """E = (K - 1) / 2N to first order, of N high-quality samples (2 N KL is chi-square, K - 1)."""
    n, trials, k = 2500, 200, len(means)
    divergences = [
        mode_scores(draw(means, std, n, seed), means, std).reverse_kl for seed in range(trials)
    ]
    expected = (k - 1) / (2 * n * (1 - np.exp(-4.5)))
    error = np.sqrt((k - 1) / 2) / n / np.sqrt(trials)
    assert abs(expected - floor) < 6e-5
    assert abs(np.mean(divergences) - expected) < 4 * error + 0.01 * expected


def test_even_collapsed_and_halved_histograms():
    assert mode_scores(GRID, GRID, 0.05) == (25, 1.0, pytest.approx(0, abs=1e-12))
    assert mode_scores(GRID[[3] * 10], GRID, 0.05) == (1, 1.0, pytest.approx(np.log(25)))
    assert mode_scores(RING[[0, 1] * 5], RING, 0.01) == (2, 1.0, pytest.approx(np.log(4)))


def test_points_between_modes_lower_quality_and_leave_the_histogram_alone():
    points = np.concatenate([RING, np.zeros((24, 2))])
    assert mode_scores(points, RING, 0.01) == (8, 0.25, pytest.approx(0, abs=1e-12))


def test_the_radius_is_open_and_counted_in_standard_deviations():
    """Powers of two, so that the distance is exact."""
    means, at = np.zeros((1, 3)), np.array([[0.75, 0.0, 0.0]])
    assert mode_scores(at, means, 0.25).high_quality == 0
    assert mode_scores(np.nextafter(at, 0), means, 0.25).high_quality == 1
    assert mode_scores(at, means, 0.25, within=3.5).high_quality == 1


def test_without_a_high_quality_sample_the_divergence_is_undefined():
    scores = mode_scores(np.full((5, 2), 100.0), RING, 0.01)
    assert scores[:2] == (0, 0.0)
    assert np.isnan(scores.reverse_kl)


def test_a_point_counts_for_its_nearest_mode_only():
    """Wide modes overlap: each point still belongs to one of them."""
    scores = mode_scores(np.array([[0.4], [0.4], [0.4], [0.9]]), np.array([[0.0], [1.0]]), 1.0)
    assert scores.modes == 2
    expected = np.log(2) + 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    assert scores.reverse_kl == pytest.approx(expected)


@pytest.mark.parametrize(
    ("points", "means", "std", "message"),
    [
        (np.ones((4, 3)), RING, 0.01, r"\(4, 3\) and means \(8, 2\); expected \[N, D\]"),
        (np.ones(4), RING, 0.01, r"\(4,\).*one point per row"),
        (np.ones((0, 2)), RING, 0.01, r"\(0, 2\).*expected"),
        (RING, RING[[0, 1, 0]], 0.01, "2 of 3 means are distinct.*endpoint=False"),
        (np.full((4, 2), np.nan), RING, 0.01, "NaN or infinity.*the generator"),
        (RING, RING, 0.0, "std is 0.0; expected.*above 0"),
    ],
)
def test_refuses_what_is_no_mixture(points, means, std, message):
    with pytest.raises(ValueError, match=message):
        mode_scores(points, means, std)
