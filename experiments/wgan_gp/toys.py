"""WGAN-GP's toy figures: the effect of clipping and of the gradient penalty on a critic.

Gulrajani et al. 2017, arXiv:1704.00028, Figure 1 and Section 3. Left: critics trained to the end
against a fixed generator, the data plus unit Gaussian noise, on 8 and 25 Gaussians and the Swiss
roll. Right: gradient norms by layer and the weights of 12-layer critics on the Swiss roll after
500 moves.
Critics 3 x 512 ReLU (12 x 512 on the right), batch 256; Adam 1e-4 with betas (0.5, 0.9) and
penalty weight 0.1 as the authors' script, RMSProp 5e-5 (TensorFlow 1's) with clipping.

Run:    genlab sweep --config=experiments/wgan_gp/toys.py --workdir=runs/wgan_gp
Then:   python experiments/wgan_gp/figure.py runs/wgan_gp
Writes: experiments/wgan_gp/results/: toys.png, toys.md
"""

import optax
from densities import NoisyMixture, NoisyRoll

from genlab import Experiment, Loop, spec
from genlab.config import build
from genlab.data import grid, ring, swiss_roll
from genlab.game.optim import clip_weights
from genlab.methods import GAN
from genlab.nets import Discriminator, mlp

SEEDS = (0,)
EIGHT = spec(ring, modes=8, radius=2 / 1.414, std=0.02 / 1.414)
GRID = spec(grid, side=5, spacing=2 / 2.828, std=0.05 / 2.828)
ROLL = spec(swiss_roll, noise=0.25, scale=1 / 7.5)


def noisy(mixture):
    """The fixed generator of a mixture."""
    made = build(mixture)
    return spec(NoisyMixture, tuple(map(tuple, made.means.tolist())), made.std)


def config():
    """WGAN-GP on the eight Gaussians: 2,000 moves of the critic."""
    return spec(
        Experiment,
        title="Critics of toy densities",
        method=spec(
            GAN,
            noisy(EIGHT),
            spec(Discriminator, spec(mlp.Down, (512,) * 3, activation="relu")),
            latent=5,
            objective="wasserstein",
            penalties={"gradient_penalty": 0.1},
            critic_moves=5,
        ),
        data=EIGHT,
        optim={"disc": spec(optax.adam, 1e-4, b1=0.5, b2=0.9), "gen": spec(optax.sgd, 0.0)},
        batch_size=256,
        loop=spec(
            Loop,
            steps=400,
            rounds_per_call=50,
            log_every=50,
            checkpoint_every=400,
            sample_every=0,
            devices=1,
        ),
    )


def sweep():
    """Clipping and penalty on the three sets; then deep critics on the roll, with three bounds."""

    def clipped(bound):
        return {
            "method.penalties": {},
            "optim.disc": spec(
                optax.chain,
                spec(optax.rmsprop, 5e-5, decay=0.9, eps=1e-10, initial_scale=1.0),
                spec(clip_weights, bound),
            ),
        }

    roll = {"data": ROLL, "method.generator": spec(NoisyRoll)}
    deep = {
        **roll,
        "method.discriminator.trunk.hidden": (512,) * 12,
        "loop.steps": 100,
        "loop.checkpoint_every": 100,
    }
    return {
        "penalty-eight": {},
        "penalty-grid": {"data": GRID, "method.generator": noisy(GRID)},
        "penalty-roll": roll,
        "clipping-eight": clipped(0.01),
        "clipping-grid": {"data": GRID, "method.generator": noisy(GRID), **clipped(0.01)},
        "clipping-roll": {**roll, **clipped(0.01)},
        "deep-penalty": {**deep, "method.penalties": {"gradient_penalty": 10.0}},
        **{f"deep-clipping-{bound}": {**deep, **clipped(bound)} for bound in (0.1, 0.01, 0.001)},
    }
