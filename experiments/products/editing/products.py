"""Editing of products: a style-based GAN that is given the category, and what it knows.

Run:    genlab sweep --config=experiments/products/editing/products.py --workdir=runs/editing
Shows:  experiments/products/editing/results (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec, trained
from genlab.data import products
from genlab.evaluation.evaluators import Fidelity, Reconstruction
from genlab.features import Domain
from genlab.methods import GAN, InversionEncoder
from genlab.nets import Encoder, Generator, dcgan, heads, mlp, style

SEEDS = (0, 1, 2)
SHAPE = (32, 32, 3)
ROUNDS = 2000


def config():
    adam = spec(optax.adam, 1e-3, b1=0.0, b2=0.99)
    generator = spec(Generator, spec(style.Up, SHAPE, width=8, style=64, depth=2), embed=0)
    critic = spec(heads.ProjectionDiscriminator, spec(dcgan.Down, width=32, norm="Identity"))
    return spec(
        Experiment,
        title="Editing of products",
        method=spec(
            GAN,
            generator,
            critic,
            latent=64,
            penalties={"r1": {"weight": 0.5, "every": 4}},
            given=("category",),
        ),
        data=spec(products, size=32),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.995},
        batch_size=64,
        evaluate={
            "fidelity": spec(Fidelity, spec(Domain, spec(mlp.Down, (256, 64), activation="relu")))
        },
        loop=spec(
            Loop,
            ROUNDS,
            rounds_per_call=20,
            log_every=100,
            sample_every=ROUNDS // 2,
            checkpoint_every=0,
        ),
    )


def sweep():
    """`encoder`: into the w of the GAN of the same seed, which stays as it is."""
    net = spec(Encoder, spec(dcgan.Down, width=32, norm="BatchNorm"), latent=64)
    generator = spec(trained, "{sweep}/gan/seed{seed}", "gen")
    method = spec(InversionEncoder, generator, net, 64, "w", given=("category",))
    encoder = {
        "method": method,
        "optim": {"encoder": spec(optax.adam, 1e-3)},
        "ema": {"encoder": 0.99},
        "evaluate": {"reconstruction": spec(Reconstruction)},
        "batch_size": 32,
        "loop.steps": 600,
        "loop.sample_every": 600,
    }
    return {"gan": {}, "encoder": encoder}
