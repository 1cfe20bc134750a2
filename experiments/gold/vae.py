"""VAEs with discrete and continuous latents, with their authors' networks and settings, ready for
an accelerator.

Run:    genlab sweep --config=experiments/gold/vae.py --workdir=runs/gold-vae --only=vdvae-cifar10
Data:   genlab prepare tfds:binarized_mnist, tfds:cifar10, tfds:shapes3d, tfds:imagenet2012
The README of this folder lists the variants and their parameters (tests/test_gold.py).
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.augment import image
from genlab.data import sprites, tfds
from genlab.evaluation.codebook import CodebookUsage
from genlab.evaluation.evaluators import Bound
from genlab.game.optim import skip_large
from genlab.losses import bounds, likelihood
from genlab.methods import VAE, VQGAN, VQVAE, Comparison, HierarchicalVAE, adversaries
from genlab.nets import (
    Decoder,
    Discriminator,
    Encoder,
    betavae,
    mlp,
    nvae,
    patchgan,
    quantise,
    vdvae,
    vqgan,
    vqvae,
)

SEEDS = (0, 1, 2)
CIFAR = 32 * 32 * 3  # numbers of an image


def config():
    """The VAE of Burda et al. 2016 (arXiv:1509.00519, Section 5; yburda/iwae): two layers of 200
    tanh units, 50 latents, binarised MNIST, here in its fixed version; Adam with epsilon 1e-4, rate
    0.001 x 10^(-i/7) for 3^i epochs, i = 0, ..., 7, batch 20.
    """
    epoch, hidden = 60_000 // 20, (200, 200)
    ends = [epoch * sum(3**j for j in range(i + 1)) for i in range(8)]
    fall = {end: 10 ** (-1 / 7) for end in ends[:-1]}
    rate = spec(optax.piecewise_constant_schedule, 1e-3, fall)
    glorot = {"activation": "tanh", "kernel_init": "glorot_uniform"}
    return spec(
        Experiment,
        title="VAEs with their authors' settings",
        method=spec(
            VAE,
            spec(Encoder, spec(mlp.Down, hidden, **glorot), 50, kernel_init="glorot_uniform"),
            spec(Decoder, spec(mlp.Up, (28, 28, 1), hidden, **glorot)),
            spec(likelihood.bernoulli),
        ),
        data=spec(tfds, "binarized_mnist"),
        optim={"vae": spec(optax.adam, rate, eps=1e-4)},
        batch_size=20,
        evaluate={"bound": spec(Bound, 5000)},
        loop=spec(
            Loop, steps=ends[-1], rounds_per_call=100, checkpoint_every=50_000, sample_every=50_000
        ),
    )


def sweep():
    return {
        "vae-mnist": {},
        "iwae-mnist": {"method.bound": spec(bounds.iwae, 50)},
        "beta-vae-dsprites": disentangling(*dsprites()),
        "beta-vae-shapes3d": disentangling(*shapes3d()),
        "factor-vae-dsprites": factorised(*dsprites()),
        "factor-vae-shapes3d": factorised(*shapes3d()),
        "vq-vae-cifar10": quantised(),
        "vq-gan-imagenet": adversarial(),
        "vdvae-cifar10": very_deep(),
        "nvae-mnist": cells(),
    }


def dsprites():
    """Sprites of dSprites' definition, in one channel."""
    return spec(sprites), 1


def shapes3d():
    """Shapes3D, in three."""
    return spec(tfds, "shapes3d"), 3


def disentangling(data, channels):
    """beta-VAE as disentanglement_lib trains it (Locatello et al. 2019, arXiv:1811.12359, Tables
    1-3): 10 latents, beta = 4, Adam 1e-4, batch 64, 300,000 rounds.
    """
    init = {"kernel_init": "glorot_uniform"}
    return {
        "method.encoder": spec(Encoder, spec(betavae.Down), 10, **init),
        "method.decoder": spec(Decoder, spec(betavae.Up, (64, 64, channels))),
        "method.beta": 4.0,
        "data": data,
        "optim": {"vae": spec(optax.adam, 1e-4)},
        "batch_size": 64,
        "evaluate": {"bound": spec(Bound, 64)},
        "loop.steps": 300_000,
    }


def factorised(data, channels):
    """FactorVAE as disentanglement_lib trains it (Kim & Mnih 2018, arXiv:1802.05983; Locatello et
    al. 2019, Tables 1-3): gamma = 10, a critic of six layers of 1,000 units, for it Adam 1e-4 with
    betas (0.5, 0.9).
    """
    hidden = (1000,) * 6
    critic = spec(Discriminator, spec(mlp.Down, hidden), kernel_init="glorot_uniform")
    return {
        **disentangling(data, channels),
        "method.beta": 1.0,
        "method.adversary": spec(adversaries.TotalCorrelation, critic, 10.0),
        "optim": {
            "critic": spec(optax.adam, 1e-4, b1=0.5, b2=0.9),
            "vae": spec(optax.adam, 1e-4),
        },
    }


def quantised():
    """VQ-VAE (van den Oord et al. 2017, arXiv:1711.00937; google-deepmind/sonnet,
    vqvae_example.ipynb): 512 codes of 64 numbers, moving averages, beta 0.25, Adam 3e-4, batch 32,
    100,000 rounds. There the loss is the mean squared error over the data's variance plus beta
    times the mean over the numbers of z; here it is in nats, the same multiplied by half the
    numbers of an image.
    """
    deviation = (
        2 * 0.06327**0.5
    )  # about that of CIFAR-10's pixels, there in [-0.5, 0.5], here in [-1, 1]
    return {
        "method": spec(
            VQVAE,
            spec(vqvae.Down, 64),
            spec(quantise.Averaged, 512, commitment=0.25 / 64 * CIFAR / 2, decay=0.99),
            spec(vqvae.Up, (32, 32, 3)),
            spec(likelihood.gaussian, deviation),
        ),
        "data": spec(tfds, "cifar10"),
        "optim": {"vae": spec(optax.adam, 3e-4)},
        "batch_size": 32,
        "evaluate": {"codes": spec(CodebookUsage)},
        "loop.steps": 100_000,
    }


def adversarial():
    """VQ-GAN, f = 16 (Esser et al. 2021, arXiv:2012.09841; CompVis/taming-transformers,
    configs/imagenet_vqgan.yaml): 1,024 codes of 256 numbers, critic of 70x70 patches, hinge, weight
    0.8 from round 250,001 on, Adam 4.5e-6 a picture with betas (0.5, 0.9), batch 12. The codebook's
    losses are means over the numbers of z, and beta = 0.25 is on the table's, as in the code. LPIPS
    is one more term of the comparison for those who have its weights (`perceptual`).
    """
    shape, adam = (256, 256, 3), spec(optax.adam, 12 * 4.5e-6, b1=0.5, b2=0.9)
    return {
        "method": spec(
            VQGAN,
            spec(vqgan.Down, 256),
            spec(quantise.Codebook, 1024, commitment=1 / 256, codebook=0.25 / 256),
            spec(vqgan.Up, shape),
            spec(patchgan.Discriminator, 70),
            spec(Comparison, {"l1": 1.0}),
            start=250_001,
        ),
        "data": spec(
            tfds, "imagenet2012", shape=shape, resize="lanczos", augment=(spec(image.flip),)
        ),
        "optim": {"vae": adam, "disc": adam},
        "batch_size": 12,
        "evaluate": {"codes": spec(CodebookUsage)},
        "loop.steps": 1_000_000,
    }


def very_deep():
    """VDVAE (Child 2021, arXiv:2011.10650; openai/vdvae, hps.py, cifar10): 39.15 M parameters, 43
    levels, AdamW 2e-4 with betas (0.9, 0.9) and decay 0.01, warm-up of 100 rounds, batch 32,
    average 0.9999, gradients clipped at 200 and skipped from 400 on: of nats per number there, per
    image here.
    """
    rate = spec(optax.warmup_constant_schedule, 0.0, 2e-4, 100)
    adam = spec(optax.adamw, rate, b1=0.9, b2=0.9, weight_decay=0.01)
    clipped = spec(optax.chain, spec(optax.clip_by_global_norm, 200.0 * CIFAR), adam)
    return {
        "method": spec(
            HierarchicalVAE,
            spec(vdvae.Encoder, "32x11,32d2,16x6,16d2,8x6,8d2,4x3,4d4,1x3"),
            spec(vdvae.Decoder, (32, 32, 100), "1x1,4m1,4x2,8m4,8x5,16m8,16x10,32m16,32x21"),
            spec(likelihood.logistic_mixture),
        ),
        "data": spec(tfds, "cifar10", augment=(spec(image.flip),)),
        "optim": {"vae": spec(skip_large, clipped, 400.0 * CIFAR)},
        "ema": {"encoder": 0.9999, "decoder": 0.9999},
        "batch_size": 32,
        "evaluate": {"bound": spec(Bound, 1)},
        "loop.steps": 1_100_000,
    }


def cells():
    """NVAE on MNIST (Vahdat & Kautz 2020, arXiv:2007.03898; NVlabs/NVAE at 9fc1a28, README and
    train.py): 10 and 5 groups of 20 channels of latents, 32 channels, two cells for each group,
    framed to 32x32; Adamax at 1e-2 with epsilon 1e-3, decay 3e-4, five epochs of warm-up and a
    cosine to 1e-4, two processes of 200, 400 epochs; the KL warms up over 0.3 of them, balanced;
    spectral regularisation 1e-2.
    """
    epoch = 60_000 // 400
    net = {"groups": (10, 5), "width": 32, "cells": 2, "blocks": 2, "block_cells": 3}
    rate = spec(
        optax.warmup_cosine_decay_schedule, 0.0, 1e-2, 5 * epoch, 400 * epoch, end_value=1e-4
    )
    adamax = spec(optax.adamax, rate, eps=1e-3)
    return {
        "method": spec(
            HierarchicalVAE,
            spec(nvae.Encoder, **net),
            spec(nvae.Decoder, (28, 28, 1), latent_width=20, **net),
            spec(likelihood.bernoulli),
            beta=spec(optax.linear_schedule, 1e-4, 1.0, 120 * epoch),
            spectral=1e-2,
            balance=(5, 10),
        ),
        "optim": {"vae": spec(optax.chain, spec(optax.add_decayed_weights, 3e-4), adamax)},
        "batch_size": 400,
        "evaluate": {"bound": spec(Bound, 1000)},
        "loop.steps": 400 * epoch,
    }
