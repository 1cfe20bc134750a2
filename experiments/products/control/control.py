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
CALLS = 40
SCORES = ("fd", "precision_recall", "density_coverage")


def stages(calls, rounds_per_call):
    """Pictures at half the rounds and at the end. The last round is what is shown and scored."""
    steps = calls * rounds_per_call
    return {
        "steps": steps,
        "rounds_per_call": rounds_per_call,
        "log_every": rounds_per_call,
        "sample_every": steps // 2,
        "checkpoint_every": 0,
    }


def rounds(calls):
    """The fields of each variant that has other than 50 rounds a call, so that all have the same
    arithmetic to 1 %. GFLOP of a round, with R1 in one of four: projection 1.77, unconditional
    1.75, concatenation 1.91, ac-gan 1.84, adc-gan 1.86, contragan and reacgan 2.00, cvae 0.89.
    """
    each = {"unconditional": 51, "concatenation": 46, "ac-gan": 48, "adc-gan": 48}
    each |= {"contragan": 44, "reacgan": 44, "cvae": 100}
    return {
        name: {f"loop.{field}": x for field, x in stages(calls, n).items()}
        for name, n in each.items()
    }


def reader(columns, steps):
    """A network of `steps` rounds, unlike the critics', that reads these columns."""
    trunk = spec(classic.Down, (24, 48, 64, 16), kernel=4, slope=0.2, dropout=0.0)
    return spec(Factors, trunk, columns, steps=steps)


def evaluated(steps, samples, pairs):
    """Scores by a network of `steps` rounds that reads all four columns."""
    read = reader(GIVEN, steps)
    return {
        "fidelity": spec(Fidelity, read, samples=2_000, draws=1, scores=SCORES),
        "control": spec(Control, read, samples=samples, pairs=pairs, decode=0),
    }


def critic(*parts, **given):
    """A critic with these heads; of the numbers a head each, but where they enter it otherwise."""
    return spec(heads.ConditionalDiscriminator, spec(dcgan.Down, WIDTH, "Identity"), parts, **given)


def headed(of_label, **options):
    """A critic with a head `of_label` for each label, and a regression for each number."""
    numbers = [spec(heads.Regression, name) for name in NUMBERS]
    return critic(*[spec(of_label, name, **options) for name in LABELS], *numbers)


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
        evaluate=evaluated(4_000, samples=2_000, pairs=250),
        loop=spec(Loop, **stages(CALLS, 50)),
    )


def sweep():
    encoder = spec(Encoder, spec(dcgan.Down, WIDTH), latent=16)
    decoder = spec(Decoder, spec(dcgan.Up, SHAPE, WIDTH, "ConditionalBatchNorm"))
    variants = {
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
        "contragan": {"method.discriminator": headed(heads.ClassContrast, features=64)},
        "reacgan": {"method.discriminator": headed(heads.DataToData, features=64)},
        "cvae": {
            "method": spec(VAE, encoder, decoder, spec(likelihood.gaussian, 0.3), given=GIVEN),
            "optim": {"vae": spec(optax.adam, 2e-3)},
            "ema": {"encoder": 0.995, "decoder": 0.995},
        },
    }
    more = rounds(CALLS)
    return {name: {**fields, **more.get(name, {})} for name, fields in variants.items()}
