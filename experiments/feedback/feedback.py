"""Products to be steered: a GAN that is given category and texture, and leaves colours, light,
place and size to its latents, of which a simulated user likes some: 3 seeds, 32x32 products.

Run:    genlab sweep --config=experiments/feedback/feedback.py --workdir=runs/feedback
        python experiments/feedback/table.py --runs=runs/feedback
Shows:  experiments/feedback/results/feedback.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import products
from genlab.evaluation import Fidelity
from genlab.features import Factors
from genlab.losses import adversarial
from genlab.methods import GAN
from genlab.nets import Generator, classic, dcgan, heads

SEEDS = (0, 1, 2)
SHAPE = (32, 32, 3)
GIVEN = ("category", "texture")
LIKED = ("hue", "saturation", "value", "background", "light", "scale")
WIDTH = 16
ROUNDS = 800


def reader(widths, seed, steps=1_500):
    """A network that reads what is given and what can be liked off pictures."""
    trunk = spec(classic.Down, widths, kernel=4, slope=0.2, dropout=0.0)
    return spec(Factors, trunk, (*GIVEN, *LIKED), steps=steps, seed=seed)


def config():
    adam = spec(optax.adam, 2e-3, b1=0.0, b2=0.99)
    critic = spec(
        heads.ConditionalDiscriminator, spec(dcgan.Down, WIDTH, "Identity"), (), project=GIVEN
    )
    space = reader((24, 48, 64, 16), seed=0)
    return spec(
        Experiment,
        title="Products to be steered",
        method=spec(
            GAN,
            spec(Generator, spec(dcgan.Up, SHAPE, WIDTH, "ConditionalBatchNorm"), 0),
            critic,
            objective=spec(adversarial.conditional),
            latent=64,
            penalties={"r1": {"weight": 0.1, "every": 4}},
            given=GIVEN,
        ),
        data=spec(products, columns=("image", *GIVEN, *LIKED), test=2_000),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.98},
        batch_size=32,
        evaluate={
            "fidelity": spec(
                Fidelity, space, samples=2_000, draws=1, scores=("fd", "precision_recall")
            )
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
    return {"gan": {}}
