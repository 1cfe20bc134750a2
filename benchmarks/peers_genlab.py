"""The games of `against_peers.py` in genlab: a process that plays an epoch whenever asked."""

import json
import resource
import sys
import time

import jax
import numpy as np
import optax

from genlab import Experiment, Loop, spec
from genlab.data import from_arrays
from genlab.losses import likelihood, posterior
from genlab.methods import VAE, VQVAE
from genlab.nets import Decoder, Encoder, flows, mlp, quantise, vqvae
from genlab.train.program import prepare

EXAMPLES, BATCH, CODES, FLOWS, SHAPE = 4096, 64, 512, 16, (28, 28, 1)


def images():
    """The same numbers as the peer's."""
    made = np.random.default_rng(0).integers(0, 256, (EXAMPLES, *SHAPE), dtype=np.uint8)
    return from_arrays(made, validation=0, test=0)


def method(game: str, wide: int, narrow: int, latent: int):
    """With a Gaussian likelihood of variance 1: half of the squared error."""
    down, up = (
        spec(mlp.Down, (wide, narrow), activation="relu"),
        spec(mlp.Up, SHAPE, (narrow, wide)),
    )
    pixels = spec(likelihood.gaussian, 1.0)
    if game == "vq-vae":
        coded = spec(vqvae.Rows, down, 1, latent), spec(quantise.Averaged, CODES)
        return spec(VQVAE, *coded, spec(vqvae.FromRows, up), pixels)
    if game == "wae":
        match = {"imq_mmd": {"weight": 10.0}}
        encoder = spec(Encoder, down, latent, numbers=latent)
        return spec(
            VAE, encoder, spec(Decoder, up), pixels,
            divergences=match, posterior=spec(posterior.point),
        )  # fmt: skip
    flow = spec(flows.Planar, FLOWS) if game == "planar" else None
    return spec(VAE, spec(Encoder, down, latent), spec(Decoder, up), pixels, flow=flow)


def main() -> None:
    """Answers on standard output, a line of JSON each."""
    game, sizes, rounds = sys.argv[1], map(int, sys.argv[2:]), EXAMPLES // BATCH
    loop = spec(Loop, steps=rounds, rounds_per_call=rounds, checkpoint_every=0, sample_every=0)
    optim = {"vae": spec(optax.adam, 1e-3)}
    config = spec(
        Experiment, method(game, *sizes), spec(images), optim, batch_size=BATCH, loop=loop
    )
    training = prepare(config)
    state, held = training.init(), training.fetch(0, rounds)
    run = training.compile(state, held, rounds).run
    count = sum(x.size for x in jax.tree.leaves(state.params))
    print(json.dumps({"parameters": count}), flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps({"peak_mib": peak}), flush=True)
            return
        started = time.perf_counter()
        state, metrics = run(state, held, training.data_key)
        jax.block_until_ready(metrics)
        print(json.dumps({"seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
