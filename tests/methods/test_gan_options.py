"""What a GAN may be given beside its objective, each against the sentence that defines it."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny
from helpers.devices import on_devices
from jax import random
from jax.flatten_util import ravel_pytree

from genlab import game
from genlab.augment import StatefulAugmentation, instance_noise
from genlab.config import ConfigError, build, override, spec
from genlab.game.dynamics import simultaneous
from genlab.losses import adversarial
from genlab.methods import GAN
from genlab.methods.gan import options
from genlab.methods.gan.context import FAKE, REAL
from genlab.methods.gan.options import generator_batch, packed, pooled, smoothed, top
from genlab.nets.layers.spectral import SpectralNorm
from genlab.train import program

KEY, ROUND = random.key(1), jnp.asarray(0)
PACKED = {"options": (spec(packed, 2),)}


def batch(n=6):
    rng = np.random.default_rng(0)
    return {"image": np.float32(rng.uniform(-1, 1, (n, *tiny.SHAPE)))}


def begun(method):
    """(params, stats) as `method.init` shapes them, drawn by NumPy, which compiles nothing."""
    rng, shapes = np.random.default_rng(1), jax.eval_shape(method.init, random.key(0), batch())

    def start(path, x):
        if any(part.key in ("pool", "spectral") for part in path if hasattr(part, "key")):
            return np.float32(rng.uniform(-1, 1, x.shape))
        return np.full(x.shape, getattr(path[-1], "key", None) == "var", x.dtype)

    params = jax.tree.map(lambda x: np.float32(0.3 * rng.normal(size=x.shape)), shapes[0])
    return params, jax.tree.map_with_path(start, shapes[1])


def made(**fields):
    """(method, params, stats) of the tiny GAN with these fields."""
    config = tiny.gan()
    for name, value in fields.items():
        override(config, f"method.{name}", value)
    method = build(config.method)
    return method, *begun(method)


@cache
def plain():
    """`made` with nothing changed."""
    return made()


LOSSES = {}  # of what is held, lest another thing gets its id


def compiled(method, name):
    """A loss of the method with the fields that it has now, compiled once."""
    held = tuple(vars(method).values())
    key = (id(method), *map(id, held), name)
    if key not in LOSSES:
        LOSSES[key] = held, jax.jit(lambda *given: getattr(method, name)(*given))
    return LOSSES[key][1]


def critic(method, params, stats, step=ROUND):
    """(loss, stats, metrics) of the critic's move."""
    value, (stats, metrics) = compiled(method, "critic_loss")(params, stats, batch(), KEY, step)
    return value, stats, metrics


def generator(method, params, stats):
    """(loss, stats, metrics) of the generator's move."""
    value, (stats, metrics) = compiled(method, "generator_loss")(params, stats, batch(), KEY, ROUND)
    return value, stats, metrics


def test_a_lazy_penalty_is_worth_the_same_over_its_rounds():
    eager, lazy = (made(penalties={"r1": {"weight": 2.0, "every": k}}) for k in (1, 3))
    values = [float(critic(*lazy, step=jnp.asarray(s))[2]["r1"]) for s in range(3)]
    assert values[1] == values[2] == 0
    np.testing.assert_allclose(np.mean(values), critic(*eager)[2]["r1"], rtol=1e-5)
    loss, _, seen = critic(*lazy)
    np.testing.assert_allclose(loss, seen["adversarial"] + 2 * seen["r1"], rtol=1e-6)


def test_a_weight_may_follow_a_schedule():
    method, params, stats = made(penalties={"r1": spec(optax.linear_schedule, 1.0, 0.0, 10)})
    for step, weight in ((0, 1.0), (5, 0.5), (10, 0.0)):
        loss, _, seen = critic(method, params, stats, jnp.asarray(step))
        np.testing.assert_allclose(loss, seen["adversarial"] + weight * seen["r1"], rtol=1e-5)


def test_a_lazy_penalty_remembers_only_in_its_rounds():
    method, params, stats = made(penalties={"lecam": {"weight": 1.0, "every": 2}})
    _, after, _ = critic(method, params, stats)
    assert not np.array_equal(after["memory"]["lecam"][0], stats["memory"]["lecam"][0])
    _, later, _ = critic(method, params, after, jnp.asarray(1))
    np.testing.assert_array_equal(later["memory"]["lecam"], after["memory"]["lecam"])


def test_an_objective_may_remember():
    """BEGAN's k moves with the critic and is what both players see next."""
    method, params, stats = made(
        objective=spec(adversarial.boundary_equilibrium, gamma=0.5, rate=0.1)
    )
    held = {**stats, "memory": {"objective": (np.float32(0.5),)}}
    _, after, seen = critic(method, params, held)
    k, real, fake = float(after["memory"]["objective"][0]), -seen["real"], -seen["fake"]
    np.testing.assert_allclose(k, np.clip(0.5 + 0.1 * (0.5 * real - fake), 0, 1), atol=1e-6)
    assert 0 < k < 1 and abs(k - 0.5) > 1e-3
    _, kept, _ = generator(method, params, after)
    assert kept["memory"]["objective"] == after["memory"]["objective"]


def test_packs_lie_side_by_side_along_the_channels():
    x = np.arange(24.0, dtype=np.float32).reshape(6, 2, 2)
    pairs = np.arange(8.0, dtype=np.float32).reshape(4, 2)
    packed, points = jax.jit(lambda: (options.pack(x, 3), options.pack(pairs, 2)))()
    assert packed.shape == (2, 2, 6)
    np.testing.assert_array_equal(packed[1, 0], np.concatenate([x[3, 0], x[4, 0], x[5, 0]]))
    np.testing.assert_array_equal(points, [[0, 1, 2, 3], [4, 5, 6, 7]])


def test_a_packed_critic_judges_several_at_once():
    method, params, stats = made(options=(spec(packed, 2),))
    logits = []
    objective = adversarial.wasserstein._replace(
        critic=lambda real, fake: logits.append((real.shape, fake.shape)) or fake - real
    )
    object.__setattr__(method, "objective", objective)
    jax.eval_shape(method.critic_loss, params, stats, batch(), KEY, ROUND)
    assert logits == [((3,), (3,))]
    assert params["disc"]["trunk"]["Dense_0"]["kernel"].shape[0] == 2 * 64


def test_options_of_one_kind_compose():
    """Packs of packs are packs; of labels mixed twice, 1 - (1 - a)(1 - b) is mixed."""
    x, logits = np.arange(24, dtype=np.float32).reshape(12, 2), np.linspace(-2, 2, 5)

    @jax.jit
    def both(x, logits):
        twice = options.inputs((options.packed(2), options.packed(3)), x), options.pack(x, 6)
        mixed = (
            options.changed(tuple(map(options.smoothed, shares)), adversarial.minimax, ROUND)
            for shares in ((0.1, 0.5), (0.55,))
        )
        return twice, [objective.critic(logits, logits) for objective in mixed]

    twice, (found, expected) = both(x, np.float32(logits))
    np.testing.assert_array_equal(*twice)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


OWN = """
import jax.numpy as jnp
from genlab.methods.gan.options import Option


def truncated(bound):
    return Option(latents=lambda z, score, key, step: jnp.clip(z, -bound, bound))


def averaged(rate):
    def samples(fake, key, step, mean):
        return fake, (1 - rate) * mean + rate * fake.mean(axis=0)

    return Option(samples=samples, memory="mean", start=lambda fake: 0 * fake[0])
"""


def test_an_option_of_the_users_own_joins_the_others(tmp_path, monkeypatch):
    (tmp_path / "own_options.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    own = (
        {"call": "own_options:truncated", "bound": 0.1},
        {"call": "own_options:averaged", "rate": 0.5},
    )
    method, params, stats = made(options=(*own, spec(pooled, 8)))

    @jax.jit
    def played(stats):
        z, fake, _ = method._generated(method._context(params, stats, batch(), KEY, ROUND), 6)
        _, (after, _) = method.critic_loss(params, stats, batch(), KEY, ROUND)
        return z, fake, method.latents(random.fold_in(KEY, 0), 6), after

    z, fake, drawn, after = played(stats)
    np.testing.assert_array_equal(z, np.clip(drawn, -0.1, 0.1))
    np.testing.assert_allclose(after["memory"]["mean"], fake.mean(axis=0) / 2, rtol=1e-5)
    assert set(after["memory"]) == {"mean", "pool"}


def test_a_pool_shows_earlier_samples_and_keeps_the_newer():
    pool, fake = (np.arange(a, b, dtype=np.float32)[:, None] for a, b in ((100, 108), (0, 6)))
    shown, after = jax.device_get(jax.jit(options.exchanged)(fake, pool, KEY))
    swapped = shown[:, 0] >= 100
    assert 0 < swapped.sum() < 6
    np.testing.assert_array_equal(shown[~swapped], fake[~swapped])
    assert set(fake[swapped, 0]) <= set(after[:, 0])  # taken into the pool
    assert not set(shown[swapped, 0]) & set(after[:, 0])  # and out of it


@cache
def pooling():
    """`made` with a pool."""
    return made(options=(spec(pooled, 8),))


def test_the_pool_is_part_of_the_state():
    method, params, stats = pooling()
    _, after, _ = critic(method, params, stats)
    assert after["memory"]["pool"].shape == (8, *tiny.SHAPE)
    assert not np.array_equal(after["memory"]["pool"], stats["memory"]["pool"])


def test_the_critic_judges_what_the_pool_shows():
    method, params, stats = pooling()
    other = {**stats, "memory": {"pool": 1 - stats["memory"]["pool"]}}
    one, two = critic(method, params, stats)[2], critic(method, params, other)[2]
    assert one["fake"] != two["fake"] and one["real"] == two["real"]


def test_smoothing_mixes_the_labels_of_data_alone():
    _, _, seen = critic(*made(options=(spec(smoothed, 0.1),)))
    method, params, stats = plain()

    @jax.jit
    def logits():
        context = method._context(params, stats, batch(), KEY, ROUND)
        _, fake, context = method._generated(context, 6)
        real, context = context.discriminate(batch()["image"], REAL)
        return real, context.discriminate(fake, FAKE)[0]

    real, fake = map(np.asarray, logits())
    soft = lambda x: np.logaddexp(0, np.asarray(x, np.float64))  # noqa: E731
    expected = (0.9 * soft(-real) + 0.1 * soft(real) + soft(fake)).mean()
    np.testing.assert_allclose(seen["adversarial"], expected, rtol=1e-5)


def test_the_top_samples_alone_teach_the_generator():
    logits = np.float32([0.3, -1.0, 2.0, 0.5, -0.2, 1.0])
    taken = jax.jit(lambda share: options.best(-logits, logits, share, ROUND))
    for share, kept in ((1.0, 6), (0.5, 3), (0.34, 3), (0.01, 1)):
        found = np.asarray(taken(np.float32(share)))
        best = np.sort(np.asarray(logits))[::-1][:kept]
        np.testing.assert_allclose(found.mean(), -best.mean(), rtol=1e-6)
    schedule = optax.linear_schedule(1.0, 0.5, 10)
    half = jax.jit(lambda step: options.best(-logits, logits, schedule, step))(np.int32(10))
    np.testing.assert_allclose(half, taken(np.float32(0.5)))


def test_a_latent_step_is_the_damped_natural_gradient():
    """Woodbury: (g g' + beta I)^-1 g = g / (beta + |g|^2)."""
    matrix = jnp.float32(np.random.default_rng(0).normal(size=(4,)))
    z = jnp.float32(np.random.default_rng(1).normal(size=(3, 4)))
    found = jax.jit(lambda z: options.natural_step(lambda z: (z**2) @ matrix, z, 0.9, 5.0))(z)
    for row, start in zip(np.asarray(found), np.asarray(z, np.float64), strict=True):
        g = 2 * start * np.asarray(matrix)
        fisher = np.outer(g, g) + 5.0 * np.eye(4)
        np.testing.assert_allclose(row, start + 0.9 * np.linalg.solve(fisher, g), rtol=1e-5)


def test_data_and_samples_have_dropout_of_their_own():
    method, params, stats = made(**{"discriminator.trunk.dropout": 0.5})
    x = batch()["image"]

    @jax.jit
    def judged():
        context = method._context(params, stats, batch(), KEY, ROUND)
        return [context.discriminate(x, side)[0] for side in (REAL, FAKE)], context.critic(x)

    (as_real, as_fake), as_penalised = judged()
    assert not np.allclose(as_real, as_fake)
    np.testing.assert_array_equal(as_real, as_penalised)  # a penalty sees what the data saw


def test_a_penalty_is_known_by_its_function_not_by_its_name():
    config = tiny.gan(critic_norm="BatchNorm")
    override(config, "method.penalties", {"drift": {"weight": 1.0, "fn": "r1"}})
    with pytest.raises(ConfigError, match=r"a penalty \(drift\) on its gradient"):
        jax.eval_shape(build(config.method).init, random.key(0), batch())


def test_both_players_gradients_pass_through_the_latent_step():
    """Against the same step with its gradient cut, for either loss."""
    step = partial(options.natural_step, rate=0.9, damping=0.1)
    method, params, stats = made()

    def slopes(params, whole):
        def improved(score, z):
            stepped = step(score, z)
            return jnp.where(whole, stepped, jax.lax.stop_gradient(stepped))

        object.__setattr__(method, "options", (options.improved(improved),))
        for loss, network in ((method.critic_loss, "disc"), (method.generator_loss, "gen")):
            slope = jax.grad(lambda p, f=loss: f(p, stats, batch(), KEY, ROUND)[0])(params)
            yield ravel_pytree(slope[network])[0]

    compiled = jax.jit(lambda *given: list(slopes(*given)))
    for whole, cut in zip(*(compiled(params, np.bool_(x)) for x in (True, False)), strict=True):
        assert np.linalg.norm(whole - cut) > 0.01 * np.linalg.norm(cut)


def test_a_latent_step_is_differentiated_through():
    """z + g / (1 + |g|^2) with g = w z: the slope in w by hand, at two numbers a row."""
    rows = np.array([[0.5, -1.0], [2.0, 0.25]])
    z = jnp.float32(rows)

    def length(w):
        stepped = options.natural_step(lambda z: w * (z**2).sum(1) / 2, z, 1.0, 1.0)
        return (stepped**2).sum()

    def by_hand(w):
        g = w * rows
        return ((rows + g / (1 + (g**2).sum(1, keepdims=True))) ** 2).sum()

    slope = (by_hand(0.7 + 1e-6) - by_hand(0.7 - 1e-6)) / 2e-6
    np.testing.assert_allclose(jax.jit(jax.grad(length))(0.7), slope, rtol=1e-4)


def test_the_critic_sees_everything_augmented():
    clear = critic(*plain())[0]
    fading = made(augment=(spec(instance_noise, spec(optax.linear_schedule, 1.0, 0.0, 10)),))
    assert critic(*fading)[0] != clear
    np.testing.assert_allclose(critic(*fading, step=jnp.asarray(10))[0], clear, rtol=1e-6)


def test_data_and_samples_and_every_augmentation_have_draws_of_their_own():
    """Of two noises of deviation 1: together sqrt 2, which were 2 if both were one."""
    noise = spec(instance_noise, 1.0)
    method = build(tiny.gan(method={"augment": (noise, noise)}).method)
    context = method._context({}, {}, batch(), KEY, ROUND)
    see = jax.jit(lambda x: (context._see(x, REAL), context._see(x, FAKE)))
    real, fake = (np.asarray(x).ravel() for x in see(np.zeros((40, *tiny.SHAPE), np.float32)))
    np.testing.assert_allclose([real.std(), fake.std()], np.sqrt(2), rtol=0.1)
    assert abs(np.corrcoef(real, fake)[0, 1]) < 0.1


def test_an_augmentation_remembers_the_critics_moves_and_sees_by_what_it_remembers():
    """As ADA's p does, in a real GAN: the loss of the next move is that under the new memory."""
    counting = StatefulAugmentation(
        start=(0.0, 0.0),
        see=lambda x, key, step, moves, logit: (1 + moves) * x,
        remember=lambda real, fake, moves, logit: (moves + 1, real.mean()),
    )
    method = build(tiny.gan().method)
    object.__setattr__(method, "augment", (counting,))
    params, stats = begun(method)

    @jax.jit
    def played():
        _, (once, first) = method.critic_loss(params, stats, batch(), KEY, ROUND)
        _, (twice, second) = method.critic_loss(params, once, batch(), KEY, ROUND)
        _, (same, _) = method.generator_loss(params, twice, batch(), KEY, ROUND)
        logits = [
            game.apply(method.discriminator, "disc", params, stats, n * batch()["image"], None)[0]
            for n in (1, 2)
        ]
        memories = [s["memory"]["view0"] for s in (stats, once, twice, same)]
        return memories, (first["real"], second["real"]), [x.mean() for x in logits]

    memories, seen, logits = played()
    np.testing.assert_allclose(seen, logits, rtol=1e-5)
    expected = [(0, 0), (1, logits[0]), (2, logits[1]), (2, logits[1])]
    np.testing.assert_allclose(memories, expected, rtol=1e-5)


def test_features_are_found_through_a_wrapper():
    discriminator = tiny.gan().method.discriminator
    method, params, stats = made(
        discriminator=spec(SpectralNorm, discriminator),
        regularisers={"gen": {"feature_matching": 1.0}},
    )
    _, _, seen = generator(method, params, stats)
    assert np.isfinite(seen["feature_matching"]) and seen["feature_matching"] > 0


def doubled(x, key, step):
    """An augmentation whose effect is computed by hand."""
    return 2 * x


def test_data_samples_and_penalties_are_all_seen_augmented():
    method, params, stats = made(penalties={"drift": 1.0, "r2": 1.0})
    object.__setattr__(method, "augment", (doubled,))
    real = batch()["image"]

    def logits(x):
        return game.apply(method.discriminator, "disc", params, stats, x, None)[0]

    @jax.jit
    def judged():
        z = method.latents(random.fold_in(KEY, 0), 6)
        fake, _ = game.apply(method.generator, "gen", params, stats, z, None)
        slopes = jax.grad(lambda x: logits(2 * x).sum())(fake)
        return logits(2 * real), logits(2 * fake), slopes

    _, _, seen = critic(method, params, stats)
    on_data, on_samples, slopes = judged()
    np.testing.assert_allclose(seen["real"], on_data.mean(), rtol=1e-5)
    np.testing.assert_allclose(seen["fake"], on_samples.mean(), rtol=1e-5)
    np.testing.assert_allclose(seen["drift"], (on_data**2).mean(), rtol=1e-5)
    np.testing.assert_allclose(seen["r2"], (slopes**2).sum() / 12, rtol=1e-4)


def test_the_generator_may_be_judged_on_more():
    method, params, stats = made(options=(spec(generator_batch, 2),))
    seen = []
    objective = adversarial.relativistic._replace(
        generator=lambda real, fake: seen.append((real.shape, fake.shape)) or fake - real
    )
    object.__setattr__(method, "objective", objective)
    jax.eval_shape(method.generator_loss, params, stats, batch(), KEY, ROUND)
    assert seen == [((12,), (12,))]
    rows = jnp.arange(6)  # of each device the same, more often
    np.testing.assert_array_equal(method._repeated(rows) // 3, np.repeat([0, 1], 6))


@pytest.mark.parametrize(
    ("player", "names"),
    [
        pytest.param(
            "gen",
            (
                "path_length",
                "feature_matching",
                "pulling_away",
                "orthogonal",
                "latent_consistency_generator",
            ),
            id="gen-path_length",  # and all the others
        ),
        pytest.param("disc", ("latent_consistency_critic", "orthogonal"), id="disc"),
    ],
)
def test_regularisers_reach_the_player_that_has_them(player, names):
    plain = {"generator.trunk.norm": "Identity"} if player == "gen" else {}
    weights = {name: 2.0 + k for k, name in enumerate(names)}
    method, params, stats = made(regularisers={player: weights}, **plain)
    loss = critic if player == "disc" else generator
    value, _, seen = loss(method, params, stats)
    expected = seen["adversarial"] + sum(weights[name] * seen[name] for name in names)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for name in names:
        assert np.isfinite(seen[name]) and seen[name] != 0, name


def test_every_memory_survives_a_round():
    """With all that remembers at once, under jit, the state keeps its shape."""
    method, *_ = made(
        objective=spec(adversarial.boundary_equilibrium),
        penalties={"lecam": 0.1},
        regularisers={"gen": {"path_length": {"weight": 2.0, "every": 4}}},
        options=(spec(pooled, 8),),
        dynamics=(spec(simultaneous),),
        **{"generator.trunk.norm": "Identity"},
    )
    optim = {"disc": optax.sgd(0.1), "gen": optax.sgd(0.1)}
    state = jax.eval_shape(lambda: game.init(method, optim, {}, random.key(0), batch()))
    batches = {"image": batch()["image"][None]}
    after = jax.eval_shape(lambda s: game.step(method, optim, {}, s, batches)[0], state)
    assert jax.tree.map(lambda x: x.shape, after) == jax.tree.map(lambda x: x.shape, state)
    assert set(after.stats["memory"]) == {"objective", "lecam", "path_length", "pool"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"objective": "relativistic", "options": (spec(smoothed, 0.1),)},
            "gives no image a label",
        ),
        ({"objective": "wasserstein", "options": (spec(smoothed, 0.1),)}, "gives no image a label"),
        ({"options": (spec(packed, 4),)}, "does not divide into packs of 4: use batch_size 8"),
        ({**PACKED, "augment": (spec(instance_noise, 1.0),)}, "nor augment go with it"),
        ({"augment": ("instance_noise",)}, r"give a tuple of specs: \(spec\(...\),\)"),
        ({"dynamics": ("simultaneous",)}, r"give a tuple of specs: \(spec\(...\),\)"),
        ({"options": ("latent_step",)}, r"give a tuple of specs: \(spec\(...\),\)"),
        ({"options": (spec(simultaneous),)}, r"give a tuple of specs: \(spec\(...\),\)"),
        ({"options": (spec(smoothed, 1.5),)}, r"smoothed\(1.5\): it is a share"),
        ({"options": (spec(top, 50.0),)}, r"top\(50.0\): it is a share"),
        ({"options": (spec(pooled, -3),)}, r"pooled\(-3\): at least 1; leave it out for none"),
        ({"options": (spec(pooled, 8), spec(pooled, 9))}, "'pool' is the memory of another"),
        ({"options": (spec(packed, 1),)}, r"packed\(1\): at least 2; leave it out for none"),
        ({"penalties": {"r1": {"weight": 1.0, "every": 2.5}}}, "k for one round in k"),
        ({"penalties": {"real": {"weight": 1.0, "fn": "drift"}}}, "has a meaning already"),
        (
            {
                "penalties": {"orthogonal": {"weight": 5.0, "fn": "drift"}},
                "regularisers": {"disc": {"orthogonal": 1.0}},
            },
            "two terms are called 'orthogonal'",
        ),
        (
            {
                "options": (spec(pooled, 8),),
                "penalties": {"pool": {"weight": 1.0, "fn": "lecam"}},
            },
            "two terms are called 'pool', or the name has a meaning already",
        ),
        ({"regularisers": {"disc": {"mode_seeking": 1.0}}}, "does not depend on the critic"),
        ({"regularisers": {"gen": {"path_length": 1.0}}}, "the generator has BatchNorm"),
        ({"objective": spec(adversarial.auxiliary, "multi_hinge")}, "the base plays on one logit"),
        ({**PACKED, "regularisers": {"gen": {"orthogonal": 1.0}}}, "no one latent"),
        ({"regularisers": {"generator": {}}}, "the players are disc and gen"),
        ({"regularisers": {"gen": 2.0}}, "give a mapping"),
        ({"regularisers": {"gen": {"path_lenght": 1.0}}}, "did you mean 'path_length'"),
        ({"penalties": {"r1": {"weight": 1.0, "every": 0}}}, "1 for every round"),
        ({"options": (spec(generator_batch, 0),)}, r"generator_batch\(0\): at least 1"),
        (
            {"options": (spec(packed, 2), spec(generator_batch, 2))},
            r"packed\(2\) with generator_batch: a pack would be one example",
        ),
        ({"objective": "multi_hinge"}, r"takes \[B, 2\] from the critic"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(fields, told):
    with pytest.raises(ConfigError, match=told):
        made(**fields)


def test_a_penalty_without_a_gradient_allows_batch_norm():
    config = tiny.gan(critic_norm="BatchNorm", method={"penalties": {"lecam": 1.0}})
    assert isinstance(build(config.method), GAN)
    jax.eval_shape(build(config.method).init, random.key(0), batch())


def test_the_top_samples_are_the_global_batchs():
    """Two devices, of which one has the better samples: its own teach."""
    logits = jnp.float32([[0.1, 0.2, 0.3, 0.4], [1.1, 1.2, 1.3, 1.4]])
    kept = on_devices(lambda x: options.best(-x, x, 0.5, 0))(logits)
    np.testing.assert_allclose(kept, [[0, 0, 0, 0], [-2.2, -2.4, -2.6, -2.8]], rtol=1e-6)


def test_packs_are_each_devices_own_and_that_is_checked_before_compiling():
    config = tiny.gan(method={"options": (spec(packed, 8),)}, batch_size=16)
    config.loop.devices, config.loop.placement = 4, "pmap"
    with pytest.raises(ConfigError, match=r"a batch of 4 .* does not divide into packs of 8"):
        program.prepare(config)
