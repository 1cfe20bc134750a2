"""Tighter bounds on digits: the ELBO, IWAE and its relatives, and the estimators of their gradients
(Burda et al. 2016, arXiv:1509.00519; Rainforth et al. 2018, arXiv:1802.04537; Tucker et al. 2018,
arXiv:1810.04152), with networks of 200-200 tanh units and 50 latents, those of Burda et al.

Run:    genlab sweep --config=experiments/tighter_bounds/digits.py --workdir=runs/tighter_bounds
Shows:  experiments/tighter_bounds/results/digits.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import digits
from genlab.evaluation import LatentSpace
from genlab.evaluation.evaluators import Bound
from genlab.losses import bounds, likelihood
from genlab.methods import VAE
from genlab.nets import Decoder, Encoder, mlp

SEEDS = (0, 1, 2)
ROUNDS = 2000


def config():
    encoder = spec(Encoder, spec(mlp.Down, (200, 200), activation="tanh"), latent=50)
    decoder = spec(Decoder, spec(mlp.Up, (8, 8, 2), (200, 200), activation="tanh"))
    pixels = spec(likelihood.discretised_logistic, levels=17)
    return spec(
        Experiment,
        title="Tighter bounds on digits",
        method=spec(VAE, encoder, decoder, pixels),
        data=spec(digits),
        optim={"vae": spec(optax.adam, 1e-3)},
        batch_size=64,
        evaluate={"bound": spec(Bound, draws=500), "latent": spec(LatentSpace)},
        loop=spec(
            Loop,
            steps=ROUNDS,
            rounds_per_call=50,
            best="+bound/iwae",
            checkpoint_every=ROUNDS // 10,
            evaluate_every=ROUNDS // 10,
            sample_every=ROUNDS,
        ),
    )


def sweep():
    """`elbo` has the KL in closed form; all others have 16 latents of each example."""
    each = {
        "elbo-16": spec(bounds.elbo, 16),
        "iwae": spec(bounds.iwae, 16),
        "miwae": spec(bounds.miwae, 4, 4),
        "ciwae": spec(bounds.ciwae, 16),
        "piwae": spec(bounds.piwae, 4, 4),
        "stl": spec(bounds.stl, 16),
        "dreg": spec(bounds.dreg, 16),
    }
    return {"elbo": {}} | {name: {"method.bound": bound} for name, bound in each.items()}
