"""Control and disentanglement against scikit-learn, closed forms and invariances."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, mutual_info_score, r2_score

from genlab.metrics import control
from genlab.metrics.disentanglement import binned, mutual_information_gap

RNG = np.random.default_rng(0)
ASKED = RNG.uniform(-3, 5, 500)
MEASURED = 0.7 * ASKED + 0.4 + RNG.normal(0, 0.3, 500)


def test_accuracy_r2_and_calibration_are_those_of_scikit_learn():
    labels = RNG.integers(5, size=(2, 300))
    assert control.accuracy(*labels) == accuracy_score(*labels)
    assert control.r2(ASKED, MEASURED) == pytest.approx(r2_score(ASKED, MEASURED), rel=1e-12)
    line = LinearRegression().fit(ASKED[:, None], MEASURED)
    slope, intercept, error = control.calibration(ASKED, MEASURED)
    assert slope == pytest.approx(line.coef_[0], rel=1e-12)
    assert intercept == pytest.approx(line.intercept_, rel=1e-12)
    assert error == pytest.approx(np.abs(MEASURED - ASKED).mean(), rel=1e-12)


@pytest.mark.parametrize("period", [0.0, 8.0])
def test_r2_of_perfect_noisy_and_shuffled_answers(period):
    """1; 1 - var(noise) / var(asked), on the circle 2 exp(-s^2 / 2) - 1; and -1."""
    asked = np.random.default_rng(1).uniform(0, 8, 200_000)
    sigma = 0.4
    noisy = asked + np.random.default_rng(2).normal(0, sigma, len(asked))
    phase = 2 * np.pi * sigma / 8
    wanted = 2 * np.exp(-(phase**2) / 2) - 1 if period else 1 - sigma**2 / (64 / 12)
    assert control.r2(asked, asked, period) == 1
    assert control.r2(asked, noisy, period) == pytest.approx(wanted, abs=2e-3)
    shuffled = np.random.default_rng(3).permutation(asked)
    assert control.r2(asked, shuffled, period) == pytest.approx(-1, abs=0.02)
    assert np.isnan(control.r2(np.full(9, 0.1), np.full(9, 0.2), period))


def test_what_has_a_period_does_not_depend_on_its_seam():
    asked = RNG.uniform(0, 1, 400)
    measured = asked + RNG.normal(0, 0.05, 400)
    kept = control.r2(asked, measured, 1.0)
    error = control.calibration(asked, measured, 1.0).error
    spread = control.spread(asked, 1.0)
    for offset in (0.37, 0.9):
        a, m = (asked + offset) % 1, (measured + offset) % 1
        assert control.r2(a, m, 1.0) == pytest.approx(kept, rel=1e-9)
        assert control.calibration(a, m, 1.0).error == pytest.approx(error, rel=1e-9)
        assert control.spread(a, 1.0) == pytest.approx(spread, rel=1e-9)
    assert control.r2(asked, measured % 1) < kept - 0.05  # as if it had none
    assert control.difference(np.array([0.95]), np.array([0.05]), 1.0) == pytest.approx([-0.1])
    turned = control.calibration(np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.6, 0.0]), 1.0)
    assert np.isnan(turned.slope) and turned[1:] == pytest.approx((0.1, 0.1))
    back = control.calibration(asked, (asked - 0.2) % 1, 1.0)
    assert back.intercept == pytest.approx(-0.2)


def test_a_spread_is_the_mean_difference_of_two_rows():
    """Of uniform numbers a third of the range, on a circle a quarter; of K labels 1 - 1 / K."""
    x = (np.arange(1500) + 0.5) / 1500
    assert control.spread(x) == pytest.approx(1 / 3, rel=2e-3)
    assert control.spread(x, 1.0) == pytest.approx(1 / 4, rel=2e-3)
    assert control.spread(np.arange(1500) % 5, None) == pytest.approx(0.8, rel=2e-3)
    assert control.spread(np.array([0.0, 3.0])) == 3
    many = np.random.default_rng(0).uniform(size=9000)
    assert control.spread(many) == pytest.approx(1 / 3, rel=0.03)


@pytest.mark.parametrize("period", [None, 0.0, 1.0])
def test_leakage_is_0_where_a_factor_stays_and_1_where_it_is_drawn_anew(period):
    values = np.random.default_rng(4).uniform(size=(2, 20_000))
    values = (7 * values).astype(int) if period is None else values
    spread = control.spread(values[0], period)
    assert not control.leakage(values[0], values[0], spread, period).any()
    redrawn = control.leakage(values[0], values[1], spread, period)
    assert redrawn.shape == (20_000,) and redrawn.mean() == pytest.approx(1, abs=0.03)
    if period is not None:
        doubled = 2 * values[0], 2 * values[1], 2 * spread, 2 * period
        assert control.leakage(*doubled) == pytest.approx(redrawn)
    assert np.isnan(control.leakage(values[0], values[1], 0.0, period)).all()


def test_pairwise_distance_is_the_mean_distance_of_two_samples():
    one = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    found = control.pairwise_distance(np.stack([one, np.zeros((3, 2)), 2 * one]))
    assert found == pytest.approx([10 / 3, 0, 20 / 3])
    x = RNG.normal(size=(4, 60, 500))  # of two N(0, I) in D dimensions about sqrt(2 D)
    assert control.pairwise_distance(x) == pytest.approx(np.full(4, np.sqrt(1000)), rel=0.02)


def test_values_are_inside_in_a_gap_or_beyond_what_was_trained_on():
    trained = np.concatenate([np.linspace(0, 4, 200), np.linspace(6, 10, 200)])
    asked = np.array([-0.5, -0.2, 0.0, 4.1, 4.5, 5.0, 5.6, 5.8, 10.2, 11.0])
    inside, gap, beyond = control.coverage_of(asked, trained)
    assert inside.tolist() == [0, 1, 1, 1, 0, 0, 0, 1, 1, 0]
    assert gap.tolist() == [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert beyond.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    turning = np.linspace(0.2, 0.8, 100)  # of a circle: the gap lies over the seam
    inside, gap, beyond = control.coverage_of(np.array([0.5, 0.19, 0.9, 0.05, 1.5]), turning, 1.0)
    assert inside.tolist() == [1, 1, 0, 0, 1] and gap.tolist() == [0, 0, 1, 1, 0]
    assert not beyond.any()
    assert control.coverage_of(np.array([1.0, 2.0]), np.array([1.0])).inside.tolist() == [1, 0]


def test_a_curve_has_the_means_and_percentiles_of_its_bins():
    asked = np.repeat([0.0, 1.0, 9.0, 10.0], 11)
    measured = asked + np.tile(np.arange(11) / 10, 4)
    found = control.curve(asked, measured, bins=5)
    assert found.counts.tolist() == [22, 22]
    assert found.asked == pytest.approx([0.5, 9.5]) and found.measured == pytest.approx([1, 10])
    for rows, low, high in zip(([0, 1], [2, 3]), found.low, found.high, strict=True):
        both = measured.reshape(4, 11)[rows].ravel()
        assert (low, high) == pytest.approx(tuple(np.quantile(both, (0.1, 0.9))))
    over = control.curve(np.array([0.9, 0.9]), np.array([0.05, 0.95]), 1.0, bins=1)
    assert over.measured == pytest.approx([1.0])


def test_mig_of_known_codes():
    """The identity on a grid of factors: 1; every code twice: 0; constant codes: 0. Two factors in
    one code, the other idle: each of them has its whole information there.
    """
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 3), -1).reshape(-1, 3)
    found = mutual_information_gap(grid, grid)
    assert found.mig == pytest.approx(1) and found.information == pytest.approx(
        np.eye(3) * np.log(4)
    )
    assert mutual_information_gap(np.repeat(grid, 2, 1), grid).mig == pytest.approx(0, abs=1e-12)
    assert mutual_information_gap(np.zeros_like(grid), grid).mig == pytest.approx(0, abs=1e-12)
    both = np.stack([4 * grid[:, 0] + grid[:, 1], 0 * grid[:, 0]], 1)
    assert mutual_information_gap(both, grid[:, :2]).each == pytest.approx([1, 1])
    constant = np.concatenate([grid, np.ones((len(grid), 1), int)], 1)
    assert np.isnan(mutual_information_gap(grid, constant).each[-1])
    assert mutual_information_gap(grid, constant).mig == pytest.approx(1)
    swapped = mutual_information_gap(grid[:, ::-1], (grid + 1) % 4)
    assert swapped.mig == pytest.approx(1)


def test_mig_is_that_of_scikit_learns_information():
    codes = np.stack([binned(x) for x in RNG.normal(size=(3, 400))], 1)
    factors = np.stack([codes[:, 0] // 4, (codes[:, 1] + codes[:, 2]) // 3], 1)
    told = np.array([[mutual_info_score(c, f) for f in factors.T] for c in codes.T])
    entropy = np.array([mutual_info_score(f, f) for f in factors.T])
    found = mutual_information_gap(codes, factors)
    assert found.information == pytest.approx(told)
    top = np.sort(told, axis=0)
    assert found.each == pytest.approx((top[-1] - top[-2]) / entropy)


def test_bins_are_of_equal_width_between_the_ends():
    assert binned(np.array([0.0, 0.24, 0.26, 0.51, 0.99, 1.0]), 4).tolist() == [0, 0, 1, 2, 3, 3]
    assert len(set(binned(np.array([2.0, 2.0])).tolist())) == 1
    outlier = binned(np.append(np.linspace(0, 1, 50), 1000.0))
    assert set(outlier[:-1]) == {0} and outlier[-1] == 19


X = np.zeros(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: control.accuracy(X, X[:2]), r"\(3,\) and \(2,\)"),
        (lambda: control.r2(X[:0], X[:0]), "above 0"),
        (lambda: control.r2(X, X + np.nan), "NaN"),
        (lambda: control.calibration(X, np.full(3, np.inf)), "NaN or infinity"),
        (lambda: control.curve(X, X, bins=0), "bins is 0"),
        (lambda: control.spread(X[:1]), "at least 2 rows"),
        (lambda: control.pairwise_distance(np.zeros((2, 1, 3))), "at least 2 samples"),
        (lambda: control.coverage_of(X, X[:0]), r"\(0,\)"),
        (lambda: mutual_information_gap(np.zeros((4, 1), int), np.zeros((4, 2), int)), "2 codes"),
        (lambda: mutual_information_gap(np.zeros((4, 2), int), np.zeros((3, 2), int)), r"\(3, 2\)"),
    ],
)
def test_refuses_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()
