"""Families as their authors built them: counted parameter by parameter, and block by block against
NumPy. Whole networks are only traced (`eval_shape`), so that their size costs nothing.
"""

import math
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import cases, conv, count, drawn, image, labels, linear, np_conv, traced, z
from jax import random

from genlab import game
from genlab.config import ConfigError, build, spec
from genlab.nets import biggan, classic, dcgan, layers, r3gan, resnet
from genlab.nets.kernels import resize

CIFAR = (32, 32, 3)


def residual(before, after, shortcut=True):
    """Two 3x3 convolutions and the 1x1 shortcut, all with biases."""
    return conv(before, after) + conv(after, after) + shortcut * linear(before, after)


def constant_up(w, norms):
    """128 -> 4x4xw -> 8, 16, 32 -> ReLU(BatchNorm) -> 3; `norms`: of the three blocks together."""
    return linear(128, 16 * w) + 3 * residual(w, w) + norms + 2 * w + conv(w, 3)


def constant_down(w):
    """3 -> 16 -> 8 -> 8 -> 8; the last two blocks have no shortcut convolution."""
    return residual(3, w) + residual(w, w) + 2 * residual(w, w, shortcut=False)


def bottleneck(w, group):
    """1x1 to 2w, 3x3 in groups of `group` channels, 1x1 back; two biases."""
    return 2 * w * 2 * w + 9 * group * 2 * w + 4 * w


def attention(c):
    return 2 * linear(c, c // 8, bias=False) + 2 * linear(c, c // 2, bias=False) + 1


WIDE = [96 * m for m in (16, 16, 8, 4, 2, 1)]  # BigGAN-128's generator
DEEP = [3, *(96 * m for m in (1, 2, 4, 8, 16, 16))]  # and its critic

# trunk, inputs, arithmetic from the authors' code, total. The networks there end in a head; what it
# adds to a trunk down is said beside it.
OFFICIAL = {
    # igul222/improved_wgan_training, gan_cifar_resnet.py; DIM_G = DIM_D = 128
    "wgan-gp up": (
        resnet.Up(CIFAR),
        (z(128),),
        constant_up(128, 6 * 2 * 128),
        1_204_483,
    ),
    "wgan-gp up, 10 classes": (
        resnet.Up(CIFAR, norm="ConditionalBatchNorm"),
        (z(128), labels(10)),
        constant_up(128, 6 * 10 * 2 * 128),
        1_218_307,
    ),
    "wgan-gp down": (resnet.Down(), (image(32),), constant_down(128), 1_053_696),  # + 129
    # pfnet-research/sngan_projection, gen_models/resnet_32.py, dis_models/snresnet_32.py
    "sngan up": (
        resnet.Up(CIFAR, width=256),
        (z(128),),
        constant_up(256, 6 * 2 * 256),
        4_276_739,
    ),
    "sngan up, 10 classes": (
        resnet.Up(CIFAR, width=256, norm="ConditionalBatchNorm"),
        (z(128), labels(10)),
        constant_up(256, 6 * 10 * 2 * 256),
        4_304_387,
    ),
    "sngan down": (  # + 128, for the logit has no bias there
        resnet.Down(pool="sum"),
        (image(32),),
        constant_down(128),
        1_053_696,
    ),
    # ajbrock/BigGAN-PyTorch, scripts/launch_cifar_ema.sh: neither shared nor hierarchical
    "biggan up": (
        biggan.Up(CIFAR, shared=0, hierarchical=False),
        (z(128), labels(10)),
        constant_up(256, 6 * 10 * 2 * 256),
        4_304_387,
    ),
    "biggan down": (  # + 257 + 10 x 256
        biggan.Down(),
        (image(32),),
        residual(3, 256) + residual(256, 256) + 2 * residual(256, 256, shortcut=False),
        4_204_544,
    ),
    # its launch_BigGAN_bs256x8.sh; google/compare_gan's test states the same 70,433,988
    "biggan-128 up": (
        biggan.Up((128, 128, 3), width=96, attention=64),
        (z(120), labels(1000)),
        1000 * 128
        + linear(20, 16 * WIDE[0])
        + sum(residual(a, b) for a, b in pairwise(WIDE))
        + sum(2 * (128 + 20) * (a + b) for a, b in pairwise(WIDE))
        + attention(WIDE[4])
        + 2 * WIDE[5]
        + conv(WIDE[5], 3),
        70_433_988,
    ),
    "biggan-128 down": (  # + 1,537 + 1000 x 1,536 = compare_gan's 87,982,370
        biggan.Down(width=96, attention=64),
        (image(128),),
        sum(residual(a, b) for a, b in pairwise(DEEP[:-1]))
        + residual(DEEP[-2], DEEP[-1], shortcut=False)
        + attention(DEEP[1]),
        86_444_833,
    ),
    # brownvc/R3GAN, train.py --preset=CIFAR10, R3GAN/Networks.py
    "r3gan up": (
        r3gan.Up(CIFAR),
        (z(64),),
        16 * 768 + 64 * 768 + 8 * bottleneck(768, 16) + 768 * 3,
        20_732_160,
    ),
    "r3gan up, 10 classes": (
        r3gan.Up(CIFAR),
        (z(64), labels(10)),
        10 * 64 + 16 * 768 + (64 + 64) * 768 + 8 * bottleneck(768, 16) + 768 * 3,
        20_781_952,
    ),
    "r3gan whole critic": (
        r3gan.Discriminator(r3gan.Down()),
        (image(32),),
        3 * 768 + 8 * bottleneck(768, 16) + 16 * 768 + 768,
        20_683_776,
    ),
    "r3gan whole critic, 10 classes": (
        r3gan.Discriminator(r3gan.Down()),
        (image(32), labels(10)),
        3 * 768 + 8 * bottleneck(768, 16) + 16 * 768 + 768 * 768 + 10 * 768,
        21_280_512,
    ),
    # train.py --preset=FFHQ-64: the width changes at the last stage
    "r3gan-64 up": (
        r3gan.Up((64, 64, 3), (768, 768, 768, 768, 384), (96, 96, 96, 96, 48)),
        (z(64),),
        (16 + 64) * 768 + 8 * bottleneck(768, 16) + 768 * 384 + 2 * bottleneck(384, 16) + 384 * 3,
        22_429_824,
    ),
    # Newmu/dcgan_code, faces/train_uncond_dcgan.py: 5x5, no bias anywhere, the dense layer's norm
    # one by unit (2 x 16,384) where ours is one by channel (2 x 1,024); ours has the image's bias
    "dcgan up, paper": (
        dcgan.Up((64, 64, 3), width=128, kernel=5),
        (z(100),),
        18_885_760 - 2 * (16_384 - 1_024) + 3,
        18_855_043,
    ),
    "dcgan down, paper": (  # ... and the first convolution's bias
        dcgan.Down(kernel=5),
        (image(64),),
        sum(conv(a, b, 5, bias=False) for a, b in [(3, 64), (64, 128), (128, 256), (256, 512)])
        + 2 * (128 + 256 + 512)
        + 64,
        4_307_456,
    ),
    # pytorch/examples, dcgan/main.py, without the head: 3,576,704 and 2,765,568 - 512 x 16
    "dcgan up, 4x4": (dcgan.Up((64, 64, 3)), (z(100),), 3_576_704 + 3, 3_576_707),
    "dcgan down, 4x4": (dcgan.Down(), (image(64),), 2_765_568 - 8_192 + 64, 2_757_440),
    # TensorFlow's DCGAN tutorial: trainable 2,305,472; critic 212,865 with 6,273 of the head
    "products up": (
        classic.Up((28, 28, 1)),
        (z(100),),
        linear(100, 12_544, bias=False)
        + 2 * (12_544 + 128 + 64)
        + sum(conv(a, b, 5, bias=False) for a, b in [(256, 128), (128, 64), (64, 1)]),
        2_305_472,
    ),
    "products down": (classic.Down(), (image(28, 1),), 212_865 - 6_273, 206_592),
    "small up": (
        classic.Up((28, 28, 1), (128, 64), (2, 2), norm="Identity"),
        (z(100),),
        linear(100, 7 * 7 * 128) + conv(128, 64, 5) + conv(64, 1, 5),
        839_937,
    ),
    "small down": (
        classic.Down((32, 64)),
        (image(28, 1),),
        conv(1, 32, 5) + conv(32, 64, 5),
        52_096,
    ),
    "upsampling up": (
        classic.Resize((128, 128, 3), (256, 128, 64, 32, 16)),
        (z(100),),
        linear(100, 8 * 8 * 256)
        + sum(conv(a, b, bias=False) for a, b in [(256, 128), (128, 64), (64, 32), (32, 16)])
        + 2 * (128 + 64 + 32 + 16)
        + conv(16, 3),
        2_047_379,
    ),
    "upsampling down": (
        classic.Down((32, 64, 128, 256), kernel=3, norm="BatchNorm"),
        (image(128),),
        conv(3, 32)
        + sum(conv(a, b, bias=False) for a, b in [(32, 64), (64, 128), (128, 256)])
        + 2 * (64 + 128 + 256),
        388_864,
    ),
}


ALIKE = (  # of the arithmetic of others
    "wgan-gp up, 10 classes",
    "sngan up",
    "sngan up, 10 classes",
    "sngan down",
    "r3gan up",
    "r3gan whole critic",
    "r3gan-64 up",
    "dcgan down, 4x4",
    "upsampling down",
    "small down",
)


@pytest.mark.parametrize("name", cases(OFFICIAL, ALIKE))
def test_as_many_parameters_as_the_authors_network(name):
    net, inputs, arithmetic, total = OFFICIAL[name]
    assert count(net, *inputs) == arithmetic == total


UPS = {
    "resnet": lambda shape, **k: resnet.Up(shape, width=8, **k),
    "biggan": lambda shape, **k: biggan.Up(shape, width=2, shared=3, **k),
    "r3gan": lambda shape, **k: r3gan.Up(
        shape, (8,) * (layers.levels(shape) + 1), (2,) * (layers.levels(shape) + 1), 1, **k
    ),
}
DOWNS = {
    "resnet": lambda size, **k: resnet.Down(width=8, plain=1, **k),
    "biggan": lambda size, **k: biggan.Down(width=2, **k),
    "r3gan": lambda size, **k: r3gan.Down(
        (8,) * (layers.levels((size, size)) + 1), (2,) * (layers.levels((size, size)) + 1), 1, **k
    ),
}
CLASSIC = {
    "products": (classic.Up, {}, classic.Down()),
    "small": (
        classic.Up,
        dict(channels=(128, 64), strides=(2, 2), norm="Identity"),
        classic.Down((32, 64), slope=0.2),
    ),
    "upsampling": (
        classic.Resize,
        {},
        classic.Down((8, 16), kernel=3, norm="BatchNorm", dropout=0.25),
    ),
}


@pytest.mark.parametrize("size", [8, pytest.param(16, marks=pytest.mark.slow), 64])
@pytest.mark.parametrize("family", ["biggan", "r3gan"])
def test_any_power_of_two_and_half_precision(family, size):
    up, down = UPS[family]((size, size, 2)), DOWNS[family](size)
    latent = 4 * (layers.levels((size, size)) + 1)
    assert traced(up, z(latent))[0].shape == (2, size, size, 2)
    made = traced(up.clone(dtype="bfloat16"), z(latent))
    assert made[0].dtype == jnp.bfloat16
    assert {x.dtype for x in jax.tree.leaves(made[1])} == {jnp.dtype("float32")}
    features = traced(down.clone(dtype="bfloat16"), image(size, 2))[0]
    assert len(features.shape) == 2 and features.dtype == jnp.bfloat16


@pytest.mark.parametrize("size", [28, pytest.param(64, marks=pytest.mark.slow), 128])
@pytest.mark.parametrize("family", CLASSIC)
def test_classics_at_the_sizes_of_product_pictures(family, size):
    up, fields, down = CLASSIC[family]
    assert traced(up((size, size, 3), **fields), z(5))[0].shape == (2, size, size, 3)
    features = traced(down, image(size))[0].shape
    assert features == (2, (size // 4) ** 2 * down.channels[-1])
    half = traced(up((size, size, 3), dtype="bfloat16", **fields), z(5))[0]
    assert half.dtype == jnp.bfloat16


LATENT = np.float32(np.random.default_rng(1).standard_normal((3, 4)))
LABEL = np.asarray([0, 1, 1])
TOLD = {"label": np.eye(2, dtype=np.float32)[LABEL]}
OTHER = {"label": np.eye(2, dtype=np.float32)[1 - LABEL]}


@pytest.mark.parametrize(
    "up",
    [
        resnet.Up((8, 8, 1), width=4, norm="ConditionalBatchNorm"),
        biggan.Up((8, 8, 1), width=2, shared=3),
        pytest.param(
            biggan.Up((8, 8, 1), width=2, shared=0, hierarchical=False), marks=pytest.mark.slow
        ),
        r3gan.Up((8, 8, 1), (4, 4), (2, 2), 1, embed=3),
    ],
    ids=["resnet", "biggan", "biggan, per class", "r3gan"],
)
def test_a_generator_sees_its_latent_and_its_label(up):
    variables = drawn(up, LATENT, TOLD)

    @jax.jit
    def everything():
        def power(latent):
            made, stats = up.apply(variables, latent, TOLD, mutable=["batch_stats"])
            return (made**2).sum(), stats

        (x, stats), gradient = jax.value_and_grad(power, has_aux=True)(LATENT)
        images = [up.apply(variables, LATENT, told, train=False) for told in (TOLD, OTHER)]
        return x, gradient, dict(stats), *images

    x, gradient, stats, same, other = jax.device_get(everything())
    assert np.isfinite(x) and np.isfinite(gradient).all() and (np.abs(gradient) > 0).all()
    assert (np.abs(same - other).max(axis=(1, 2, 3)) > 1e-4).all()
    changes = jax.tree.map(
        lambda a, b: np.abs(a - b).max(), stats, {name: variables[name] for name in stats}
    )
    assert all(change > 0 for change in jax.tree.leaves(changes))
    assert bool(changes) == ("batch_stats" in variables)


def test_a_bigger_biggan_splits_the_latent_over_layers():
    """The second half of the latent reaches the image through the norms alone."""
    up = biggan.Up((8, 8, 1), width=2)
    variables = drawn(up, LATENT)
    flat = {**variables["params"]["Block_0"]}
    for norm in ("AffineBatchNorm_0", "AffineBatchNorm_1"):
        flat[norm] = jax.tree.map(np.zeros_like, flat[norm])
    unmoved = {**variables, "params": {**variables["params"], "Block_0": flat}}
    other = LATENT + np.float32([0, 0, 1, 1])[None]
    apply = jax.jit(lambda variables, x: up.apply(variables, x, train=False))

    def change(variables):
        a, b = (apply(variables, x) for x in (LATENT, other))
        return float(np.abs(a - b).max())

    assert change(variables) > 1e-4 and change(unmoved) == 0


def test_affine_batch_norm_is_one_plus_linear_in_its_vector():
    norm = biggan.AffineBatchNorm()
    rng = np.random.default_rng(0)
    x, y = rng.normal(2, 3, (6, 2, 2, 5)), rng.normal(size=(6, 4))
    variables = drawn(norm, np.float32(x), np.float32(y))
    w = {k: np.float64(variables["params"][k]["kernel"]) for k in ("scale", "shift")}
    plain = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    expected = plain * (1 + y @ w["scale"])[:, None, None] + (y @ w["shift"])[:, None, None]
    apply = jax.jit(lambda *a: norm.apply(variables, *a, mutable=["batch_stats"])[0])
    made = apply(*map(np.float32, (x, y)))
    np.testing.assert_allclose(made, expected, rtol=1e-3, atol=1e-4)


def np_pool(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def test_residual_blocks_in_the_order_of_their_authors():
    """Down: convolve the shortcut, then pool; up: upsample, then convolve; the first block pools
    its shortcut, then convolves.
    """
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3))
    given, relu = np.float32(x), lambda h: np.maximum(h, 0)

    def check(block, expected):
        variables = drawn(block, given)
        p = variables["params"]
        made = jax.jit(block.apply)(variables, given)
        one, two, skip = p["Conv_0"], p["Conv_1"], p["shortcut"]
        np.testing.assert_allclose(made, expected(one, two, skip), rtol=1e-4, atol=1e-4)

    check(
        resnet.Block(5, resize.mean_pool),
        lambda one, two, skip: (
            np_pool(np_conv(relu(np_conv(relu(x), one)), two)) + np_pool(np_conv(x, skip))
        ),
    )
    big = np.kron(x, np.ones((1, 2, 2, 1)))
    check(
        resnet.Block(5, resize.upsample),
        lambda one, two, skip: np_conv(relu(np_conv(relu(big), one)), two) + np_conv(big, skip),
    )
    check(
        resnet.FirstBlock(5),
        lambda one, two, skip: (
            np_pool(np_conv(relu(np_conv(x, one)), two)) + np_conv(np_pool(x), skip)
        ),
    )


def test_pooling_is_a_choice_and_attention_does_something():
    x = np.float32(np.random.default_rng(0).standard_normal((2, 16, 16, 1)))
    down = resnet.Down(width=8, plain=1, attention=8)
    variables = drawn(down, x)
    params = variables["params"]
    still = {"params": {**params, "attend": {**params["attend"], "gamma": np.float32(0)}}}

    @jax.jit
    def pooled():
        mean = down.apply(variables, x)
        return mean, down.clone(pool="sum").apply(variables, x), down.apply(still, x)

    mean, summed, without = jax.device_get(pooled())
    np.testing.assert_allclose(summed, 64 * mean, rtol=1e-4)
    assert np.abs(without - mean).max() > 1e-4


def test_a_biggan_critic_sums_over_positions():
    """All zero but the last bias: every one of 8x8 positions is 1."""
    x, down = np.ones((2, 16, 16, 1), np.float32), biggan.Down(width=2)
    params = jax.tree.map(np.zeros_like, drawn(down, x)["params"])
    params["Block_1"]["Conv_1"]["bias"] += 1
    np.testing.assert_array_equal(jax.jit(down.apply)({"params": params}, x), np.full((2, 8), 64.0))


def test_where_attention_can_be():
    for trunk, given in [
        (resnet.Up(CIFAR, width=8), z(5)),
        (resnet.Down(width=8), image(32)),
        (biggan.Up(CIFAR, width=2), z(4)),
        (biggan.Down(width=2), image(32)),
    ]:
        assert "attend" in traced(trunk.clone(attention=16), given)[1]["params"]
        with pytest.raises(ConfigError, match=r"attention=12.* end at .*16x16.*set attention"):
            traced(trunk.clone(attention=12), given)


def test_the_last_norm_of_a_conditional_generator_knows_no_label():
    up = resnet.Up(CIFAR, width=8, norm="ConditionalBatchNorm")
    params = traced(up, z(5), labels(10))[1]["params"]
    assert "BatchNorm_0" in params and "ConditionalBatchNorm_0" in params["Block_0"]


def test_r3gan_resamples_with_1_3_3_1():
    """upfirdn2d as the authors call it: zeros between, or every second of what the filter gives."""
    f = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3))
    sparse = np.zeros((2, 8, 12, 3))
    sparse[:, ::2, ::2] = x

    def filtered(x, pad, gain):
        wide = np.pad(x, ((0, 0), pad, pad, (0, 0)))
        h, w = wide.shape[1] - 3, wide.shape[2] - 3
        taps = [gain * f[i, j] * wide[:, i : i + h, j : j + w] for i, j in np.ndindex(4, 4)]
        return sum(taps)

    np.testing.assert_allclose(
        jax.jit(r3gan.double)(np.float32(x)), filtered(sparse, (2, 1), 4), atol=1e-5
    )
    halved = filtered(x, (1, 1), 1)[:, ::2, ::2]
    np.testing.assert_allclose(jax.jit(r3gan.halve)(np.float32(x)), halved, atol=1e-5)


def test_an_r3gan_block_is_a_grouped_bottleneck():
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 6))
    block = r3gan.Block(groups=3, depth=8)
    given, apply = np.float32(x), jax.jit(block.apply)
    variables = drawn(block, given)
    p = variables["params"]

    def leaky(h):
        return np.where(h > 0, h, 0.2 * h)

    inner = leaky(np_conv(leaky(np_conv(x, p["Conv_0"])), p["Conv_1"], groups=3))
    np.testing.assert_allclose(
        apply(variables, given), x + np_conv(inner, p["last"]), rtol=1e-4, atol=1e-4
    )
    start = {"params": {**p, "last": {"kernel": np.zeros_like(p["last"]["kernel"])}}}
    np.testing.assert_array_equal(apply(start, given), given)


def test_an_r3gan_block_starts_as_the_identity_its_other_layers_shrunk_with_the_depth():
    """The last: zero; the others: N(0, (2 / 1.04) 8^(-1/2) / fan in), a group's fan in its own."""
    x = np.zeros((1, 4, 4, 64), np.float32)
    init = jax.jit(r3gan.Block(groups=8, depth=8).init)
    p = jax.device_get(init(random.key(0), x)["params"])
    assert not p["last"]["kernel"].any()
    gain = math.sqrt(2 / 1.04) * 8**-0.25
    assert p["Conv_0"]["kernel"].std() * math.sqrt(64) == pytest.approx(gain, rel=0.03)
    assert p["Conv_1"]["kernel"].std() * math.sqrt(9 * 16) == pytest.approx(gain, rel=0.03)


def test_the_r3gan_critic_is_the_product_with_its_label():
    x = np.float32(np.random.default_rng(0).standard_normal((3, 8, 8, 1)))
    trunk = r3gan.Down((4, 4), (2, 2), 1)
    net = r3gan.Discriminator(trunk)
    variables = drawn(net, x, TOLD)
    p = variables["params"]

    @jax.jit
    def both():
        logits, sown = net.apply(variables, x, TOLD, mutable=["intermediates"])
        return logits, sown["intermediates"]["features"][0], trunk.apply({"params": p["trunk"]}, x)

    logits, features, expected = jax.device_get(both())
    np.testing.assert_allclose(features, expected, atol=1e-5)
    expected = (features @ p["logit"]["kernel"]) * p["label"]["embedding"][LABEL]
    np.testing.assert_allclose(logits, expected.sum(-1), rtol=1e-4, atol=1e-5)


def test_an_r3gan_critic_has_second_order_gradients():
    x = np.float32(np.random.default_rng(0).standard_normal((2, 8, 8, 1)))
    down = r3gan.Down((4, 4), (2, 2), 1)
    params = drawn(down, x)["params"]

    def penalty(params):
        return (jax.grad(lambda x: down.apply({"params": params}, x).sum())(x) ** 2).sum()

    grads = jax.tree.leaves(jax.device_get(jax.jit(jax.grad(penalty))(params)))
    assert all(np.isfinite(g).all() for g in grads) and any(np.abs(g).max() > 0 for g in grads)


def test_he_is_the_authors_4_over_both_fans():
    w = np.asarray(jax.jit(resnet.he, static_argnums=1)(random.key(0), (3, 3, 32, 64)))
    bound = math.sqrt(3 * 4 / (9 * 32 + 9 * 64))
    assert 0.99 * bound < np.abs(w).max() <= bound * 1.00001


def test_dropout_is_of_training_alone_and_asks_for_no_key_at_rate_zero():
    x = np.float32(np.random.default_rng(0).standard_normal((4, 8, 8, 1)))
    down = classic.Down((4, 8), norm="BatchNorm", dropout=0.5)
    variables = drawn(down, x)
    params, stats = {"disc": variables.pop("params")}, {"disc": variables}

    def features(key=None, net=down, train=True):
        return game.apply(net, "disc", params, stats, x, train=train, key=key)

    trained = jax.jit(features)
    (a, _), (b, changed) = jax.device_get([trained(random.key(seed)) for seed in (1, 2)])
    assert not np.allclose(a, b) and 0.3 < (a == 0).mean() < 0.7
    assert (changed["disc"]["batch_stats"]["BatchNorm_0"]["norm"]["mean"] != 0).all()
    assert np.asarray(jax.jit(lambda: features(train=False)[0])()).all()
    assert jax.eval_shape(lambda: features(net=down.clone(dropout=0.0))[0]).shape == (4, 32)


def test_a_classic_generator_is_normalised_and_differentiable():
    up = classic.Up((8, 8, 1), channels=(4, 3, 2))
    variables = drawn(up, LATENT)

    def power(params):
        made, stats = up.apply({**variables, "params": params}, LATENT, mutable=["batch_stats"])
        return (made**2).sum(), stats["batch_stats"]

    grads, stats = jax.device_get(jax.jit(jax.grad(power, has_aux=True))(variables["params"]))
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))
    assert (stats["BatchNorm_0"]["norm"]["var"] != 1).all()
    assert stats["BatchNorm_0"]["norm"]["mean"].shape == (2 * 2 * 4,)


def test_what_cannot_be_is_refused_with_what_to_do():
    for net, inputs, message in [
        (biggan.Up(CIFAR, width=2), (z(5),), "latent of 5.*multiple of 4"),
        (biggan.Up(CIFAR, width=2, hierarchical=False), (z(4),), "given.*hierarchical=True"),
        (biggan.Down(width=2), (image(512),), "512x512.*64, 128, 256 pixels"),
        (r3gan.Up((64, 64, 3)), (z(4),), "64x64 need 5 of each"),
        (r3gan.Up(CIFAR, (6,) * 4, (5,) * 4), (z(4),), "5 does not divide 2 x 6"),
        (classic.Up((30, 30, 1)), (z(4),), "30x30.*multiple of the 4"),
        (classic.Up((28, 28, 1), (8, 4), (1, 2, 2)), (z(4),), "strides"),
    ]:
        with pytest.raises(ConfigError, match=message):
            traced(net, *inputs)


def test_one_initialiser_for_all_of_biggan_by_name_or_spec():
    assert biggan.Up(CIFAR).kernel_init == biggan.Down().kernel_init == "orthogonal"
    half = spec(jax.nn.initializers.constant, 0.5)
    fields = dict(width=2, attention=8, kernel_init=half)
    for node, args in [
        (spec(biggan.Up, (8, 8, 1), shared=3, **fields), (LATENT, TOLD)),
        (spec(biggan.Down, **fields), (np.zeros((2, 16, 16, 1), np.float32),)),
    ]:
        params = jax.device_get(jax.jit(build(node).init)(random.key(0), *args)["params"])
        kernels = [x for x in jax.tree.leaves(params) if x.ndim > 1]
        assert kernels and all((x == 0.5).all() for x in kernels)
