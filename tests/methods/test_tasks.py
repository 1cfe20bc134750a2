"""The games of docs/translation.md, a config for each row of its tables: built, begun, and every
player's loss traced. Losses themselves are tested where they are.
"""

import math
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from helpers.networks import cases
from jax import random

from genlab.config import build, spec
from genlab.methods import GAN, Comparison, Regression
from genlab.methods.translation import CUT, UNIT, CycleGAN, StarGAN
from genlab.nets import (
    Discriminator,
    Maps,
    Translator,
    dcgan,
    dncnn,
    enlarging,
    halves,
    inpainting,
    patchgan,
    spade,
    stargan,
    translation,
    unet,
)
from genlab.nets.colour import KeepsLightness
from genlab.nets.layers.spectral import SpectralNorm
from genlab.nets.pasted import Pasted
from genlab.nets.unconditional import Unconditional

PAGE = Path(__file__).parents[2] / "docs" / "translation.md"
WIDTHS = {"image": 3, "masked": 3, "holes": 1, "noisy": 3, "noisy_again": 3, "grey": 1,
          "edges": 1, "map": 4, "photo": 3, "sketch": 3}  # fmt: skip
BATCH = {name: jax.ShapeDtypeStruct((2, 16, 16, c), jnp.float32) for name, c in WIDTHS.items()}
BATCH |= {
    "small": jax.ShapeDtypeStruct((2, 4, 4, 3), jnp.float32),
    "colour": jax.ShapeDtypeStruct((2, 6), jnp.float32),
}

UNET, ONE = spec(unet.UNet, 3, 2), spec(Comparison, {"l1": 1.0})
PATCHES = spec(patchgan.Discriminator, 16, 2)
WHOLE = spec(Unconditional, spec(Discriminator, spec(enlarging.Down, 1, hidden=4)))
LAYERS = spec(Maps, spec(dcgan.Down, 4), ("Conv_0", "Conv_1"))
SMALL = {"latent": 0, "given": ("small",)}
HOLES = ("masked", "holes")
GATED = spec(Pasted, spec(Translator, spec(inpainting.Gated, width=8, mask="holes")))
RESNET = spec(Translator, spec(translation.ResNet, width=2, blocks=2))
TWO = ("photo", "sketch")


def regression(trunk, *given, comparison=ONE, bounded=True, **fields):
    network = spec(Translator, trunk, bounded=bounded)
    return spec(Regression, network, comparison, given=given, **fields)


def painted():
    """SPADE: a critic at two scales, whose layers are matched, features of a network."""
    one = spec(patchgan.Discriminator, 16, 2, padding=2, norm="InstanceNorm")
    critic = spec(patchgan.MultiScale, spec(SpectralNorm, one, exempt=patchgan.EXEMPT))
    return spec(
        GAN, spec(Translator, spec(spade.Generator, 3, 1, doublings=4, hidden=2)), critic,
        latent=0, given=("map",), objective="hinge",
        regularisers={"gen": {"feature_matching_l1": 10.0}},
        comparison=spec(Comparison, {}, LAYERS, {"content_l1": 10.0}),
    )  # fmt: skip


CONFIGS = {
    "pix2pix": spec(
        GAN, spec(Translator, UNET, z_as="dropout"), PATCHES, latent=2, given=("edges",),
        comparison=spec(Comparison, {"l1": 100.0}),
    ),
    "DnCNN": regression(spec(dncnn.DnCNN, 3, 2, 3), "noisy", bounded=False),
    "Noise2Noise": regression(UNET, "noisy", "noisy_again", target="noisy_again"),
    "SRResNet": regression(
        spec(enlarging.SRResNet, width=2, blocks=1), "small",
        comparison=spec(Comparison, {"l2": 1.0}),
    ),
    "SRGAN": spec(
        GAN, spec(Translator, spec(enlarging.SRResNet, width=2, blocks=1)), WHOLE, **SMALL,
        comparison=spec(Comparison, {}, LAYERS, {"content": 6.0}),
    ),
    "ESRGAN": spec(
        GAN, spec(Translator, spec(enlarging.RRDB, width=2, blocks=1)), WHOLE, **SMALL,
        objective="relativistic_average",
        comparison=spec(Comparison, {"l1": 2.0}, LAYERS, {"content_l1": 200.0}),
    ),
    "context encoder": spec(
        GAN, spec(Pasted, spec(Translator, UNET)), spec(Unconditional, PATCHES), latent=0,
        given=HOLES, comparison=spec(Comparison, {"l2": 999.0}),
    ),
    "free form": spec(
        GAN, GATED, spec(SpectralNorm, spec(inpainting.Discriminator, 2)), latent=0, given=HOLES,
        objective="hinge", comparison=ONE,
    ),
    "SPADE": painted(),
    "colouring in RGB, in Lab": spec(
        Regression, spec(KeepsLightness, spec(Translator, spec(unet.UNet, 2, 2))),
        spec(Comparison, {"ab_l1": {"fn": "genlab.losses.colour:ab_l1", "weight": 1.0}}),
        given=("grey",),
    ),
    "CycleGAN": spec(CycleGAN, RESNET, PATCHES, TWO, pool=2),
    "CUT": spec(CUT, RESNET, PATCHES, TWO, patches=4, identity=False, contrast=10.0),
    "UNIT": spec(UNIT, spec(halves.Down, 2), spec(halves.Up, 3, 2), PATCHES, TWO),
    "StarGAN": spec(
        StarGAN,
        spec(Translator, spec(translation.ResNet, width=2, blocks=1, norm="AffineInstanceNorm",
                              padding="zeros")),
        spec(stargan.Discriminator, {"colour": 6}, width=2, depth=3), given=("colour",),
    ),
}  # fmt: skip


PLAYED = ("pix2pix", "CycleGAN", "CUT", "UNIT", "StarGAN")  # by hand in tests of their own
LARGE = ("SRGAN", "free form", "SPADE")


def test_every_row_of_the_page_is_a_config_here():
    rows = re.findall(r"^\| `?([^|`]+?)`?(?: \([^)]*\))? \|", PAGE.read_text(), re.MULTILINE)
    assert {row for row in rows if row not in ("task", "method", "---")} == {*CONFIGS}


@pytest.mark.parametrize("name", cases(CONFIGS, (*PLAYED, *LARGE)))
def test_a_game_is_begun_and_each_players_loss_is_a_number(name):
    method = build(CONFIGS[name])
    params, stats = jax.eval_shape(method.init, random.key(0), BATCH)
    owned = [network for player in method.players().values() for network in player.owns]
    assert owned and all(
        math.prod(x.shape) > 0 for one in owned for x in jax.tree.leaves(params[one])
    )

    def played(params, stats, batch):
        move = random.key(1), jnp.asarray(0)
        players = method.players().items()
        return {name: one.loss(params, stats, batch, *move)[0] for name, one in players}

    losses = jax.eval_shape(played, params, stats, BATCH)
    assert {*losses} == {*method.players()} and all(x.shape == () for x in losses.values())
