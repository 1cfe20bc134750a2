"""GAN against VAE on the digits of sixteen fonts, 28x28: 3 methods x 3 seeds at equal arithmetic
(1.34 TFLOP a run, within 1 %).

Run:    genlab sweep --config=experiments/gan_vs_vae/glyphs.py --workdir=runs/glyphs
Shows:  experiments/gan_vs_vae/results/glyphs.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import glyphs
from genlab.evaluation.evaluators import Bound, Fidelity, Reconstruction
from genlab.features import Domain
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.nets import Decoder, Discriminator, Encoder, Generator, classic, mlp

SEEDS = (0, 1, 2)
SHAPE = (28, 28, 1)
fidelity = spec(Fidelity, spec(Domain, spec(mlp.Down, (256, 64), activation="relu")), draws=5)


def stages(steps, rounds_per_call):
    """Pictures at three stages. The last round is what is shown and what is scored."""
    return {
        "steps": steps,
        "rounds_per_call": rounds_per_call,
        "log_every": rounds_per_call,
        "sample_every": steps // 3,
        "checkpoint_every": 0,
    }


def config():
    up = spec(classic.Up, SHAPE, (32, 16), (2, 2), kernel=4, slope=0.2)
    return spec(
        Experiment,
        title="GAN against VAE on the digits of sixteen fonts",
        method=spec(
            GAN,
            spec(Generator, up),
            spec(Discriminator, spec(mlp.Down, (512, 256))),
            latent=64,
            penalties={"r1": 3.0},
        ),
        data=spec(glyphs, "0123456789", ("DejaVu", "STIX"), jitter=(0.04, 0.1, 8.0)),
        optim={"disc": spec(optax.adam, 5e-4, b1=0.5), "gen": spec(optax.adam, 1e-3, b1=0.5)},
        ema={"gen": 0.995},
        batch_size=64,
        evaluate={"fidelity": fidelity},
        loop=spec(Loop, **stages(1_365, 35)),
    )


def sweep():
    adam = spec(optax.adam, 1e-3, b1=0.5, b2=0.9)
    encoder = spec(Encoder, spec(mlp.Down, (512, 256), norm="BatchNorm"), latent=32)
    decoder = spec(Decoder, spec(classic.Up, SHAPE, (32, 16), (2, 2), kernel=4, slope=0.2))
    return {
        "gan": {},
        "wgan-gp": {
            "method.objective": "wasserstein",
            "method.penalties": {"gradient_penalty": 10.0},
            "method.critic_moves": 3,
            "optim": {"disc": adam, "gen": adam},
            "ema.gen": 0.99,
            **{f"loop.{name}": value for name, value in stages(585, 15).items()},
        },
        "vae": {
            "method": spec(VAE, encoder, decoder, spec(likelihood.bernoulli)),
            "optim": {"vae": spec(optax.adam, 1e-3)},
            **{f"loop.{name}": value for name, value in stages(3_840, 40).items()},
            "ema": {"encoder": 0.995, "decoder": 0.995},
            "evaluate": {
                "fidelity": fidelity,
                "bound": spec(Bound),
                "reconstruction": spec(Reconstruction),
            },
        },
    }
