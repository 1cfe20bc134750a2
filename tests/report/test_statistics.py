import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genlab.report.scores import score
from genlab.report.statistics import Estimate, decimals, estimate, written
from genlab.report.variance import shares

# t(0.975, n - 1) as printed in textbooks
TEXTBOOK = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 10: 2.262, 30: 2.045}


@pytest.mark.parametrize("n", TEXTBOOK)
def test_interval_is_the_textbook_t_interval(n):
    values = np.random.default_rng(n).normal(3.0, 2.0, n)
    found = estimate(values)
    half = TEXTBOOK[n] * np.std(values, ddof=1) / math.sqrt(n)
    assert found.n == n and found.mean == pytest.approx(values.mean())
    assert found.half == pytest.approx(half, rel=3e-4)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20).filter(lambda v: np.std(v) > 1e-3))
def test_interval_agrees_with_scipy(values):
    found = estimate(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert found.mean - found.half == pytest.approx(low, rel=1e-6, abs=1e-6)
    assert found.mean + found.half == pytest.approx(high, rel=1e-6, abs=1e-6)


def test_interval_covers_the_truth_in_95_of_100():
    draws = np.random.default_rng(0).normal(size=(2000, 3))
    found = [estimate(row) for row in draws]
    assert np.mean([abs(e.mean) <= e.half for e in found]) == pytest.approx(0.95, abs=0.015)


def test_one_seed_has_no_interval():
    assert estimate([2.5]) == Estimate(2.5, None, 1)
    assert written(estimate([2.5]), 2) == "2.50"


def test_values_that_are_not_finite_are_left_out():
    assert estimate([1.0, math.nan, 3.0, math.inf]) == estimate([1.0, 3.0])
    assert estimate([math.nan]) is None
    assert estimate([]) is None


@pytest.mark.parametrize(
    ("estimates", "text"),
    [
        ([Estimate(3.1234, 0.4567, 3)], "3.12 ± 0.46"),
        ([Estimate(0.87123, 0.0234, 3)], "0.871 ± 0.023"),
        ([Estimate(12345.6, 789.0, 3)], "12346 ± 789"),
        ([Estimate(3.1234, 0.4567, 3), Estimate(3.0, 0.001, 3)], "3.123 ± 0.457"),
        ([Estimate(8.0, 0.0, 3)], "8 ± 0"),
        ([Estimate(1.04, 13.1, 2)], "1.0 ± 13.1"),
        ([Estimate(0.0, 0.21, 2)], "0.00 ± 0.21"),
        ([Estimate(0.0, None, 1)], "0"),
        ([Estimate(0.12345, None, 1)], "0.1235"),
        ([Estimate(-102.345, None, 1)], "-102.3"),
    ],
)
def test_decimals_suit_the_interval(estimates, text):
    assert written(estimates[0], decimals(estimates)) == text


@pytest.mark.parametrize(
    ("name", "heading", "best"),
    [
        ("fd", "fd ↓", 1.0),
        ("precision", "precision ↑", 9.0),
        ("nearer", "nearer → 0.5", 1.0),
        ("iwae_64", "iwae_64 [nats] ↑", 9.0),
        ("psnr", "psnr [dB] ↑", 9.0),
    ],
)
def test_known_scores_point_the_right_way(name, heading, best):
    assert score(name).heading == heading
    assert min([1.0, 9.0], key=score(name).distance) == best


def test_an_unknown_score_has_no_arrow():
    assert score("modes_missing").heading == "modes_missing"


def test_shares_of_one_level_are_those_of_its_f_statistic():
    groups = np.random.default_rng(1).normal([[0.0], [0.5], [3.0]], 1.0, (3, 5))
    by = {f"s{i}": group.tolist() for i, group in enumerate(groups)}
    gained = 2 * (stats.f_oneway(*groups).statistic - 1)
    expected = gained / (gained + groups.size)  # omega^2 in terms of F
    assert shares({"a": by}) == pytest.approx((0, expected, 1 - expected))
    methods = {name: {"only": group} for name, group in by.items()}
    assert shares(methods) == pytest.approx((expected, 0, 1 - expected))


def test_shares_of_nested_levels():
    without = {"a": {"1": [0, 0], "2": [2, 2]}, "b": {"1": [10, 10], "2": [12, 12]}}
    assert shares(without) == pytest.approx((200 / 208, 8 / 208, 0))  # seeds change nothing
    assert shares({"a": {"1": [1.0, 1.0]}}) == (0, 0, 0)
    seeds = np.random.default_rng(0).normal(size=(4, 500)).tolist()
    noise = {"a": {"1": seeds[0], "2": seeds[1]}, "b": {"1": seeds[2], "2": seeds[3]}}
    assert shares(noise) == pytest.approx((0, 0, 1), abs=4e-3)
    with pytest.raises(ValueError, match="two seeds"):
        shares({"a": {"1": [1.0], "2": [2.0]}})
