"""Networks from pictures to pictures and their critics: counted against their authors' networks,
and against NumPy.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import cases, count, drawn, image, np_conv, np_down, np_up, traced, z

from genlab.config import ConfigError, build, spec
from genlab.methods import GAN
from genlab.nets import Translator, dncnn, enlarging, layers, patchgan, translation, unet
from genlab.nets.layers.spectral import SpectralNorm

# network, inputs, what the authors' code has, and why ours has another number
OFFICIAL = {
    # junyanz/pytorch-CycleGAN-and-pix2pix, unet_256 and unet_128
    "unet, 256x256": (unet.UNet(), (image(256),), 54_413_955, 0),
    "unet, 128x128": (unet.UNet(), (image(128),), 41_828_995, 0),
    # its PatchGANs on a pair of pictures; the pixel critic's last layer has no bias there
    "patches of 1": (patchgan.Discriminator(1), (image(64, 6),), 9_024, +1),
    "patches of 16": (patchgan.Discriminator(16), (image(64, 6),), 139_585, 0),
    "patches of 70": (patchgan.Discriminator(), (image(64, 6),), 2_768_705, 0),
    "patches of 286": (patchgan.Discriminator(286), (image(256, 6),), 11_159_361, 0),
    # CycleGAN's; there biases stand before instance norms, which take them away again
    "patches of 70, instance norm": (
        patchgan.Discriminator(norm="InstanceNorm"),
        (image(64),),
        2_764_737,
        -(128 + 256 + 512),
    ),
    "srgan's critic": (
        enlarging.Down(),  # and 1,025 of the head; no biases before norms here
        (image(96),),
        23_565_505,
        -1_025 - 64 * (1 + 2 * 2 + 2 * 4 + 2 * 8),
    ),
    # NVlabs/SPADE, of Cityscapes' 36 channels; advimman/lama keeps biases before norms
    "spade's critic": (
        patchgan.MultiScale(
            SpectralNorm(
                patchgan.Discriminator(norm="InstanceNorm", padding=2), exempt=patchgan.EXEMPT
            )
        ),
        (image(32), {"map": image(32, 36)}),
        5_601_410,
        0,
    ),
    "lama's critic": (
        patchgan.Discriminator(142, padding=2),
        (image(64),),
        6_962_369,
        -(128 + 256 + 512 + 512),
    ),
    # cszn/DnCNN, TrainingCodes/dncnn_pytorch: grey, 17 layers
    "dncnn": (dncnn.DnCNN(1), (image(40, 1),), 556_096, 0),
}
# network, its number of blocks, inputs, the authors' total, biases there that a norm takes away;
# the blocks are alike, so that two small networks say what a large one has
BLOCKS = {
    # CycleGAN: 15 + 2 x 9 biases before instance norms
    "cyclegan, 9 blocks": (
        translation.ResNet,
        9,
        {},
        (image(32),),
        11_378_179,
        64 + 128 + 256 + 9 * 2 * 256 + 128 + 64,
    ),
    "cyclegan, 6 blocks": (
        translation.ResNet,
        6,
        {},
        (image(32),),
        7_837_699,
        64 + 128 + 256 + 6 * 2 * 256 + 128 + 64,
    ),
    # jcjohnson/fast-neural-style, with affine instance norms
    "johnson": (
        translation.ResNet,
        5,
        dict(width=32, kernel=9, norm="AffineInstanceNorm"),
        (image(32),),
        1_679_235,
        32 + 64 + 128 + 5 * 2 * 128 + 64 + 32,
    ),
    "srresnet": (enlarging.SRResNet, 16, {}, (image(24),), 1_549_462, 64 * 33),
    # xinntao/BasicSR, srresnet_arch.py; xinntao/ESRGAN
    "msrresnet, x4": (enlarging.MSRResNet, 16, {}, (image(24),), 1_517_571, 0),
    "msrresnet, x2": (enlarging.MSRResNet, 16, dict(factor=2), (image(24),), 1_369_859, 0),
    "rrdb": (enlarging.RRDB, 23, {}, (image(24),), 16_697_987, 0),
}


@pytest.mark.parametrize("name", cases(BLOCKS, ("cyclegan, 6 blocks", "johnson", "msrresnet, x2")))
def test_as_many_parameters_as_the_authors_network_of_as_many_blocks(name):
    make, blocks, fields, inputs, official, biases = BLOCKS[name]
    one, two = (count(make(blocks=n, **fields), *inputs) for n in (1, 2))
    assert one + (blocks - 1) * (two - one) == official - biases


@pytest.mark.parametrize(
    "name", cases(OFFICIAL, ("unet, 128x128", "patches of 286", "patches of 1", "patches of 16"))
)
def test_as_many_parameters_as_the_authors_network(name):
    net, inputs, official, difference = OFFICIAL[name]
    assert count(net, *inputs) == official + difference


def reflected(x, layer, stride=1):
    """A convolution of an odd kernel over a picture mirrored at its border, in float64."""
    kernel = np.float64(layer["kernel"])
    pad = kernel.shape[0] // 2
    wide = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
    taps = [
        wide[:, i : i + x.shape[1], j : j + x.shape[2]] @ kernel[i, j]
        for i, j in np.ndindex(kernel.shape[:2])
    ]
    return sum(taps) + np.float64(layer.get("bias", 0.0))


def normed(h):
    return (h - h.mean((1, 2), keepdims=True)) / np.sqrt(h.var((1, 2), keepdims=True) + 1e-5)


def test_a_residual_translator_by_hand():
    """One block; doublings are nearest and a convolution, halvings begin at the first pixel."""
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 2))
    net = translation.ResNet(1, width=2, blocks=1, kernel=3, doubling="nearest")
    variables = drawn(net, np.float32(x))
    p = variables["params"]

    def halved(x, layer):  # the last row and column of zeros are the authors' first
        wide = np.pad(x, ((0, 0), (0, 2), (0, 2), (0, 0)))
        return sum(
            wide[:, i : i + x.shape[1] : 2, j : j + x.shape[2] : 2] @ np.float64(kernel)
            for (i, j), kernel in (((i, j), layer["kernel"][i, j]) for i, j in np.ndindex(3, 3))
        )

    def relu(h):
        return np.maximum(h, 0)

    full = relu(normed(reflected(x, p["Conv_0"])))
    one = halved(full, p["Conv_1"])
    two = halved(relu(normed(one)), p["Conv_2"])
    h = relu(normed(two))
    block = h + normed(reflected(relu(normed(reflected(h, p["Conv_3"]))), p["Conv_4"]))
    up = block
    for name in ("Conv_5", "Conv_6"):
        up = relu(normed(reflected(np.kron(up, np.ones((1, 2, 2, 1))), p[name])))
    expected = reflected(up, p["Conv_7"])

    @jax.jit
    def run(x):
        made, sown = net.apply(variables, x, mutable=["intermediates"])
        return made, sown["intermediates"]["features"]

    made, features = run(np.float32(x))
    np.testing.assert_allclose(made, expected, rtol=1e-3, atol=1e-4)
    for got, wanted in zip(features, (x, one, two, block), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)


def test_a_critic_at_two_scales_by_hand():
    """The second sees means of 3x3 pixels, of those inside; each has weights of its own. With two
    zeros around every map there are more patches.
    """
    rng = np.random.default_rng(0)
    x, seen = rng.normal(size=(2, 2, 6, 6, 1))
    net = patchgan.MultiScale(patchgan.Discriminator(1, 2, "Identity"))
    variables = drawn(net, np.float32(x), {"map": np.float32(seen)})

    def around(x):
        wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return sum(wide[:, i : i + 6 : 2, j : j + 6 : 2] for i, j in np.ndindex(3, 3))

    def judged(x, p):
        for name in ("Conv_0", "Conv_1"):
            x = np_conv(x, p[name])
            yield (x := np.where(x > 0, x, 0.2 * x))
        yield np_conv(x, p["logit"])[..., 0]

    @jax.jit
    def run(x, seen):
        return net.apply(variables, x, {"map": seen}, mutable=["intermediates"])

    logits, sown = run(np.float32(x), np.float32(seen))
    fine = np.concatenate([x, seen], -1)
    for number, pictures in enumerate((fine, around(fine) / around(np.ones_like(fine)))):
        name = f"scale_{number}"
        found = *sown["intermediates"][name]["maps"], logits[number]
        for got, wanted in zip(found, judged(pictures, variables["params"][name]), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)
    wide = patchgan.MultiScale(patchgan.Discriminator(width=2, padding=2))
    shapes = [x.shape for x in traced(wide, image(256))[0]]
    assert shapes == [(2, 35, 35), (2, 19, 19)]


def given(size, **more):
    return {"edges": image(size, 1), **more}


@pytest.mark.parametrize("size", [2, 96])
def test_a_unet_of_any_power_of_two_and_in_half_precision(size):
    net = Translator(unet.UNet(width=2, dtype="bfloat16"))
    made, variables = traced(net, None, given(size))
    assert made.shape == (2, size, size, 3) and made.dtype == jnp.float32
    assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    halvings = sum("down" in name and "norm" not in name for name in variables["params"]["trunk"])
    assert halvings == {2: 1, 96: 5}[size]


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def test_a_unet_joins_each_doubling_with_the_map_before_its_halving():
    """Three levels by hand: norms on all but the first and the coarsest map."""
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 2))
    net = unet.UNet(3, width=2, norm="InstanceNorm", dropout=0.0)
    variables = drawn(net, np.float32(x))
    p = variables["params"]

    fine = np_down(x, p["down_0"])
    middle = normed(np_down(leaky(fine), p["down_1"]))
    coarse = np_down(leaky(middle), p["down_2"])
    up = normed(np_up(np.maximum(coarse, 0), p["up_1"]))
    up = normed(np_up(np.maximum(np.concatenate([up, middle], -1), 0), p["up_0"]))
    expected = np_up(np.maximum(np.concatenate([up, fine], -1), 0), p["image"])
    made = jax.jit(net.apply)(variables, np.float32(x))
    np.testing.assert_allclose(made, expected, rtol=1e-3, atol=1e-4)


def test_dropout_as_noise_is_a_function_of_each_latent():
    net = Translator(unet.UNet(1, width=2, norm="InstanceNorm"), z_as="dropout")
    rng = np.random.default_rng(0)
    cond = {"edges": np.float32(np.repeat(rng.normal(size=(1, 8, 8, 1)), 3, 0))}
    latents = np.float32(rng.normal(size=(3, 2)))
    latents[2] = latents[0]
    variables = drawn(net, latents, cond)

    @jax.jit
    def everything():
        made = lambda z, cond: net.apply(variables, z, cond, train=False)  # noqa: E731
        some = {"edges": cond["edges"][1:]}
        return made(latents, cond), made(latents[1:], some), made(None, some)

    first, alone, quiet = jax.device_get(everything())
    np.testing.assert_array_equal(first[0], first[2])
    assert np.abs(first[0] - first[1]).max() > 1e-3
    np.testing.assert_allclose(alone, first[1:], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(quiet[0], quiet[1])


def test_dropout_by_seeds_drops_a_share_and_keeps_the_mean():
    latents, x = np.arange(64, dtype=np.float32)[:, None], jnp.ones((64, 16, 4))

    @jax.jit
    def both(latents):
        cond = {layers.SEED: layers.seeds(latents)}
        return [layers.Dropout(0.25, place).apply({}, x, cond) for place in (0, 1)]

    made, other = map(np.asarray, both(latents))
    share = (made == 0).mean()
    assert abs(share - 0.25) < 4 * math.sqrt(0.25 * 0.75 / made.size)
    np.testing.assert_allclose(made[made > 0], 1 / 0.75, rtol=1e-6)
    assert len(np.unique(made.reshape(64, -1), axis=0)) == 64
    assert not np.array_equal(other, made)


def test_a_patch_logit_sees_as_many_pixels_as_it_says():
    net = patchgan.Discriminator(34, width=1, norm="Identity")
    x = np.float32(np.random.default_rng(0).normal(size=(1, 48, 48, 1)))
    variables = drawn(net, x)

    def middle(x):
        logits = net.apply(variables, x)
        return logits[0, logits.shape[1] // 2, logits.shape[2] // 2]

    seen = np.asarray(jax.jit(jax.grad(middle))(x))[0, :, :, 0] != 0
    assert [np.ptp(np.nonzero(seen.any(axis))[0]) + 1 for axis in (0, 1)] == [34, 34]


@pytest.mark.parametrize("field, size, logits", [(1, 16, 16), (70, 256, 30)])
def test_a_patch_critic_is_conditional_and_gives_a_map(field, size, logits):
    net = patchgan.Discriminator(field, width=2)
    made, variables = traced(net, image(size), given(size, hue=z(5)))
    assert made.shape == (2, logits, logits) and made.dtype == jnp.float32
    assert variables["params"]["Conv_0"]["kernel"].shape[2] == 3 + 1 + 1


def test_pix2pix_is_a_gan_of_a_translator_and_a_patch_critic():
    generator = spec(Translator, spec(unet.UNet, 1, width=2), z_as="dropout")
    critic = spec(patchgan.Discriminator, 16, width=2, norm="InstanceNorm")
    method = build(spec(GAN, generator, critic, latent=1, given=("edges",)))
    batch = {"image": image(16, 1), "edges": image(16, 1)}
    params, stats = jax.eval_shape(method.init, jax.random.key(0), batch)
    loss = jax.eval_shape(
        lambda *a: method.critic_loss(*a)[0], params, stats, batch, jax.random.key(1), 0
    )
    assert loss.shape == ()
    assert params["disc"]["Conv_0"]["kernel"].shape == (4, 4, 2, 2)


def test_labels_and_latents_enter_as_planes_or_norms():
    trunk = unet.UNet(1, width=2, norm="AdaptiveInstanceNorm")
    planes = traced(Translator(trunk), z(3), given(8, label=z(4)))[1]["params"]["trunk"]
    norms = traced(Translator(trunk, z_as="norms"), z(3), given(8, label=z(4)))[1]["params"]
    assert planes["down_0"]["kernel"].shape[2] == 1 + 4 + 3
    assert norms["trunk"]["down_0"]["kernel"].shape[2] == 1 + 4
    widths = [p["norm_up_0"]["affine"]["embedding"].shape[0] for p in (planes, norms["trunk"])]
    assert widths == [4, 4 + 3]


def test_what_cannot_be_is_refused_with_what_to_do():
    for net, inputs, message in [
        (Translator(unet.UNet()), (z(2),), "given nothing.*no picture.*`given`"),
        (Translator(unet.UNet()), (None, {"label": z(2)}), "given label.*no picture"),
        (unet.UNet(), (image(45),), "45x45 can be halved 0 times: .*multiples of 2"),
        (unet.UNet(depth=4), (image(24),), "24x24.*3 times.*depth is 4.*at most 3.*of 16"),
        (translation.ResNet(), (image(30),), "30x30.*multiples of 4"),
        (translation.ResNet(width=2), (image(4),), "1x1 cannot be reflected by 1.*zeros"),
        (Translator(translation.ResNet()), (z(2), given(8)), "reflection padding.*AdaptiveIn"),
        (enlarging.RRDB(factor=3), (image(8),), r"RRDB\(factor=3\).*power of two"),
        (dncnn.DnCNN(3), (image(8, 1),), "1 channels: set channels=1"),
        (patchgan.Discriminator(), (image(16),), "16x16.*field=70.*24 pixels.*1 or 16 or 34"),
    ]:
        with pytest.raises(ConfigError, match=message):
            traced(net, *inputs)
    with pytest.raises(ConfigError, match=r"field=64.*1, 16, 34, 70, 142, 286, 574"):
        patchgan.Discriminator(64)
    with pytest.raises(ConfigError, match=r"z_as is 'noise'.*mean 'norms'"):
        Translator(unet.UNet(), z_as="noise")
