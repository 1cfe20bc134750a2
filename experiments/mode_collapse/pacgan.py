"""PacGAN's Table 1: modes kept on a ring and a grid by GAN, PacGAN-2/3/4, WGAN-GP and RpGAN+R1+R2.

Lin et al. 2018, arXiv:1712.04086, Section 4.1, and the authors' configuration: generator 2-400x4
with BatchNorm, critic of three maxout layers (200 units, 5 pieces), weights N(0, 0.02^2), Adam 1e-4
with beta1 0.8, batch 100, simultaneous updates on the same batch, 400,000 rounds, 10 trials.

Run:    genlab sweep --config=experiments/mode_collapse/pacgan.py --workdir=runs/pacgan --seeds=10
Then:   python experiments/mode_collapse/table.py runs/pacgan
Writes: experiments/mode_collapse/results/pacgan.md, with the paper's numbers
"""

import flax.linen as nn
import optax

from genlab import Experiment, Loop, spec
from genlab.data import grid, ring
from genlab.evaluation.evaluators import Modes
from genlab.game.dynamics import simultaneous
from genlab.methods import GAN
from genlab.methods.gan.options import packed
from genlab.nets import Discriminator, Generator, mlp

SEEDS = tuple(range(10))
EPOCH = 1_000  # rounds: 100,000 points in batches of 100


def config():
    """A GAN on the ring; a pack holds m points, so the batch of PacGAN-m is m times as large."""
    adam = spec(optax.adam, 1e-4, b1=0.8)
    init = spec(nn.initializers.normal, 0.02)
    generator = spec(mlp.Up, (2,), (400,) * 4, norm="BatchNorm", kernel_init=init)
    critic = spec(mlp.Maxout, (200, 200, 200), pieces=5, kernel_init=init)
    return spec(
        Experiment,
        title="Modes kept on a ring and a grid",
        method=spec(
            GAN,
            spec(Generator, generator, bounded=False),
            spec(Discriminator, critic, kernel_init=init),
            latent=2,
            dynamics=(spec(simultaneous),),
        ),
        data=spec(ring, modes=8, radius=1.0, std=0.01),
        optim={"disc": adam, "gen": adam},
        batch_size=100,
        evaluate={"modes": spec(Modes)},
        loop=spec(
            Loop,
            steps=400 * EPOCH,
            rounds_per_call=500,
            log_every=EPOCH,
            checkpoint_every=10 * EPOCH,
            sample_every=50 * EPOCH,
            evaluate_every=10 * EPOCH,
            devices=1,
        ),
    )


def pacgan(m):
    """The critic judges `m` points at once."""
    return {"method.options": (spec(packed, m),), "batch_size": 100 * m}


def sweep():
    """The paper's four rows, and two later methods."""
    methods = {
        "gan": {},
        **{f"pacgan-{m}": pacgan(m) for m in (2, 3, 4)},
        "wgan-gp": {
            "method.objective": "wasserstein",
            "method.penalties": {"gradient_penalty": 10.0},
            "method.critic_moves": 5,
            "method.dynamics": (),
        },
        "rpgan-r1-r2": {
            "method.objective": "relativistic",
            "method.penalties": {"r1": 1.0, "r2": 1.0},
        },
    }
    sets = {"ring": {}, "grid": {"data": spec(grid, side=5, spacing=2.0, std=0.05)}}
    return {
        f"{name}-{where}": {**changes, **data}
        for where, data in sets.items()
        for name, changes in methods.items()
    }
