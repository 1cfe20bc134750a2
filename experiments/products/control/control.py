"""Eight ways to give a model category, hue, texture and length: 8 methods x 3 seeds at equal
arithmetic, 32x32 products.

Run:    genlab sweep --config=experiments/products/control/control.py --workdir=runs/control
Shows:  experiments/products/control/results/control.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import products
from genlab.evaluation import Control, Fidelity
from genlab.features import Factors
from genlab.losses import adversarial, likelihood
from genlab.methods import GAN, VAE
from genlab.nets import Decoder, Encoder, Generator, classic, dcgan, heads

SEEDS = (0, 1, 2)
SHAPE = (32, 32, 3)
LABELS, NUMBERS = ("category", "texture"), ("hue", "length")
GIVEN = (*LABELS, *NUMBERS)
WIDTH = 16
READER = spec(
    Factors,
    spec(classic.Down, (24, 48, 64, 16), kernel=4, slope=0.2, dropout=0.0),
    GIVEN,
    steps=2_000,
)
SCORES = ("fd", "precision_recall", "density_coverage")


def stages(steps, rounds_per_call=50):
    """Pictures at three stages. The last round is what is shown and what is scored."""
    return {
        "steps": steps,
        "rounds_per_call": rounds_per_call,
        "log_every": rounds_per_call,
        "sample_every": steps // 3,
        "checkpoint_every": 0,
    }


def critic(*parts, **given):
    """A critic with these heads; of the numbers a head each, but where they enter it otherwise."""
    return spec(heads.ConditionalDiscriminator, spec(dcgan.Down, WIDTH, "Identity"), parts, **given)


def headed(of_label):
    """A critic with a head `of_label` for each label, and a regression for each number."""
    numbers = [spec(heads.Regression, name) for name in NUMBERS]
    return critic(*[spec(of_label, name) for name in LABELS], *numbers)


def generator(norm="ConditionalBatchNorm", embed=0):
    return spec(Generator, spec(dcgan.Up, SHAPE, WIDTH, norm), embed)


def config():
    adam = spec(optax.adam, 2e-3, b1=0.0, b2=0.99)
    return spec(
        Experiment,
        title="Products on request",
        method=spec(
            GAN,
            generator(),
            critic(project=GIVEN),
            objective=spec(adversarial.conditional),
            latent=64,
            penalties={"r1": {"weight": 0.1, "every": 4}},
            given=GIVEN,
        ),
        data=spec(products, columns=("image", *GIVEN), test=2_000),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.995},
        batch_size=64,
        evaluate={
            "fidelity": spec(Fidelity, READER, samples=2_000, draws=1, scores=SCORES),
            "control": spec(Control, READER, decode=False),
        },
        loop=spec(Loop, **stages(2_400)),
    )


def sweep():
    encoder = spec(Encoder, spec(dcgan.Down, WIDTH), latent=64)
    decoder = spec(Decoder, spec(dcgan.Up, SHAPE, WIDTH, "ConditionalBatchNorm"), 0)
    return {
        "projection": {},
        "unconditional": {
            "method.generator": generator("BatchNorm"),
            "method.discriminator": critic(),
        },
        "concatenation": {
            "method.generator": generator("BatchNorm", embed=32),
            "method.discriminator": critic(concatenate=GIVEN),
        },
        "ac-gan": {"method.discriminator": headed(heads.Classifier)},
        "adc-gan": {"method.discriminator": headed(heads.DiscriminativeClassifier)},
        "contragan": {"method.discriminator": headed(heads.ClassContrast)},
        "reacgan": {"method.discriminator": headed(heads.DataToData)},
        "cvae": {
            "method": spec(VAE, encoder, decoder, spec(likelihood.gaussian, 0.1), given=GIVEN),
            "optim": {"vae": spec(optax.adam, 2e-3, b1=0.0, b2=0.99)},
            "ema": {"encoder": 0.995, "decoder": 0.995},
            **{f"loop.{name}": value for name, value in stages(4_800).items()},
        },
    }
