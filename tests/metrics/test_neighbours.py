"""Nearest-neighbour scores against the `prdc` package, closed forms, and planted copies."""

import tracemalloc

import numpy as np
import pytest
from metrics.golden import neighbours as golden
from metrics.golden.case import compare
from prdc import compute_prdc
from scipy.spatial.distance import cdist

from genlab.metrics import neighbours
from genlab.metrics.neighbours import (
    authenticity,
    density_coverage,
    memorisation,
    nearest,
    precision_recall,
)


def draw(n, d, seed):
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.fixture(params=["whole", "tiled", "rounded otherwise"])
def tiling(request, monkeypatch):
    """The same scores from one tile, from many ragged ones, and from another matrix product."""
    if request.param == "tiled":
        monkeypatch.setattr(neighbours, "TILE", 1000)
    if request.param == "rounded otherwise":
        monkeypatch.setattr(neighbours, "_tiles", rounded_otherwise(neighbours._tiles))


def rounded_otherwise(tiles):
    rng = np.random.default_rng(0)

    def noisy(x, y):
        lengths = x.lengths()[:, None] + y.lengths()
        bound = x.width * np.finfo(np.float64).eps * lengths
        (whole,) = tiles(x, y)
        yield whole + rng.uniform(-bound, bound)

    return noisy


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


@pytest.mark.parametrize(("n", "m", "d", "k"), [(120, 90, 6, 3), (70, 150, 40, 5), (50, 50, 2, 1)])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_all_four_equal_prdc(tiling, n, m, d, k, offset):
    real, fake = draw(n, d, 1) + offset, 0.8 * draw(m, d, 2) + 0.3 + offset
    expected = compute_prdc(real, fake, nearest_k=k)
    precision, recall = precision_recall(real, fake, k)
    density, coverage = density_coverage(real, fake, k)
    assert (precision, recall, coverage) == tuple(
        expected[name] for name in ("precision", "recall", "coverage")
    )
    assert density == pytest.approx(expected["density"], rel=1e-12)


def test_k_defaults_to_the_papers():
    real, fake = draw(60, 4, 1), draw(60, 4, 2) + 0.5
    assert precision_recall(real, fake) == precision_recall(real, fake, k=3)
    assert precision_recall(real, fake) != precision_recall(real, fake, k=5)
    assert density_coverage(real, fake) == density_coverage(real, fake, k=5)
    assert density_coverage(real, fake) != density_coverage(real, fake, k=3)


def test_the_recall_of_a_pair_is_the_precision_of_the_exchanged_pair():
    real, fake = draw(80, 3, 1), draw(50, 3, 2) + 1
    assert precision_recall(real, fake) == precision_recall(fake, real)[::-1]


def test_expected_coverage_and_density_of_equal_laws():
    """Naeem et al. 2020: .96898 for 1000 real, 1000 fake and k = 5; density 1."""
    n, k, trials = 1000, 5, 12
    i = np.arange(k)
    expected = 1 - np.prod((n - 1 - i) / (2 * n - 1 - i))
    assert abs(expected - 0.96898) < 5e-6
    scores = np.array(
        [density_coverage(draw(n, 8, 2 * t), draw(n, 8, 2 * t + 1), k) for t in range(trials)]
    )
    errors = 4 * scores.std(axis=0, ddof=1) / np.sqrt(trials)
    assert (np.abs(scores.mean(axis=0) - [1.0, expected]) < errors).all()
    assert (errors < [0.05, 0.01]).all()


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_a_tie_lies_inside_whatever_the_rounding(tiling, offset):
    """A set against itself: a ball holds its centre and k neighbours, the k-th on its surface."""
    x = draw(200, 30, 0) + offset
    assert density_coverage(x, x, k=4) == (1.25, 1.0)
    assert precision_recall(x, x, k=4) == (1.0, 1.0)
    assert density_coverage(x, x[::-1], k=1) == (2.0, 1.0)


@pytest.mark.parametrize("m", [1, 3, 7, 50, 200])
def test_ties_are_counted_as_exact_distances_count_them(tiling, m):
    """Samples copied from the real set are on the surface of many balls; whatever the rounding."""
    real, k = draw(200, 30, 0), 5
    fake = real[:m]
    radii = np.sort(cdist(real, real), axis=1)[:, k]
    inside = cdist(fake, real) <= radii
    density, coverage = density_coverage(real, fake, k)
    assert density == pytest.approx(inside.sum() / (k * m), rel=1e-12)
    assert coverage == inside.any(axis=0).mean()


def test_one_broken_sample_leaves_the_balls_of_the_others_alone():
    """Rounding is bounded point by point: were it by the largest, no fake ball would be left."""
    real, fake = draw(100, 4, 0), np.concatenate([draw(80, 4, 1), np.full((1, 4), 1e9)])
    radii = np.sort(cdist(fake, fake), axis=1)[:, 3]
    expected = (cdist(real, fake) < radii).any(axis=1).mean()
    assert precision_recall(real, fake)[1] == expected > 0.8


def test_memory_is_that_of_a_few_tiles(monkeypatch):
    """2,000 x 2,000 distances would take 32 MB."""
    monkeypatch.setattr(neighbours, "TILE", 20_000)
    real, fake = draw(2000, 3, 0), draw(2000, 3, 1)
    tracemalloc.start()
    precision_recall(real, fake)
    density_coverage(real, fake)
    nearest(real, fake)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6


def test_float32_features_are_never_held_whole_in_float64(monkeypatch):
    """1,000 x 400 in float64 would take 3.2 MB; the answers are those of float64 exactly."""
    monkeypatch.setattr(neighbours, "TILE", 40_000)
    real, fake = draw(1000, 400, 0).astype(np.float32), draw(1000, 400, 1).astype(np.float32)

    def scores(real, fake):
        indices, distances = nearest(real, fake)
        told = precision_recall(real, fake), density_coverage(real, fake)
        return told, authenticity(real, fake), indices.sum(), distances.sum()

    tracemalloc.start()
    found = scores(real, fake)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2e6
    assert found == scores(real.astype(np.float64), fake.astype(np.float64))


def test_balls_of_repeated_points_hold_their_copies(tiling):
    """Every real point k + 1 times: all radii are 0, and a ball holds what equals its centre."""
    real = np.repeat(draw(40, 20, 0), 4, axis=0) + 10
    assert density_coverage(real, real, k=3) == (4 / 3, 1.0)
    assert precision_recall(real, real, k=3) == (1.0, 1.0)
    assert precision_recall(real, draw(50, 20, 1) + 10, k=3)[0] == 0
    assert density_coverage(np.ones((8, 2)), np.ones((6, 2)), k=3) == (8 / 3, 1.0)
    assert precision_recall(np.ones((8, 2)), np.ones((6, 2)), k=3) == (1.0, 1.0)


def test_rows_drawn_with_repeats_are_counted_as_equation_1_counts_them(tiling):
    """40 distinct rows, of which both sets hold all: 1 and 1, where `prdc` has less."""
    rows, rng, k = draw(40, 6, 0), np.random.default_rng(1), 5
    real, fake = rows[rng.integers(40, size=240)], rows[rng.integers(40, size=260)]
    assert precision_recall(real, fake, k) == (1.0, 1.0)
    strictly = compute_prdc(real, fake, nearest_k=k)
    assert strictly["precision"] < 1 and strictly["recall"] < 1
    radii = np.sort(cdist(real, real), axis=1)[:, k]
    inside = cdist(fake, real) <= radii
    density, coverage = density_coverage(real, fake, k)
    assert density == pytest.approx(inside.sum() / (k * 260), rel=1e-12)
    assert coverage == inside.any(axis=0).mean()


def test_far_sets_share_nothing():
    real = draw(50, 4, 0)
    assert precision_recall(real, real + 1e3) == (0.0, 0.0)
    assert density_coverage(real, real + 1e3) == (0.0, 0.0)


def test_keeping_2_of_10_distant_clusters_keeps_a_fifth_of_recall_and_coverage(tiling):
    real = 100 * np.arange(10)[:, None, None] + draw(10 * 30, 4, 0).reshape(10, 30, 4)
    fake = real[:2].reshape(-1, 4)
    assert precision_recall(real.reshape(-1, 4), fake) == (1.0, 0.2)
    assert density_coverage(real.reshape(-1, 4), fake) == (1.2, 0.2)  # 5 neighbours, and itself


@pytest.mark.parametrize("offset", [0.0, 1e7])
def test_nearest_equals_all_pairs(tiling, offset):
    """Also far from the origin, where the products of raw features leave no digit."""
    x, y = draw(70, 5, 0) + offset, draw(110, 5, 1) + offset
    indices, distances = nearest(x, y)
    pairs = cdist(x, y)
    np.testing.assert_array_equal(indices, pairs.argmin(axis=1))
    np.testing.assert_allclose(distances, pairs.min(axis=1), rtol=1e-12)


def test_nearest_finds_copies_at_distance_exactly_zero():
    """Far from the origin, where |x|^2 + |y|^2 - 2 x.y leaves rounding."""
    y = draw(100, 64, 0) + 1e4
    order = np.random.default_rng(1).permutation(100)
    indices, distances = nearest(y[order], y)
    np.testing.assert_array_equal(indices, order)
    assert (distances == 0).all()


def test_fresh_samples_are_as_near_to_training_as_to_held_out_data():
    """Without memorisation: one half and one in a hundred, on average over data sets."""
    found = [memorisation(*(draw(400, 6, 3 * trial + i) for i in range(3))) for trial in range(10)]
    assert abs(np.mean([f.nearer for f in found]) - 0.5) < 0.02
    assert abs(np.mean([f.copies for f in found]) - 0.01) < 0.006


@pytest.mark.parametrize(("train_size", "held_out_size"), [(900, 300), (300, 900)])
def test_sets_of_unlike_size_are_compared_at_equal_size(train_size, held_out_size):
    """Uncut, the larger set would win 3 to 1."""
    found = [
        memorisation(
            draw(train_size, 6, 3 * t), draw(held_out_size, 6, 3 * t + 1), draw(400, 6, 3 * t + 2)
        ).nearer
        for t in range(8)
    ]
    assert abs(np.mean(found) - 0.5) < 0.03


def test_planted_copies_are_found_and_counted():
    train, held_out, fresh = draw(500, 10, 0), draw(500, 10, 1), draw(300, 10, 2)
    planted = np.arange(0, 500, 5)
    noise = 1e-3 * draw(100, 10, 3)
    found = memorisation(train, held_out, np.concatenate([train[planted] + noise, fresh]))
    baseline = memorisation(train, held_out, fresh)
    np.testing.assert_array_equal(found.indices[:100], planted)
    assert (found.distances[:100] <= found.threshold).all()
    assert found.copies == pytest.approx((100 + 300 * baseline.copies) / 400)
    assert found.nearer == pytest.approx((100 + 300 * baseline.nearer) / 400)


def test_a_model_that_only_copies_scores_one_and_one():
    train = draw(200, 10, 0)
    found = memorisation(train, draw(200, 10, 1), train)
    assert (found.nearer, found.copies) == (1.0, 1.0)
    assert (found.distances == 0).all()


def test_copies_are_sought_in_the_whole_training_set():
    """`nearer` sees the 100 rows it drew; `copies` sees all 400."""
    train = draw(400, 10, 0)
    found = memorisation(train, draw(100, 10, 1), train)
    assert found.copies == 1
    np.testing.assert_array_equal(found.indices, np.arange(400))
    assert 0.55 < found.nearer < 0.7  # 1/4 + 3/4 of one half


def test_an_exact_copy_counts_where_held_out_data_repeat_the_training_set():
    train, fresh = draw(100, 4, 0), draw(100, 4, 1)
    found = memorisation(train, train, np.concatenate([train, fresh]))
    assert found.threshold == 0
    assert found.copies == 0.5
    assert found.nearer == 0.5  # all ties


def test_the_percentile_sets_the_share_of_held_out_data_called_copies():
    train, held_out = draw(300, 5, 0), draw(400, 5, 1)
    for percentile in (1, 10, 50):
        copies = memorisation(train, held_out, held_out, percentile).copies
        assert copies == pytest.approx(percentile / 100, abs=1 / 400)


def test_the_answer_is_the_same_each_time():
    sets = draw(300, 5, 0), draw(100, 5, 1), draw(2000, 5, 2)
    assert len({memorisation(*sets)[:3] for _ in range(4)}) == 1


def by_definition(train, fake):
    """Alaa et al. 2022 with all pairs: the neighbour's own neighbour is nearer than the sample."""
    pairs, own = cdist(fake, train), cdist(train, train)
    np.fill_diagonal(own, np.inf)
    return (own.min(axis=1)[pairs.argmin(axis=1)] < pairs.min(axis=1)).mean()


@pytest.mark.parametrize(("n", "m", "d"), [(150, 90, 3), (60, 200, 12)])
def test_authenticity_equals_its_definition(tiling, n, m, d):
    train, fake = draw(n, d, 0) + 30, 0.7 * draw(m, d, 1) + 30
    assert authenticity(train, fake) == by_definition(train, fake)
    assert 0.1 < authenticity(train, fake) < 0.9


def test_copies_are_not_authentic_and_far_samples_are(tiling):
    train = draw(200, 10, 0)
    assert authenticity(train, train) == 0
    assert authenticity(train, train[:20] + 1e-4 * draw(20, 10, 1)) == 0
    assert authenticity(train, train + 1e3) == 1
    assert authenticity(train, np.concatenate([train[:30], train[:90] + 1e3])) == 0.75
    assert authenticity(np.repeat(train, 2, axis=0), train) == 0  # no nearer than a copy is


def test_authenticity_of_fresh_data_on_a_line_is_the_known_share():
    """On a line the sample is Exp(2) of the spacing from its neighbour, whose own neighbours are
    Exp(1) away beyond and, on the sample's side, farther than the sample: P(Exp(1) < Exp(2)) = 1/3.
    """
    rng = np.random.default_rng(0)
    found = authenticity(rng.uniform(size=(4000, 1)), rng.uniform(size=(4000, 1)))
    assert found == pytest.approx(1 / 3, abs=0.03)


X = draw(10, 3, 0)


@pytest.mark.parametrize("score", [precision_recall, density_coverage, nearest, authenticity])
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (draw(10, 4, 0), r"\(10, 4\).*expected .*one D.*one network"),
        (np.ones((10, 2, 2, 3)), r"\(10, 2, 2, 3\).*expected \[N, D\].*flatten images"),
        (np.ones((0, 3)), r"\(0, 3\).*expected"),
        (np.full((10, 3), np.nan), "NaN or infinity; expected finite"),
    ],
)
def test_refuses_sets_that_do_not_fit(score, y, message):
    with pytest.raises(ValueError, match=message):
        score(X, y)


@pytest.mark.parametrize("score", [precision_recall, density_coverage])
@pytest.mark.parametrize("k", [0, 10])
def test_refuses_more_neighbours_than_there_are(score, k):
    with pytest.raises(ValueError, match=rf"k is {k} for 10 points; expected 1 to 9.*smaller k"):
        score(X, X, k)


def test_refuses_a_percentile_that_is_none():
    with pytest.raises(ValueError, match="percentile is 101; expected a number from 0 to 100"):
        memorisation(X, X, X, percentile=101)


def test_authenticity_refuses_a_training_set_of_one():
    with pytest.raises(ValueError, match="1 row of training data; expected at least 2"):
        authenticity(X[:1], X)
