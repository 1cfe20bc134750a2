"""InfoGAN on products: what codes that nobody labelled come to stand for. Discrete, continuous and
mixed codes, and codes that nothing recognises: 4 variants x 3 seeds, 32x32 products.

Run:    genlab sweep --config=experiments/products/codes/codes.py --workdir=runs/codes
Shows:  experiments/products/codes/results/codes.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import products
from genlab.evaluation import MIG, Fidelity
from genlab.features import Factors
from genlab.losses import adversarial
from genlab.methods import GAN
from genlab.methods.gan.codes import Codes
from genlab.nets import Generator, classic, dcgan, heads

SEEDS = (0, 1, 2)
SHAPE = (32, 32, 3)
WIDTH = 16
ROUNDS = 1200
READ = ("category", "texture", "hue", "value", "scale", "rotation", "x", "background")


def coded(discrete=(), continuous=0, weight=1.0):
    """The fields of a GAN with these codes, each with a head that recognises it: a classifier of a
    discrete one, a Gaussian of fixed width of a number.
    """
    names = [f"code{i}" for i in range(len(discrete) + continuous)]
    found = [
        spec(heads.Classifier, name, weight, on=("samples",)) for name in names[: len(discrete)]
    ]
    found += [
        spec(heads.Regression, name, weight, on=("samples",)) for name in names[len(discrete) :]
    ]
    down = spec(dcgan.Down, WIDTH, "Identity")
    return {
        "method.discriminator": spec(heads.ConditionalDiscriminator, down, tuple(found)),
        "method.latent": spec(Codes, 48, discrete, continuous),
    }


def config():
    adam = spec(optax.adam, 2e-3, b1=0.0, b2=0.99)
    trunk = spec(classic.Down, (24, 48, 64, 16), kernel=4, slope=0.2, dropout=0.0)
    reader = spec(Factors, trunk, READ, steps=2000)
    mixed = coded((10,), 3)
    return spec(
        Experiment,
        title="Codes of products",
        method=spec(
            GAN,
            spec(Generator, spec(dcgan.Up, SHAPE, WIDTH, "BatchNorm"), 0),
            mixed["method.discriminator"],
            objective=spec(adversarial.conditional),
            latent=mixed["method.latent"],
            penalties={"r1": {"weight": 0.1, "every": 4}},
        ),
        data=spec(products, columns=("image", *READ), test=2_000),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.98},
        batch_size=32,
        evaluate={
            "mig": spec(MIG, reader, samples=4_000, decode=False),
            "fidelity": spec(Fidelity, reader, samples=2_000, draws=1, scores=("fd",)),
        },
        loop=spec(
            Loop,
            steps=ROUNDS,
            rounds_per_call=50,
            log_every=50,
            sample_every=ROUNDS,
            checkpoint_every=0,
        ),
    )


def sweep():
    return {
        "mixed": {},
        "discrete": coded((10, 6)),
        "continuous": coded((), 4),
        "unrecognised": coded((10,), 3, weight=0.0),
    }
