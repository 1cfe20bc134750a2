"""Samples selected by a reward, of a stand-in for a run whose samples are normal numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

from genlab.config import ConfigError
from genlab.sampling.request import Conditions, SampleRequest, Vary
from genlab.sampling.selection import BestOf, Rejection, acceptance, effective

N = 4_000


class Run:
    """Sample i is a draw of N(0, 1) plus its condition, `shift`: 0 and 10 in turn."""

    method = SimpleNamespace(makes="image")

    def conditions(self, request):
        return Conditions({"shift": 10.0 * (np.arange(request.n) % 2)})

    def drawn(self, request, found=None):
        found = found or self.conditions(request)
        assert len(found.stored["shift"]) == request.n
        noise = np.random.default_rng(request.seed).normal(size=request.n)
        return {"image": noise + found.stored["shift"], **found.stored}


def plain(x):
    return x


def rises(by, n=N):
    """What a selection adds to the samples, under their own conditions."""
    drawn = by(Run(), SampleRequest(n, 3)).drawn
    assert (drawn["shift"] == Run().conditions(SampleRequest(n)).stored["shift"]).all()
    return drawn["image"] - drawn["shift"]


@pytest.mark.parametrize(("n", "mean"), [(2, 0.5642), (4, 1.0294), (16, 1.7660)])
def test_the_best_of_n_is_the_largest_order_statistic(n, mean):
    """Their means for N(0, 1): Harter 1961, Biometrika 48, Table 1."""
    assert rises(BestOf(plain, n)).mean() == pytest.approx(mean, abs=0.05)


def test_rejection_tilts_the_distribution():
    """N(0, 1) tilted by exp(r / beta), r = x, is N(1 / beta, 1)."""
    found = rises(Rejection(plain, beta=2.0, candidates=400), 1_500)
    assert found.mean() == pytest.approx(0.5, abs=0.08)
    assert found.std() == pytest.approx(1.0, abs=0.06)


def test_rejection_is_the_best_of_all_or_the_model_itself_at_its_ends():
    best, coldest = rises(BestOf(plain, 8), 100), rises(Rejection(plain, 1e-6, 8), 100)
    np.testing.assert_array_equal(coldest, best)
    assert rises(Rejection(plain, 1e6, 8)).mean() == pytest.approx(0, abs=0.06)


def test_the_bound_is_a_samples_own_and_its_weights_are_told():
    rewards = np.array([[0.0, 1, 1], [5, 5, 5]])
    weights = acceptance(rewards, 0.5)
    np.testing.assert_allclose(weights, [[np.exp(-2), 1, 1], [1, 1, 1]])
    np.testing.assert_allclose(effective(weights)[1], 3)
    np.testing.assert_allclose(effective(np.array([[1.0, 0, 0]])), 1)
    about = Rejection(plain, 0.5, 8)(Run(), SampleRequest(10, 3)).about
    assert about["mean_reward"] > about["mean_reward_of_candidates"]
    assert 1 < about["effective_candidates"] < 8


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: BestOf(plain, 1), "2 or more"),
        (lambda: Rejection(plain, 0.0), "above 0"),
        (lambda: BestOf(plain)(Run(), SampleRequest(2, vary=Vary("hue"))), "--vary"),
        (lambda: BestOf(plain)(Run(), SampleRequest(2, interpolate=3)), "--interpolate"),
        (lambda: BestOf(lambda x: x[:2])(Run(), SampleRequest(2)), "expected as many finite"),
        (lambda: BestOf(lambda x: x * np.nan)(Run(), SampleRequest(2)), "expected as many finite"),
    ],
)
def test_what_cannot_be_selected_is_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()
