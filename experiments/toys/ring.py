"""Eight Gaussians on a ring: does a method find every mode, and how good are its samples?

Run:    genlab sweep --config=experiments/toys/ring.py --workdir=runs/ring
Shows:  modes of 8, share of samples within 3 sigma (98.9 % for real data), reverse KL;
        experiments/toys/results/ring.md
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import ring
from genlab.evaluation.evaluators import Modes
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp

SEEDS = (0, 1, 2)


def config():
    adam = spec(optax.adam, 1e-3, b1=0.5)
    return spec(
        Experiment,
        title="Eight Gaussians on a ring",
        method=spec(
            GAN,
            spec(Generator, spec(mlp.Up, (2,), (128, 128)), bounded=False),
            spec(Discriminator, spec(mlp.Down, (128, 128))),
            latent=2,
        ),
        data=spec(ring, radius=1.0, std=0.05),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.99},
        batch_size=256,
        evaluate={"modes": spec(Modes)},
        loop=spec(Loop, steps=5000, rounds_per_call=50, checkpoint_every=2500, sample_every=1000),
    )


def sweep():
    return {
        "ns-gan": {},
        "ns-gan-r1": {"method.penalties": {"r1": 0.1}},
        "wgan-gp": {
            "method.objective": "wasserstein",
            "method.penalties": {"gradient_penalty": 1.0},
            "method.critic_moves": 5,
        },
        "hinge": {"method.objective": "hinge"},
    }
