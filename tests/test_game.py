"""One `step` for every game, against rounds written out by hand."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny
from jax import random

from genlab import game
from genlab.config import ConfigError, build
from genlab.game import Player, apply, fresh
from genlab.losses import penalties

SGD = {"disc": optax.sgd(0.1), "gen": optax.sgd(0.1)}


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(0)
    return {
        "image": np.float32(rng.uniform(-1, 1, (4, 8, *tiny.SHAPE))),
        "label": np.zeros((4, 8, 10), np.float32),
    }


def first(batches):
    return jax.tree.map(lambda x: x[0], batches)


def start(method, batches, optim=SGD, ema=None):
    """The state before the first round."""
    init = jax.jit(lambda key, batch: game.init(method, optim, ema or {}, key, batch))
    return init(random.key(0), first(batches))


def rounds(method, optim=SGD, ema=None):
    """(state, batches) -> (state, metrics) of a round."""
    return jax.jit(lambda state, batches: game.step(method, optim, ema or {}, state, batches))


def assert_close(a, b, **kwargs):
    """Trees equal to rounding."""
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **kwargs), a, b)


def same(a, b):
    """Whether two trees are equal bit for bit."""
    return all(jax.tree.leaves(jax.tree.map(np.array_equal, a, b)))


@pytest.mark.parametrize("gradient_penalty", [pytest.param(0.0, marks=pytest.mark.slow), 10.0])
def test_a_round_equals_the_longhand_of_algorithm_1(batches, gradient_penalty):
    """WGAN(-GP), three critic moves, BatchNorm in the generator: Gulrajani et al. 2017, Algorithm
    1, with SGD.
    """
    method = build(
        (
            tiny.wgan_gp() if gradient_penalty else tiny.gan(method={"objective": "wasserstein"})
        ).method
    )
    state = start(method, batches)
    got, metrics = rounds(method)(state, batches)

    @jax.jit
    def descended(params, slopes):
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, slopes)

    def g(params, stats, z):
        return apply(method.generator, "gen", params, stats, z, None)

    def d(params, x):
        return apply(method.discriminator, "disc", params, {}, x, None)[0]

    params, key = state.params, random.fold_in(state.key, 0)
    for m in range(method.critic_moves):
        x, move_key = batches["image"][m], random.fold_in(random.fold_in(key, 0), m)
        z = random.normal(random.fold_in(move_key, 0), (8, method.latent))

        def critic_loss(disc, x=x, z=z, move_key=move_key, params=params):
            fake = g(params, state.stats, z)[0]
            named = {"disc": disc}
            loss = d(named, fake).mean() - d(named, x).mean()
            if not gradient_penalty:
                return loss
            a = random.uniform(random.fold_in(move_key, 1), (8, 1, 1, 1))
            grads = jax.vmap(jax.grad(lambda one: d(named, one[None])[0]))(a * fake + (1 - a) * x)
            norms = jnp.sqrt((grads.reshape(8, -1) ** 2).sum(1))
            return loss + gradient_penalty * ((norms - 1) ** 2).mean()

        slopes = jax.jit(jax.grad(critic_loss))(params["disc"])
        params = {**params, "disc": descended(params["disc"], slopes)}

    z = random.normal(
        random.fold_in(random.fold_in(random.fold_in(key, 1), 0), 0), (8, method.latent)
    )
    gen_grads = jax.jit(
        jax.grad(lambda gen: -d(params, g({"gen": gen}, state.stats, z)[0]).mean())
    )(params["gen"])
    params["gen"] = descended(params["gen"], gen_grads)
    assert_close(got.params, params, rtol=2e-5, atol=1e-6)
    after = jax.jit(lambda: g(state.params, state.stats, z)[1])()
    assert_close(got.stats["gen"], after["gen"], rtol=1e-5, atol=1e-6)
    assert got.step == 1 and np.isfinite(metrics["disc/loss"])


def test_a_move_changes_exactly_what_it_owns(batches):
    method = build(tiny.gan(critic_norm="BatchNorm").method)
    state = start(method, batches)
    for name, other in (("disc", "gen"), ("gen", "disc")):
        held = state.params, state.stats, state.opt
        move = jax.jit(partial(game.move, name, method.players(), SGD))
        owned, stats, _, _ = move(*held, first(batches), state.key, state.step)
        assert set(owned) == {name} and not same(owned[name], state.params[name])
        assert same(stats[other], state.stats[other]) and not same(stats[name], state.stats[name])


@dataclasses.dataclass(frozen=True)
class Eater:
    """A game whose loss reports which batches it was given."""

    moves: tuple[int, int] = (3, 2)
    makes: str = "image"
    given: tuple = ()

    def init(self, key, batch):
        return {"a": {"w": jnp.zeros(())}, "b": {"w": jnp.zeros(())}}, {}

    def players(self):
        def loss(params, stats, batch, key, step):
            seen = batch["image"].mean()
            return sum(p["w"] for p in params.values()) * seen, (stats, {"seen": seen})

        return {n: Player(loss, (n,), m) for n, m in zip(("a", "b"), self.moves, strict=True)}


def test_a_round_eats_a_fresh_batch_for_every_move():
    method = Eater()
    assert game.batches_per_round(method) == 5
    batches = {"image": np.arange(5, dtype=np.float32)[:, None]}
    optim = {"a": optax.sgd(1.0), "b": optax.sgd(1.0)}
    state, metrics = rounds(method, optim)(start(method, batches, optim), batches)
    assert metrics["a/seen"] == 1 and metrics["b/seen"] == 3.5
    assert state.params["a"]["w"] == -(0 + 1 + 2) and state.params["b"]["w"] == -(3 + 4)


def test_moving_averages_follow_their_own_networks_and_their_statistics(batches):
    method = build(tiny.gan().method)
    state = start(method, batches, ema={"gen": 0.9})
    after, _ = rounds(method, ema={"gen": 0.9})(state, batches)
    for part in ("params", "stats"):
        old, new = getattr(state, part)["gen"], getattr(after, part)["gen"]
        expected = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, old, new)
        assert_close(after.ema["gen"][part], expected, rtol=1e-5)
    params, stats = after.averaged
    assert same(params["gen"], after.ema["gen"]["params"])
    assert same(stats["gen"], after.ema["gen"]["stats"]) and not same(stats, after.stats)
    assert params["disc"] is after.params["disc"] and set(after.ema) == {"gen"}


def test_every_round_and_player_draws_anew(batches):
    method = build(tiny.gan().method)
    frozen = {"disc": optax.sgd(0.0), "gen": optax.sgd(0.0)}
    state, play = start(method, batches, frozen), rounds(method, frozen)
    one, a = play(state, batches)
    _, b = play(one, batches)
    assert a["gen/loss"] != b["gen/loss"]
    _, again = play(state, batches)
    assert same(a, again)


@pytest.mark.slow  # `test_together.py` has rates and weights, in runs
def test_a_learning_rate_swept_by_vmap_equals_separate_rounds(batches):
    config = tiny.gan()
    method = build(config.method)
    state = start(method, batches)

    def play(rate):
        optim = {name: optax.sgd(rate) for name in SGD}
        return game.step(method, optim, {}, state, batches)[0].params

    together = jax.jit(jax.vmap(play))(jnp.asarray([0.05, 0.1]))
    assert_close(jax.tree.map(lambda x: x[1], together), jax.jit(play)(0.1), atol=2e-6)


@pytest.mark.parametrize(
    ("optim", "ema", "told"),
    [
        ({"disc": SGD["disc"], "gem": SGD["gen"]}, {}, "optim names 'gem'.*did you mean 'gen'"),
        ({"disc": SGD["disc"]}, {}, "optim has nothing for player 'gen'"),
        (SGD, {"generator": 0.9}, "ema names 'generator', which is no network"),
    ],
)
def test_names_that_do_not_fit_are_refused(batches, optim, ema, told):
    method = build(tiny.gan().method)
    with pytest.raises(ConfigError, match=told):
        jax.eval_shape(lambda: game.init(method, optim, ema, random.key(0), first(batches)))


def test_apply_threads_linen_state_and_a_penalty_discards_it(batches):
    method = build(tiny.gan(critic_norm="BatchNorm").method)
    net, x = method.discriminator, batches["image"][0]
    params, stats = jax.jit(lambda: fresh(net, "disc", random.key(0), x, None))()
    seen = jax.jit(
        lambda train: apply(net, "disc", params, stats, x, None, train=train), static_argnums=0
    )
    assert not same(seen(True)[1], stats) and same(seen(False)[1], stats)
    value = jax.jit(
        lambda: penalties.r1(lambda x: apply(net, "disc", params, stats, x, None)[0], x, None, None)
    )()
    assert value.shape == (8,)
