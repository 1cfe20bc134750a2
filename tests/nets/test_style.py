"""The style-based generator: its two halves, its norm against NumPy, and the ability of methods."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from helpers.networks import drawn, np_conv, traced, z
from jax import random

from genlab.config import ConfigError, build, spec
from genlab.game.abilities import HasNoise, Styles, can, require
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.nets import Decoder, Discriminator, Encoder, Generator, dcgan, layers, mlp, style

SHAPE = (8, 8, 1)
UP = spec(style.Up, SHAPE, width=2, style=6, depth=2, rate=1.0)


def labels(*which):
    return {"label": np.eye(3, dtype=np.float32)[list(which)]}


def gan(up=UP, embed=0):
    return build(
        spec(
            GAN,
            spec(Generator, up, embed=embed),
            spec(Discriminator, spec(mlp.Down, (4,))),
            latent=5,
            given=("label",),
        )
    )


def begin(method, batch):
    """(params, stats) as `method.init` shapes them, drawn by NumPy, which compiles nothing."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(method.init, random.key(0), batch)
    return jax.tree.map(lambda a: np.asarray(rng.normal(0, 0.5, a.shape), a.dtype), shapes)


@pytest.fixture(scope="module")
def started():
    """(method, params, stats, z, cond) of a GAN whose generator is style-based."""
    method, cond = gan(), labels(0, 1, 2)
    batch = {"image": np.zeros((3, *SHAPE), np.float32), **cond}
    params, stats = begin(method, batch)
    return method, params, stats, np.float32(np.random.default_rng(1).normal(size=(3, 5))), cond


def test_samples_are_the_synthesis_of_mapped_latents_one_style_or_one_for_each_layer(started):
    method, params, stats, z, cond = started
    assert method.style_layers() == 4  # 2 at 4x4, 2 at 8x8

    @jax.jit
    def made(params):
        w = method.mapping(params, stats, z, cond)
        each = jnp.repeat(w[:, None], 4, axis=1)
        swapped = each.at[:, 2:].set(each[::-1, 2:])
        ways = [method.synthesis(params, stats, x) for x in (w, each, swapped)]
        return w, method.generate(params, stats, z, cond), *ways

    w, image, one, each, swapped = jax.device_get(made(params))
    assert w.shape == (3, 6) and image.shape == (3, *SHAPE)
    np.testing.assert_array_equal(one, image)
    np.testing.assert_array_equal(each, image)
    np.testing.assert_array_equal(swapped[1], image[1])  # its own style again
    assert np.abs(swapped[0] - image[0]).max() > 1e-3


def test_a_style_depends_on_the_latents_direction_and_on_what_is_given(started):
    method, params, stats, z, cond = started
    mapped = jax.jit(lambda z, cond: method.mapping(params, stats, z, cond))
    w = np.asarray(mapped(z, cond))
    np.testing.assert_allclose(mapped(3 * z, cond), w, rtol=1e-4, atol=1e-5)
    assert np.abs(np.asarray(mapped(z, labels(1, 2, 0))) - w).max(1).min() > 1e-3
    null = jax.jit(jax.grad(lambda c: method.mapping(params, stats, z, {"label": c}).sum()))
    zero = np.zeros((3, 3), np.float32)
    assert np.isfinite(np.asarray(null(zero))).all()  # the root of a mean square of 0


def test_in_training_some_images_have_another_latents_style_from_a_layer_on():
    up = style.Up(SHAPE, width=2, style=6, depth=1, mixing=0.5)
    first, other = np.float32([np.zeros((400, 6)), np.ones((400, 6))])
    mix = jax.jit(lambda key: up.apply({}, first, other, method="_mixed", rngs={"dropout": key}))
    mixed = np.asarray(mix(random.key(0)))[..., 0]
    assert (np.diff(mixed, axis=1) >= 0).all() and (mixed[:, 0] == 0).all()
    assert 0.4 < mixed[:, -1].mean() < 0.6
    since = np.array([np.mean(mixed[mixed[:, -1] == 1].sum(1) == k) for k in (1, 2, 3)])
    np.testing.assert_allclose(since, 1 / 3, atol=0.1)


def test_adaptive_instance_norm_is_equation_1():
    x = np.random.default_rng(0).normal(2, 3, (3, 4, 5, 2))
    y = np.random.default_rng(1).normal(size=(3, 4))
    net = layers.AdaptiveInstanceNorm()
    table = {"params": {"affine": {"embedding": np.eye(4, dtype=np.float32)}}}
    got = jax.jit(net.apply)(table, np.float32(x), {"numbers": np.float32(y)})
    mean, std = x.mean((1, 2), keepdims=True), x.std((1, 2), keepdims=True)
    scale, shift = y[:, None, None, :2], y[:, None, None, 2:]
    np.testing.assert_allclose(got, (1 + scale) * (x - mean) / std + shift, rtol=1e-4, atol=1e-4)


def test_a_generators_norms_are_given_the_latent_where_it_is_modulated():
    up = dcgan.Up(SHAPE, width=2, norm="AdaptiveInstanceNorm")
    z, cond = np.ones((2, 5), np.float32), labels(0, 1)
    plain, own = (
        jax.eval_shape(Generator(up, modulated=m).init, random.key(0), z, cond)["params"]["trunk"]
        for m in (False, True)
    )
    rows = [p["AdaptiveInstanceNorm_0"]["affine"]["embedding"].shape[0] for p in (plain, own)]
    assert rows == [3, 3 + 5]
    with pytest.raises(ConfigError, match=r"given none: name the columns"):
        jax.eval_shape(Generator(up).init, random.key(0), z)
    with pytest.raises(ConfigError, match="use ConditionalBatchNorm"):
        mlp_up = mlp.Up((2,), (3,), norm="AdaptiveInstanceNorm")
        jax.eval_shape(Generator(mlp_up).init, random.key(0), z, cond)


def test_what_does_not_fit_a_style_based_network_is_refused(started):
    method, params, stats, _, cond = started
    with pytest.raises(ConfigError, match=r"takes \[B, 6\], .* or \[B, 4, 6\], one for each"):
        wrong = np.zeros((2, 3, 6), np.float32)
        jax.eval_shape(lambda w: method.synthesis(params, stats, w), wrong)
    batch = {"image": np.zeros((3, *SHAPE), np.float32), **cond}
    with pytest.raises(ConfigError, match="set embed=0"):
        jax.eval_shape(gan(embed=8).init, random.key(0), batch)
    with pytest.raises(ConfigError, match="is given a picture"):
        net = Generator(style.Up(SHAPE), embed=0, look=mlp.Down((4,)))
        z = np.zeros((3, 5), np.float32)
        jax.eval_shape(net.init, random.key(0), z, {"mask": batch["image"]})


def test_the_mapping_moves_as_much_less_as_its_rate_says():
    slow, plain = style.Slow(3, 0.01), style.Slow(3, 1.0)
    x = np.float32(np.random.default_rng(1).normal(size=(2, 4)))

    @jax.jit
    def begun_and_moved():
        held = [net.init(random.key(0), x) for net in (slow, plain)]
        moved = [jax.tree.map(lambda a: a + 0.1, h) for h in held]
        nets = slow, plain
        return [[n.apply(p, x) for n, p in zip(nets, of, strict=True)] for of in (held, moved)]

    begun, moved = np.asarray(begun_and_moved())
    np.testing.assert_allclose(begun[0], begun[1], rtol=1e-5)
    steps = moved - begun
    np.testing.assert_allclose(steps[0], 0.01 * steps[1], atol=1e-5)


def test_styles_are_an_ability_of_a_method_with_such_a_network_alone():
    assert can(gan(), Styles) and require(gan(), Styles, "editing")
    plain = build(tiny.gan().method)
    assert not can(plain, Styles)
    with pytest.raises(ConfigError, match=r"editing needs .*: its generator .*Up. has none"):
        require(plain, Styles, "editing")


def test_a_decoder_has_styles_too():
    encoder = spec(Encoder, spec(mlp.Down, (4,)), latent=5)
    method = build(spec(VAE, encoder, spec(Decoder, UP), spec(likelihood.bernoulli)))
    assert can(method, Styles) and not can(build(tiny.vae().method), Styles)

    @jax.jit
    def made(params, stats):
        z = method.latents(random.key(1), 2)
        w = method.mapping(params, stats, z)
        return method.generate(params, stats, z), method.synthesis(params, stats, w)

    image, again = made(*begin(method, {"image": np.zeros((2, *SHAPE), np.float32)}))
    np.testing.assert_array_equal(image, again)


NOISY = style.Up(SHAPE, width=2, style=6, depth=1, mixing=0.0, noise=True)


def test_noise_is_an_input_of_every_layer_off_by_default():
    plain, with_noise = (traced(net, z(5))[1]["params"]["synthesis"] for net in (build(UP), NOISY))
    assert NOISY.noise_sizes == ((4, 4), (4, 4), (8, 8), (8, 8)) and not build(UP).noise_sizes
    more = set(with_noise) - set(plain)
    assert more == {f"NoiseInput_{i}" for i in range(4)}
    shapes = [with_noise[name]["strength"].shape for name in sorted(more)]
    assert shapes == [(4,), (4,), (2,), (2,)]


def test_noise_is_drawn_for_each_example_in_training_and_else_the_same_for_all():
    """Times a strength that is 0 at first."""
    params = drawn(NOISY, z(5))
    same = np.repeat(np.ones((1, 5), np.float32), 3, axis=0)

    @jax.jit
    def made(key):
        own = NOISY.apply(params, same, train=True, rngs={"dropout": key})
        fixed = NOISY.apply({}, None, 3, method="_maps")
        begun = style.NoiseInput().init(key, same[:, None], 3)["params"]["strength"]
        return own, fixed, begun

    (own, fixed, begun), (other, again, _) = made(random.key(0)), made(random.key(1))
    assert np.abs(own[0] - own[1]).max() > 1e-3 and np.abs(own - other).max() > 1e-3
    for maps, later in zip(fixed, again, strict=True):
        np.testing.assert_array_equal(maps[0], maps[1])
        np.testing.assert_array_equal(maps, later)
    assert (begun == 0).all()


def longhand(params, w, noise):
    """The synthesis by NumPy, in float64, of one style for all layers."""
    net = jax.tree.map(np.float64, params["params"]["synthesis"])

    def styled(x, i):
        y = w @ net[f"Dense_{i}"]["kernel"] + net[f"Dense_{i}"]["bias"]
        scale, shift = np.split(y[:, None, None], 2, axis=-1)
        x = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
        return x * (1 + scale) + shift

    def noisy(x, i):
        side = x.shape[1]
        start = (0, 16, 32, 96)[i]
        n = noise[:, start : start + side**2].reshape(-1, side, side, 1)
        return x + n * net[f"NoiseInput_{i}"]["strength"]

    def activated(x):
        return np.where(x < 0, 0.2 * x, x)

    x = styled(noisy(np.repeat(net["start"][None], len(w), 0), 0), 0)
    x = styled(activated(noisy(np_conv(x, net["Conv_0"]), 1)), 1)
    x = x.repeat(2, 1).repeat(2, 2)
    x = styled(activated(noisy(np_conv(x, net["Conv_1"]), 2)), 2)
    x = styled(activated(noisy(np_conv(x, net["Conv_2"]), 3)), 3)
    return np_conv(x, net["image"])


def test_noise_is_added_before_the_activation_times_the_strength_of_each_channel():
    rng = np.random.default_rng(1)
    params, w = drawn(NOISY, z(5)), np.float32(rng.normal(size=(2, 6)))
    noise = np.float32(rng.normal(size=(2, 160)))
    made = jax.jit(lambda p, w, n: NOISY.apply(p, w, n, method="synthesis"))(params, w, noise)
    np.testing.assert_allclose(made, longhand(params, w, noise), rtol=1e-3, atol=1e-4)


def test_noise_that_does_not_fit_is_refused():
    w = np.zeros((2, 6), np.float32)
    for net, count in ((NOISY, 7), (build(UP), 160)):
        params = traced(net, z(5))[1]
        with pytest.raises(ConfigError, match=r"noise is \[2, .*noise=True"):
            jax.eval_shape(
                lambda p, net=net, n=count: net.apply(
                    p, w, np.zeros((2, n), np.float32), method="synthesis"
                ),
                params,
            )
    noiseless = require(gan(), Styles, "editing")
    assert not can(noiseless, HasNoise) and can(gan(spec(style.Up, SHAPE, noise=True)), HasNoise)
    with pytest.raises(
        ConfigError, match=r"has no noise maps; nets\.style\.Up has with noise=True"
    ):
        require(noiseless, HasNoise, "finding noise maps")
