"""Guidance on products: conditions dropped in training and exaggerated in sampling, beside plain
projection and TAC's twin classifiers: 3 variants x 3 seeds, 32x32 products.

Run:    genlab sweep --config=experiments/products/guidance/guidance.py --workdir=runs/guidance
Shows:  experiments/products/guidance/results/guidance.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import products
from genlab.evaluation import CAS, Control, Fidelity, Guided
from genlab.features import Factors
from genlab.losses import adversarial
from genlab.methods import GAN
from genlab.methods.gan import options
from genlab.nets import Generator, classic, dcgan, heads

SEEDS = (0, 1, 2)
SHAPE = (32, 32, 3)
GIVEN = ("category", "texture")
WIDTH = 16
ROUNDS = 1000
GUIDANCE = (1.5, 2.0, 3.0)


def reader(steps):
    trunk = spec(classic.Down, (24, 48, 64, 16), kernel=4, slope=0.2, dropout=0.0)
    return spec(Factors, trunk, GIVEN, steps=steps)


def evaluated(guidance=()):
    """Control and fidelity, also with guidance, and what samples teach."""
    fidelity = spec(
        Fidelity, reader(2000), samples=2_000, draws=1, scores=("fd", "precision_recall")
    )
    control = spec(Control, reader(2000), samples=1_000, pairs=100, decode=0)
    found = {"fidelity": fidelity, "control": control}
    for s in guidance:
        found[f"fidelity_{round(10 * s)}"] = spec(Guided, fidelity, s)
        found[f"control_{round(10 * s)}"] = spec(Guided, control, s)
    return {**found, "cas": spec(CAS, reader(1000), samples=4_000)}


def critic(*parts, **given):
    return spec(heads.ConditionalDiscriminator, spec(dcgan.Down, WIDTH, "Identity"), parts, **given)


def config():
    adam = spec(optax.adam, 2e-3, b1=0.0, b2=0.99)
    return spec(
        Experiment,
        title="Guidance of products",
        method=spec(
            GAN,
            spec(Generator, spec(dcgan.Up, SHAPE, WIDTH, "ConditionalBatchNorm"), 0),
            critic(project=GIVEN),
            objective=spec(adversarial.conditional),
            latent=64,
            penalties={"r1": {"weight": 0.1, "every": 4}},
            given=GIVEN,
        ),
        data=spec(products, columns=("image", *GIVEN), test=2_000),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.98},
        batch_size=32,
        evaluate=evaluated(),
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
        "projection": {},
        "dropped": {
            "method.options": (spec(options.condition_dropout, 0.15),),
            "evaluate": evaluated(GUIDANCE),
        },
        "tac": {"method.discriminator": critic(*[spec(heads.TwinClassifier, n) for n in GIVEN])},
    }
