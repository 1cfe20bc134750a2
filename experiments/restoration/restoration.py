"""Holes filled, noise removed, pictures enlarged, coloured and sharpened, beside classic methods:
11 tasks by regression, 2 of them with a critic too, x 3 seeds, 32x32 patches of photographs, whole
pictures held out.

Run:    genlab sweep --config=experiments/restoration/restoration.py --workdir=runs/restoration
Shows:  experiments/restoration/results/restoration.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import damaged, photographs
from genlab.data.sets.products import Damage
from genlab.evaluation import Convention, Restoration, classics, operators
from genlab.features import RandomConv
from genlab.methods import GAN, Regression
from genlab.methods.gan.comparison import Comparison
from genlab.nets import Translator, enlarging, patchgan, unet

SEEDS = (0, 1, 2)
SIZE = 32
HOLES = (0.1, 0.2, 0.4, 0.6)
NOISE = (15, 25, 50)  # standard deviations, of 255
BLUR = 1.5 / SIZE  # a standard deviation of 1.5 pixels
WITH_CRITIC = ("inpainting-40", "colouring")
STEPS, WIDTH, BLOCKS = 1_500, 16, 4


def trunk(factor=1):
    """A network for the picture itself plus what it lacks, enlarged by 1, 2 or 4."""
    return spec(enlarging.MSRResNet, 3, WIDTH, BLOCKS, factor)


def wide():
    """A network that sees the whole picture at once, for what has to be made up."""
    return spec(unet.UNet, 3, WIDTH, depth=4, dropout=0.0)


def inpainting(share):
    return {
        "columns": ("masked", "holes"),
        "damage": spec(Damage, holes=share),
        "trunk": wide(),
        "judged": {"holes": "holes"},
    }


def denoising(sigma):
    noise = sigma / 255
    methods = {
        "median": spec(classics.Median),
        "total variation": spec(classics.TotalVariation, noise),
        "non-local means": spec(classics.NonLocalMeans, noise),
    }
    return {
        "columns": ("noisy",),
        "damage": spec(Damage, noise=noise),
        "trunk": trunk(),
        "judged": {"classics": methods},
    }


def enlarging_by(factor):
    return {
        "columns": ("small",),
        "damage": spec(Damage, factor=factor),
        "trunk": trunk(factor),
        "judged": {
            "convention": spec(Convention, "y", border=factor),
            "again": spec(operators.BlockMeans, factor),
        },
    }


def deblurring():
    """Settings of classic methods by the PSNR of validation patches (`deconvolution.py`)."""
    methods = {
        "Wiener": spec(classics.Deconvolved, BLUR, "wiener", 0.003),
        "Richardson-Lucy": spec(classics.Deconvolved, BLUR, "richardson_lucy", steps=3),
    }
    return {
        "columns": ("blurred",),
        "damage": spec(Damage, blur=BLUR),
        "trunk": trunk(),
        "judged": {"classics": methods, "again": spec(operators.Blurred, BLUR)},
    }


def colouring():
    return {
        "columns": ("grey",),
        "damage": spec(Damage),
        "trunk": wide(),
        "judged": {"classics": {}, "again": spec(operators.Grey)},
    }


TASKS = {
    **{f"inpainting-{round(100 * share)}": inpainting(share) for share in HOLES},
    **{f"denoising-{sigma}": denoising(sigma) for sigma in NOISE},
    **{f"enlarging-x{factor}": enlarging_by(factor) for factor in (2, 4)},
    "colouring": colouring(),
    "deblurring": deblurring(),
}


def method(name, trunk, given):
    """`regression` of the absolute error, or the same with a critic of patches (pix2pix, without
    its noise).
    """
    generator = spec(Translator, trunk, bounded=False)
    if name == "regression":
        return spec(Regression, generator, spec(Comparison, {"l1": 1.0}), given=given)
    comparison = spec(Comparison, {"l1": 100.0})
    critic = spec(patchgan.Discriminator, field=16, width=WIDTH)
    return spec(GAN, generator, critic, latent=0, given=given, comparison=comparison)


def fields(name, task, steps=STEPS, samples=200):
    """What a variant sets: the data with their damage, the method, what it is judged by."""
    given = tuple(sorted(task["columns"]))
    source = spec(photographs, SIZE, examples=4_000, held_out=samples)
    rate, b1 = {"regression": (2e-3, 0.9), "critic": (1e-3, 0.5)}[name]
    adam = spec(optax.adam, spec(optax.cosine_decay_schedule, rate, steps), b1=b1)
    judged = spec(Restoration, features=spec(RandomConv), samples=samples, **task["judged"])
    return {
        "data": spec(damaged, source, task["columns"], task["damage"]),
        "method": method(name, task["trunk"], given),
        "optim": dict.fromkeys(("gen",) if name == "regression" else ("disc", "gen"), adam),
        "evaluate": {"restoration": judged},
        "loop": spec(
            Loop, steps=steps, rounds_per_call=50, log_every=50, sample_every=steps,
            checkpoint_every=0,
        ),
    }  # fmt: skip


def config():
    made = fields("regression", TASKS["denoising-25"])
    return spec(Experiment, title="Restoration", batch_size=16, **made)


def sweep():
    found = {f"{task}-regression": fields("regression", TASKS[task]) for task in TASKS}
    return found | {f"{task}-critic": fields("critic", TASKS[task]) for task in WITH_CRITIC}
