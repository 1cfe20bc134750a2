"""The four contracts, for every family; shapes by `eval_shape`, so that every size is cheap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import drawn
from jax import random

from genlab.config import ConfigError
from genlab.nets import Decoder, Discriminator, Encoder, Generator, dcgan, layers, mlp, resnet

UPS = {
    "mlp": lambda shape, **k: mlp.Up(shape, (16,), **k),
    "dcgan": lambda shape, **k: dcgan.Up(shape, width=4, **k),
    "resnet": lambda shape, **k: resnet.Up(shape, width=8, **k),
}
DOWNS = {
    "mlp": lambda **k: mlp.Down((16,), **k),
    "dcgan": lambda **k: dcgan.Down(width=4, **k),
    "resnet": lambda **k: resnet.Down(width=8, **k),
}


def run(net, *args, scale=0.3):
    """What a network of numbers drawn by NumPy makes in training."""
    variables = drawn(net, *args, scale=scale)
    return jax.jit(lambda *a: net.apply(variables, *a, mutable=["batch_stats"])[0])(*args)


def families(*slow):
    """Every family, those in `slow` marked so."""
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in UPS]


def shape_of(net, *args):
    made = jax.eval_shape(lambda *a: net.init_with_output(random.key(0), *a)[0], *args)
    return jax.tree.map(lambda x: x.shape, made)


SLOW = (pytest.param(size, marks=pytest.mark.slow) for size in (16, 64))


@pytest.mark.parametrize("size", [8, 32, 256, *SLOW])
@pytest.mark.parametrize("family", UPS)
def test_every_power_of_two_from_8_up(family, size):
    z, x = jnp.zeros((2, 5)), jnp.zeros((2, size, size, 3))
    assert shape_of(Generator(UPS[family]((size, size, 3))), z) == (2, size, size, 3)
    assert shape_of(Decoder(UPS[family]((size, size, 6))), z) == (2, size, size, 6)
    assert shape_of(Discriminator(DOWNS[family]()), x) == (2,)
    assert shape_of(Encoder(DOWNS[family](), latent=7), x) == ((2, 7), (2, 7))


@pytest.mark.parametrize("size", [4, 12, 28])
@pytest.mark.parametrize("family", ["dcgan", "resnet"])
def test_other_sizes_are_refused_with_what_to_do(family, size):
    with pytest.raises(
        ConfigError, match=f"{size}x{size}.*power of two from 8 up; resize the data"
    ):
        shape_of(Generator(UPS[family]((size, size, 1))), jnp.zeros((2, 5)))
    with pytest.raises(ConfigError, match="power of two"):
        shape_of(Discriminator(DOWNS[family]()), jnp.zeros((2, size, size, 1)))


def test_points_need_no_pixels():
    assert shape_of(Generator(mlp.Up((2,), (8,)), bounded=False), jnp.zeros((3, 5))) == (3, 2)
    assert shape_of(Discriminator(mlp.Down((8,))), jnp.zeros((3, 2))) == (3,)


@pytest.mark.parametrize("family", families("mlp", "resnet"))
def test_a_generator_stays_in_range_and_a_decoder_does_not(family):
    z = np.float32(5000 * np.random.default_rng(1).normal(size=(16, 5)))
    trunk = UPS[family]((8, 8, 1), norm="Identity")
    images = run(Generator(trunk), z)
    assert images.dtype == jnp.float32 and np.abs(images).max() <= 1
    assert np.abs(run(Decoder(trunk), z)).max() > 1


@pytest.mark.parametrize("family", families("mlp", "resnet"))
def test_labels_change_what_is_made_and_judged(family):
    z, x = np.ones((4, 5), np.float32), np.full((4, 8, 8, 1), 0.3, np.float32)
    labels = {"label": np.eye(3, dtype=np.float32)[[0, 1, 2, 2]]}
    made = np.asarray(run(Generator(UPS[family]((8, 8, 1))), z, labels))
    assert not np.allclose(made[0], made[1]) and np.allclose(made[2], made[3], atol=1e-6)
    logits = np.asarray(run(Discriminator(DOWNS[family](norm="Identity")), x, labels))
    assert logits[0] != logits[1] and np.isclose(logits[2], logits[3], atol=1e-6)


def test_conditional_batch_norm_starts_as_batch_norm_and_scales_by_class():
    norm = layers.ConditionalBatchNorm()
    x = np.float32(np.random.default_rng(0).normal(1, 3, (64, 4, 4, 5)))
    labels = {"label": np.eye(3, dtype=np.float32)[np.arange(64) % 3]}
    variables = jax.device_get(jax.jit(norm.init)(random.key(0), x, labels))
    apply = jax.jit(lambda v: norm.apply(v, x, labels, mutable=["batch_stats"]))
    y, _ = jax.device_get(apply(variables))
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-3)
    table = variables["params"]["affine"]["embedding"].copy()
    table[1] = 1.0  # class 1: scale 2, shift 1
    changed = {**variables, "params": {"affine": {"embedding": table}}}
    z, _ = jax.device_get(apply(changed))
    np.testing.assert_allclose(z[1::3], 2 * y[1::3] + 1, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(z[0::3], y[0::3])
    with pytest.raises(ConfigError, match="is given none: name the columns"):
        jax.eval_shape(lambda: norm.apply(variables, x, None, mutable=["batch_stats"]))


def test_layer_norm_treats_every_example_alone():
    """What a gradient penalty needs of a critic; BatchNorm fails the same test."""
    x = np.float32(np.random.default_rng(0).normal(size=(4, 16, 16, 1)))
    others = np.concatenate([x[:1], np.full((3, 16, 16, 1), 0.5, np.float32)])

    def logits(norm):
        net = Discriminator(dcgan.Down(width=4, norm=norm))
        variables = drawn(net, x)
        apply = jax.jit(lambda x: net.apply(variables, x, mutable=["batch_stats"])[0])
        return apply(x)[0], apply(others)[0]

    one, other = logits("LayerNorm")
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    one, other = logits("BatchNorm")
    assert abs(one - other) > 1e-3


def test_no_bias_stands_before_a_batch_norm():
    with_norm, without = (
        drawn(mlp.Up((2,), (8,), norm=norm), jnp.zeros((2, 3)))["params"]
        for norm in ("BatchNorm", "Identity")
    )
    assert "bias" not in with_norm["Dense_0"] and "bias" in without["Dense_0"]


@pytest.mark.parametrize("family", families("mlp", "resnet"))
def test_bfloat16_computes_in_bfloat16_and_answers_in_float32(family):
    half = Generator(UPS[family]((8, 8, 1), dtype="bfloat16"))
    z = np.float32(np.random.default_rng(1).normal(size=(4, 5)))
    variables = jax.jit(half.init)(random.key(0), z)
    assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    whole = layers.in_float32(half)
    a, b = jax.jit(
        lambda v: [net.apply(v, z, mutable=["batch_stats"])[0] for net in (half, whole)]
    )(variables)
    assert a.dtype == jnp.float32 and 0 < float(jnp.abs(a - b).max()) < 0.1


@pytest.mark.parametrize("family", families("mlp"))
def test_second_order_gradients_are_finite(family):
    net = Discriminator(DOWNS[family](norm="Identity"))
    x = np.float32(np.random.default_rng(0).normal(size=(2, 8, 8, 1)))
    params = drawn(net, x)

    def penalty(params):
        return (jax.grad(lambda x: net.apply(params, x).sum())(x) ** 2).sum()

    grads = jax.tree.leaves(jax.jit(jax.grad(penalty))(params))
    assert all(np.isfinite(g).all() for g in grads) and any(np.abs(g).max() > 0 for g in grads)


def test_dcgan_widths_are_the_papers_at_64():
    """Radford et al. 2016, Figure 1, scaled by 1/64: ... 512, 256, 128, 3 channels at 8, 16, 32,
    64.
    """
    params = jax.eval_shape(
        lambda: dcgan.Up((64, 64, 3), width=1).init(random.key(0), jnp.zeros((1, 100)))
    )["params"]
    outs = [params[f"ConvTranspose_{i}"]["kernel"].shape[-1] for i in range(3)] + [
        params["image"]["kernel"].shape[-1]
    ]
    assert outs == [4, 2, 1, 3]
