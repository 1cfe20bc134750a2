"""Unrolled GAN on a ring of Gaussians: a vanilla GAN loses its modes, an unrolled one keeps them.

Metz et al. 2017, arXiv:1611.02163, Section 3.1 and Appendix A: eight Gaussians (std 0.02, radius
2), latents of 256, generator 2 x 128 ReLU, critic 1 x 128 ReLU on the points / 4, orthogonal
weights with gain 0.8, Adam 1e-4 with beta1 0.5, batch 512, simultaneous updates, 25,000 rounds.

Run:    genlab sweep --config=experiments/mode_collapse/unrolled.py --workdir=runs/unrolled
Then:   cp runs/unrolled/report.md experiments/mode_collapse/results/unrolled.md
Shows:  modes of 8, share of samples within 3 sigma (98.889 % for real points), reverse KL
"""

import flax.linen as nn
import optax

from genlab import Experiment, Loop, spec
from genlab.data import ring
from genlab.evaluation.evaluators import Modes
from genlab.game.dynamics import simultaneous, unrolled
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp

SEEDS = (0, 1, 2)


def config():
    """eps_root keeps the slope of Adam's root finite where a second moment is zero."""
    adam = spec(optax.adam, 1e-4, b1=0.5, eps_root=1e-16)
    init = spec(nn.initializers.orthogonal, 0.8)
    critic = spec(mlp.Down, (128,), activation="relu", kernel_init=init, scale=0.25)
    return spec(
        Experiment,
        title="Unrolled GAN on eight Gaussians",
        method=spec(
            GAN,
            spec(Generator, spec(mlp.Up, (2,), (128, 128), kernel_init=init), bounded=False),
            spec(Discriminator, critic, kernel_init=init),
            latent=256,
            objective="minimax",
            dynamics=(spec(simultaneous),),
        ),
        data=spec(ring, radius=2.0, std=0.02),
        optim={"disc": adam, "gen": adam},
        batch_size=512,
        evaluate={"modes": spec(Modes)},
        loop=spec(
            Loop,
            steps=25_000,
            rounds_per_call=500,
            log_every=500,
            checkpoint_every=5_000,
            sample_every=5_000,
            evaluate_every=5_000,
            devices=1,
        ),
    )


def sweep():
    """Unrolled steps of the critic: none, one, five, ten."""
    return {
        "minimax": {},
        "nonsaturating": {"method.objective": "nonsaturating"},
        **{
            f"unrolled-{k}": {"method.dynamics": (spec(simultaneous), spec(unrolled, k))}
            for k in (1, 5, 10)
        },
    }
