"""The convolutional GANs every course goes on with, at 28, 64 and 128 pixels.

small       dense 7*7*128, two transposed 5x5 stages to 28x28; critic 32-64 with dropout 0.3
products    DCGAN for product pictures: dense 7*7*256, 128-64-1 with BatchNorm; critic 64-128 with
            dropout 0.3; at 28, 64 and 128 (Radford et al. 2016, arXiv:1511.06434, at a small scale)
upsampling  five stages of nearest upsampling and 3x3 convolutions to 128x128x3 against a four-stage
            critic with BatchNorm and dropout 0.25

Non-saturating loss, Adam 2e-4 (1e-4 for `products`) with beta1 0.5, constant rates, batch 64
(`upsampling` 16). Digits of sixteen fonts at each size; `upsampling` sees patches of photographs
(`pip install 'genlab[photographs]'`). Above 28 pixels they want an
accelerator, and then more rounds (`--config.loop.steps`).

Run:    genlab sweep --config=experiments/classics/convolutional.py --workdir=runs/classics
Then:   python experiments/classics/stages.py runs/classics
Shows:  experiments/classics/results/, the same latents at successive stages
"""

import optax

from genlab import Experiment, Loop, spec
from genlab.data import glyphs, photographs
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, classic

SEEDS = (0,)
STAGES = 5


def stages(steps):
    """Looks on the way, equally far apart."""
    every = steps // STAGES
    return {"steps": steps, "sample_every": every, "checkpoint_every": every}


def config():
    """`small`."""
    adam = spec(optax.adam, 2e-4, b1=0.5)
    up = spec(classic.Up, (28, 28, 1), (128, 64), (2, 2), norm="Identity", slope=0.2)
    return spec(
        Experiment,
        title="Convolutional classics",
        method=spec(
            GAN,
            spec(Generator, up),
            spec(Discriminator, spec(classic.Down, (32, 64), slope=0.2)),
            latent=100,
        ),
        data=spec(glyphs, "0123456789", ("DejaVu", "STIX"), examples=4_000),
        optim={"disc": adam, "gen": adam},
        batch_size=64,
        loop=spec(Loop, rounds_per_call=10, log_every=10, **stages(2_000)),
    )


def sweep():
    slow = spec(optax.adam, 1e-4, b1=0.5)

    def products(size, steps):
        return {
            "method.generator.trunk": spec(classic.Up, (size, size, 1)),
            "method.discriminator.trunk": spec(classic.Down),
            "data.size": size,
            "optim": {"disc": slow, "gen": slow},
            **rounds(steps),
        }

    def rounds(steps):
        return {f"loop.{field}": value for field, value in stages(steps).items()}

    resize = spec(classic.Resize, (128, 128, 3), (256, 128, 64, 32, 16))
    critic = spec(
        classic.Down, (32, 64, 128, 256), kernel=3, norm="BatchNorm", slope=0.2, dropout=0.25
    )
    return {
        "small": {},
        "products-28": products(28, 2_000),
        "products-64": products(64, 200),
        "products-128": products(128, 40),
        "upsampling": {
            "method.generator.trunk": resize,
            "method.discriminator.trunk": critic,
            "data": spec(photographs, 128),
            "batch_size": 16,
            **rounds(250),
        },
    }
