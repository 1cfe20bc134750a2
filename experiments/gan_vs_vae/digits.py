"""GAN against VAE on scikit-learn's digits: 3 methods x 3 seeds at equal arithmetic (0.96 TFLOP a
run, within 2 %). Each is evaluated on the validation split at the same 25 points of that budget;
its best checkpoint by validation and its last round are both scored on the test split.

Run:    genlab sweep --config=experiments/gan_vs_vae/digits.py --workdir=runs/gan_vs_vae
Shows:  experiments/gan_vs_vae/results/digits.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import digits
from genlab.evaluation.evaluators import Bound, Fidelity, Reconstruction
from genlab.features import Domain
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.nets import Decoder, Discriminator, Encoder, Generator, mlp

SEEDS = (0, 1, 2)
SHAPE = (8, 8, 1)
fidelity = spec(Fidelity, spec(Domain, spec(mlp.Down, (256, 64), activation="relu")))


def stages(steps):
    """25 looks at the validation split, the first at a 25th of the arithmetic: with five, the GAN's
    first was its best, and nobody knew whether an earlier one was better.
    """
    every = steps // 25
    return {
        "steps": steps,
        "rounds_per_call": every // 5,
        "log_every": every // 5,
        "checkpoint_every": every,
        "sample_every": steps // 5,
        "evaluate_every": every,
    }


def config():
    generator = spec(Generator, spec(mlp.Up, SHAPE, (256, 256), norm="BatchNorm"))
    discriminator = spec(Discriminator, spec(mlp.Down, (256, 256)))
    adam = spec(optax.adam, 2e-4, b1=0.5)
    return spec(
        Experiment,
        title="GAN against VAE on digits",
        method=spec(GAN, generator, discriminator, latent=32),
        data=spec(digits),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.995},
        batch_size=64,
        evaluate={"fidelity": fidelity},
        loop=spec(
            Loop,
            best="fidelity/fd",
            **stages(7500),
        ),
    )


def sweep():
    adam = spec(optax.adam, 2e-4, b1=0.5, b2=0.9)
    encoder = spec(Encoder, spec(mlp.Down, (256, 256), norm="BatchNorm"), latent=16)
    decoder = spec(Decoder, spec(mlp.Up, (8, 8, 2), (256, 256), norm="BatchNorm"))
    return {
        "ns-gan": {},
        "wgan-gp": {
            "method.objective": "wasserstein",
            "method.penalties": {"gradient_penalty": 10.0},
            "method.critic_moves": 5,
            "optim": {"disc": adam, "gen": adam},
            **{f"loop.{name}": value for name, value in stages(1500).items()},
        },
        "vae": {
            "method": spec(VAE, encoder, decoder, spec(likelihood.discretised_logistic, levels=17)),
            "optim": {"vae": spec(optax.adam, 1e-3)},
            **{f"loop.{name}": value for name, value in stages(12500).items()},
            "ema": {"encoder": 0.995, "decoder": 0.995},
            "evaluate": {
                "fidelity": fidelity,
                "bound": spec(Bound),
                "reconstruction": spec(Reconstruction),
            },
        },
    }
