"""Latents in a hierarchy, each level given the levels above it: what such a decoder gives, and the
Gaussians of one level.

    encoder(x, cond, train)                    -> activations, one for each resolution or level
    decoder(noise, activations, cond, train)   -> TopDown
    decoder.latent                             -> how many numbers the noise of all levels has

`noise` ~ N(0, I), "b latent", becomes the latents of every level in turn: by the posteriors where
there are activations, else by the priors.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

Maps = Float[Array, "b ..."]


class TopDown(NamedTuple):
    """theta:     parameters of p(x | z)
    kl:        KL(q || p) of each level, in closed form, nats
    log_ratio: log q(z | x) - log p(z) at the latents drawn, nats
    noise:     what would give the same latents from the priors
    """

    theta: Float[Array, " b *shape"]
    kl: Float[Array, "levels b"]
    log_ratio: Float[Array, " b"]
    noise: Float[Array, "b latent"]


class Level(NamedTuple):
    """One level's latents, its share of `TopDown.kl`, `log_ratio` and `noise`."""

    z: Maps
    kl: Float[Array, " b"]
    log_ratio: Float[Array, " b"]
    noise: Float[Array, "b latent"]


class Gaussian(NamedTuple):
    """A diagonal Gaussian."""

    mean: Maps
    log_sigma: Maps


def level(noise: Float[Array, "b n"], prior: Gaussian, posterior: Gaussian | None) -> Level:
    """The latents that noise becomes, under the posterior or, without one, the prior."""
    law = prior if posterior is None else posterior
    e = noise.reshape(law.mean.shape)
    z = law.mean + jnp.exp(law.log_sigma) * e
    if posterior is None:
        none = jnp.zeros(len(z))
        return Level(z, none, none, noise)
    back = (z - prior.mean) * jnp.exp(-prior.log_sigma)
    ratio = prior.log_sigma - law.log_sigma + (back**2 - e**2) / 2
    return Level(z, _summed(kl(law, prior)), _summed(ratio), back.reshape(len(z), -1))


def kl(q: Gaussian, p: Gaussian) -> Maps:
    """KL(q || p) of each number (Kingma & Welling 2014, arXiv:1312.6114, Appendix B)."""
    apart = (q.mean - p.mean) * jnp.exp(-p.log_sigma)
    log_ratio = q.log_sigma - p.log_sigma
    return (jnp.exp(2 * log_ratio) + apart**2 - 1) / 2 - log_ratio


def merged(q: Gaussian, p: Gaussian) -> Gaussian:
    """The product of two Gaussians, normalised: means weighed by their precisions (Sonderby et al.
    2016, arXiv:1602.02282, Eqs. 17-18).
    """
    precision = jnp.exp(-2 * q.log_sigma) + jnp.exp(-2 * p.log_sigma)
    mean = q.mean * jnp.exp(-2 * q.log_sigma) + p.mean * jnp.exp(-2 * p.log_sigma)
    return Gaussian(mean / precision, -jnp.log(precision) / 2)


def joined(theta: Array, levels: list[Level]) -> TopDown:
    """What a decoder of these levels gives."""
    noise = jnp.concatenate([each.noise for each in levels], axis=-1)
    kls = jnp.stack([each.kl for each in levels])
    ratio = sum((each.log_ratio for each in levels[1:]), levels[0].log_ratio)
    return TopDown(theta.astype(jnp.float32), kls, ratio, noise)


def split(noise: Float[Array, "b latent"], shapes: list[tuple[int, ...]]) -> list[Array]:
    """The noise of each level, of latents of these shapes."""
    ends = [sum(math.prod(s) for s in shapes[: n + 1]) for n in range(len(shapes) - 1)]
    return jnp.split(noise, ends, axis=-1)


def _summed(x: Maps) -> Float[Array, " b"]:
    return x.reshape(len(x), -1).sum(axis=-1)
