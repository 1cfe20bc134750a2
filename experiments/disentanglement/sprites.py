"""Disentanglement on sprites: how far the strength of a method and the seed decide, reconstruction
against disentanglement (after Locatello et al. 2019, arXiv:1811.12359, in less than a
hundredth of its rounds): nine settings of four methods x 5 seeds.

Run:    genlab sweep --config=experiments/disentanglement/sprites.py --workdir=runs/disentanglement
        python experiments/disentanglement/table.py runs/disentanglement
Shows:  experiments/disentanglement/results/ (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import sprites
from genlab.evaluation import Disentanglement, LatentSpace
from genlab.losses import likelihood
from genlab.methods import VAE, adversaries
from genlab.nets import Decoder, Discriminator, Encoder, mlp

SEEDS = (0, 1, 2, 3, 4)
SIZE, LATENT, HIDDEN = 32, 10, (128, 128)
VALIDATION, TEST = 1_000, 2_000
TRAINING = 3 * 6 * 40 * 32 * 32 - VALIDATION - TEST
ROUNDS = 2_000


def config():
    return spec(
        Experiment,
        title="Disentanglement on sprites",
        method=spec(
            VAE,
            spec(Encoder, spec(mlp.Down, HIDDEN, activation="relu"), latent=LATENT),
            spec(Decoder, spec(mlp.Up, (SIZE, SIZE, 1), HIDDEN)),
            spec(likelihood.bernoulli),
        ),
        data=spec(sprites, validation=VALIDATION, test=TEST, size=SIZE),
        optim={"vae": spec(optax.adam, 1e-3)},
        batch_size=64,
        evaluate={
            "disentanglement": spec(Disentanglement, samples=TEST),
            "latent": spec(LatentSpace, samples=TEST),
        },
        loop=spec(Loop, steps=ROUNDS, rounds_per_call=100, checkpoint_every=0, sample_every=ROUNDS),
    )


def sweep():
    """Each method by its name and its strength; `beta=1` is the VAE."""
    return (
        {f"beta={beta:g}": {"method.beta": beta} for beta in (1.0, 4.0, 16.0)}
        | {f"tc={beta:g}": total_correlation(beta) for beta in (4.0, 10.0)}
        | {f"factor={gamma:g}": factorised(gamma) for gamma in (10.0, 40.0)}
        | {f"dip={weight:g}": matched(weight) for weight in (5.0, 50.0)}
    )


def total_correlation(beta):
    """beta-TC-VAE with weighted sampling, the KL whole and the rest of beta on the total
    correlation.
    """
    more = {"weight": beta - 1.0, "examples": TRAINING, "sampling": "weighted"}
    return {"method.divergences": {"kl": 1.0, "total_correlation": more}}


def factorised(gamma):
    """FactorVAE, its critic of two layers (six of 1,000 units in the paper)."""
    critic = spec(Discriminator, spec(mlp.Down, HIDDEN))
    return {
        "method.adversary": spec(adversaries.TotalCorrelation, critic, gamma),
        "optim": {
            "critic": spec(optax.adam, 1e-3, b1=0.5, b2=0.9),
            "vae": spec(optax.adam, 1e-3),
        },
    }


def matched(weight):
    """DIP-VAE-II, off the diagonal and on it alike."""
    return {"method.divergences": {"kl": 1.0, "aggregate_moments": weight}}
