"""Fifteen methods for four of the tasks of `restoration.py`, the same rounds for all: what losses,
critics, and networks made for a task do beside plain regression, and beside classic methods.

Run:    genlab sweep --config=experiments/restoration/methods.py --workdir=runs/restoration_methods
Shows:  experiments/restoration/results/methods.md (see README.md)
"""

import optax
from restoration import TASKS, WIDTH, fields, trunk, wide
from restoration import config as whole

from genlab import spec
from genlab.methods import GAN, Comparison, Regression
from genlab.nets import (
    Discriminator,
    Translator,
    dncnn,
    enlarging,
    inpainting,
    partial,
    patchgan,
    unet,
)
from genlab.nets.colour import KeepsLightness
from genlab.nets.layers.spectral import SpectralNorm
from genlab.nets.pasted import Pasted
from genlab.nets.unconditional import Unconditional

SEEDS = (0, 1, 2)
STEPS = 1_000
HOLES = ("masked", "holes")
L1 = spec(Comparison, {"l1": 1.0})
AB = spec(Comparison, {"ab_l1": {"fn": "genlab.losses.colour:ab_l1", "weight": 1.0}})


def regression(network, *given, comparison=L1, **more):
    return spec(Regression, network, comparison, given=given, **more)


def on_top(network):
    return spec(Translator, network, bounded=False)


def adversarial(generator, critic, given, losses, **more):
    compared = spec(Comparison, losses)
    return spec(GAN, generator, critic, latent=0, given=given, comparison=compared, **more)


def denoising():
    """DnCNN (Zhang et al. 2017, arXiv:1608.03981), narrow and of 8 layers; Noise2Noise (Lehtinen
    et al. 2018, arXiv:1803.04189), which sees no clean picture; and the losses of regression.
    """
    network = on_top(trunk())
    return {
        "l1": regression(network, "noisy"),
        "l2": regression(network, "noisy", comparison=spec(Comparison, {"l2": 1.0})),
        "ssim": regression(network, "noisy", comparison=spec(Comparison, {"ssim": 1.0})),
        "dncnn": regression(on_top(spec(dncnn.DnCNN, 3, WIDTH, 8)), "noisy"),
        "noise2noise": regression(
            network, "noisy", "noisy_again", target="noisy_again",
            comparison=spec(Comparison, {"l2": 1.0}),
        ),
    }  # fmt: skip


def enlarging_twice():
    """A critic of whole pictures as in SRGAN (Ledig et al. 2017, arXiv:1609.04802), relativistic
    as in ESRGAN (Wang et al. 2018, arXiv:1809.00219).
    """
    network = on_top(trunk(2))
    critic = spec(Unconditional, spec(Discriminator, spec(enlarging.Down, WIDTH)))
    return {
        "l1": regression(network, "small"),
        "l2": regression(network, "small", comparison=spec(Comparison, {"l2": 1.0})),
        "ssim": regression(network, "small", comparison=spec(Comparison, {"ssim": 1.0})),
        "critic": adversarial(
            network, critic, ("small",), {"l1": 100.0}, objective="relativistic_average"
        ),
    }


def inpainting_two_fifths():
    """Partial convolutions (Liu et al. 2018, arXiv:1804.07723), gated ones with a hinge critic of
    patches (Yu et al. 2019, arXiv:1806.03589), a context encoder (Pathak et al. 2016,
    arXiv:1604.07379), all narrow.
    """
    gated = spec(inpainting.Gated, width=WIDTH, mask="holes", attention=False)
    patches = spec(SpectralNorm, spec(inpainting.Discriminator, WIDTH))
    several = spec(patchgan.Discriminator, field=16, width=WIDTH)
    return {
        "l1": regression(on_top(wide()), *HOLES),
        "partial": regression(
            on_top(spec(partial.UNet, width=WIDTH, depth=4, mask="holes")), *HOLES
        ),
        "gated": adversarial(
            spec(Pasted, spec(Translator, gated)), patches, HOLES, {"l1": 1.0}, objective="hinge"
        ),
        "context-encoder": adversarial(
            spec(Pasted, on_top(wide())), spec(Unconditional, several), HOLES, {"l2": 999.0}
        ),
    }


def colouring():
    """Three channels, or the two of Lab that are colour (Zhang et al. 2016, arXiv:1603.08511)."""
    two = spec(unet.UNet, 2, WIDTH, depth=4, dropout=0.0)
    return {
        "rgb": regression(on_top(wide()), "grey"),
        "lab": regression(spec(KeepsLightness, spec(Translator, two)), "grey", comparison=AB),
    }


METHODS = {
    "denoising-25": denoising(),
    "enlarging-x2": enlarging_twice(),
    "inpainting-40": inpainting_two_fifths(),
    "colouring": colouring(),
}


def variant(task, method, steps=STEPS):
    """The task's data and scores, this method, its rates."""
    given = TASKS[task]
    if "target" in method:
        given = {**given, "columns": method.given}
    made = fields("regression", given, steps)
    adversary = "discriminator" in method
    rate, b1 = (1e-3, 0.5) if adversary else (2e-3, 0.9)
    adam = spec(optax.adam, spec(optax.cosine_decay_schedule, rate, steps), b1=b1)
    players = ("disc", "gen") if adversary else ("gen",)
    return made | {"method": method, "optim": dict.fromkeys(players, adam)}


def config():
    made = whole()
    made.loop.update(variant("denoising-25", METHODS["denoising-25"]["l1"])["loop"])
    return made


def sweep():
    return {
        f"{task}-{name}": variant(task, method)
        for task, methods in METHODS.items()
        for name, method in methods.items()
    }
