"""Numbers do not depend on devices; always tested with plain SGD, since Adam hides a gradient N
times too large.
"""

import re
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny
from helpers.devices import on_devices
from jax import random
from jax.sharding import PartitionSpec as P

from genlab import game
from genlab.config import ConfigError, as_dict, override, spec
from genlab.data import products
from genlab.game import apply
from genlab.nets.kernels.convolution import convolve, convolve_transposed
from genlab.nets.kernels.resize import mean_pool, upsample
from genlab.runtime import collectives, compiler, placement
from genlab.runtime.collectives import AXIS
from genlab.train.benchmark import memory
from genlab.train.program import batch_like, prepare

GAMES = {
    "gan": lambda **k: tiny.gan(critic_norm="BatchNorm", **k),
    "wgan_gp": tiny.wgan_gp,
    "vae": tiny.vae,
}


PROGRAMS = {}


def program(config, rounds):
    """A game and its program of so many rounds, compiled once."""
    key = repr((as_dict(config), rounds))
    if key not in PROGRAMS:
        training = prepare(config)
        made = training.compile(training.like(), training.fetch(0, 1), rounds)
        PROGRAMS[key] = training, made
    return PROGRAMS[key]


def play(config, dispatches=((3, 1),)):
    """The state after dispatches of (rounds, times), and the last metrics."""
    training, _ = program(config, dispatches[0][0])
    state, held = training.init(), training.fetch(0, 1)
    for rounds, times in dispatches:
        run = program(config, rounds)[1].run
        for _ in range(times):
            state, metrics = run(state, held, training.data_key)
    return state, metrics


def values(state):
    """A state as numpy, its key as data."""
    state = state.replace(key=random.key_data(state.key))
    return jax.tree.map(np.asarray, state)


def assert_close(a, b, atol):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=atol), a, b)


@pytest.fixture(scope="module")
def on_one_device():
    """The state of a game, by name, after three rounds on one device; played once."""
    return cache(lambda name: values(play(GAMES[name]())[0]))


@pytest.mark.parametrize("devices", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 8))])
@pytest.mark.parametrize(  # streamed data, below, are a VAE's
    "name", ["gan", *(pytest.param(name, marks=pytest.mark.slow) for name in ("vae", "wgan_gp"))]
)
def test_jit_gives_the_parameters_of_one_device(name, devices, on_one_device):
    state, metrics = play(GAMES[name](loop={"devices": devices}))
    assert state.params and len(jax.tree.leaves(state.params)[0].sharding.device_set) == devices
    assert_close(values(state).params, on_one_device(name).params, 2e-6)
    assert_close(values(state).stats, on_one_device(name).stats, 2e-6)
    assert all(np.isfinite(np.asarray(v)).all() for v in metrics.values())


@pytest.mark.slow  # `test_processes.py` has the numbers, `test_memory.py` each device's share
@pytest.mark.parametrize("name", ["gan", "vae"])
def test_a_fully_sharded_state_gives_the_same_numbers_in_a_fraction_of_the_memory(
    name, on_one_device
):
    state, _ = play(GAMES[name](loop={"devices": 4, "sharding": "full"}))
    assert_close(values(state).params, on_one_device(name).params, 2e-6)
    leaves = [x for x in jax.tree.leaves(state.params) if any(n % 4 == 0 for n in x.shape)]
    assert leaves
    for leaf in leaves:
        assert leaf.addressable_shards[0].data.size == leaf.size // 4


def longhand_vae(method, params, stats, x, eps):
    """Minus the ELBO of the global batch, with the noise given; Bernoulli decoder, N(0, I) prior,
    by hand.
    """
    (mean, log_variance), _ = apply(method.encoder, "encoder", params, stats, x, None)
    theta, _ = apply(
        method.decoder, "decoder", params, stats, mean + jnp.exp(log_variance / 2) * eps, None
    )
    y = (x + 1) / 2
    nll = -(y * jax.nn.log_sigmoid(theta) + (1 - y) * jax.nn.log_sigmoid(-theta)).sum((1, 2, 3))
    kl = 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(1)
    return (nll + kl).mean()


def longhand_critic(method, params, stats, x, z):
    """The non-saturating critic's loss of the global batch, with the latents given."""
    fake, _ = apply(method.generator, "gen", params, stats, z, None)
    real, _ = apply(method.discriminator, "disc", params, stats, x, None)
    made, _ = apply(method.discriminator, "disc", params, stats, fake, None)
    return (jax.nn.softplus(-real) + jax.nn.softplus(made)).mean()


@pytest.mark.parametrize(
    ("name", "devices"), [("gan", 4), pytest.param("vae", 2, marks=pytest.mark.slow)]
)
def test_pmap_averages_to_the_gradient_of_the_global_batch(name, devices):
    """For the same samples and noise; BatchNorm in the critic and the encoder has to be
    synchronised for that.
    """
    config = GAMES[name](loop={"devices": devices, "placement": "pmap"})
    owned = ("disc",) if name == "gan" else ("encoder", "decoder")
    training, _ = program(config, 1)
    method = training.experiment.method
    start = training.init()
    before, stats = jax.tree.map(np.asarray, start.params), start.stats
    after, _ = play(config, ((1, 1),))

    key = random.fold_in(random.fold_in(start.key, 0), 0)  # round 0, first player
    keys = [
        random.fold_in(random.fold_in(key, 0), d) for d in range(devices)
    ]  # its first move, each device's own
    width = 16 // devices
    if name == "gan":
        noise = jnp.concatenate([method.latents(random.fold_in(k, 0), width) for k in keys])
    else:
        noise = jnp.concatenate([random.normal(k, (width, method.latent)) for k in keys])
    source, zero = training.experiment.data, jnp.zeros((), jnp.int32)
    held = source.fetch("train", 0, 0, 1, 16)
    batch = jax.jit(lambda held, key: source.batch(held, key, zero, zero, jnp.arange(16), 16))
    x = batch(held, training.data_key)["image"]
    longhand = longhand_critic if name == "gan" else longhand_vae

    def loss(part):
        return longhand(method, {**before, **part}, stats, x, noise)

    grads = jax.jit(jax.grad(loss))({n: before[n] for n in owned})
    got = {
        n: jax.tree.map(lambda a, b: (np.asarray(b) - a) / 0.05, after.params[n], before[n])
        for n in owned
    }
    assert_close(got, jax.tree.map(np.asarray, grads), 2e-5)


def test_streamed_data_give_the_same_numbers_on_any_number_of_devices():
    """Each device reads its own rows of a host batch; `test_loop.py` has them under pmap."""
    runs = []
    for devices in (1, 4):
        training = prepare(tiny.vae(data=spec(tiny.streamed), loop={"devices": devices}))
        state, held = training.init(), training.fetch(0, 3)
        state, metrics = training.compile(state, held, 3).run(state, held, training.data_key)
        runs.append(values(state).params)
        assert np.isfinite(metrics["vae/loss"]).all()
    assert_close(*runs, 2e-6)


def test_pmap_gives_each_device_its_own_rows_of_a_streamed_batch():
    place = placement.by_name("pmap", 4)
    held = {"image": np.arange(2 * 8).reshape(2, 8)}

    def program(state, held, key, rows):
        own = jnp.zeros(8, int).at[rows].set(held["image"][1])
        return state, {"seen": jax.lax.psum(own, collectives.AXIS)}

    state, stored = {"x": jnp.zeros(3)}, place.put(held, resident=False)
    compiled = place.compile(program, state, stored, random.key(0), 8, resident=False)
    _, metrics = compiled.run(state, stored, random.key(0))
    np.testing.assert_array_equal(np.asarray(metrics["seen"]), np.arange(8, 16))


def test_on_two_devices_convolutions_have_the_gradients_of_the_global_batch():
    """Of first and of second order, by a kernel that all devices share."""
    rng = np.random.default_rng(0)
    x, w = (jnp.float32(0.3 * rng.normal(size=n)) for n in ((4, 4, 4, 2), (3, 3, 2, 2)))

    def net(w, x):
        y = upsample(convolve(x, w, (1, 1), ((1, 1), (1, 1))))
        return mean_pool(convolve_transposed(y, w, (2, 2), "SAME")) ** 3

    def loss(w, x):
        slopes = jax.grad(lambda x: net(w, x).sum())(x)
        return net(w, x).mean() + (slopes**2).mean()

    def move(w, x):
        return collectives.mean(collectives.grad(lambda w: loss(w, x), w))

    found = on_devices(move, in_axes=(None, 0))(w, x.reshape(2, 2, 4, 4, 2))
    expected = jax.jit(jax.grad(loss))(w, x)
    np.testing.assert_allclose(found, np.stack([expected] * 2), rtol=1e-4, atol=1e-5)
    mesh = placement.by_name("pmap", 2).mesh
    split = jax.shard_map(move, mesh=mesh, in_specs=(P(), P(AXIS)), out_specs=P())
    for platform in ("cpu", "tpu"):  # each form of the kernels: nothing but the mean is sent
        text = jax.jit(split).trace(w, x).lower(lowering_platforms=(platform,)).as_text()
        assert text.count("stablehlo.all_reduce") == 1


def test_a_set_drawn_with_branches_and_loops_is_drawn_on_each_device():
    source = products(size=16).only(("image",))
    held, zero = source.fetch("train", 0, 0, 1, 4), jnp.int32(0)

    def draw(rows):
        return source.batch(held, random.key(0), zero, zero, rows, 4)["image"]

    rows = jnp.arange(4).reshape(2, 2)
    assert jax.eval_shape(on_devices(draw), rows).shape == (2, 2, 16, 16, 3)


def looping(critic, real, fake, key):
    """A penalty whose loop begins with what is the same on all devices."""
    return jax.lax.fori_loop(0, 2, lambda _, total: total + critic(real), jnp.zeros(len(real)))


def test_pmap_takes_terms_of_every_second_round_and_names_a_loop_it_cannot_take():
    loop = {"devices": 2, "placement": "pmap"}
    now_and_then = {"r1": {"weight": 1.0, "every": 2}, "lecam": {"weight": 1.0, "every": 3}}
    prepare(tiny.gan(method={"penalties": now_and_then}, loop=loop))
    mine = {"looping": {"fn": looping, "weight": 1.0}}
    with pytest.raises(ConfigError, match=r"collectives\.varying"):
        prepare(tiny.gan(method={"penalties": mine}, loop=loop))


def test_both_placements_share_one_state_layout():
    one = prepare(tiny.gan(loop={"devices": 4, "placement": "pmap"})).like()
    other = prepare(tiny.gan(loop={"devices": 4})).like()
    assert jax.tree.map(jnp.shape, one) == jax.tree.map(jnp.shape, other)


@pytest.mark.parametrize(
    ("name", "placement"),
    [
        pytest.param("vae", "pmap", marks=pytest.mark.slow),  # `test_loop.py` has a VAE under both
        pytest.param("gan", "pmap", marks=pytest.mark.slow),
        pytest.param("wgan_gp", "pmap", marks=pytest.mark.slow),
        pytest.param("gan", "jit", marks=pytest.mark.slow),
        pytest.param("wgan_gp", "jit", marks=pytest.mark.slow),
        pytest.param("vae", "jit", marks=pytest.mark.slow),
    ],
)
def test_rounds_in_one_dispatch_are_bitwise_equal_to_single_rounds(name, placement, emitters):
    adam = {"optim": spec(optax.adam, 1e-3)}
    loop = {"devices": 2, "placement": placement}
    together, _ = play(GAMES[name](**adam, loop=loop), ((4, 1),))
    single, _ = play(GAMES[name](**adam, loop=loop), ((1, 4),))
    assert_close(values(together), values(single), atol=0)


@pytest.mark.parametrize("devices", [pytest.param(1, marks=pytest.mark.slow), 8])
def test_the_program_is_compiled_from_the_trace_that_checked_it(devices, monkeypatch):
    traced, step, made = [], game.step, []
    monkeypatch.setattr(game, "step", lambda *args: traced.append(1) or step(*args))
    monkeypatch.setattr(compiler, "compiled", lambda lowered, mesh: made.append(lowered))
    training = prepare(tiny.gan(loop={"devices": devices}))
    for rounds in (1, 3):
        training.compile(training.like(), training.fetch(0, 1), rounds)
    assert len(traced) == 1 and len(made) == 2


@pytest.mark.parametrize("placement", ["jit", pytest.param("pmap", marks=pytest.mark.slow)])
def test_the_state_is_donated(placement):
    training, compiled = program(GAMES["gan"](loop={"devices": 4, "placement": placement}), 3)
    state, held = training.init(), training.fetch(0, 1)
    leaves = jax.tree.leaves(state.params)
    compiled.run(state, held, training.data_key)
    assert all(leaf.is_deleted() for leaf in leaves)
    assert memory(compiled.executable) > 0


@pytest.mark.parametrize(
    ("loop", "told"),
    [
        ({"devices": 3}, "batch_size 16 does not divide over 3 devices: use 15 or 18"),
        ({"devices": 9}, "loop.devices is 9; this machine has 8"),
        ({"placement": "pnap"}, "did you mean 'pmap'"),
        ({"sharding": "some"}, "'replicated' or 'full'"),
        ({"sharding": "full", "placement": "pmap"}, "needs loop.placement='jit'"),
    ],
)
def test_what_cannot_be_placed_is_refused_before_compiling(loop, told):
    config = tiny.gan()
    for name, value in loop.items():
        override(config, f"loop.{name}", value)
    with pytest.raises(ConfigError, match=told):
        prepare(config)


def test_bfloat16_networks_keep_float32_parameters_losses_and_penalties():
    """By the types in a round's trace."""
    config = tiny.gan(method={"penalties": {"mine": {"fn": "helpers.tiny:spy", "weight": 1.0}}})
    for net in ("generator", "discriminator"):
        override(config, f"method.{net}.trunk.dtype", "bfloat16")
    training = prepare(config)
    batches = batch_like(training.experiment, (training.moves, 16))
    jaxpr, (state, metrics) = jax.make_jaxpr(training.step, return_shape=True)(
        training.shape(), batches
    )
    assert {x.dtype for x in jax.tree.leaves(state.params)} == {jnp.dtype("float32")}
    assert {v.dtype for v in metrics.values()} == {jnp.dtype("float32")}
    products = re.findall(r":(\w+)\[[\d,]*\] = genlab_product\b", str(jaxpr))
    assert "bf16" in products  # the networks do compute in bfloat16
    assert "float32" in tiny.SEEN["dtypes"] and "bfloat16" not in tiny.SEEN["dtypes"]


def test_outside_pmap_the_helpers_change_nothing():
    assert collectives.axis() is None
    assert collectives.mean({"a": 1}) == {"a": 1}
    key = random.key(0)
    assert collectives.device_key(key) is key


def test_a_round_is_traced_once_whatever_the_step():
    """What it gives has the types of what it takes."""
    training = prepare(tiny.gan())
    traces = []

    def counted(method, optim, ema, state, batches):
        traces.append(1)
        return game.step(method, optim, ema, state, batches)

    e = training.experiment
    round_ = jax.jit(lambda s, b: counted(e.method, e.optim, e.ema, s, b))
    state, batch = training.shape(), batch_like(e, (2, 16))
    for _ in range(3):
        state, _ = jax.eval_shape(round_, state, batch)
    assert len(traces) == 1
