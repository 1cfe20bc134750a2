"""A reward fitted to verdicts on a stand-in for a run, whose pictures are their own features."""

from types import SimpleNamespace

import numpy as np
import pytest

from genlab.config import ConfigError, spec
from genlab.features import Pixels
from genlab.features.space import FeatureSpace
from genlab.feedback import reward
from genlab.feedback.verdicts import Verdict, Verdicts, request

TASTE = np.array([2.0, -1.0, 0.0])


class Run:
    """Pictures are draws of N(5, I) in three dimensions."""

    method = SimpleNamespace(makes="image")
    folder = SimpleNamespace(path="runs/x")
    weights = SimpleNamespace(fingerprint="a" * 64)
    step = 4

    def drawn(self, asked):
        draw = np.random.default_rng(asked.seed)
        return {"image": 5 + draw.normal(size=(asked.n, 3))}


@pytest.fixture(autouse=True)
def features(monkeypatch):
    """Pictures as their features."""
    space = FeatureSpace(lambda x: {"features": x}, {"features": "given"})
    monkeypatch.setattr(reward, "space_of", lambda features, run: space)


def choices(n, beta=5.0, thumbs=False):
    """Choices between neighbours among samples, by TASTE; or thumbs: up above 0."""
    ask, draw = {"n": 2 * n, "seed": 7}, np.random.default_rng(8)
    u = (Run().drawn(request(ask))["image"] - 5) @ TASTE
    found = []
    for a, b in np.arange(2 * n).reshape(-1, 2).tolist():
        first = draw.random() < 1 / (1 + np.exp(-beta * (u[a] - (0 if thumbs else u[b]))))
        names = ("up", "down") if thumbs else ("first", "second")
        found.append(Verdict(ask, a, None if thumbs else b, names[0 if first else 1]))
    return Verdicts(found, {})


@pytest.mark.parametrize("thumbs", [False, True])
def test_it_finds_the_taste_and_is_standardised_on_the_models_samples(thumbs):
    found = reward.fit(Run(), spec(Pixels), choices(60, thumbs=thumbs))
    cosine = found.weights @ TASTE / np.linalg.norm(found.weights) / np.linalg.norm(TASTE)
    assert cosine > 0.9
    r = found(Run().drawn(request({"n": 2_000, "seed": 99}))["image"])
    assert abs(r.mean()) < 0.1 and r.std() == pytest.approx(1, abs=0.1)
    assert found.record["held_out"]["accuracy"] > 0.8
    assert "no better" not in reward.summary(found)


def test_no_taste_is_said_to_be_none():
    found = reward.fit(Run(), spec(Pixels), choices(60, beta=0.0))
    assert "no better than chance: give more verdicts" in reward.summary(found)


def test_thumbs_that_all_say_the_same_are_foretold_by_a_constant():
    ups = [Verdict({"n": 16, "seed": 7}, i, None, "up") for i in range(12)]
    found = reward.fit(Run(), spec(Pixels), Verdicts(ups, {}))
    assert found.record["held_out"]["chance"] == 1.0
    assert "no better than chance" in reward.summary(found)


def test_verdicts_as_rows():
    x = np.array([[1.0, 2], [3, 5], [0, 1]])
    used = [Verdict({}, 0, 1, "first"), Verdict({}, 2, None, "down"), Verdict({}, 1, 0, "tie")]
    rows, shares, groups = reward.rows(x, np.array([[0, 1], [2, -1], [1, 0]]), used)
    assert rows.tolist() == [[-2, -3, 0], [0, 1, -1], [2, 3, 0]]
    assert shares.tolist() == [1, 0, 0.5]
    assert groups[0] == groups[2] != groups[1]


def test_components_are_those_of_the_samples_in_one_unit():
    own = np.random.default_rng(0).normal(size=(500, 3)) * [4, 2, 1e-9] + 7
    reduced = reward.reduction(own, 3)
    assert reduced.components.shape == (3, 2)  # the third is rounding
    values = reduced.of(own)
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-9)
    assert values.var(axis=0).mean() == pytest.approx(1, rel=0.01)
    assert values[:, 0].std() / values[:, 1].std() == pytest.approx(2, rel=0.15)


def test_it_is_written_and_read_back(tmp_path):
    found = reward.fit(Run(), spec(Pixels), choices(10))
    again = reward.load(found.save(tmp_path / "reward.json"))
    x = Run().drawn(request({"n": 5, "seed": 1}))["image"]
    np.testing.assert_array_equal(again(x), found(x))
    assert again.fingerprint == found.fingerprint and again.record == found.record


def test_too_few_verdicts_are_refused_with_what_was_left_out():
    given = choices(3)._replace(left_out={"on another model, b of round 2": 4})
    with pytest.raises(ConfigError, match=r"3 verdicts .*left out: 4 on another model.*needs 5"):
        reward.fit(Run(), spec(Pixels), given)


def test_a_reward_that_is_not_there_or_of_another_network_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="fit one with `genlab feedback"):
        reward.load(tmp_path)
    path = reward.fit(Run(), spec(Pixels), choices(10)).save(tmp_path / "reward.json")
    other = FeatureSpace(lambda x: {"features": x}, {"features": "others"})
    monkeypatch.setattr(reward, "space_of", lambda features, run: other)
    with pytest.raises(ConfigError, match="another network"):
        reward.load(path)
