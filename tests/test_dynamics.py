"""How games are played, on games whose every move can be written down."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import random

from genlab import game
from genlab.config import ConfigError
from genlab.game import Player
from genlab.game.dynamics import balanced, changed, consensus, extragradient, simultaneous, unrolled
from genlab.runtime import collectives, placement

H = 0.1


@dataclasses.dataclass(frozen=True)
class Bilinear:
    """min over x, max over y of x y + curve / 2 (x^2 - y^2): player `x` moves first."""

    dynamics: tuple = ()
    curve: float = 0.0
    moves: tuple[int, int] = (1, 1)
    makes: str = "image"
    given: tuple = ()

    def init(self, key, batch):
        return {"x": {"w": jnp.ones(())}, "y": {"w": jnp.ones(())}}, {}

    def value(self, params):
        x, y = params["x"]["w"], params["y"]["w"]
        return x * y + self.curve / 2 * (x**2 - y**2)

    def players(self):
        def loss(sign):
            def of(params, stats, batch, key, step):
                value = sign * self.value(params)
                return value, (stats, {"value": value, "drawn": random.uniform(key)})

            return of

        first, second = self.moves
        both = {"x": Player(loss(1), ("x",), first), "y": Player(loss(-1), ("y",), second)}
        return changed(both, self.dynamics)


def play(method, rounds=1, optim=None):
    """(path [rounds + 1, 2], metrics of the last round)."""
    optim = optim or {"x": optax.sgd(H), "y": optax.sgd(H)}
    batches = {"image": np.arange(game.batches_per_round(method), dtype=np.float32)[:, None]}
    first = {"image": batches["image"][0]}
    state = jax.jit(lambda: game.init(method, optim, {}, random.key(0), first))()
    path, turn = [(1.0, 1.0)], jax.jit(lambda s: game.step(method, optim, {}, s, batches))
    for _ in range(rounds):
        state, metrics = turn(state)
        path.append((float(state.params["x"]["w"]), float(state.params["y"]["w"])))
    return np.asarray(path), metrics


def growth(path):
    """Of the distance to (0, 0), in one round."""
    return np.hypot(*path[1]) / np.hypot(*path[0])


def test_alternating_is_the_default_and_turns_by_a_matrix_of_determinant_one():
    path, _ = play(Bilinear())
    np.testing.assert_allclose(path[1], [1 - H, 1 + H * (1 - H)], rtol=1e-6)


def test_at_once_both_move_from_the_same_point_and_spiral_out():
    path, metrics = play(Bilinear((simultaneous(),)))
    np.testing.assert_allclose(path[1], [1 - H, 1 + H], rtol=1e-6)
    np.testing.assert_allclose(growth(path), np.sqrt(1 + H**2), rtol=1e-6)
    assert metrics["x/drawn"] == metrics["y/drawn"]  # the same randomness on the same batch
    assert (
        game.batches_per_round(Bilinear((simultaneous(),))) == 1
        and game.batches_per_round(Bilinear()) == 2
    )


def test_players_at_once_move_equally_often():
    assert game.batches_per_round(Bilinear((simultaneous(),), moves=(3, 3))) == 3
    with pytest.raises(ConfigError, match="make 3 and 1 moves a round"):
        game.batches_per_round(Bilinear((simultaneous(),), moves=(3, 1)))


def test_extragradient_spirals_in():
    """Factor sqrt(1 - h^2 + h^4) on the bilinear game (Korpelevich 1976)."""
    path, _ = play(Bilinear((extragradient(),)))
    np.testing.assert_allclose(path[1], [1 - H * (1 + H), 1 + H * (1 - H)], rtol=1e-6)
    np.testing.assert_allclose(growth(path), np.sqrt(1 - H**2 + H**4), rtol=1e-6)


def test_optimistic_descent_converges_where_simultaneous_descent_does_not():
    optimistic = {name: optax.optimistic_gradient_descent(0.5) for name in ("x", "y")}
    descent = {name: optax.sgd(0.5) for name in ("x", "y")}
    method = Bilinear((simultaneous(),))
    assert np.hypot(*play(method, 40, optimistic)[0][-1]) < 0.2
    assert np.hypot(*play(method, 40, descent)[0][-1]) > 10


@pytest.mark.parametrize("optim", [optax.sgd(H), optax.adam(H, eps_root=1e-8)])
def test_unrolled_differentiates_through_the_opponents_optimiser(optim):
    """Metz et al. 2017, Eqs. 10-12, by hand: y sees itself two moves on, then x descends."""
    method = Bilinear((unrolled(2, player="x", opponent="y"),), curve=0.5)
    path, _ = play(method, 1, {"x": optax.sgd(H), "y": optim})

    def foreseen(x):
        y, state = jnp.ones(()), optim.init(jnp.ones(()))
        for _ in range(2):
            slope = -x + 0.5 * y  # of y's loss -(x y + curve / 2 (x^2 - y^2))
            update, state = optim.update(slope, state, y)
            y = y + update
        return method.value({"x": {"w": x}, "y": {"w": y}})

    slope = jax.jit(jax.grad(foreseen))(1.0)
    np.testing.assert_allclose(path[1][0], 1 - H * slope, rtol=1e-5)
    assert abs(path[1][0] - (1 - H * 1.5)) > 1e-3  # what it would be with y as it stands


def test_unrolling_goes_on_from_the_opponents_optimiser_as_it_stands():
    """Momentum from the first round is in the look-ahead of the second."""
    momentum = optax.sgd(H, momentum=0.9)
    method = Bilinear((simultaneous(), unrolled(1, player="x", opponent="y")))
    path, _ = play(method, 2, {"x": optax.sgd(H), "y": momentum})
    (x, y), trace = path[1], 1.0  # y's first gradient is -x = -1
    foreseen = [y + H * (x + 0.9 * trace), H * x]  # y a move on, and x times its slope in x
    np.testing.assert_allclose(path[2][0], x - H * sum(foreseen), rtol=1e-5)


def test_unrolling_keeps_nothing_of_what_it_foresaw():
    free, _ = play(Bilinear((simultaneous(),)))
    seen, _ = play(Bilinear((simultaneous(), unrolled(5, player="x", opponent="y"))))
    assert free[1][1] == seen[1][1] and free[1][0] != seen[1][0]


def test_consensus_descends_half_the_squared_norm_of_all_gradients():
    """v = (-y, x): |v|^2 / 2 = (x^2 + y^2) / 2, whose gradient is (x, y)."""
    path, metrics = play(Bilinear((simultaneous(), consensus(0.3))))
    np.testing.assert_allclose(path[1], [1 - H * (1 + 0.3), 1 + H * (1 - 0.3)], rtol=1e-6)
    np.testing.assert_allclose(metrics["x/consensus"], 1.0, rtol=1e-6)
    np.testing.assert_allclose(metrics["x/loss"], 1 + 0.3, rtol=1e-6)


def test_a_player_that_is_ahead_holds_still():
    still, metrics = play(Bilinear((balanced(2.0, player="x", metric="value"),)))
    assert still[1][0] == 1.0 and metrics["x/plays"] == 0
    moving, metrics = play(Bilinear((balanced(0.5, player="x", metric="value"),)))
    assert moving[1][0] != 1.0 and metrics["x/plays"] == 1
    adam = {"x": optax.adam(H), "y": optax.adam(H)}
    kept, _ = play(Bilinear((balanced(2.0, player="x", metric="value"),)), 3, adam)
    assert (kept[:, 0] == 1.0).all()  # nor does its optimiser move on


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda: unrolled(0), "at least 1"),
        (lambda: unrolled(5, player="generator"), "no player of this game; there is x, y"),
        (lambda: balanced(0.5, player="x", metric="vale"), "did you mean 'value'"),
    ],
)
def test_changes_that_do_not_fit_are_refused(change, told):
    with pytest.raises(ConfigError, match=told):
        play(Bilinear((change(),)))


def test_a_decay_may_be_a_schedule():
    method, optim = Bilinear(), {"x": optax.sgd(H), "y": optax.sgd(H)}
    batches = {"image": np.zeros((2, 1), np.float32)}
    ema = {"x": lambda step: jnp.where(step < 1, 0.0, 0.9)}
    first = {"image": batches["image"][0]}
    state = jax.jit(lambda: game.init(method, optim, ema, random.key(0), first))()
    turn = jax.jit(lambda state: game.step(method, optim, ema, state, batches))
    one, _ = turn(state)
    assert one.ema["x"]["params"]["w"] == one.params["x"]["w"]
    two, _ = turn(one)
    expected = 0.9 * one.params["x"]["w"] + 0.1 * two.params["x"]["w"]
    np.testing.assert_allclose(two.ema["x"]["params"]["w"], expected, rtol=1e-6)


@dataclasses.dataclass(frozen=True)
class Means:
    """A game on a batch's means, taken over the global batch."""

    dynamics: tuple = ()
    makes: str = "image"
    given: tuple = ()

    def init(self, key, batch):
        return {"x": {"w": jnp.array([0.3, 0.2])}, "y": {"w": jnp.array([0.5, -0.4])}}, {}

    def players(self):
        def loss(sign):
            def of(params, stats, batch, key, step):
                x, y, points = params["x"]["w"], params["y"]["w"], batch["image"]
                f, r = jnp.tanh(points @ y), jnp.tanh(points**2 @ x)
                value = (jnp.logaddexp(0, f - collectives.mean(r.mean())) * r).mean()
                return sign * value, (stats, {})

            return of

        both = {"x": Player(loss(1), ("x",)), "y": Player(loss(-1), ("y",))}
        return changed(both, self.dynamics)


@pytest.mark.parametrize(
    "dynamics",
    [
        pytest.param((), id="alternating", marks=pytest.mark.slow),
        pytest.param((simultaneous(),), id="simultaneous", marks=pytest.mark.slow),
        pytest.param(
            (unrolled(1, player="x", opponent="y"),), id="unrolled", marks=pytest.mark.slow
        ),
        pytest.param((extragradient(), consensus(2.0)), id="extragradient and consensus"),
    ],
)
def test_two_devices_under_pmap_play_as_one(dynamics):
    """With SGD: the look-ahead's and the consensus term's gradients are the global batch's."""
    method, optim = Means(dynamics), {"x": optax.sgd(0.5), "y": optax.sgd(0.5)}
    n = game.batches_per_round(method)
    points = np.float32(np.random.default_rng(3).normal(size=(n, 8, 2)))
    first = {"image": points[0]}
    state = jax.jit(lambda: game.init(method, optim, {}, random.key(0), first))()

    def play(state, points):
        return game.step(method, optim, {}, state, {"image": points})[0].params

    alone = jax.jit(play)(state, points)
    apart = jax.jit(placement.by_name("pmap", 2).step(play))(state, points)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-7), alone, apart)
