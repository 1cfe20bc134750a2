"""Networks in Flax NNX as trunks: trained, resumed, on several devices, evaluated, recalibrated."""

import re
import shutil

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers import tiny
from helpers.shared import leaves
from jax import random
from jax.sharding import PartitionSpec as P

from genlab import fit, spec
from genlab.config import ConfigError, build
from genlab.game import apply, fresh
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.methods.classifier import Classifier, Logits
from genlab.nets import Decoder, Discriminator, Encoder, Generator, mlp, nnx_module
from genlab.nets.layers import in_float32
from genlab.runs import saved
from genlab.runtime import placement
from genlab.runtime.collectives import AXIS
from genlab.sampling.batch_norm import recalibrated

HERE = __name__


class Up(nnx.Module):
    """A trunk up with layers in a list, BatchNorm, dropout and a constant drawn at random."""

    def __init__(self, shape, width=16, rate=0.5, *, rngs: nnx.Rngs):
        self.hidden = nnx.List([nnx.Linear(8, width, rngs=rngs)])
        self.norm = nnx.BatchNorm(width, momentum=0.9, rngs=rngs)
        self.dropout = nnx.Dropout(rate, rngs=rngs)
        self.fixed = nnx.data(rngs.normal((width,)))
        self.out = nnx.Linear(width, int(np.prod(shape)), rngs=rngs)
        self.shape = shape

    def __call__(self, z):
        x = self.dropout(nnx.relu(self.norm(self.hidden[0](z)))) + self.fixed[None]
        return self.out(x).reshape(-1, *self.shape)


class Down(nnx.Module):
    """A trunk down that takes all that a trunk is given."""

    def __init__(self, width=16, dtype=None, *, rngs: nnx.Rngs):
        self.dense = nnx.Linear(64, width, dtype=dtype, rngs=rngs)
        self.norm = nnx.BatchNorm(width, momentum=0.9, axis_name="theirs", rngs=rngs)

    def __call__(self, x, cond=None, train=True):
        return nnx.leaky_relu(self.norm(self.dense(x.reshape(len(x), -1))))


class Shared(nnx.Module):
    """One BatchNorm called twice."""

    def __init__(self, *, rngs: nnx.Rngs):
        self.norm = nnx.BatchNorm(8, momentum=0.9, rngs=rngs)

    def __call__(self, z):
        self.norm(z)
        return self.norm(3 * z)


class Bare(nnx.Module):
    pass


class Two(Bare):
    def __call__(self, x, y):
        return x


class Pair(Bare):
    def __call__(self, x):
        return x, x


class Adapter(nnx.Param):
    pass


class Adapted(Bare):
    def __init__(self):
        self.weight = Adapter(jnp.ones(3))

    def __call__(self, x):
        return x


class Linen(nn.Module):
    pass


def up(**kwargs):
    return spec(nnx_module, f"{HERE}:Up", shape=tiny.SHAPE, **kwargs)


def gan(**kwargs):
    critic = spec(Discriminator, spec(nnx_module, f"{HERE}:Down"))
    method = spec(GAN, spec(Generator, up()), critic, latent=8)
    return tiny.experiment(method, ("disc", "gen"), **kwargs)


@pytest.fixture(scope="module")
def net():
    """(trunk, params, stats) of an `Up` in a game."""
    trunk = build(up())
    return trunk, *jax.jit(lambda: fresh(trunk, "gen", random.key(0), jnp.zeros((4, 8))))()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jit", "pmap"])
def test_a_game_is_trained_and_resumed_bit_for_bit_on_two_devices(kind, tmp_path):
    loop = {"placement": kind, "devices": 2, "checkpoint_every": 2, "rounds_per_call": 1, "keep": 2}
    state = fit(gan(loop=loop), tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "4")
    for a, b in zip(leaves(state), leaves(fit(gan(loop=loop), tmp_path)), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in ("gen", "disc"):
        norm = state.stats[name]["batch_stats"]["trunk"]["norm"]
        assert np.abs(norm["mean"]).min() > 0 and np.abs(norm["var"] - 1).min() > 0
    assert state.stats["gen"]["frozen"]["trunk"].keys() == {"fixed"}
    read = saved.read(tmp_path / "checkpoints")  # by names alone, as sampling and evaluation do
    jax.tree.map(np.testing.assert_array_equal, read.params, state.params)
    jax.tree.map(np.testing.assert_array_equal, read.stats, state.stats)


def test_dropout_is_of_the_key_and_evaluation_of_running_statistics(net):
    trunk, params, stats = net
    z = random.normal(random.key(1), (4, 8))
    one, two = (random.key(n) for n in (1, 2))
    call = jax.jit(lambda key: apply(trunk, "gen", params, stats, z, key=key))
    first, again, other = (call(key) for key in (one, one, two))
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] != other[0]).any()
    moved = first[1]["gen"]["batch_stats"]["norm"]["mean"]
    hidden = np.asarray(z) @ np.asarray(params["gen"]["hidden"]["0"]["kernel"])
    np.testing.assert_allclose(moved, 0.1 * hidden.mean(0), atol=1e-6)

    evaluated, after = jax.jit(lambda: apply(trunk, "gen", params, stats, z, train=False))()
    jax.tree.map(np.testing.assert_array_equal, after, stats)
    fixed, out = (
        jax.tree.map(np.asarray, tree) for tree in (stats["gen"]["frozen"], params["gen"]["out"])
    )
    x = np.maximum(hidden / np.sqrt(1 + 1e-5), 0) + fixed["fixed"]
    expected = x @ out["kernel"] + out["bias"]
    np.testing.assert_allclose(evaluated.reshape(4, -1), expected, atol=1e-5)


def test_batch_norm_is_over_the_rows_of_all_devices():
    trunk = build(spec(nnx_module, f"{HERE}:Down"))
    x = random.normal(random.key(0), (8, *tiny.SHAPE))
    params, stats = jax.jit(lambda: fresh(trunk, "disc", random.key(0), x))()

    def call(x):
        return apply(trunk, "disc", params, stats, x)

    mesh = placement.by_name("pmap", 2).mesh
    specs = {"in_specs": P(AXIS), "out_specs": (P(AXIS), P())}
    split = jax.jit(jax.shard_map(call, mesh=mesh, **specs))(x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), split, jax.jit(call)(x))


def test_recalibration_gives_the_statistics_of_its_batches():
    method = build(gan().method)
    batch = {"image": jnp.zeros((16, *tiny.SHAPE)), "label": jnp.zeros((16, 10))}
    params, stats = jax.jit(method.init)(random.key(0), batch)
    stats["gen"]["batch_stats"]["trunk"]["norm"]["mean"] += 7.0
    key = random.key(3)
    after = recalibrated(method, params, stats, key, 2, 16)["gen"]["batch_stats"]["trunk"]["norm"]
    kernel = np.asarray(params["gen"]["trunk"]["hidden"]["0"]["kernel"])
    hidden = [method.latents(random.fold_in(key, n), 16) @ kernel for n in range(2)]
    np.testing.assert_allclose(after["mean"], np.mean([h.mean(0) for h in hidden], 0), atol=1e-5)
    np.testing.assert_allclose(after["var"], np.mean([h.var(0) for h in hidden], 0), rtol=1e-4)


def test_a_running_statistic_passes_its_gradient_on():
    trunk = build(spec(nnx_module, f"{HERE}:Shared"))
    z = random.normal(random.key(0), (4, 8))
    params, stats = jax.jit(lambda: fresh(trunk, "net", random.key(0), z))()

    def after(held):
        return apply(trunk, "net", params, {"net": held}, z)[1]["net"]

    ones = jax.tree.map(np.ones_like, stats["net"])
    _, gained = jax.jit(lambda held: jax.jvp(after, (held,), (ones,)))(stats["net"])
    jax.tree.map(lambda x: np.testing.assert_allclose(x, 0.81, rtol=1e-6), gained)


def test_a_penalty_has_it_in_float32():
    trunk = build(spec(nnx_module, f"{HERE}:Down", dtype="bfloat16"))
    assert in_float32(trunk).kwargs["dtype"] == "float32"


def test_every_method_gives_its_networks_a_key_for_dropout():
    """Layers of linen refuse to be without."""
    batch = {"image": jnp.zeros((4, *tiny.SHAPE)), "label": jnp.eye(10)[:4]}
    up, down = spec(mlp.Up, tiny.SHAPE, (8,), dropout=0.5), spec(mlp.Down, (8,), dropout=0.5)
    encoder, critic = spec(Encoder, down, latent=8), spec(Discriminator, down)
    for method in (
        spec(GAN, spec(Generator, up), critic, latent=8),
        spec(VAE, encoder, spec(Decoder, up), spec(likelihood.bernoulli)),
        spec(Classifier, spec(Logits, down, 10)),
    ):
        made = build(method)
        params, stats = jax.eval_shape(made.init, random.key(0), batch)
        for player in made.players().values():
            jax.eval_shape(player.loss, params, stats, batch, random.key(0), jnp.int32(0))


WRONG = {
    "is no class of nnx.Module: a linen module is given by itself": ("Linen", {}),
    "is no class of nnx.Module: name a class": ("up", {}),
    "takes no argument 'widht'; did you mean 'width'?": ("Down", {"widht": 3}),
    "takes no argument 'rngs'; it is made from the run's key": ("Down", {"rngs": 3}),
    "needs `shape`, which was not given": ("Up", {}),
    "Bare has no __call__": ("Bare", {}),
    "is called (self, x, y); a trunk is called with x and": ("Two", {}),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_cannot_be_a_trunk_is_refused_when_it_is_built(said):
    name, kwargs = WRONG[said]
    with pytest.raises(ConfigError, match=re.escape(said)):
        build(spec(nnx_module, f"{HERE}:{name}", **kwargs))


def test_what_would_go_wrong_in_silence_is_refused(net):
    for name, said in (("Pair", "gave a tuple"), ("Adapted", "Adapter is a subclass of nnx.Param")):
        with pytest.raises(ConfigError, match=said):
            fresh(build(spec(nnx_module, f"{HERE}:{name}")), "net", random.key(0), jnp.zeros(3))
    with pytest.raises(ConfigError, match="Up draws random numbers in training"):
        apply(net[0], "gen", *net[1:], jnp.zeros((4, 8)))
    with pytest.raises(ConfigError, match=r"nnx\.BatchNorm over a batch of one row"):
        apply(net[0], "gen", *net[1:], jnp.zeros((1, 8)), key=random.key(0))
