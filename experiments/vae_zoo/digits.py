"""Autoencoders with priors of many kinds on 28x28 handwritten digits: one network, one likelihood,
equal arithmetic (2.9 TFLOP a model, both of its runs together where it is made of two).

Run:    genlab sweep --config=experiments/vae_zoo/digits.py --workdir=runs/vae_zoo
Small:  the same with --seeds=0 --config.loop.steps=500 --config.loop.sample_every=500 (minutes)
Shows:  see README.md
"""

import optax

from genlab import Experiment, Loop, spec, trained
from genlab.data import mnist5k
from genlab.evaluation.codebook import CodebookUsage
from genlab.evaluation.evaluators import Bound, Fidelity, Reconstruction
from genlab.features import Domain
from genlab.losses import bounds, likelihood
from genlab.methods import VAE, VQVAE, CodePrior, ExPost, HierarchicalVAE, TwoStageVAE
from genlab.nets import (
    Decoder,
    Encoder,
    WithScale,
    autoregressive,
    fitted,
    flows,
    ladder,
    mlp,
    quantise,
    vqvae,
)

SEEDS = (0, 1, 2, 3, 4)
THETA = (28, 28, 2)  # a location and a scale for each pixel
LATENT, HIDDEN = 16, (256, 256)
POSITIONS, CODES = 16, 64
ROUNDS = 10_000  # of the VAE, whose forward pass multiplies 745,000 pairs of numbers an example
PIXELS = spec(likelihood.discretised_logistic)
SAMPLES = {
    "fidelity": spec(Fidelity, spec(Domain, spec(mlp.Down, (256, 64), activation="relu"))),
    "bound": spec(Bound, 64),
    "reconstruction": spec(Reconstruction),
}
CODED = {"codes": spec(CodebookUsage), "reconstruction": spec(Reconstruction)}


def stages(share):
    """The rounds of a run that has this share of the VAE's."""
    steps = round(share * ROUNDS / 100) * 100
    return {"loop.steps": steps, "loop.sample_every": steps}


def config():
    encoder = spec(Encoder, spec(mlp.Down, HIDDEN, activation="relu"), latent=LATENT)
    decoder = spec(Decoder, spec(mlp.Up, THETA, HIDDEN))
    return spec(
        Experiment,
        title="Autoencoders on digits",
        method=spec(VAE, encoder, decoder, PIXELS),
        data=spec(mnist5k),
        optim={"vae": spec(optax.adam, 1e-3)},
        batch_size=64,
        evaluate=SAMPLES,
        loop=spec(Loop, steps=ROUNDS, rounds_per_call=50, checkpoint_every=0, sample_every=ROUNDS),
    )


def sweep():
    """What is made from another run comes after it. `iwae` decodes five latents of an example and
    has as many fewer rounds.
    """
    n = {"examples": 3_500}
    return {
        "vae": {},
        "beta-vae": {"method.beta": 4.0},
        "warm-up": {"method.beta": spec(optax.linear_schedule, 0.0, 1.0, ROUNDS // 2)},
        "free-bits": {"method.divergences": {"free_bits": {"weight": 1.0, "nats": 0.25}}},
        "beta-tc-vae": {
            "method.divergences": {
                "mutual_information": {"weight": 1.0, **n},
                "total_correlation": {"weight": 6.0, **n},
                "dimension_wise_kl": {"weight": 1.0, **n},
            }
        },
        "dip-vae": {
            "method.divergences": {"kl": 1.0, "moments": {"weight": 10.0, "diagonal": 10.0}}
        },
        "info-vae": {"method.divergences": {"kl": 1.0, "rbf_mmd": 100.0}},
        "wae-mmd": {"method.divergences": {"imq_mmd": 100.0}},
        "swae": {"method.divergences": {"sliced_wasserstein": 100.0}},
        "iwae": {"method.bound": spec(bounds.iwae, 5), **stages(0.28)},
        "iaf": {"method.flow": spec(flows.InverseAutoregressive, 2, width=64)},
        "spline": {"method.flow": spec(flows.Spline, 4, width=64)},
        "ladder": rungs(),
        "vq-vae": coded(spec(quantise.Averaged, CODES, commitment=10.0, restart=1.0), 8),
        "vq-vae-prior": prior("vq-vae", CODES),
        "fsq": coded(spec(quantise.FiniteScalar, (4, 4, 4)), 3),
        "fsq-prior": prior("fsq", 64),
        "normal-of-wae": after("wae-mmd", spec(fitted.Mixture, 1, forget=1.0)),
        "mixture-of-wae": after("wae-mmd", spec(fitted.Mixture, 10)),
        "first-stage": {**scaled(), **stages(0.5)},
        "two-stage": two_stages(),
    }


def rungs():
    """A ladder VAE of two levels; its KL warms up."""
    levels = {"latents": (32, LATENT), "widths": (256, 128)}
    warm = spec(optax.linear_schedule, 0.0, 1.0, ROUNDS // 2)
    networks = spec(ladder.Encoder, **levels), spec(ladder.Decoder, THETA, **levels)
    return {"method": spec(HierarchicalVAE, *networks, PIXELS, beta=warm), **stages(0.89)}


def coded(quantiser, features):
    """A quantised autoencoder of 16 codes, in half of the arithmetic."""
    encoder = spec(vqvae.Rows, spec(mlp.Down, HIDDEN, activation="relu"), POSITIONS, features)
    decoder = spec(vqvae.FromRows, spec(mlp.Up, THETA, HIDDEN))
    method = spec(VQVAE, encoder, quantiser, decoder, PIXELS)
    return {"method": method, "evaluate": CODED, **stages(0.46)}


def prior(variant, size):
    """The law of the codes of a variant, in the other half."""
    run = f"{{sweep}}/{variant}/seed{{seed}}"
    parts = [spec(trained, run, name) for name in ("encoder", "quantiser", "decoder")]
    net = spec(autoregressive.Transformer, (POSITIONS,), size, width=64, layers=2, heads=4)
    return {
        "method": spec(CodePrior, *parts, PIXELS, (net,)),
        "optim": {"prior": spec(optax.adam, 1e-3)},
        **stages(0.21),
    }


def after(variant, law):
    """A law of a variant's latents, fitted in a tenth of its rounds more."""
    run = f"{{sweep}}/{variant}/seed{{seed}}"
    parts = spec(trained, run, "encoder"), spec(trained, run, "decoder")
    return {
        "method": spec(ExPost, *parts, PIXELS, law),
        "optim": {"law": spec(optax.sgd, 0.0)},
        **stages(0.1),
    }


def scaled():
    """The VAE with one learned scale for all numbers, as a first stage needs it."""
    down, up = spec(mlp.Down, HIDDEN, activation="relu"), spec(mlp.Up, (28, 28, 1), HIDDEN)
    encoder, decoder = spec(Encoder, down, latent=LATENT), spec(WithScale, spec(Decoder, up))
    return {"method": spec(VAE, encoder, decoder, spec(likelihood.learned_gaussian))}


def two_stages():
    """A second VAE on the latents of `first-stage`."""
    run, pixels = "{sweep}/first-stage/seed{seed}", spec(likelihood.learned_gaussian)
    first = spec(trained, run, "encoder"), spec(trained, run, "decoder")
    down, up = spec(mlp.Down, HIDDEN, activation="relu"), spec(mlp.Up, (LATENT,), HIDDEN)
    encoder, decoder = spec(Encoder, down, latent=LATENT), spec(WithScale, spec(Decoder, up))
    second = spec(VAE, encoder, decoder, pixels)
    samples = {name: SAMPLES[name] for name in ("fidelity", "reconstruction")}
    method = spec(TwoStageVAE, *first, pixels, second)
    return {"method": method, "evaluate": samples, **stages(0.5)}
