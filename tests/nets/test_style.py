"""The style-based generator: its two halves, its norm against NumPy, and the ability of methods."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab.config import ConfigError, build, spec
from genlab.game.abilities import Styles, can, require
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
