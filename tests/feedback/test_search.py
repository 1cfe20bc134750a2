"""Bayesian search over latents, without a model: points are what is liked."""

import dataclasses
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as PIL
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from genlab.cli import feedback
from genlab.config import ConfigError
from genlab.data import provenance
from genlab.data.columns import Image
from genlab.feedback import kept_search
from genlab.feedback.search import DuelKernel, LatentSearch


def started(k=2, seed=0):
    start = np.arange(1.0, 6.0)
    basis = np.linalg.qr(np.random.default_rng(3).normal(size=(5, k)))[0].T
    return LatentSearch(None, None, start, basis, seed)  # pyright: ignore[reportArgumentType]


def test_the_kernel_of_duels_is_the_covariance_of_differences():
    """Var and Cov of f(a) - f(b) for f ~ GP(0, k), from the joint covariance of all points."""
    inner = ConstantKernel(2.0) * RBF(1.5)
    kernel, draw = DuelKernel(inner), np.random.default_rng(0)
    x, y = draw.normal(size=(4, 6)), draw.normal(size=(3, 6))
    points = np.concatenate([x.reshape(-1, 3), y.reshape(-1, 3)])
    minus = np.kron(np.eye(7), [1.0, -1.0])
    joint = minus @ inner(points) @ minus.T
    np.testing.assert_allclose(kernel(x, y), joint[:4, 4:], atol=1e-12)
    np.testing.assert_allclose(kernel(x), joint[:4, :4], atol=1e-12)
    np.testing.assert_allclose(kernel.diag(x), np.diag(joint)[:4], atol=1e-12)
    values, slopes = kernel(x, eval_gradient=True)
    theta, step = kernel.theta, 1e-6
    for i in range(len(theta)):
        moved = kernel.clone_with_theta(theta + step * np.eye(len(theta))[i])
        np.testing.assert_allclose(slopes[..., i], (moved(x) - values) / step, atol=1e-4)


def test_latents_move_along_the_directions_alone():
    search = started()
    z = search.latents(np.array([[0.5, -2.0]]))[0]
    np.testing.assert_allclose(search.directions @ z, [0.5, -2.0])
    off = (z - search.start) - search.directions.T @ (search.directions @ (z - search.start))
    np.testing.assert_allclose(off, 0, atol=1e-12)


def test_it_finds_what_is_liked_in_few_answers():
    liked = np.array([1.2, -0.8])
    search = started()
    for _ in range(16):
        a, b = -np.linalg.norm(search.duel - liked, axis=1)
        search = search.answered(a > b)
    assert np.linalg.norm(search.found - liked) < 0.5  # of the prior's draws 5 % are as near
    assert np.linalg.norm(search.duels, axis=-1).max() < 2.8  # none is unlike all latents
    np.testing.assert_allclose(search.best, search.latents(search.found[None])[0])


def test_the_best_meets_the_point_of_the_highest_expected_improvement_over_it():
    """E max(f(x) - f(best), 0) by draws of the normal, of the points shown and of others."""
    liked, search = np.array([1.2, -0.8]), started()
    for _ in range(8):
        a, b = -np.linalg.norm(search.duel - liked, axis=1)
        search = search.answered(a > b)
    best = search.found
    (shown,) = [x for x in search.duel if not np.array_equal(x, best)]
    draw = np.random.default_rng(4)
    points = np.concatenate([shown[None], 0.8 * draw.normal(size=(200, 2))])
    pairs = np.concatenate([points, np.broadcast_to(best, points.shape)], axis=1)
    mean, variance = search._model.latent_mean_and_variance(pairs)
    gains = mean[:, None] + np.sqrt(np.maximum(variance, 0))[:, None] * draw.normal(size=4000)
    expected = np.maximum(gains, 0).mean(axis=1)
    assert expected[0] > np.quantile(expected[1:], 0.97)


def test_who_is_shown_first_changes_nothing():
    """Every second duel is turned round for the classifier."""
    draw = np.random.default_rng(1)
    duels, wins = draw.normal(size=(5, 2, 2)), draw.random(5) < 0.5
    one = LatentSearch(None, None, np.zeros(2), np.eye(2), 0, duels, wins)  # pyright: ignore
    other = LatentSearch(None, None, np.zeros(2), np.eye(2), 0, duels[:, ::-1], ~wins)  # pyright: ignore
    np.testing.assert_allclose(one.found, other.found)


def test_the_same_answers_ask_the_same_question():
    one, other = started().answered(True), started().answered(True)
    np.testing.assert_array_equal(one.duel, other.duel)
    assert (one.answers, started().answers) == (1, 0)
    with pytest.raises(ConfigError, match="nothing was answered yet"):
        _ = started().found


class Run:
    """A model whose pictures have one value: the first coordinate of the latent."""

    step, method = 4, SimpleNamespace(makes="image")
    source = SimpleNamespace(columns={"image": Image((2, 2, 1))})
    folder = SimpleNamespace(path="runs/x")

    def __init__(self, model="a" * 64):
        self.weights = SimpleNamespace(fingerprint=model)
        self.editor = self

    def generate(self, one, latents):
        values = np.clip(latents[0, :, 0] * 10 + 128, 0, 255).astype(np.uint8)
        return np.broadcast_to(values[:, None, None, None], (len(values), 2, 2, 1))


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """What opens the search kept in a folder, of a model without directions of its own."""

    def begun(run, given=None, directions=2, seed=0):
        return dataclasses.replace(started(directions, seed), run=run)

    monkeypatch.setattr(LatentSearch, "of", begun)
    return lambda model="a" * 64, **settings: kept_search.opened(
        Run(model), tmp_path / "mine", settings
    )


def test_a_search_in_a_folder_goes_on_where_it_was_left(kept, tmp_path):
    search, folder = kept(given={"category": "dress"}, seed=3), tmp_path / "mine"
    for first in (True, False, False):
        search = kept_search.answered(folder, search, first)
    again = kept()  # what it was begun with need not be said again
    assert (again.answers, again.seed) == (3, 3)
    np.testing.assert_array_equal(again.duel, search.duel)
    np.testing.assert_array_equal(again.best, search.best)
    left, right = np.asarray(PIL.open(kept_search.shown(folder, again)))[100, [100, 300]]
    np.testing.assert_allclose([left, right], 128 + 10 * again.latents(again.duel)[:, 0], atol=1.1)
    said = provenance.read(kept_search.found(folder, again))
    assert said["run"] == "x" and said["settings"] == {"seed": 3, "answers": 3}
    np.testing.assert_array_equal(np.load(folder / "best.npy"), search.best)


def test_a_search_of_another_model_or_other_settings_is_refused(kept, tmp_path):
    kept(given={"category": "dress"})
    with pytest.raises(ConfigError, match="another model, aaaaaaaaaaaa of round 4"):
        kept("b" * 64)
    with pytest.raises(ConfigError, match="begun with seed=0, not 7: leave --seed out"):
        kept(seed=7)
    (tmp_path / "mine" / kept_search.ANSWERS).write_text('{"duel": ')
    with pytest.raises(ConfigError, match="mend it"):
        kept()


def test_an_answer_that_is_none_is_said_to_be_none(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("left\n2\n\n"))
    assert feedback._answer("duel.png") is False
    assert "'left' is neither 1 nor 2\n" in capsys.readouterr().out
    assert feedback._answer("duel.png") is None
