"""Precision-recall curves: closed forms of histograms, and features whose clusters are known."""

import numpy as np
import pytest
from metrics.golden import curves as golden
from metrics.golden.case import compare

from genlab.metrics.curves import f_beta, prd, prd_from_histograms


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


def test_equal_histograms_pass_through_one_one():
    p = np.random.default_rng(0).dirichlet(np.ones(7))
    curve = prd_from_histograms(p, p)
    middle = len(curve.precision) // 2  # slope 1
    np.testing.assert_allclose([curve.precision[middle], curve.recall[middle]], 1, rtol=1e-12)
    np.testing.assert_allclose(f_beta(curve), 1, rtol=1e-9)
    slopes = np.tan(np.linspace(1e-10, np.pi / 2 - 1e-10, 1001))
    np.testing.assert_allclose(curve.precision, np.minimum(slopes, 1), rtol=1e-12)


def test_disjoint_histograms_score_0():
    curve = prd_from_histograms([0.5, 0.5, 0, 0], [0, 0, 0.1, 0.9])
    assert not curve.precision.any() and not curve.recall.any()
    assert f_beta(curve) == (0.0, 0.0)


def test_a_model_that_invents_half_has_half_the_precision_and_all_the_recall():
    invents = prd_from_histograms([1, 0], [0.5, 0.5])
    assert invents.precision.max() == 0.5
    assert invents.recall.max() == 1
    low, high = f_beta(invents)[1], f_beta(invents)[0]
    assert low < 0.51 and high > 0.98  # F_8 weighs recall


def test_exchanging_the_histograms_exchanges_precision_and_recall():
    p, q = np.random.default_rng(1).dirichlet(np.ones(9), size=2)
    curve, turned = prd_from_histograms(p, q), prd_from_histograms(q, p)
    np.testing.assert_allclose(curve.precision, turned.recall[::-1], rtol=1e-6)
    np.testing.assert_allclose(f_beta(curve), f_beta(turned)[::-1], rtol=1e-6)


def test_the_middle_of_the_curve_is_one_less_the_total_variation():
    p, q = np.random.default_rng(2).dirichlet(np.ones(9), size=2)
    curve = prd_from_histograms(p, q)
    assert curve.recall[500] == pytest.approx(1 - np.abs(p - q).sum() / 2, rel=1e-12)


def blobs(members, seed, n=200):
    rng = np.random.default_rng(seed)
    return 40.0 * rng.choice(members, size=(n, 1)) + rng.normal(size=(n, 2)) * [1, 0.1]


def test_dropped_clusters_cost_recall_and_invented_ones_precision():
    drops = prd(blobs(range(8), 0), blobs(range(4), 1), clusters=8, runs=2)
    assert drops.recall.max() == pytest.approx(0.5, abs=0.08)
    assert drops.precision.max() > 0.99
    recall, precision = f_beta(drops)
    assert recall < 0.6 < 0.9 < precision
    assert prd(blobs(range(8), 0), blobs(range(8, 16), 1), clusters=16, runs=1).recall.max() == 0


def test_the_answer_is_the_seeds_and_the_mean_over_runs():
    real, fake = np.random.default_rng(0).normal(size=(2, 100, 3)) * [[[1]], [[1.5]]]
    two = prd(real, fake, clusters=7, angles=11, runs=2)
    np.testing.assert_array_equal(two, prd(real, fake, clusters=7, angles=11, runs=2))
    one = prd(real, fake, clusters=7, angles=11, runs=1)
    other = 2 * two.precision - one.precision
    assert not np.allclose(other, one.precision)
    assert ((other >= 0) & (other <= 1)).all()


X = np.random.default_rng(0).normal(size=(10, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prd_from_histograms([1.0], [0.5, 0.5]), r"\(1,\) and \(2,\).*the same clusters"),
        (lambda: prd_from_histograms([1.0, 1.0], [0.5, 0.5]), "reference histogram sums to 2"),
        (lambda: prd_from_histograms([0.5, 0.5], [-0.5, 1.5]), "model histogram .*from -0.5 up"),
        (lambda: prd_from_histograms([1.0], [1.0], 2), "angles is 2; expected at least 3"),
        (lambda: f_beta(prd_from_histograms([1.0], [1.0]), 0), "beta is 0; expected"),
        (lambda: prd(X, X[:9]), r"\(9, 3\) and the data \(10, 3\).*cut the larger"),
        (lambda: prd(X, X * np.nan), "NaN or infinity; expected finite"),
        (lambda: prd(X, X, clusters=21), "clusters is 21 .*for 20 rows.*fewer clusters"),
    ],
)
def test_refuses_what_it_cannot_measure(call, message):
    with pytest.raises(ValueError, match=message):
        call()
