"""A VAE's second stage: samples of a VAE, and of a second VAE on the codes of that one (Dai & Wipf
2019, arXiv:1903.05789).

Run:    genlab sweep --config=experiments/second_stage/digits.py --workdir=runs/second_stage
Shows:  experiments/second_stage/results/digits.md (see README.md)
"""

import optax

from genlab import Experiment, Loop, spec, trained
from genlab.data import digits
from genlab.evaluation.evaluators import Fidelity
from genlab.features import Domain
from genlab.losses import likelihood
from genlab.methods import VAE, TwoStageVAE
from genlab.nets import Decoder, Encoder, WithScale, mlp

SEEDS = (0, 1, 2)
SHAPE = (8, 8, 1)
LATENT = 16
ROUNDS = 5000  # of each stage
fidelity = spec(Fidelity, spec(Domain, spec(mlp.Down, (256, 64), activation="relu")))


def vae(down, up, **kwargs):
    """A VAE whose decoder is N(m, gamma^2 I) with one learned gamma."""
    return spec(
        VAE,
        spec(Encoder, down, latent=LATENT),
        spec(WithScale, spec(Decoder, up)),
        spec(likelihood.learned_gaussian),
        **kwargs,
    )


def config():
    down = spec(mlp.Down, (256, 256), norm="BatchNorm")
    up = spec(mlp.Up, SHAPE, (256, 256), norm="BatchNorm")
    return spec(
        Experiment,
        title="One stage against two",
        method=vae(down, up),
        data=spec(digits),
        optim={"vae": spec(optax.adam, 1e-3)},
        ema={"encoder": 0.995, "decoder": 0.995},
        evaluate={"fidelity": fidelity},
        loop=spec(Loop, steps=ROUNDS, rounds_per_call=50, checkpoint_every=0, sample_every=ROUNDS),
    )


def sweep():
    """`one-stage-long` has had as many rounds as both stages together; `two-stage-warm` weighs the
    second stage's KL by 0 at first and by 1 from half of its rounds on.
    """
    first, pixels = "{sweep}/one-stage/seed{seed}", spec(likelihood.learned_gaussian)
    encoder, decoder = spec(trained, first, "encoder"), spec(trained, first, "decoder")
    warm = spec(optax.linear_schedule, 0.0, 1.0, ROUNDS // 2)

    def second(**kwargs):
        stage = vae(spec(mlp.Down, (256, 256)), spec(mlp.Up, (LATENT,), (256, 256)), **kwargs)
        return {"method": spec(TwoStageVAE, encoder, decoder, pixels, stage)}

    return {
        "one-stage": {},
        "two-stage": second(),
        "two-stage-warm": second(beta=warm),
        "one-stage-long": {"loop.steps": 2 * ROUNDS, "loop.sample_every": 2 * ROUNDS},
    }
