"""Digits by label: label-conditional GAN and VAE, by embedding and by conditional BatchNorm,
with augmentation.

Run:    genlab sweep --config=experiments/conditional/digits.py --workdir=runs/conditional
Then:   genlab sample --workdir=runs/conditional/cgan/seed0 --label=7 --n=16
Shows:  the columns of each grid are the ten labels; Fréchet distance against the same held-out
        split as gan_vs_vae
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.augment import image
from genlab.data import digits
from genlab.evaluation.evaluators import Bound, Fidelity
from genlab.features import Domain
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.nets import Decoder, Discriminator, Encoder, Generator, dcgan, mlp

SEEDS = (0,)
SHAPE = (8, 8, 1)
fidelity = spec(Fidelity, spec(Domain, spec(mlp.Down, (256, 64), activation="relu")))


def config():
    adam = spec(optax.adam, 2e-4, b1=0.5)
    generator = spec(mlp.Up, SHAPE, (256, 256), norm="ConditionalBatchNorm")
    return spec(
        Experiment,
        title="Digits on request",
        method=spec(
            GAN,
            spec(Generator, generator),
            spec(Discriminator, spec(mlp.Down, (256, 256))),
            latent=32,
            penalties={"r1": 0.1},
            given=("label",),
        ),
        data=spec(digits, augment=(spec(image.translate, 0.06), spec(image.rotate, 5.0))),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.995},
        evaluate={"fidelity": fidelity},
        loop=spec(Loop, steps=4000, rounds_per_call=50, checkpoint_every=2000, sample_every=1000),
    )


def sweep():
    """The weight of the VAE's KL rises over the first 1000 rounds."""
    encoder = spec(Encoder, spec(mlp.Down, (256, 256)), latent=8)
    decoder = spec(Decoder, spec(mlp.Up, (8, 8, 2), (256, 256)))
    pixels = spec(likelihood.discretised_logistic, levels=17)
    return {
        "cgan": {},
        "cgan-dcgan": {
            "method.generator.trunk": spec(dcgan.Up, SHAPE, norm="ConditionalBatchNorm"),
            "method.discriminator.trunk": spec(dcgan.Down, norm="Identity"),
        },
        "cvae": {
            "method": spec(
                VAE,
                encoder,
                decoder,
                pixels,
                beta=spec(optax.linear_schedule, 0.0, 1.0, 1000),
                given=("label",),
            ),
            "optim": {"vae": spec(optax.adam, 1e-3)},
            "ema": {"encoder": 0.995, "decoder": 0.995},
            "evaluate": {"fidelity": fidelity, "bound": spec(Bound)},
        },
    }
