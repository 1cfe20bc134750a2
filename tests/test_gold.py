"""The gold configs' networks are the official ones, parameter for parameter."""

from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from genlab.config import as_dict, build
from genlab.config.files import load
from genlab.nets import nvae
from genlab.sweep import plan

FILE = Path(__file__).parents[1] / "experiments" / "gold" / "cifar10.py"
OFFICIAL = {  # (generator, critic) in the authors' code; the arithmetic is in nets/test_families.py
    "wgan-gp": (1_204_483, 1_053_696 + 129),
    "sngan": (4_276_739, 1_053_696 + 128 + 1),  # our last layer has a bias, theirs none
    "cgan-projection": (4_304_387, 1_053_696 + 128 + 1 + 10 * 128),
    "biggan": (4_304_387, 4_204_544 + 257 + 2_560),
    "r3gan": (20_781_952, 21_280_512),
}


@pytest.mark.parametrize("variant", OFFICIAL)
def test_parameter_counts_are_the_official_ones(variant):
    method = build(plan.configure(load(FILE), variant, {}).method)
    batch = {
        "image": jax.ShapeDtypeStruct((4, 32, 32, 3), jnp.float32),
        "label": jax.ShapeDtypeStruct((4, 10), jnp.float32),
    }
    params, _ = jax.eval_shape(method.init, jax.random.key(0), batch)
    counts = {name: sum(x.size for x in jax.tree.leaves(tree)) for name, tree in params.items()}
    assert (counts["gen"], counts["disc"]) == OFFICIAL[variant]


def schedule(at, spec):
    """A schedule's values at some of its updates."""
    made = build(spec)
    return [round(float(made(step)), 6) for step in at]


def test_settings_are_the_official_ones():
    """The rows of the authors' scripts that differ most often between implementations."""
    found = {name: plan.configure(load(FILE), name, {}) for name in plan.variants(load(FILE))}
    gp, sn, big, r3 = (found[name] for name in ("wgan-gp", "sngan", "biggan", "r3gan"))
    for config, rounds in ((gp, 100_000), (sn, 50_000)):
        assert (config.method.critic_moves, config.batch_size) == (5, 64)
        assert (config.method.options[0].factor, config.loop.steps) == (2, rounds)
        for player, moves in (("disc", 5), ("gen", 1)):
            adam, end = config.optim[player], moves * rounds  # counted in its own updates
            assert (adam.b1, adam.b2) == (0.0, 0.9)
            assert schedule((0, end // 2, end), adam.learning_rate) == [2e-4, 1e-4, 0.0]
    assert dict(gp.method.penalties) == {"gradient_penalty": 10.0}
    wgan = found["wgan"].optim
    assert wgan.disc.args[0].eps_in_sqrt is False and wgan.disc.args[0].learning_rate == 5e-5
    assert wgan.disc.args[1].bound == 0.01 and found["wgan"].method.critic_moves == 5
    sagan = found["sagan"].optim
    assert (sagan.gen.learning_rate, sagan.disc.learning_rate) == (1e-4, 4e-4)
    assert (big.method.critic_moves, big.batch_size, big.data.augment) == (4, 50, ())
    assert schedule((999, 1_000), big.ema.gen) == [0.0, 0.9999]
    assert (r3.batch_size, r3.loop.steps) == (512, 20_000_000 // 512)
    last = r3.loop.steps
    assert schedule((0, last), r3.optim.gen.learning_rate) == [2e-4, 5e-5]
    assert schedule((0, last), r3.optim.gen.b2) == [0.9, 0.99]
    for name in ("r1", "r2"):  # each |grad|^2 / 2, so that the weight is their gamma
        assert schedule((0, last), r3.method.penalties[name]) == [0.05, 0.005]
    assert schedule((0, last), r3.method.augment[0].p) == [0.0, 0.55]
    for name in ("sngan", "sagan", "cgan-projection", "biggan"):
        assert found[name].method.objective == "hinge"
        assert "SpectralNorm" in found[name].method.discriminator.call


VAES = Path(__file__).parents[1] / "experiments" / "gold" / "vae.py"


def of_vqgan():
    """(encoder, decoder) by arithmetic: blocks, attention at 16x16, halvings, convolutions."""
    conv = lambda a, b, side=3: side * side * a * b + b  # noqa: E731
    attend = lambda c: 2 * c + 4 * conv(c, c, 1)  # noqa: E731

    def block(a, b):
        return 2 * a + conv(a, b) + 2 * b + conv(b, b) + (conv(a, b, 1) if a != b else 0)

    middle = 2 * block(512, 512) + attend(512)
    down = conv(3, 128) + 2 * block(128, 128) + conv(128, 128)
    down += 2 * block(128, 128) + conv(128, 128)
    down += block(128, 256) + block(256, 256) + conv(256, 256)
    down += 2 * block(256, 256) + conv(256, 256)
    down += block(256, 512) + block(512, 512) + 2 * attend(512)
    down += middle + 2 * 512 + conv(512, 256) + conv(256, 256, 1)
    up = conv(256, 256, 1) + conv(256, 512) + middle
    up += 3 * block(512, 512) + 3 * attend(512) + conv(512, 512)
    up += block(512, 256) + 2 * block(256, 256) + conv(256, 256)
    up += 3 * block(256, 256) + conv(256, 256)
    up += block(256, 128) + 2 * block(128, 128) + conv(128, 128)
    return down, up + 3 * block(128, 128) + 2 * 128 + conv(128, 3)


def of_nvae():
    """(encoder, decoder) of the MNIST config, cell by cell, each with the lengths that the authors'
    weight normalisation has besides.
    """
    plain = lambda n: np.array([n, 0])  # noqa: E731
    conv = lambda a, b, side=1: np.array([side * side * a * b + b, b])  # noqa: E731
    squeeze = lambda c: 2 * c * max(c // 16, 4) + max(c // 16, 4) + c  # noqa: E731

    def down(a, b):
        own = plain(2 * a + 2 * b + squeeze(b)) + conv(a, b, 3) + conv(b, b, 3)
        return own + (conv(a, b) if a != b else 0)  # four quarters of a 1x1 convolution

    def up(a, b, expansion):
        own = plain(2 * a + (a + 2 + 25 + 2 + b) * expansion * a + 2 * b + squeeze(b))
        return own + (conv(a, b) if a != b else 0)

    latents = lambda c: conv(c, 40, 3) + conv(c + 20, c)  # noqa: E731 - posterior, combination
    above = lambda c: 2 * up(c, c, 6) + conv(c, 40) + conv(c, c)  # noqa: E731 - cells, prior
    encoder = conv(1, 32, 3) + 2 * down(32, 32) + down(32, 64) + 2 * down(64, 64) + down(64, 128)
    encoder += 20 * down(128, 128) + down(128, 256) + 10 * down(256, 256) + conv(256, 256)
    decoder = plain(4 * 4 * 256) + 5 * latents(256) + 4 * above(256) + up(256, 128, 6)
    decoder += 10 * (latents(128) + above(128)) + up(128, 64, 3) + 2 * up(64, 64, 3)
    return encoder, decoder + up(64, 32, 3) + 2 * up(32, 32, 3) + conv(32, 1, 3)


AUTOENCODERS = {  # (encoder, decoder), layer by layer in the authors' code
    "vae-mnist": ((28, 28, 1), (784 * 200 + 200 + 40_200 + 20_100, 10_200 + 40_200 + 157_584)),
    "beta-vae-shapes3d": (
        (64, 64, 3),
        (
            1_568 + 16_416 + 8_256 + 16_448 + 262_400 + 5_140,
            2_816 + 263_168 + 65_600 + 32_800 + 16_416 + 1_539,
        ),
    ),
    "factor-vae-dsprites": (
        (64, 64, 1),
        (
            544 + 16_416 + 8_256 + 16_448 + 262_400 + 5_140,
            2_816 + 263_168 + 65_600 + 32_800 + 16_416 + 513,
        ),
    ),
    "vq-vae-cifar10": (
        (32, 32, 3),
        (3_136 + 131_200 + 147_584 + 82_240 + 8_256, 73_856 + 82_240 + 131_136 + 3_075),
    ),
    "vq-gan-imagenet": ((256, 256, 3), of_vqgan()),
    "nvae-mnist": ((28, 28, 1), tuple(int(of[0]) for of in of_nvae())),
}
DEEP = ("vq-gan-imagenet", "nvae-mnist")


@pytest.mark.parametrize(
    "variant",
    [pytest.param(v, marks=[pytest.mark.slow] if v in DEEP else []) for v in AUTOENCODERS],
)
def test_autoencoders_have_the_parameters_of_the_authors(variant):
    """VDVAE's are in methods/test_hierarchical.py."""
    shape, expected = AUTOENCODERS[variant]
    method = build(plan.configure(load(VAES), variant, {}).method)
    batch = {"image": jax.ShapeDtypeStruct((2, *shape), jnp.float32)}
    params, stats = jax.eval_shape(method.init, jax.random.key(0), batch)
    counts = {name: sum(x.size for x in jax.tree.leaves(tree)) for name, tree in params.items()}
    assert (counts["encoder"], counts["decoder"]) == expected
    if variant == "factor-vae-dsprites":
        assert counts["critic"] == 11_000 + 5 * 1_001_000 + 1_001  # they have two logits
    if variant == "vq-vae-cifar10":
        assert stats["quantiser"]["codebook"]["sums"].shape == (512, 64)


def test_with_the_lengths_of_their_kernels_nvae_has_the_authors_parameters():
    """33.36 M: layer for layer NVlabs/NVAE at 9fc1a28."""
    assert np.sum(of_nvae()) == 33_363_358
    shapes = {}
    for name, cell in (("down", nvae.EncoderCell(8, 2)), ("up", nvae.DecoderCell(4, True))):
        x = jax.ShapeDtypeStruct((1, 4, 4, 8), jnp.float32)
        _, params = jax.eval_shape(cell.init_with_output, jax.random.key(0), x)
        shapes[name] = sum(leaf.size for leaf in jax.tree.leaves(params["params"]))
    squeeze = {8: 2 * 8 * 4 + 4 + 8, 4: 2 * 4 * 4 + 4 + 4}
    assert shapes["down"] == 2 * 16 + 2 * (9 * 64 + 8) + squeeze[8] + 64 + 8
    assert shapes["up"] == 16 + (8 + 2 + 25 + 2 + 4) * 48 + 8 + squeeze[4] + 32 + 4


def test_on_either_set_networks_are_those_of_its_pictures():
    found = {name: plan.configure(load(VAES), name, {}) for name in plan.variants(load(VAES))}
    for name in ("dsprites", "shapes3d"):
        beta, factor = found[f"beta-vae-{name}"], found[f"factor-vae-{name}"]
        assert as_dict(beta.method.decoder) == as_dict(factor.method.decoder)
        assert as_dict(beta.data) == as_dict(factor.data)
        assert (beta.method.beta, factor.method.beta) == (4, 1) and factor.method.adversary


PYTHAE = VAES.parent / "pythae.py"


def test_pythaes_networks_and_settings_are_its_own():
    """Of clementchadebec/benchmark_VAE at 6419e21, layer by layer."""
    found = {name: plan.configure(load(PYTHAE), name, {}) for name in plan.variants(load(PYTHAE))}
    batch = {"image": jax.ShapeDtypeStruct((2, 28, 28, 1), jnp.float32)}

    def counted(name):
        params, _ = jax.eval_shape(build(found[name].method).init, jax.random.key(0), batch)
        return {name: sum(x.size for x in jax.tree.leaves(tree)) for name, tree in params.items()}

    counts, widths = counted("vae"), (1, 128, 256, 512, 1024)
    down = sum(16 * a * b + 3 * b for a, b in pairwise(widths))
    up = 17 * 16_384 + 9 * 1024 * 512 + 3 * 512 + 9 * 512 * 256 + 3 * 256 + 9 * 256 + 1
    assert (counts["encoder"], counts["decoder"]) == (down + 2 * 1_025 * 16, up)
    assert counted("vae-gan")["critic"] == down - 2 * sum(widths[1:]) + 1_025
    assert counted("aae")["critic"] == 17 * 256 + 257
    assert counted("vq-vae")["encoder"] == down + 1_025 * 16
    assert counted("hvae") == {**counts, "flow": 0}  # step size and temperature are not learned
    method = {name: config.method for name, config in found.items()}
    assert (found["vae"].batch_size, found["vae"].loop.steps) == (100, 60_000)
    assert method["beta-vae"].beta == 2 and method["vae"].likelihood.sigma == 2
    more = method["disentangled-beta-vae"].divergences.capacity
    assert more.weight == 5 and schedule((0, 26 * 600), more.nats) == [0.0, 30.0]
    assert method["info-vae"].divergences.imq_mmd == 1000 - 1
    assert method["wae-mmd"].divergences.imq_mmd == method["wae-mmd-rbf"].divergences.rbf_mmd == 10
    assert method["vamp"].prior.components == 50 and method["factor-vae"].adversary.weight == 5
    assert method["aae"].adversary.weight == 0.9 and method["aae"].beta == 0
    assert (method["hvae"].flow.stride, method["hvae"].flow.beta_zero) == (0.001, 0.3)
    assert method["vae-gan"].adversary.weight == 0.25  # 1 - 0.8 to 0.8
    assert (method["vq-vae"].quantiser.size, method["vq-vae"].quantiser.decay) == (256, 0.99)
