"""Further autoencoders of continuous latents: schedules, deterministic ones, critics, posteriors,
bounds, conditions, losses of pictures, deep hierarchies; as functions of a `zoo.Zoo`.
"""

import math
from typing import Any

import optax
from zoo_parts import ADAM, COMPARED, CRITIC, HIDDEN, LATENT, PIXELS, SEEN

from genlab import spec
from genlab.game.optim import skip_large
from genlab.losses import bounds, likelihood, posterior
from genlab.methods import Comparison, HierarchicalVAE, adversaries
from genlab.nets import (
    Decoder,
    Encoder,
    corrupted,
    fitted,
    flows,
    mlp,
    nvae,
    spectral,
    vdvae,
    vqvae,
)

CLASSES = 10


def further(zoo: Any) -> dict[str, dict]:
    """Every one of them."""
    found = {**weighed(zoo), **deterministic(zoo), **adversarial(zoo), **posteriors(zoo)}
    return found | bounded() | seen(zoo) | deep(zoo)


def weighed(zoo: Any) -> dict[str, dict]:
    """A KL that warms up four times (Fu et al. 2019, arXiv:1903.10145); DIP-VAE-II."""
    cycle = zoo.rounds // 4
    rise = spec(optax.linear_schedule, 0.0, 1.0, cycle // 2)
    ends = (cycle, 2 * cycle, 3 * cycle)
    moments = {"weight": 10.0, "diagonal": 10.0}
    return {
        "cyclical": {"method.beta": spec(optax.join_schedules, (rise,) * 4, ends)},
        "dip-vae-ii": {"method.divergences": {"kl": 1.0, "aggregate_moments": moments}},
    }


def deterministic(zoo: Any) -> dict[str, dict]:
    """Without a prior or with one that is fitted; with the penalties of RAE that `rae` has not."""
    ten = spec(fitted.Mixture, 10)
    point = {"method.posterior": spec(posterior.point)}
    noisy = spec(corrupted.Corrupted, encoder(LATENT, LATENT), noise=0.3)
    small = {**zoo.point(), "method.divergences": {"squared_norm": 1e-2}, "evaluate": SEEN}
    smooth = spec(spectral.SpectralNorm, zoo.decoder())
    return {
        "ae": {**zoo.point(), "evaluate": COMPARED},
        "mixture-of-ae": {**zoo.after("ae", ten, noise=0.0), "evaluate": SEEN},
        "denoising-ae": {**point, "method.encoder": noisy, "evaluate": COMPARED},
        "rae-gp": {**small, "method.regularisers": {"squared_jacobian": 1e-4}},
        "rae-sn": {**small, "method.decoder": smooth},
    }


def adversarial(zoo: Any) -> dict[str, dict]:
    """A critic of latents as a penalty, and one of pictures with latents that are drawn."""
    both = {"optim": {"critic": ADAM, "vae": ADAM}, "evaluate": SEEN}
    prior = spec(adversaries.Prior, CRITIC, weight=10.0)
    return {
        "wae-gan": {**zoo.point(), "method.adversary": prior, **both},
        "ali": {"method.adversary": spec(adversaries.Joint, CRITIC), **both},
    }


def posteriors(zoo: Any) -> dict[str, dict]:
    """Sixteen latents of which one, with capacities of its own as `capacity` has them, or all are
    categorical; planar and radial flows.
    """
    most = 30.0 - math.log(CLASSES), math.log(CLASSES)
    nats = tuple(spec(optax.linear_schedule, 0.0, each, zoo.rounds // 4) for each in most)
    soft = spec(posterior.gumbel_softmax, classes=CLASSES)
    width = LATENT - 1 + CLASSES
    sizes = {"sizes": (LATENT - 1, CLASSES)}
    every = LATENT * CLASSES
    return {
        "joint": {
            "method.posterior": spec(posterior.joint, spec(posterior.gaussian), soft, **sizes),
            "method.encoder": encoder(width, 2 * (LATENT - 1) + CLASSES),
            "method.divergences": {"capacities": {"weight": 5.0, "nats": nats}},
        },
        "categorical": {"method.posterior": soft, "method.encoder": encoder(every, every)},
        "planar": {"method.flow": spec(flows.Planar, 8)},
        "radial": {"method.flow": spec(flows.Radial, 8)},
    }


def bounded() -> dict[str, dict]:
    """Bounds of five or six latents of an example, and estimators of their gradients."""
    found = {
        "miwae": spec(bounds.miwae, 2, 3),
        "ciwae": spec(bounds.ciwae, 5, beta=0.5),
        "piwae": spec(bounds.piwae, 2, 3),
        "stl": spec(bounds.stl, 1),
        "dreg": spec(bounds.dreg, 5),
    }
    return {name: {"method.bound": bound} for name, bound in found.items()}


def seen(zoo: Any) -> dict[str, dict]:
    """Given a label; trained by a similarity of pictures in place of a likelihood; and by features
    of a convolutional network with random weights beside it.
    """
    similar = {"ms_ssim": {"weight": 500.0, "window": 7}}
    look = spec(vqvae.Down, 16, width=32, blocks=0)
    perceptual = {"content": 1000.0}
    return {
        "cvae": {"method.given": (zoo.label,)},
        "ms-ssim": {
            "method.likelihood": spec(likelihood.compared, similar),
            "method.decoder": spec(Decoder, spec(mlp.Up, zoo.shape, HIDDEN)),
            "evaluate": SEEN,
        },
        "perceptual": {
            "method.comparison": spec(Comparison, features=look, perceptual=perceptual),
        },
    }


def deep(zoo: Any) -> dict[str, dict]:
    """Convolutional hierarchies: VDVAE with six levels, its gradients clipped and skipped at the
    authors' sizes a number; NVAE's cells with two, whose KL warms up over 0.3 of its rounds.
    """
    numbers = math.prod(zoo.shape)
    clipped = spec(optax.chain, spec(optax.clip_by_global_norm, 200.0 * numbers), ADAM)
    warm = int(0.3 * zoo.stages("nvae")["loop.steps"])
    cells = {"groups": (1, 1), "width": 4, "cells": 1, "blocks": 1, "block_cells": 1}
    return {
        "vdvae": {
            "method": spec(
                HierarchicalVAE,
                spec(vdvae.Encoder, "28d2,14x1,14d2,7x1,7d7,1x1", 16),
                spec(vdvae.Decoder, zoo.theta, "1x1,7m1,7x1,14m7,14x1,28m14", 16, 4),
                PIXELS,
            ),
            "optim": {"vae": spec(skip_large, clipped, 400.0 * numbers)},
        },
        "nvae": {
            "method": spec(
                HierarchicalVAE,
                spec(nvae.Encoder, **cells),
                spec(nvae.Decoder, zoo.theta, latent_width=4, **cells),
                PIXELS,
                beta=spec(optax.linear_schedule, 0.0, 1.0, warm),
                spectral=1e-2,
            )
        },
    }


def encoder(latent: int, numbers: int):
    """Of images to the numbers of another posterior."""
    down = spec(mlp.Down, HIDDEN, activation="relu")
    return spec(Encoder, down, latent=latent, numbers=numbers)
