"""Autoencoders of discrete codes, each in half of a model's arithmetic, and the laws of their codes
in the other half; as functions of a `zoo.Zoo`.
"""

from typing import Any

from zoo_parts import ADAM, CODED, CODES, CRITIC, HIDDEN, PIXELS, POSITIONS, SEEN, run

from genlab import spec, trained
from genlab.losses import likelihood
from genlab.methods import VQGAN, VQVAE, CodePrior, Comparison
from genlab.nets import autoregressive, mlp, quantise, vqvae

COMMITMENT, FEATURES = 10.0, 8
AVERAGED = spec(quantise.Averaged, CODES, commitment=COMMITMENT, restart=1.0)


def discrete(zoo: Any) -> dict[str, dict]:
    """A codebook, and numbers that are rounded."""
    rounded = spec(quantise.FiniteScalar, (4, 4, 4))
    return {
        **with_prior(zoo, "vq-vae", coded(zoo, AVERAGED, FEATURES)),
        **with_prior(zoo, "fsq", coded(zoo, rounded, 3)),
    }


def further(zoo: Any) -> dict[str, dict]:
    """Other gradients, quantisers and maps, and a critic of pictures."""
    rotated = spec(quantise.Averaged, CODES, commitment=COMMITMENT, restart=1.0, through="rotation")
    signs = spec(quantise.LookupFree, 6, commitment=COMMITMENT, entropy=4.0)
    twice = spec(quantise.Residual, (AVERAGED, AVERAGED))
    half, fake = POSITIONS // 2, {"evaluate": SEEN}
    return {
        **with_prior(zoo, "vq-vae-rotation", coded(zoo, rotated, FEATURES)),
        **with_prior(zoo, "lfq", coded(zoo, signs, 6)),
        **with_prior(zoo, "residual-vq", coded(zoo, twice, 2 * FEATURES, half), ((half,),) * 2),
        **with_prior(zoo, "vq-vae-2", two_maps(zoo), ((2, 2), (4, 4))),
        **with_prior(zoo, "vq-gan", adversarial(zoo), pixels=spec(likelihood.gaussian), **fake),
    }


def with_prior(
    zoo: Any, name: str, fields: dict, maps: tuple = ((POSITIONS,),), pixels: Any = PIXELS, **more
) -> dict[str, dict]:
    """A quantised autoencoder, and the law of its maps of codes, each given those before it."""
    law = {"width": 64, "layers": 2, "heads": 4}
    nets = tuple(spec(autoregressive.Transformer, shape, CODES, **law) for shape in maps)
    parts = [spec(trained, run(name), part) for part in ("encoder", "quantiser", "decoder")]
    prior = {"method": spec(CodePrior, *parts, pixels, nets), "optim": {"prior": ADAM}, **more}
    return {
        name: {**fields, **zoo.stages(name, 0.5)},
        f"{name}-prior": {**prior, **zoo.stages(f"{name}-prior", 0.5)},
    }


def coded(zoo: Any, quantiser, features: int, positions: int = POSITIONS) -> dict:
    """A quantised autoencoder of so many vectors."""
    return {
        "method": spec(VQVAE, rows(features, positions), quantiser, drawn(zoo.theta), PIXELS),
        "evaluate": CODED,
    }


def two_maps(zoo: Any) -> dict:
    """VQ-VAE-2: a map of 2x2 codes, and one of 4x4 given it, all layers fully connected."""
    maps = lambda side, hidden: drawn((side, side, FEATURES), hidden)  # noqa: E731
    inside = maps(2, HIDDEN[:1]), maps(4, HIDDEN[:1])
    both = spec(quantise.Hierarchical, *inside, AVERAGED, AVERAGED, channels=FEATURES)
    return {
        "method": spec(VQVAE, maps(4, HIDDEN), both, drawn(zoo.theta), PIXELS),
        "evaluate": CODED,
    }


def adversarial(zoo: Any) -> dict:
    """VQ-GAN with the critic from a quarter of its rounds on. Its loss is a mean over the numbers
    of a picture, and so is its commitment, of those of a vector.
    """
    averaged = spec(quantise.Averaged, CODES, commitment=0.25 / FEATURES, restart=1.0)
    method = spec(
        VQGAN,
        rows(FEATURES, POSITIONS),
        averaged,
        drawn(zoo.shape),
        CRITIC,
        spec(Comparison, {"l1": 1.0}),
        start=zoo.stages("vq-gan", 0.5)["loop.steps"] // 4,
        last="trunk.out.kernel",
    )
    return {"method": method, "optim": {"vae": ADAM, "disc": ADAM}, "evaluate": CODED}


def rows(features: int, positions: int):
    """An encoder of images to vectors."""
    return spec(vqvae.Rows, spec(mlp.Down, HIDDEN, activation="relu"), positions, features)


def drawn(shape: tuple[int, ...], hidden: tuple[int, ...] = HIDDEN):
    """A fully connected network of all numbers of its input, vectors or an image."""
    return spec(vqvae.FromRows, spec(mlp.Up, shape, hidden))
