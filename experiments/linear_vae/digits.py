"""The linear VAE is probabilistic PCA (Lucas et al. 2019, arXiv:1911.02469): trained by Adam on
digits, against the closed form of its likelihood and of how many of its units are used.

Run:    genlab sweep --config=experiments/linear_vae/digits.py --workdir=runs/linear_vae
        python experiments/linear_vae/table.py runs/linear_vae
Shows:  experiments/linear_vae/results/digits.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import digits
from genlab.evaluation import LatentSpace
from genlab.evaluation.evaluators import Bound
from genlab.losses import likelihood
from genlab.methods import VAE
from genlab.nets import Decoder, Encoder, WithScale, mlp

SEEDS = (0, 1, 2)
SHAPE, SIGMA, UNITS = (8, 8, 1), 0.5, 32
ROUNDS = 10_000


def config():
    encoder = spec(Encoder, spec(mlp.Down, ()), latent=10)
    decoder = spec(WithScale, spec(Decoder, spec(mlp.Up, SHAPE, ())))
    adam = spec(optax.adam, spec(optax.cosine_decay_schedule, 1e-2, ROUNDS))
    return spec(
        Experiment,
        title="The linear VAE is probabilistic PCA",
        method=spec(VAE, encoder, decoder, spec(likelihood.learned_gaussian)),
        data=spec(digits),
        optim={"vae": adam},
        batch_size=128,
        evaluate={"bound": spec(Bound), "latent": spec(LatentSpace)},
        loop=spec(Loop, steps=ROUNDS, rounds_per_call=100, checkpoint_every=0, sample_every=ROUNDS),
    )


def sweep():
    """`q=...` learns its noise; `beta=...` has a fixed one, and more units than it needs."""
    decoder = spec(Decoder, spec(mlp.Up, SHAPE, ()))
    fixed = {
        "method.decoder": decoder,
        "method.encoder.latent": UNITS,
        "method.likelihood": spec(likelihood.gaussian, SIGMA),
    }
    few = {f"q={q}": {"method.encoder.latent": q} for q in (2, 5, 10)}
    return few | {f"beta={beta:g}": {**fixed, "method.beta": beta} for beta in (1.0, 2.0, 4.0)}
