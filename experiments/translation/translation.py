"""Sketches to products with pairs, textured products to plain ones without: 32x32 products, of
which the right answers are known.

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
from genlab.nets import Translator, halves, patchgan, translation, unet

SEEDS = (0, 1, 2)
SIZE, WIDTH, STEPS, TESTED = 32, 32, 10_000, 500


def shown(*columns):
    return spec(products, SIZE, columns, validation=TESTED, test=TESTED)


def judged(given, samples=TESTED):
    scored = spec(Restoration, given=given, classics={}, features=spec(RandomConv), samples=samples)
    return {"restoration": scored}


def adam(steps, rate=2e-4):
    """Constant for half of the rounds, then linearly to 0 (Zhu et al. 2017)."""
    falling = spec(constant_then_linear, rate, steps // 2, steps - steps // 2)
    return spec(optax.adam, falling, b1=0.5)


def sketches(name, steps, width):
    """A sketch to its product: by regression, with a critic of patches too (pix2pix, without its
    noise), and by the critic alone.
    """
    generator = spec(Translator, spec(unet.UNet, 3, width, dropout=0.0))
    compared = None if name == "critic" else spec(Comparison, {"l1": 100.0})
    made = {"given": ("edges",), "comparison": compared}
    players = ("gen",) if name == "regression" else ("disc", "gen")
    if name == "regression":
        method = spec(Regression, generator, **made)
    else:
        critic = spec(patchgan.Discriminator, field=16, width=width)
        method = spec(GAN, generator, critic, latent=0, **made)
    return {
        "data": shown("image", "edges"),
        "method": method,
        "optim": dict.fromkeys(players, adam(steps)),
        "evaluate": judged("edges"),
    }


def textures(name, steps, width):
    """A textured product to the same one plain. Only `supervised` sees pairs."""
    translator = spec(Translator, spec(translation.ResNet, width=width // 2, blocks=3))
    critic = spec(patchgan.Discriminator, field=16, width=width, norm="InstanceNorm")
    domains = ("image", "plain")
    method, players = {
        "supervised": (
            spec(
                Regression,
                translator,
                spec(Comparison, {"l1": 1.0}),
                makes="plain",
                given=("image",),
            ),
            ("gen",),
        ),
        "cyclegan": (spec(CycleGAN, translator, critic, domains), ("gen", "disc")),
        "cut": (spec(CUT, translator, critic, domains, patches=64), ("disc", "gen", "heads")),
        "unit": (
            spec(
                UNIT,
                spec(halves.Down, width // 2),
                spec(halves.Up, 3, width // 2),
                critic,
                domains,
            ),
            ("disc", "gen"),
        ),
    }[name]
    pairs = shown(*domains)
    return {
        "data": pairs if name == "supervised" else spec(misaligned, pairs, ("plain",)),
        "method": method,
        "optim": dict.fromkeys(players, adam(steps)),
        "evaluate": judged("image"),
    }


def variants(steps, width):
    """Every method on the task it is for."""
    tasks = {
        "sketch": (sketches, ("regression", "pix2pix", "critic")),
        "plain": (textures, ("supervised", "cyclegan", "cut", "unit")),
    }
    return {
        f"{task}-{name}": fields(name, steps, width)
        for task, (fields, names) in tasks.items()
        for name in names
    }


def stages(steps):
    """Pictures of what is made are those of the evaluation."""
    return spec(
        Loop, steps=steps, rounds_per_call=50, log_every=50, sample_every=0, checkpoint_every=0
    )


def config(steps=STEPS, width=WIDTH):
    first = next(iter(variants(steps, width).values()))
    return spec(Experiment, title="Translation", batch_size=16, loop=stages(steps), **first)


def sweep(steps=STEPS, width=WIDTH):
    return variants(steps, width)
