"""Small games on the digits, for tests of what surrounds them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from genlab import Experiment, Loop, spec
from genlab.data import digits
from genlab.data.sources import Streamed
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.nets import Decoder, Discriminator, Encoder, Generator, mlp

SHAPE = (8, 8, 1)
LOOP = {
    "steps": 4,
    "rounds_per_call": 2,
    "log_every": 2,
    "checkpoint_every": 0,
    "sample_every": 0,
    "devices": 1,
}


SEEN = {}


def spy(critic, real, fake, key):
    """A penalty of nothing that notes the dtypes in which the critic computes."""
    jaxpr = jax.make_jaxpr(critic)(real)
    SEEN["dtypes"] = {str(v.aval.dtype) for equation in jaxpr.eqns for v in equation.outvars}
    return jnp.zeros(len(real))


def parameters(init, *args, scale=0.4):
    """Numbers for what `init(key, *args)` would make, traced and not compiled."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(init, jax.random.key(0), *args)
    return jax.tree.map(lambda x: np.float32(scale * rng.normal(size=x.shape)), shapes)


def experiment(method, players, optim=None, **kwargs):
    """An Experiment around `method`, every player with the same optimiser (SGD unless told
    otherwise).
    """
    optim = optim or spec(optax.sgd, 0.05)
    loop = spec(Loop, **{**LOOP, **kwargs.pop("loop", {})})
    fields = {"data": spec(digits), "batch_size": 16, **kwargs}
    return spec(Experiment, method=method, optim=dict.fromkeys(players, optim), loop=loop, **fields)


def streamed():
    """The digits as a set too large for the device: read by index on the host."""
    held = digits().splits["train"]
    rows = [{name: column[i] for name, column in held.items()} for i in range(len(held["image"]))]
    return Streamed({"train": rows}, digits().columns, threads=1)


def gan(critic_norm="Identity", method=None, **kwargs):
    """A GAN with BatchNorm in the generator, and in the critic if asked."""
    generator = spec(Generator, spec(mlp.Up, SHAPE, (16,), norm="BatchNorm"))
    discriminator = spec(Discriminator, spec(mlp.Down, (16,), norm=critic_norm))
    return experiment(
        spec(GAN, generator, discriminator, latent=8, **(method or {})), ("disc", "gen"), **kwargs
    )


def wgan_gp(**kwargs):
    """WGAN-GP with three critic moves."""
    method = {
        "objective": "wasserstein",
        "penalties": {"gradient_penalty": 10.0},
        "critic_moves": 3,
    }
    return gan(method=method, **kwargs)


def vae(given=(), **kwargs):
    """A fully connected VAE, perhaps conditional."""
    encoder = spec(Encoder, spec(mlp.Down, (16,), norm="BatchNorm"), latent=4)
    decoder = spec(Decoder, spec(mlp.Up, SHAPE, (16,)))
    method = spec(VAE, encoder, decoder, spec(likelihood.bernoulli), given=given)
    return experiment(method, ("vae",), **kwargs)
