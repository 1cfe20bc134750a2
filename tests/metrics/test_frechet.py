"""The Frechet distance: its identities, a square-root oracle, and moments that merge."""

import numpy as np
import pytest
import scipy.linalg
from metrics.golden import frechet as golden
from metrics.golden.case import compare

from genlab.metrics import frechet
from genlab.metrics.frechet import (
    Moments,
    Streaming,
    class_frechet,
    fd_infinity,
    fd_infinity_from_moments,
    frechet_distance,
    frechet_from_moments,
    merge,
    moments,
)


def draw(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def by_square_root(x, y):
    """The definition, with a general matrix square root of the product."""
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root.real)


def by_nuclear_norm(x, y):
    """The definition from the features, without a covariance: exact for singular ones too."""
    cross = np.linalg.qr(x - x.mean(0), "r") @ np.linalg.qr(y - y.mean(0), "r").T
    overlap = np.linalg.norm(cross, "nuc") / np.sqrt((len(x) - 1) * (len(y) - 1))
    spread = x.var(axis=0, ddof=1).sum() + y.var(axis=0, ddof=1).sum()
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + spread - 2 * overlap


@pytest.mark.parametrize("n", [200, 20])  # more rows than columns, and fewer
def test_of_a_set_with_itself_is_zero(n):
    x = draw(n, 50)
    assert frechet_distance(x, x) < 1e-12 * np.trace(np.cov(x, rowvar=False))


@pytest.mark.parametrize("n", [200, 20])
def test_a_translation_adds_its_squared_length(n):
    x, c = draw(n, 50), np.linspace(-1, 2, 50)
    np.testing.assert_allclose(frechet_distance(x, x + c), (c**2).sum(), rtol=1e-10)


@pytest.mark.parametrize("n", [200, 20])
def test_scaling_by_s_about_the_mean_gives_the_trace_times_s_minus_1_squared(n):
    x = draw(n, 50)
    scaled = x.mean(0) + 3.0 * (x - x.mean(0))
    expected = 4.0 * np.trace(np.cov(x, rowvar=False))
    np.testing.assert_allclose(frechet_distance(x, scaled), expected, rtol=1e-10)


def test_is_homogeneous_of_degree_two_symmetric_and_blind_to_rotation():
    x, y = draw(80, 12, seed=1), draw(60, 12, seed=2)
    distance = frechet_distance(x, y)
    rotation = np.linalg.qr(draw(12, 12, seed=3))[0]
    np.testing.assert_allclose(frechet_distance(y, x), distance, rtol=1e-10)
    np.testing.assert_allclose(frechet_distance(7 * x, 7 * y), 49 * distance, rtol=1e-10)
    np.testing.assert_allclose(frechet_distance(x @ rotation, y @ rotation), distance, rtol=1e-10)


def test_commuting_gaussians_have_the_closed_form():
    """With one eigenbasis: |m_a - m_b|^2 + sum over axes of (s_a - s_b)^2."""
    basis = np.linalg.qr(draw(6, 6))[0]
    s_a, s_b = np.arange(6.0), np.array([2.0, 0.0, 1.0, 5.0, 4.0, 0.5])  # singular, both
    mean_a, mean_b = np.arange(6.0), np.ones(6)
    a, b = (
        Moments(101, mean, 100 * (basis * s**2) @ basis.T)
        for mean, s in ((mean_a, s_a), (mean_b, s_b))
    )
    expected = ((mean_a - mean_b) ** 2).sum() + ((s_a - s_b) ** 2).sum()
    np.testing.assert_allclose(frechet_from_moments(a, b), expected, rtol=1e-10)


def test_equals_the_matrix_square_root_form():
    x, y = draw(300, 40, seed=1), draw(200, 40, seed=2)
    np.testing.assert_allclose(frechet_distance(x, y), by_square_root(x, y), rtol=1e-8)


@pytest.mark.parametrize(("n", "m"), [(20, 30), (30, 20), (20, 200), (200, 20)])
def test_singular_covariances_are_measured_as_they_are(n, m):
    x, y = draw(n, 80, seed=1), draw(m, 80, seed=2)
    np.testing.assert_allclose(frechet_distance(x, y), by_nuclear_norm(x, y), rtol=1e-10)


def test_a_collapsed_model_is_as_far_as_the_mean_and_the_whole_spread():
    x, constant = draw(30, 6), np.full((10, 6), 0.1)
    expected = ((x.mean(0) - 0.1) ** 2).sum() + x.var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(frechet_distance(x, constant), expected, rtol=1e-10)
    np.testing.assert_allclose(frechet_distance(constant, x), expected, rtol=1e-10)
    assert frechet_distance(constant, constant) == 0


def test_features_in_float32_are_accumulated_in_float64():
    x, y = draw(100, 20, seed=1) + 1000, draw(100, 20, seed=2) + 1000
    x, y = x.astype(np.float32), y.astype(np.float32)
    exact = by_nuclear_norm(x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(frechet_distance(x, y), exact, rtol=1e-8)


def test_moments_are_the_textbook_mean_and_unbiased_covariance():
    x = draw(50, 7)
    np.testing.assert_allclose(moments(x).mean, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments(x).covariance, np.cov(x, rowvar=False), rtol=1e-10)
    assert moments(x).count == 50


@pytest.mark.parametrize("cuts", [[1], [17], [1, 2, 90], list(range(10, 100, 10))])
@pytest.mark.parametrize("order", [1, -1])
def test_merging_shards_in_any_number_and_order_is_one_pass(cuts, order):
    """The mean is large beside the spread, where sums of raw squares would lose all digits."""
    x = draw(100, 8) + 1e6
    first, *rest = [moments(shard) for shard in np.split(x, cuts)][::order]
    for shard in rest:
        first = merge(first, shard)
    whole = moments(x)
    assert first.count == whole.count
    np.testing.assert_allclose(first.mean, whole.mean, rtol=1e-10)
    np.testing.assert_allclose(
        first.scatter, whole.scatter, rtol=1e-10, atol=1e-10 * np.trace(whole.scatter)
    )


def test_the_distance_of_merged_moments_is_that_of_the_sets():
    x, y = draw(90, 10, seed=1), draw(70, 10, seed=2)
    merged = merge(merge(moments(x[60:]), moments(x[:1])), moments(x[1:60]))
    np.testing.assert_allclose(
        frechet_from_moments(merged, moments(y)), frechet_distance(x, y), rtol=1e-10
    )


@pytest.mark.slow  # `test_fid_bias.py` has the reversal
def test_the_estimate_can_reverse_the_order_of_two_models():
    """Binkowski et al. 2018, appendix: N(0, (1-1/m)^2) is further from N(0, 1) than N(0, 1) is, yet
    scores better on m samples, because the estimate of a smaller variance errs less."""
    rng, m, trials = np.random.default_rng(0), 10, 4000
    noise = rng.normal(size=(trials, m, 1))
    target = Moments(10**6, np.zeros(1), np.full((1, 1), 10.0**6 - 1))  # N(0, 1) itself
    narrow = np.mean([frechet_from_moments(moments((1 - 1 / m) * x), target) for x in noise])
    same = np.mean([frechet_from_moments(moments(x), target) for x in noise])
    assert narrow < same


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((4, 8, 8, 3)), r"\(4, 8, 8, 3\); expected \[N, D\].*flatten images"),
        (np.ones((0, 3)), r"\(0, 3\); expected \[N, D\]"),
        (np.array([[1.0, np.nan], [0.0, 1.0]]), "1 of 2 rows.*NaN.*expected finite"),
    ],
)
def test_refuses_what_is_no_set_of_features(x, message):
    with pytest.raises(ValueError, match=message):
        moments(x)


def test_refuses_a_single_row_and_unequal_widths():
    with pytest.raises(ValueError, match=r"1 row\(s\).*at least 2.*give more samples"):
        frechet_distance(np.ones((1, 3)), draw(5, 3))
    for call in (frechet_from_moments, merge):
        with pytest.raises(ValueError, match=r"3 wide and the other 4.*same feature network"):
            call(moments(draw(5, 3)), moments(draw(5, 4)))


def streamed(batches):
    stream = Streaming()
    for batch in batches:
        stream.add(batch)
    return stream.moments


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_stream_is_one_pass_whatever_the_batch_size_shards_and_order(size):
    """The mean is large beside the spread, and the rows come sorted: the first batch is no guide
    to the rest."""
    x = draw(500, 8) + 1e6
    x = x[np.argsort(x[:, 0])][:: 1 if size % 2 else -1]
    whole = moments(x)
    one = streamed(x[i : i + size] for i in range(0, len(x), size))
    shards = [streamed([shard[:3], shard[3:]]) for shard in np.array_split(x, 5)]
    for found in (one, merge(*shards), merge(*shards[::-1])):
        assert found.count == whole.count
        np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-10)
        np.testing.assert_allclose(
            found.scatter, whole.scatter, rtol=1e-10, atol=1e-10 * np.trace(whole.scatter)
        )


def test_slices_are_no_part_of_the_result(monkeypatch):
    x = draw(100, 7)
    whole = moments(x)
    monkeypatch.setattr(frechet, "SLICE", 7 * 9)
    np.testing.assert_allclose(moments(x).scatter, whole.scatter, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(streamed([x]).scatter, whole.scatter, rtol=1e-10, atol=1e-9)
    x[95] = np.inf
    with pytest.raises(ValueError, match=r"1 of 100 rows"):
        moments(x)


def test_a_stream_refuses_nothing_at_all_and_another_width():
    stream = Streaming()
    with pytest.raises(ValueError, match=r"moments of no rows.*add features"):
        _ = stream.moments
    stream.add(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"3 wide and the other 4.*same feature network"):
        stream.add(np.ones((4, 4)))
    with pytest.raises(ValueError, match=r"\(4,\); expected \[N, D\]"):
        stream.add(np.ones(4))


def test_small_eigenvalues_keep_their_digits():
    """With one eigenbasis and eigenvalues from 1e-12 to 1, where the roots of the eigenvalues of
    the product would be right to 1e-8 at best."""
    basis = np.linalg.qr(draw(60, 60))[0]
    s = np.logspace(-6, 0, 60)
    a, b = (Moments(2, np.zeros(60), (basis * v**2) @ basis.T) for v in (s, np.roll(s, 7)))
    expected = ((s - np.roll(s, 7)) ** 2).sum()
    np.testing.assert_allclose(frechet_from_moments(a, b), expected, rtol=1e-11)


def test_the_extrapolation_is_the_line_through_its_distances():
    x, y = draw(300, 6, seed=1), draw(300, 6, seed=2)
    found = fd_infinity(x, y, smallest=50, points=6, seed=4)
    slope, value = np.polyfit(1 / found.counts, found.distances, 1)
    np.testing.assert_allclose([found.value, found.slope], [value, slope], rtol=1e-8)
    assert found.counts[0] == 50 and found.counts[-1] == 300
    np.testing.assert_allclose(found.distances[-1], frechet_distance(x, y), rtol=1e-10)
    assert fd_infinity(x, y, 50, 6, seed=4).value == found.value
    assert fd_infinity(x, y, 50, 6, seed=5).value != found.value


def test_extrapolation_takes_most_of_the_bias_away():
    """Of a model that is N(0, I) itself, whose exact distance is 0 and whose estimate is not."""
    d, rng = 20, np.random.default_rng(0)
    exact = Moments(1001, np.zeros(d), 1000 * np.eye(d))
    found = [fd_infinity_from_moments(exact, rng.normal(size=(1000, d)), 200, 8) for _ in range(5)]
    plain = np.mean([f.distances[-1] for f in found])
    assert plain > 0.1 and abs(np.mean([f.value for f in found])) < plain / 5


@pytest.mark.parametrize(("smallest", "points"), [(1, 5), (97, 5), (50, 1), (5000, 15)])
def test_extrapolation_refuses_counts_that_do_not_rise(smallest, points):
    with pytest.raises(ValueError, match=f"{points} counts from {smallest} to 100.*rise"):
        fd_infinity(draw(100, 3), draw(100, 3), smallest, points)


def test_within_classes_is_the_mean_of_the_distances_of_each():
    x, y = draw(90, 4, seed=1), draw(60, 4, seed=2)
    i, j = np.arange(90) % 3 + 5, np.arange(60) % 3 + 5
    mean, each = class_frechet(x, i, y, j)
    expected = [frechet_distance(x[i == k], y[j == k]) for k in (5, 6, 7)]
    np.testing.assert_allclose(each, expected)
    np.testing.assert_allclose(mean, np.mean(expected))
    order = np.random.default_rng(0).permutation(90)
    np.testing.assert_allclose(class_frechet(x[order], i[order], y, j)[1], each, rtol=1e-10)


def test_exchanged_classes_are_seen_within_classes_alone():
    x = np.concatenate([draw(50, 3), draw(50, 3) + 20])
    label = np.repeat([0, 1], 50)
    assert frechet_distance(x, x) < 1e-9 < class_frechet(x, label, x, 1 - label)[0]


def test_refuses_labels_that_do_not_fit():
    x, label = draw(20, 3), np.arange(20) % 2
    with pytest.raises(ValueError, match=r"float64 of shape \(20,\).*one integer"):
        class_frechet(x, label * 1.0, x, label)
    with pytest.raises(ValueError, match=r"shape \(10,\) for 20 rows"):
        class_frechet(x, label, x, label[:10])
    with pytest.raises(ValueError, match=r"classes \[2\] are in one.*sample every class"):
        class_frechet(x, label, x, np.arange(20) % 3)


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_references(case):
    assert compare(golden.__file__, case).difference <= case.tolerance
