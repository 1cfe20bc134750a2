"""Sketches to products with pairs, textured products to plain ones without: 7 methods x 3 seeds,
32x32 products, of which the right answers are known.

Run:    genlab sweep --config=experiments/translation/translation.py --workdir=runs/translation
Shows:  experiments/translation/results/translation.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import misaligned, products
from genlab.evaluation import Restoration
from genlab.features import RandomConv
from genlab.game.optim import constant_then_linear
from genlab.methods import GAN, Comparison, Regression
from genlab.methods.translation import CUT, UNIT, CycleGAN
from genlab.methods.translation.cut import Heads
from genlab.nets import Translator, enlarging, halves, patchgan, unet

SEEDS = (0, 1, 2)
SIZE, TESTED = 32, 500
STEPS, WIDTH, BLOCKS, BATCH = 2_000, 16, 3, 16
DOMAINS = ("image", "plain")
BOTH_WAYS = ("plain-cyclegan", "plain-unit")


def shown(*columns):
    return spec(products, SIZE, columns, validation=TESTED, test=TESTED)


def judged(given, samples=TESTED):
    scored = spec(Restoration, given=given, classics={}, features=spec(RandomConv), samples=samples)
    return {"restoration": scored}


def adam(steps, players, critic_moves=1):
    """Constant for half of the rounds, then linearly to 0 (Zhu et al. 2017); faster without a
    critic, whose rate follows its own moves.
    """
    rate, b1 = (1e-3, 0.5) if "disc" in players else (2e-3, 0.9)

    def falling(player):
        half = steps // 2 * (critic_moves if player == "disc" else 1)
        return spec(optax.adam, spec(constant_then_linear, rate, half, half), b1=b1)

    return {player: falling(player) for player in players}


def translator(width):
    """A network for the picture itself plus what is to be changed of it."""
    return spec(Translator, spec(enlarging.MSRResNet, 3, width, BLOCKS, 1), bounded=False)


def regression(network, makes, *given, loss="l1"):
    return spec(Regression, network, spec(Comparison, {loss: 1.0}), makes=makes, given=given)


def sketches(width):
    """By name the method that makes a product of its sketch and the name of its colour, and its
    players: regression, with a critic of patches too (pix2pix, without its noise), and the critic
    alone.
    """
    network = spec(Translator, spec(unet.UNet, 3, 2 * width, dropout=0.0))
    critic = spec(patchgan.Discriminator, field=16, width=width)
    given = ("edges", "colour")
    both = {"latent": 0, "given": given}
    compared = spec(Comparison, {"l1": 100.0})
    return {
        "regression": (regression(network, "image", *given), ("gen",)),
        "pix2pix": (spec(GAN, network, critic, comparison=compared, **both), ("disc", "gen")),
        "critic": (spec(GAN, network, critic, **both), ("disc", "gen")),
    }


def textures(width):
    """By name the method that takes the texture off a product, and its players. Only `supervised`
    sees pairs; its error is squared, for most pixels are right as they are, and the absolute error
    would leave them all so.
    """
    network = translator(width)
    critic = spec(patchgan.Discriminator, field=16, width=width, norm="InstanceNorm")
    cut = spec(CUT, network, critic, DOMAINS, spec(Heads, 2 * width), patches=64)
    halved = spec(halves.Down, width), spec(halves.Up, 3, width)
    return {
        "supervised": (regression(network, "plain", "image", loss="l2"), ("gen",)),
        "cyclegan": (spec(CycleGAN, network, critic, DOMAINS), ("gen", "disc")),
        "cut": (cut, ("disc", "gen", "heads")),
        "unit": (spec(UNIT, *halved, critic, DOMAINS), ("disc", "gen")),
    }


def variants(steps, width):
    """Every method on the task that it is for."""
    found = {}
    for name, (method, players) in sketches(width).items():
        data = shown("image", "edges", "colour")
        found[f"sketch-{name}"] = fields(data, method, players, "edges", steps)
    pairs = shown(*DOMAINS)
    for name, (method, players) in textures(width).items():
        data = pairs if name == "supervised" else spec(misaligned, pairs, ("plain",))
        found[f"plain-{name}"] = fields(data, method, players, "image", steps)
    return found


def fields(data, method, players, given, steps):
    return {
        "data": data,
        "method": method,
        "optim": adam(steps, players),
        "evaluate": judged(given),
    }


def stages(steps):
    """Pictures of what is made are those of the evaluation."""
    return spec(
        Loop, steps=steps, rounds_per_call=50, log_every=50, sample_every=0, checkpoint_every=0
    )


def there_and_back(variant, samples=TESTED):
    """The way back scored too, from plain to textured: of each against the product that it was
    before its texture was taken off, which a plain product does not tell.
    """
    back = judged("plain", samples)["restoration"]
    return {**variant, "evaluate": {**variant["evaluate"], "back": back}}


def config(steps=STEPS, width=WIDTH, batch=BATCH):
    first = next(iter(variants(steps, width).values()))
    return spec(Experiment, title="Translation", batch_size=batch, loop=stages(steps), **first)


def sweep(steps=STEPS, width=WIDTH):
    found = variants(steps, width)
    both = {name: there_and_back(found[name]) for name in BOTH_WAYS}
    return {**found, **both}
