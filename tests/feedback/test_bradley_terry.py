"""Bradley-Terry against closed forms, and against an oracle that knows nothing of logistic
regression.
"""

import numpy as np
import pytest
import scipy.optimize

from genlab.feedback import bradley_terry as bt


def strengths(choices, items):
    """Bradley and Terry's strengths pi by their own fixed point (1952; Ford 1957): pi_i is the
    choices it won over the sum, over its duels, of 1 / (pi_i + pi_j).
    """
    pi, eye = np.ones(items), np.eye(items)
    wins = sum(share * eye[a] + (1 - share) * eye[b] for a, b, share in choices)
    for _ in range(200):
        pi = wins / sum((eye[a] + eye[b]) / (pi[a] + pi[b]) for a, b, _ in choices)
    return np.log(pi / pi.prod() ** (1 / items))


def one_hot(choices, items):
    """The choices as differences of features that are the items themselves."""
    eye = np.eye(items)
    x = np.array([eye[a] - eye[b] for a, b, _ in choices])
    return x, np.array([share for *_, share in choices], float)


TIMES = ((0, 1, 1, 7), (0, 1, 0, 3), (1, 2, 1, 5), (1, 2, 0, 4), (0, 2, 1, 6), (0, 2, 0.5, 3),
         (2, 3, 1, 4), (2, 3, 0, 2), (0, 3, 0, 2))  # fmt: skip
CHOICES = [(a, b, share) for a, b, share, n in TIMES for _ in range(n)]


@pytest.mark.parametrize(("won", "of"), [(7, 10), (1, 4), (5, 10)])
def test_of_two_things_the_rewards_differ_by_the_log_of_the_odds(won, of):
    shares = np.repeat([1.0, 0.0], [won, of - won])
    (w,) = bt.fit(np.ones((of, 1)), shares, 1e-9)
    assert w == pytest.approx(np.log(won / (of - won)), abs=1e-5)


def test_rewards_of_items_are_the_strengths_of_their_own_fixed_point():
    """Ties count as half a choice of each."""
    w = bt.fit(*one_hot(CHOICES, 4), 1e-7)
    np.testing.assert_allclose(w - w.mean(), strengths(CHOICES, 4), atol=1e-4)


def test_the_loss_is_minus_the_log_probability_and_its_slope_is_right():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(7, 3)), rng.normal(size=3)
    shares = np.array([1, 0, 0.5, 1, 1, 0, 0.5])
    p = 1 / (1 + np.exp(-x @ w))
    wanted = -(shares * np.log(p) + (1 - shares) * np.log(1 - p)).sum() + 0.7 / 2 * (w @ w)
    value, slope = bt.loss(w, x, shares, 0.7)
    assert value == pytest.approx(wanted, rel=1e-12)
    numeric = scipy.optimize.approx_fprime(w, lambda w: bt.loss(w, x, shares, 0.7)[0], 1e-7)
    np.testing.assert_allclose(slope, numeric, rtol=1e-4)


def test_what_all_things_share_and_who_is_named_first_change_nothing():
    rng = np.random.default_rng(1)
    a, b, shares = rng.normal(size=(9, 2)), rng.normal(size=(9, 2)), rng.integers(0, 2, 9)
    w = bt.fit(a - b, shares, 0.3)
    np.testing.assert_allclose(bt.fit((a + 5) - (b + 5), shares, 0.3), w, atol=1e-6)
    np.testing.assert_allclose(bt.fit(b - a, 1 - shares, 0.3), w, atol=1e-6)


def test_a_stronger_prior_shrinks_the_reward():
    x, shares = one_hot(CHOICES, 4)
    norms = [np.linalg.norm(bt.fit(x, shares, ridge)) for ridge in (0.1, 1, 10, 1e6)]
    assert norms == sorted(norms, reverse=True) and norms[-1] < 1e-4


def drawn(n, beta, d=4):
    """Choices by a taste for the first feature."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, d))
    return x, (rng.random(n) < 1 / (1 + np.exp(-beta * x[:, 0]))).astype(float), np.arange(n)


def test_held_out_choices_are_foretold_where_there_is_a_taste_and_not_where_there_is_none():
    few = (0.3, 3.0)
    seen = bt.held_out(*drawn(100, 4.0), ridges=few)
    assert seen.n == 100 and seen.low < seen.accuracy < seen.high
    assert seen.accuracy > 0.75 and seen.log_loss < 0.6 and seen.better_than_chance
    assert not bt.held_out(*drawn(100, 0.0), ridges=few).better_than_chance
    assert not seen._replace(chance=0.9).better_than_chance


def test_choices_between_the_same_things_are_left_out_together():
    """Else what a fit has seen would be foretold."""
    x, _, groups = drawn(20, 0.0, d=20)
    shares = (np.arange(20) % 2).astype(float)
    twice = [np.concatenate([each, each]) for each in (x, shares, groups)]
    alike = bt.held_out(*twice, ridges=(1.0,))
    torn = bt.held_out(*twice[:2], np.arange(40), ridges=(1.0,))
    assert alike.accuracy < 0.75 < torn.accuracy


def test_the_ridge_is_small_for_a_taste_and_large_for_none():
    small, large = 0.1, 100.0
    assert bt.best_ridge(*drawn(100, 4.0), (small, large)) == small
    assert bt.best_ridge(*drawn(100, 0.0), (small, large)) == large


def test_intervals_are_those_of_wilson():
    """Newcombe 1998, Statistics in Medicine 17, Table I: 81 of 263 and 0 of 20, 1 of 29."""
    for right, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        np.testing.assert_allclose(bt.wilson(right, n), (low, high), atol=6e-5)
    assert bt.wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("x", "shares", "ridge", "says"),
    [
        (np.ones((2, 1)), np.ones(3), 1.0, "expected \\[N, D\\]"),
        (np.ones((2, 1)), np.array([2.0, 0]), 1.0, "from 0 to 1"),
        (np.full((2, 1), np.nan), np.ones(2), 1.0, "finite"),
        (np.ones((2, 1)), np.ones(2), 0.0, "above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(x, shares, ridge, says):
    with pytest.raises(ValueError, match=says):
        bt.fit(x, shares, ridge)
