"""Autoencoders on MNIST with the networks and settings of pythae's benchmark (Chadebec et al. 2022,
arXiv:2206.08309; clementchadebec/benchmark_VAE at 6419e21, examples/scripts/configs/mnist): 16
latents, batch 100, 100 epochs, Adam 1e-3. Ready for an accelerator.

Run:    genlab sweep --config=experiments/gold/pythae.py --workdir=runs/gold-pythae --only=vae
Data:   genlab prepare tfds:mnist
The README of this folder says where these differ from pythae's (tests/test_gold.py).
"""

import math

import optax

from genlab import Experiment, Loop, spec
from genlab.data import tfds
from genlab.evaluation.evaluators import Fidelity, Reconstruction
from genlab.features import Domain
from genlab.losses import bounds, likelihood, posterior, spherical
from genlab.methods import VAE, VQVAE, adversaries
from genlab.nets import (
    Decoder,
    Discriminator,
    Encoder,
    flows,
    mlp,
    priors,
    pythae,
    quantise,
    vqvae,
)

SEEDS = (0, 1, 2)
LATENT, BATCH, EPOCH = 16, 100, 60_000 // 100
ADAM = spec(optax.adam, 1e-3)
HALF = spec(likelihood.gaussian, 2.0)  # half of the squared error of pixels in [0, 1]
WHOLE = spec(likelihood.gaussian, math.sqrt(2.0))  # all of it


def config():
    encoder = spec(Encoder, spec(pythae.Down), LATENT)
    features = spec(Domain, spec(mlp.Down, (256, 64), activation="relu"))
    return spec(
        Experiment,
        title="pythae's autoencoders on MNIST",
        method=spec(VAE, encoder, spec(Decoder, spec(pythae.Up)), HALF),
        data=spec(tfds, "mnist"),
        optim={"vae": ADAM},
        batch_size=BATCH,
        evaluate={
            "fidelity": spec(Fidelity, features, samples=10_000, draws=1),
            "reconstruction": spec(Reconstruction),
        },
        loop=spec(Loop, steps=100 * EPOCH, rounds_per_call=100, checkpoint_every=10 * EPOCH,
                  sample_every=10 * EPOCH),
    )  # fmt: skip


def sweep():
    flow, point = "method.flow", deterministic()
    mmd = lambda weight: {"imq_mmd": weight}  # noqa: E731
    return {
        "ae": deterministic(),
        "vae": {},
        "beta-vae": {"method.beta": 2.0},
        "disentangled-beta-vae": {"method.divergences": capacity()},
        "beta-tc-vae": {"method.divergences": total_correlation()},
        "factor-vae": factorised(),
        "aae": adversarial(),
        "vae-gan": compared_by_critic(),
        "info-vae": {"method.divergences": {"kl": 1.0, **mmd(999.0)}},
        "info-vae-rbf": {"method.divergences": {"kl": 1.0, "rbf_mmd": 999.0}},
        "iwae": {"method.bound": spec(bounds.iwae, 5)},
        "vamp": {"method.prior": spec(priors.Vamp, (28, 28, 1), components=50)},
        "planar": {flow: spec(flows.Planar, 5)},
        "iaf": {flow: spec(flows.InverseAutoregressive, 2, width=32)},
        "hvae": {flow: spec(flows.Hamiltonian, steps=3, stride=1e-3, beta_zero=0.3)},
        "svae": {
            "method.posterior": spec(spherical.von_mises_fisher),
            "method.encoder.numbers": LATENT + 1,
        },
        "ms-ssim-vae": {
            "method.likelihood": spec(
                likelihood.compared, {"ms_ssim": {"weight": 1.0, "window": 3}}
            ),
            "method.decoder.trunk.bounded": False,  # the loss has a tanh of its own
            "method.beta": 1e-2,
        },
        "wae-mmd": {**point, "method.divergences": mmd(10.0)},
        "wae-mmd-rbf": {**point, "method.divergences": {"rbf_mmd": 10.0}},
        "rae-l2": {**point, **regularised("squared_weights", 1e-4 / 2)},
        "rae-gp": {**point, **regularised("squared_jacobian", 1e-4 / 4)},
        "vq-vae": {"method": quantised()},
    }


def capacity():
    """beta |KL - C|, C rising to 30 within 26 epochs."""
    rising = spec(optax.linear_schedule, 0.0, 30.0, 26 * EPOCH)
    return {"capacity": {"weight": 5.0, "nats": rising}}


def total_correlation():
    """beta-TC-VAE with stratified sampling, beta = 2."""
    n = {"examples": 60_000}
    return {
        "mutual_information": {"weight": 1.0, **n},
        "total_correlation": {"weight": 2.0, **n},
        "dimension_wise_kl": {"weight": 1.0, **n},
    }


def factorised():
    """FactorVAE, gamma = 5, a critic of five layers of 1,000 units."""
    critic = spec(Discriminator, spec(mlp.Down, (1000,) * 5))
    return {
        "method.adversary": spec(adversaries.TotalCorrelation, critic, 5.0),
        "optim": {"critic": ADAM, "vae": ADAM},
    }


def adversarial():
    """AAE: no KL; a critic of 256 units of the codes, which are to deceive it, by 0.9."""
    critic = spec(Discriminator, spec(mlp.Down, (256,), activation="relu"))
    return {
        "method.beta": 0.0,
        "method.adversary": spec(adversaries.Prior, critic, weight=0.9),
        "optim": {"critic": ADAM, "vae": ADAM},
    }


def compared_by_critic():
    """VAE-GAN, whose decoder weighs features and the critic's loss by 0.2 and 0.8."""
    pictures = spec(adversaries.Pictures, spec(pythae.Critic), "minimax", weight=0.2 / 0.8)
    return {
        "method.adversary": pictures,
        "optim": {"critic": ADAM, "encoder": ADAM, "decoder": ADAM},
    }


def quantised():
    """VQ-VAE: 256 codes of one number for each of 16, moving averages. The commitment is summed
    over the batch where the squared error is a mean over it.
    """
    rows = spec(vqvae.Rows, spec(pythae.Down), LATENT, 1)
    codes = spec(quantise.Averaged, 256, commitment=0.25 * LATENT * BATCH)
    return spec(VQVAE, rows, codes, spec(vqvae.FromRows, spec(pythae.Up)), WHOLE)


def deterministic():
    """An encoder without noise, and the whole squared error."""
    return {
        "method.posterior": spec(posterior.point),
        "method.encoder.numbers": LATENT,
        "method.likelihood": WHOLE,
    }


def regularised(name, weight):
    """RAE: 0.01 of half the squared norm of the latent, and a penalty of the decoder."""
    return {
        "method.divergences": {"squared_norm": 1e-2},
        "method.regularisers": {name: weight},
    }
