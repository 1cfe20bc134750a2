"""Do critics find the Wasserstein-1 distance? Clipping, spectral norm, WGAN-GP, WGAN-LP on funnels.

Korotin, Kolesov & Burnaev 2022, arXiv:2206.07767; their protocol: batch 1024 of fresh points, Adam
2e-4 with betas (0, 0.9), 60,000 rounds with a penalty, 10,000 with spectral norm (five power
iterations, no gradient through sigma), 5,000 with clipping at 0.04.

Run:    genlab sweep --config=experiments/wasserstein1/critics.py --workdir=runs/wasserstein1
Then:   python experiments/wasserstein1/table.py runs/wasserstein1
Writes: experiments/wasserstein1/results/critics.md, with the published numbers
Further pairs are in more.py.
"""

import optax
from funnels import Critic, Cube, Dual, cloud

from genlab import Experiment, Loop, spec
from genlab.game.optim import clip_weights
from genlab.methods import GAN
from genlab.nets.layers.spectral import SpectralNorm

SEEDS = (0,)
PAIRS = ((2, 4), (16, 4))  # (dimension, funnels)
ROUNDS = {"clip": 5_000, "sn": 10_000, "sn-through": 10_000, "gp": 60_000, "lp": 60_000}


def config():
    """Only the critic learns: the generator samples the cube and has no parameters."""
    return spec(
        Experiment,
        title="Wasserstein-1 on funnels",
        method=spec(GAN, spec(Cube), spec(Critic), latent=2, objective="wasserstein"),
        data=spec(cloud),
        optim={"disc": spec(optax.adam, 2e-4, b1=0.0, b2=0.9), "gen": spec(optax.sgd, 0.0)},
        batch_size=1024,
        evaluate={"dual": spec(Dual)},
        loop=spec(
            Loop,
            steps=5_000,
            rounds_per_call=500,
            log_every=500,
            checkpoint_every=5_000,
            sample_every=0,
            devices=1,
        ),
    )


def sweep():
    """Each kind of critic on each pair."""
    return over(PAIRS)


def over(pairs):
    """The variants of a list of pairs."""
    adam = spec(optax.adam, 2e-4, b1=0.0, b2=0.9)
    kinds = {
        "clip": {"optim.disc": spec(optax.chain, adam, spec(clip_weights, 0.04, only="kernel"))},
        "sn": {"method.discriminator": spec(SpectralNorm, spec(Critic), steps=5, through=False)},
        "sn-through": {"method.discriminator": spec(SpectralNorm, spec(Critic), steps=5)},
        "gp": {"method.penalties": {"gradient_penalty": 10.0}},
        "lp": {"method.penalties": {"one_sided_gradient_penalty": 10.0}},
    }
    return {
        f"{kind}-{dimension}d-{funnels}": {
            **changes,
            "method.latent": dimension,
            "data": spec(cloud, dimension, funnels),
            "evaluate": {"dual": spec(Dual, dimension, funnels)},
            "loop.steps": ROUNDS[kind],
        }
        for dimension, funnels in pairs
        for kind, changes in kinds.items()
    }
