"""Statistically different bins: the level of the test, SciPy's tests, and dropped modes."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from genlab.metrics.bins import ndb, ndb_from_counts


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_share_of_equal_multinomials_is_alpha(alpha):
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(100, 5.0))
    found = [
        ndb_from_counts(rng.multinomial(20000, shares), rng.multinomial(8000, shares), alpha).share
        for _ in range(60)
    ]
    assert abs(np.mean(found) - alpha) < 4 * np.std(found, ddof=1) / np.sqrt(60) < 0.25 * alpha


def test_the_z_test_is_the_uncorrected_chi_square_test_and_js_is_scipys():
    rng = np.random.default_rng(1)
    train, fake = rng.multinomial(500, rng.dirichlet(np.ones(30)), size=2)
    fake[:5] += 4
    found = ndb_from_counts(train, fake)
    n, m = train.sum(), fake.sum()
    expected = [
        a + b > 0 and chi2_contingency([[a, n - a], [b, m - b]], correction=False).pvalue < 0.05
        for a, b in zip(train, fake, strict=True)
    ]
    np.testing.assert_array_equal(found.different, expected)
    assert 0 < found.share == np.mean(expected) < 1
    assert found.divergence == pytest.approx(jensenshannon(train / n, fake / m) ** 2, rel=1e-10)


def test_large_bins_have_the_binomial_variance():
    """One half against 0.55 of 1000 each: z = 2.24, where p in place of p (1 - p) has it 1.55."""
    assert ndb_from_counts([500, 500], [550, 450]).share == 1
    assert ndb_from_counts([500, 500], [543, 457]).share == 0  # z = 1.92


def test_the_ends_of_the_scale():
    same = ndb_from_counts([100, 50, 0], [100, 50, 0])
    assert (same.share, same.divergence) == (0.0, 0.0)
    apart = ndb_from_counts([100, 0], [0, 100])
    assert apart.share == 1.0
    assert apart.divergence == pytest.approx(np.log(2), rel=1e-12)
    assert ndb_from_counts([7, 0], [9, 0]).share == 0  # all in one bin: nothing differs


def mixture(n, modes, seed):
    rng = np.random.default_rng(seed)
    return 30.0 * np.eye(10)[rng.integers(modes, size=n)] + rng.normal(size=(n, 10))


def test_fresh_data_differ_seldom_and_dropped_modes_in_every_bin():
    train = mixture(3000, 10, 0)
    fresh = ndb(train, mixture(1000, 10, 1), bins=10)
    assert fresh.share <= 0.2 and fresh.divergence < 0.005
    np.testing.assert_allclose(fresh.train, 0.1, atol=0.02)
    half = ndb(train, mixture(1000, 5, 2), bins=10)
    assert half.share == 1
    p, q = np.full(10, 0.1), np.repeat([0.2, 0.0], 5)
    assert half.divergence == pytest.approx(jensenshannon(p, q) ** 2, abs=0.02)
    assert sorted(np.round(half.fake, 1)) == [0] * 5 + [0.2] * 5


def test_bins_come_largest_first_and_the_answer_is_the_seeds():
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    found = ndb(x, x.astype(np.float64), bins=12)
    assert (np.diff(found.train) <= 0).all()
    np.testing.assert_array_equal(found.train, found.fake)
    np.testing.assert_array_equal(found.train, ndb(x, x, bins=12).train)


X = np.random.default_rng(0).normal(size=(10, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ndb_from_counts([1, 2], [1, 2, 3]), r"\(2,\) and \(3,\); expected two \[K\]"),
        (lambda: ndb_from_counts([1, 2], [0, 0]), "not all 0"),
        (lambda: ndb_from_counts([1, 2], [-1, 2]), "from 0 up"),
        (lambda: ndb_from_counts([1, 2], [1, 2], alpha=5), "alpha is 5"),
        (lambda: ndb(X, X[:, :2], bins=2), r"\(10, 3\) and \(10, 2\)"),
        (lambda: ndb(X, X / 0, bins=2), "NaN or infinity"),
        (lambda: ndb(X, X), "bins is 100 for 10 rows of data; expected 2 to 10"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_refuses_what_it_cannot_count(call, message):
    with pytest.raises(ValueError, match=message):
        call()
