"""Two-sample tests: known answers, levels under equal laws, scikit-learn and hyppo."""

import numpy as np
import pytest
from metrics.golden import two_sample as golden
from metrics.golden.case import compare
from scipy.stats import binomtest

from genlab.metrics import two_sample
from genlab.metrics.kernel import gaussian, mmd, polynomial
from genlab.metrics.two_sample import mmd_test, nearest_neighbour_test


def draw(n, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_sets_apart_are_told_and_equal_laws_are_not():
    apart = nearest_neighbour_test(draw(50), draw(50, seed=1) + 100)
    assert apart[:3] == (1, 1, 1) and apart.p_value == 0.5**100
    found = [
        nearest_neighbour_test(*np.random.default_rng(s).normal(size=(2, 60, 4))) for s in range(60)
    ]
    np.testing.assert_allclose(np.mean([f.accuracy for f in found]), 0.5, atol=0.02)
    assert np.mean([f.p_value < 0.05 for f in found]) < 0.2


def test_copies_are_told_never_and_huddled_fakes_always():
    x = draw(40)
    copied = nearest_neighbour_test(x, x + 1e-9)
    assert copied[:3] == (0, 0, 0) and copied.p_value == 1
    x = draw(40, 50)  # in as many dimensions the mean is nearer than any other row
    huddled = nearest_neighbour_test(x, x.mean(axis=0) + 1e-3 * draw(40, 50, seed=1))
    assert huddled[:3] == (0.5, 0, 1)


def test_a_tie_counts_one_half():
    """Every point occurs twice in each set: another copy of either is at distance 0."""
    x = np.repeat(draw(20), 2, axis=0) + 1e4
    assert nearest_neighbour_test(x, x)[:3] == (0.5, 0.5, 0.5)


def test_is_the_definition_symmetric_and_made_in_tiles(monkeypatch):
    x, y = draw(30), draw(30, seed=1) + 0.5
    both, label = np.concatenate([x, y]), np.arange(60) < 30
    distances = np.linalg.norm(both[:, None] - both, axis=2)
    np.fill_diagonal(distances, np.inf)
    right = label[distances.argmin(axis=1)] == label
    found = nearest_neighbour_test(x, y)
    np.testing.assert_allclose(found[:3], (right.mean(), right[:30].mean(), right[30:].mean()))
    expected = binomtest(int(right.sum()), 60, 0.5, alternative="greater").pvalue
    np.testing.assert_allclose(found.p_value, expected, rtol=1e-10)
    other = nearest_neighbour_test(y, x)
    assert (other.on_real, other.on_fake) == (found.on_fake, found.on_real)
    monkeypatch.setattr(two_sample, "TILE", 200)
    assert nearest_neighbour_test(x, y) == found


@pytest.mark.parametrize(("n", "m"), [(25, 25), (20, 33)])
def test_the_statistic_is_the_unbiased_mmd(n, m):
    x, y = draw(n), draw(m, seed=1) + 0.2
    for kernel in (polynomial(), gaussian(1.5)):
        found = mmd_test(x, y, kernel, permutations=9)
        np.testing.assert_allclose(found.statistic, mmd(x, y, kernel), rtol=1e-8)
        assert 0.1 <= found.p_value <= 1 and found.permutations == 9 and found.seed == 0


def test_the_p_value_is_that_of_all_permutations():
    """Two against two: of the six deals, only this one and its mirror keep the pairs together."""
    x, y = np.array([[0.0], [0.1]]), np.array([[5.0], [5.1]])
    found = mmd_test(x, y, gaussian(1.0), permutations=6000)
    np.testing.assert_allclose(found.p_value, 2 / 6, atol=0.02)


def test_the_level_holds_under_equal_laws_and_a_shift_is_found():
    found = [
        mmd_test(*np.random.default_rng(s).normal(size=(2, 15, 2)), permutations=39).p_value
        for s in range(150)
    ]
    assert np.mean(np.array(found) <= 0.1) < 0.1 + 3 * np.sqrt(0.09 / 150)
    assert np.mean(np.array(found) <= 0.5) > 0.35
    assert mmd_test(draw(40), draw(40, seed=1) + 1, permutations=199).p_value == 1 / 200


def test_permutations_repeat_under_their_seed():
    x, y = draw(20), draw(20, seed=1)
    assert mmd_test(x, y, seed=3, permutations=300) == mmd_test(x, y, seed=3, permutations=300)
    assert mmd_test(x, y, seed=3).p_value != mmd_test(x, y, seed=4).p_value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nearest_neighbour_test(draw(4), draw(5)), "4 and 5 rows.*equal counts"),
        (lambda: nearest_neighbour_test(draw(4), draw(4, 3)), r"\(4, 4\) and \(4, 3\)"),
        (lambda: nearest_neighbour_test(draw(4), draw(4) * np.nan), "NaN or infinity"),
        (lambda: mmd_test(draw(1), draw(5)), "1 and 5 rows.*at least 2"),
        (lambda: mmd_test(draw(3000), draw(3000)), "3000 \\+ 3000 rows.*at most 4096"),
        (lambda: mmd_test(draw(5), draw(5), permutations=0), "0 permutations"),
    ],
)
def test_refuses_what_it_cannot_test(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance
