import numpy as np
import pytest
from scipy import stats

from genlab.metrics import bootstrap


def test_the_interval_of_a_mean_covers_the_truth_in_95_of_100():
    draws = np.random.default_rng(0).normal(size=(150, 60))
    found = [bootstrap(np.mean, row, 200, seed) for seed, row in enumerate(draws)]
    assert np.mean([low < 0 < high for low, high in found]) == pytest.approx(0.94, abs=0.04)


def test_it_is_scipys_percentile_interval():
    x = np.random.default_rng(1).exponential(size=80)
    theirs = stats.bootstrap((x,), np.mean, method="percentile", rng=np.random.default_rng(2))
    assert bootstrap(np.mean, x, 10_000) == pytest.approx(theirs.confidence_interval, rel=0.01)


def test_it_takes_rows_and_any_statistic_and_repeats_itself():
    x = np.random.default_rng(0).normal(size=(50, 3))
    found = bootstrap(lambda rows: np.linalg.norm(rows.mean(axis=0)), x, 100, seed=5)
    assert found == bootstrap(lambda rows: np.linalg.norm(rows.mean(axis=0)), x, 100, seed=5)
    assert found[0] < found[1] and bootstrap(np.mean, np.ones(9)) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("x", "more", "told"),
    [
        (np.ones(1), {}, "at least 2 rows"),
        (np.ones(9), {"level": 95}, "level between 0 and 1"),
        (np.array([1.0, np.inf, 2.0]), {}, "not finite on"),
    ],
)
def test_what_has_no_interval_is_refused(x, more, told):
    with pytest.raises(ValueError, match=told):
        bootstrap(np.mean, x, **more)
