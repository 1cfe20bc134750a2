"""Fine-tuning: from all ten digits to 40 images of two of them, against the same networks trained
on the 40 from fresh weights, for as many rounds.

Run:    genlab sweep --config=experiments/fine_tuning/digits.py --workdir=runs/fine_tuning
Shows:  experiments/fine_tuning/results/digits.md (see README.md)
"""

import few
import optax

from genlab import Experiment, Loop, spec
from genlab.data import digits
from genlab.evaluation.evaluators import Fidelity
from genlab.features import RandomConv
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.nets import Decoder, Discriminator, Encoder, Generator, mlp

SEEDS = (0, 1, 2)
SHAPE = (8, 8, 1)
ROUNDS = 400  # of fine-tuning, or from fresh weights
LEARNED = 4000  # rounds on all digits, before


def config():
    adam = spec(optax.adam, 2e-4, b1=0.5)
    return spec(
        Experiment,
        title="From ten digits to 40 images of two",
        method=spec(
            GAN,
            spec(Generator, spec(mlp.Up, SHAPE, (128, 128), norm="BatchNorm")),
            spec(Discriminator, spec(mlp.Down, (128, 128))),
            latent=32,
            penalties={"r1": 0.1},
        ),
        data=spec(digits, **few.HELD_OUT),
        optim={"disc": adam, "gen": adam},
        ema={"gen": 0.98},
        batch_size=40,
        loop=spec(
            Loop,
            steps=LEARNED,
            rounds_per_call=50,
            checkpoint_every=0,
            sample_every=0,
        ),
    )


def sweep():
    """`gan` and `vae` learn from all digits and are not scored; the others learn from the 40."""
    pixels = spec(likelihood.discretised_logistic, levels=17)
    encoder = spec(Encoder, spec(mlp.Down, (128, 128)), latent=8)
    decoder = spec(Decoder, spec(mlp.Up, (8, 8, 2), (128, 128)))
    vae = {
        "method": spec(VAE, encoder, decoder, pixels),
        "optim": {"vae": spec(optax.adam, 1e-3)},
        "ema": {"encoder": 0.98, "decoder": 0.98},
    }
    scores = ("fd", "kid", "precision_recall", "memorisation")
    few_of_two = {
        "data": spec(few.two),
        "evaluate": {"fidelity": spec(Fidelity, spec(RandomConv), samples=160, scores=scores)},
        "loop.steps": ROUNDS,
        "loop.sample_every": ROUNDS,
    }
    from_gan, from_vae = "{sweep}/gan/seed{seed}", "{sweep}/vae/seed{seed}"
    return {
        "gan": {},
        "gan-fresh": few_of_two,
        "gan-begun": {**few_of_two, "begin": {"gen": from_gan, "disc": from_gan}},
        "vae": vae,
        "vae-fresh": {**vae, **few_of_two},
        "vae-begun": {**vae, **few_of_two, "begin": {"encoder": from_vae, "decoder": from_vae}},
    }
