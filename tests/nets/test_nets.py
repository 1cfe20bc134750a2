"""The four contracts, for every family; shapes by `eval_shape`, so that every size is cheap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
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


def run(net, *args, **kwargs):
    def made(*args):
        variables = net.init(random.key(0), *args)
        return net.apply(variables, *args, **kwargs, mutable=["batch_stats"])[0]

    return jax.jit(made)(*args)


def shape_of(net, *args):
    made = jax.eval_shape(lambda *a: net.init_with_output(random.key(0), *a)[0], *args)
    return jax.tree.map(lambda x: x.shape, made)


@pytest.mark.parametrize("size", [8, 16, 32, 64, 256])
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


@pytest.mark.parametrize("family", UPS)
def test_a_generator_stays_in_range_and_a_decoder_does_not(family):
    z = 50 * random.normal(random.key(1), (16, 5))
    images = run(Generator(UPS[family]((8, 8, 1), norm="Identity")), 100 * z)
    assert images.dtype == jnp.float32 and float(jnp.abs(images).max()) <= 1
    theta = run(Decoder(UPS[family]((8, 8, 1), norm="Identity")), 100 * z)
    assert float(jnp.abs(theta).max()) > 1


@pytest.mark.parametrize("family", UPS)
def test_labels_change_what_is_made_and_judged(family):
    z, x = jnp.ones((4, 5)), jnp.ones((4, 8, 8, 1)) * 0.3
    labels = {"label": jnp.eye(3)[jnp.asarray([0, 1, 2, 2])]}
    made = np.asarray(run(Generator(UPS[family]((8, 8, 1))), z, labels))
    assert not np.allclose(made[0], made[1]) and np.allclose(made[2], made[3], atol=1e-6)
    logits = np.asarray(run(Discriminator(DOWNS[family](norm="Identity")), x, labels))
    assert logits[0] != logits[1] and np.isclose(logits[2], logits[3], atol=1e-6)


def test_conditional_batch_norm_starts_as_batch_norm_and_scales_by_class():
    norm = layers.ConditionalBatchNorm()
    x = random.normal(random.key(0), (64, 4, 4, 5)) * 3 + 1
    labels = {"label": jnp.eye(3)[jnp.arange(64) % 3]}
    variables = norm.init(random.key(0), x, labels)
    y, _ = norm.apply(variables, x, labels, mutable=["batch_stats"])
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-3)
    table = variables["params"]["affine"]["embedding"].at[1].set(1.0)  # class 1: scale 2, shift 1
    changed = {**variables, "params": {"affine": {"embedding": table}}}
    z, _ = norm.apply(changed, x, labels, mutable=["batch_stats"])
    np.testing.assert_allclose(z[1::3], 2 * y[1::3] + 1, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(z[0::3], y[0::3])
    with pytest.raises(ConfigError, match="is given none: name the columns"):
        norm.apply(variables, x, None, mutable=["batch_stats"])


def test_layer_norm_treats_every_example_alone():
    """What a gradient penalty needs of a critic; BatchNorm fails the same test."""
    x = random.normal(random.key(0), (4, 8, 8, 1))
    others = x.at[1:].set(0.5)

    def logits(norm, x):
        return np.asarray(run(Discriminator(resnet.Down(width=8, norm=norm)), x))

    np.testing.assert_allclose(
        logits("LayerNorm", x)[0], logits("LayerNorm", others)[0], rtol=1e-4, atol=1e-5
    )
    assert abs(logits("BatchNorm", x)[0] - logits("BatchNorm", others)[0]) > 1e-3


def test_no_bias_stands_before_a_batch_norm():
    with_norm = mlp.Up((2,), (8,), norm="BatchNorm").init(random.key(0), jnp.zeros((2, 3)))[
        "params"
    ]
    without = mlp.Up((2,), (8,)).init(random.key(0), jnp.zeros((2, 3)))["params"]
    assert "bias" not in with_norm["Dense_0"] and "bias" in without["Dense_0"]


@pytest.mark.parametrize("family", UPS)
def test_bfloat16_computes_in_bfloat16_and_answers_in_float32(family):
    half = Generator(UPS[family]((8, 8, 1), dtype="bfloat16"))
    z = random.normal(random.key(1), (4, 5))
    variables = jax.jit(half.init)(random.key(0), z)
    assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    whole = layers.in_float32(half)
    a, b = jax.jit(
        lambda v: [net.apply(v, z, mutable=["batch_stats"])[0] for net in (half, whole)]
    )(variables)
    assert a.dtype == jnp.float32 and 0 < float(jnp.abs(a - b).max()) < 0.1


@pytest.mark.parametrize("family", DOWNS)
def test_second_order_gradients_are_finite(family):
    net = Discriminator(DOWNS[family](norm="Identity"))
    x = random.normal(random.key(0), (2, 8, 8, 1))
    params = jax.jit(net.init)(random.key(0), x)

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
