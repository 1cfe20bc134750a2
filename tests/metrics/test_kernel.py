"""The MMD and the kernel distance: oracles over all pairs, unbiasedness, and torch-fidelity."""

import numpy as np
import pytest
from metrics.golden import kernel as golden
from metrics.golden.case import compare

from genlab.metrics import kernel
from genlab.metrics.kernel import gaussian, kernel_distance, median_bandwidth, mmd, polynomial


def draw(n, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def by_pairs(x, y, k):
    """The definition, one pair at a time."""

    def within(a):
        return np.mean([k(u, v) for i, u in enumerate(a) for j, v in enumerate(a) if i != j])

    return within(x) + within(y) - 2 * np.mean([k(u, v) for u in x for v in y])


@pytest.mark.parametrize(
    ("made", "k"),
    [
        (polynomial(), lambda u, v: (u @ v / 4 + 1) ** 3),
        (polynomial(2, 0.3, 0.5), lambda u, v: (0.3 * u @ v + 0.5) ** 2),
        (gaussian(1.7), lambda u, v: np.exp(-((u - v) ** 2).sum() / (2 * 1.7**2))),
    ],
)
@pytest.mark.parametrize("block", [5, 2048])
def test_is_the_definition_in_blocks_of_any_size(made, k, block, monkeypatch):
    monkeypatch.setattr(kernel, "BLOCK", block)
    x, y = draw(17), draw(12, seed=1) + 0.3
    np.testing.assert_allclose(mmd(x, y, made), by_pairs(x, y, k), rtol=1e-10)
    np.testing.assert_allclose(mmd(y, x, made), mmd(x, y, made), rtol=1e-10)


def test_of_a_linear_kernel_is_the_distance_of_the_means_less_their_variance():
    x, y = draw(30), draw(20, seed=1) + 1
    means = ((x.mean(0) - y.mean(0)) ** 2).sum()
    noise = x.var(0, ddof=1).sum() / 30 + y.var(0, ddof=1).sum() / 20
    np.testing.assert_allclose(mmd(x, y, polynomial(1, 1.0, 0.0)), means - noise, rtol=1e-10)


def test_averages_to_nothing_for_equal_laws_and_goes_below_it():
    rng = np.random.default_rng(0)
    found = [mmd(*rng.normal(size=(2, 20, 3)), polynomial()) for _ in range(400)]
    assert abs(np.mean(found)) < 4 * np.std(found) / 20
    assert min(found) < 0


def test_a_gaussian_kernel_is_blind_to_translation_and_keeps_its_digits():
    x, y = draw(40), draw(40, seed=1) + 0.5
    np.testing.assert_allclose(
        mmd(x + 1e5, y + 1e5, gaussian(2.0)), mmd(x, y, gaussian(2.0)), rtol=1e-8
    )
    near = gaussian(1.0)(x, x)
    np.testing.assert_allclose(np.diagonal(near), 1.0, rtol=1e-12)
    assert near.max() <= 1.0


def test_the_median_bandwidth_is_in_units_of_the_features():
    x, y = draw(50), draw(30, seed=1)
    joined = np.concatenate([x, y])
    distances = [np.linalg.norm(u - v) for i, u in enumerate(joined) for v in joined[:i]]
    np.testing.assert_allclose(median_bandwidth(x, y), np.median(distances))
    np.testing.assert_allclose(median_bandwidth(7 * x, 7 * y), 7 * np.median(distances))
    large = draw(1500, 2)
    np.testing.assert_allclose(median_bandwidth(large, large), np.sqrt(4 * np.log(2)), rtol=0.05)


def test_the_kernel_distance_is_the_mmd_where_a_subset_is_the_set():
    x, y = draw(25), draw(25, seed=1) + 0.2
    found = kernel_distance(x, y, subsets=3, size=25)
    np.testing.assert_allclose(found.mean, mmd(x, y, polynomial()), rtol=1e-10)
    assert found.std < 1e-12


def test_the_kernel_distance_repeats_under_its_seed_alone():
    x, y = draw(50), draw(60, seed=1)
    found = kernel_distance(x, y, subsets=5, size=20, seed=3)
    assert kernel_distance(x, y, subsets=5, size=20, seed=3) == found
    assert kernel_distance(x, y, subsets=5, size=20, seed=4) != found


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mmd(draw(4), draw(4, 3), polynomial()), r"\(4, 4\) and \(4, 3\).*one D"),
        (lambda: mmd(draw(1), draw(4), polynomial()), "1 and 4 rows.*at least 2"),
        (lambda: mmd(draw(4) * np.nan, draw(4), polynomial()), "NaN or infinity"),
        (lambda: kernel_distance(draw(50), draw(40)), "100 subsets of 1000.*50 real and 40 fake"),
        (lambda: kernel_distance(draw(50), draw(40), 0, 10), "0 subsets"),
        (lambda: polynomial(0), "degree is 0; expected a whole number from 1 up"),
        (lambda: gaussian(0.0), r"bandwidth is 0\.0; expected a number above 0"),
    ],
)
def test_refuses_what_it_cannot_measure(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance
