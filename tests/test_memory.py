"""What a device holds, by XLA's own analysis of the compiled program."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny
from jax import random

from genlab.config import build, spec
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, biggan, r3gan, resnet
from genlab.nets.heads import ProjectionDiscriminator
from genlab.nets.layers.spectral import SpectralNorm
from genlab.train.program import prepare

ADAM = {"optim": spec(optax.adam, 1e-3)}


def analysed(**loop):
    """XLA's analysis of a round of a VAE, and the bytes of its state on each device: all of it,
    and what the placement says is its part.
    """
    training = prepare(tiny.vae(**ADAM, loop=loop))
    state = training.like()
    arrays = jax.tree.leaves(state.replace(key=()))  # a key never changes: it is passed through
    compiled = training.compile(state, training.fetch(0, 1), 1)
    whole = sum(x.size * x.dtype.itemsize for x in arrays)
    part = sum(np.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize for x in arrays)
    return compiled.executable.memory_analysis(), whole, int(part)


@pytest.fixture(scope="module")
def replicated():
    return analysed(devices=4)


@pytest.mark.parametrize("placement", ["jit", pytest.param("pmap", marks=pytest.mark.slow)])
def test_a_replicated_state_is_updated_in_place(placement, replicated):
    pmap = placement == "pmap"
    found, whole, part = analysed(devices=4, placement=placement) if pmap else replicated
    assert part == whole
    assert found.alias_size_in_bytes >= whole  # so none of it is there twice


@pytest.mark.parametrize("devices", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 8))])
def test_a_fully_sharded_state_takes_its_share_of_the_memory_and_is_updated_in_place(
    devices, replicated
):
    found, whole, part = analysed(devices=devices, sharding="full")
    saved = replicated[0].argument_size_in_bytes - found.argument_size_in_bytes
    assert saved == whole - part  # of what a program holds from round to round
    assert whole / devices <= part < 1.1 * whole / devices  # scalars and odd biases stay whole
    assert found.alias_size_in_bytes >= part


SHAPE = (8, 8, 1)


def residual(on, dtype):
    """BatchNorm, spectral norm and a second-order penalty."""
    fields = {"width": 4, "dtype": dtype, "remat": on}
    critic = spec(Discriminator, spec(resnet.Down, attention=4, **fields))
    return spec(Generator, spec(resnet.Up, SHAPE, **fields)), spec(SpectralNorm, critic), ()


def big(on, dtype):
    fields = {"width": 2, "dtype": dtype, "remat": on}
    up = spec(biggan.Up, SHAPE, shared=0, hierarchical=False, **fields)
    critic = spec(ProjectionDiscriminator, spec(biggan.Down, **fields))
    return spec(Generator, up, embed=0), critic, ("label",)


def r3(on, dtype):
    fields = {"widths": (4, 4), "cardinality": (2, 2), "dtype": dtype, "remat": on}
    critic = spec(r3gan.Discriminator, spec(r3gan.Down, **fields))
    return spec(Generator, spec(r3gan.Up, SHAPE, **fields), bounded=False), critic, ()


def differentiated(nets, params=None, stats=None):
    """Both players' losses, a gradient penalty among them, their gradients and the statistics after
    them, from given or fresh parameters; and FLOPs before XLA removes any.
    """
    generator, discriminator, given = nets
    penalty = {"gradient_penalty": 10.0}
    method = build(spec(GAN, generator, discriminator, latent=8, penalties=penalty, given=given))
    key, x = random.key(0), random.normal(random.key(1), (4, *SHAPE))
    batch = {"image": x, "label": jnp.eye(10)[jnp.arange(4)]}
    if params is None:
        params, stats = jax.jit(method.init)(key, batch)

    def loss(params):
        critic, (after, _) = method.critic_loss(params, stats, batch, key, 0)
        made, (after, _) = method.generator_loss(params, after, batch, key, 0)
        return critic + made, after

    lowered = jax.jit(jax.value_and_grad(loss, has_aux=True)).lower(params)
    return lowered.compile()(params), lowered.cost_analysis()["flops"], params, stats


SLOW = [(residual, "float32"), (residual, "bfloat16"), (big, "float32"), (r3, "float32")]


@pytest.mark.parametrize(
    ("nets", "dtype"),
    [
        *(pytest.param(*more, marks=pytest.mark.slow) for more in SLOW),
    ],
)
def test_rematerialised_blocks_change_no_number_and_no_name(nets, dtype):
    kept, flops, params, stats = differentiated(nets(False, dtype))
    anew, more, *_ = differentiated(nets(True, dtype), params, stats)
    tolerance = 1e-5 if dtype == "float32" else 5e-2
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, tolerance, tolerance), kept, anew)
    assert more > 1.05 * flops
    assert {x.dtype for x in jax.tree.leaves(anew)} == {jnp.dtype("float32")}
