"""The networks of a ladder VAE: vectors at every level, the encoder's Gaussians merged with the
priors on the way down (Sonderby et al. 2016, arXiv:1602.02282, Section 2.2).
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, choose
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.topdown import Gaussian, TopDown, joined, level, merged, split

SMALLEST_LOG_SIGMA = -6.0


class Encoder(nn.Module):
    """Two hidden layers and a Gaussian for each level, from the data up; `norm` after each hidden
    layer.
    """

    latents: tuple[int, ...] = (64, 32, 16)
    widths: tuple[int, ...] = (512, 256, 128)
    activation: str | Callable = "leaky_relu"
    norm: str = "BatchNorm"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> tuple[Gaussian, ...]:
        """Gaussians, the level next to the data first. ConfigError where `latents` and `widths`
        differ in number.
        """
        _check(self)
        h, found = x.reshape(len(x), -1), []
        for number, (latent, width) in enumerate(zip(self.latents, self.widths, strict=True)):
            h = _hidden(self, h, width, f"level{number}", train)
            found.append(_gaussian(h, latent, f"gaussian{number}"))
        return tuple(found)


class Decoder(nn.Module):
    """The levels from the top, N(0, I), down, each prior a network of the level above, and p(x | z)
    one of the lowest.
    """

    shape: tuple[int, ...]
    latents: tuple[int, ...] = (64, 32, 16)
    widths: tuple[int, ...] = (512, 256, 128)
    activation: str | Callable = "leaky_relu"
    norm: str = "BatchNorm"

    @property
    def latent(self) -> int:
        """How many numbers the latents of all levels have."""
        return sum(self.latents)

    @nn.compact
    def __call__(
        self,
        noise: Float[Array, "b latent"],
        activations: tuple[Gaussian, ...] | None = None,
        cond: Conditions | None = None,
        train: bool = True,
    ) -> TopDown:
        """`cond` is not used."""
        _check(self)
        top_down = self.latents[::-1]
        own = split(noise, [(n,) for n in top_down])
        seen = [None] * len(own) if activations is None else list(activations)[::-1]
        none = jnp.zeros((len(noise), top_down[0]))
        prior, levels, h = Gaussian(none, none), [], none
        for number, (e, law) in enumerate(zip(own, seen, strict=True)):
            if number:
                prior = _gaussian(h, top_down[number], f"prior{number}")
            posterior = law if law is None or not number else merged(law, prior)
            levels.append(level(e, prior, posterior))
            h = _hidden(self, levels[-1].z, self.widths[-1 - number], f"level{number}", train)
        theta = nn.Dense(math.prod(self.shape), name="out")(h).reshape(-1, *self.shape)
        return joined(theta, levels)


def _hidden(net: Encoder | Decoder, h: Array, width: int, name: str, train: bool) -> Array:
    activation = choose(nn, net.activation)
    for layer in range(2):
        dense = nn.Dense(width, use_bias=layers.has_bias(net.norm), name=f"{name}_{layer}")
        h = activation(layers.norm(net.norm, "float32")(dense(h), None, train))
    return h


def _gaussian(h: Array, latent: int, name: str) -> Gaussian:
    mean, s = jnp.split(nn.Dense(2 * latent, name=name)(h), 2, axis=-1)
    return Gaussian(mean, jnp.maximum(jnp.log(jax.nn.softplus(s) + 1e-8), SMALLEST_LOG_SIGMA))


def _check(net: Encoder | Decoder) -> None:
    if len(net.latents) != len(net.widths) or not net.latents:
        raise ConfigError(
            f"latents={net.latents}, widths={net.widths}: each level has a latent and a width"
        )
