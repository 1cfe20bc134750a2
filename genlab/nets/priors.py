"""Priors with parameters of a latent.

    Prior(z, posterior)          -> log p(z) in nats, "*b"
    Prior.draw(noise, posterior) -> latents, of noise ~ N(0, I)
    Prior.noise(latent)          -> the width of that noise

`posterior` is what maps examples to (mean, log-variance), each "k z", with the encoder's weights:
a prior that is made of posteriors calls it (`of_posteriors`). `exact` says whether the density is
exact or a bound of one draw.
"""

import math
from collections.abc import Callable
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float

from genlab.config import ConfigError, one_or_more

Latents = Float[Array, "*b z"]
Posterior = Callable[[Array], tuple[Array, Array]]
Parts = tuple[Float[Array, " k"], Float[Array, "k z"], Float[Array, "k z"]]


class Mixture(nn.Module):
    """A mixture of diagonal Gaussians with learned weights, means and variances (as the prior of
    Dilokthanakul et al. 2016, arXiv:1611.02648, without its own latent of the components). `draw`
    has no gradient in the weights.
    """

    components: int = 10
    exact: ClassVar[bool] = True

    def __call__(self, z: Latents, posterior: Posterior | None = None) -> Float[Array, "*b"]:
        """log p(z)."""
        return _log_mixture(z, self._parts(z.shape[-1]))

    def draw(self, noise: Float[Array, "b n"], posterior: Posterior | None = None) -> Latents:
        """Latents."""
        return _of_mixture(noise, self._parts(noise.shape[-1] - 1))

    def noise(self, latent: int) -> int:
        """One number for the component."""
        return latent + 1

    @nn.compact
    def _parts(self, d: int) -> Parts:
        one_or_more(components=self.components)
        logits = self.param("logits", nn.initializers.zeros, (self.components,))
        mean = self.param("mean", nn.initializers.normal(1.0), (self.components, d))
        log_variance = self.param("log_variance", nn.initializers.zeros, (self.components, d))
        return jax.nn.log_softmax(logits), mean, log_variance


class Vamp(nn.Module):
    """VampPrior: the mean of the posteriors of `components` learned pseudo-inputs, examples of
    `shape` in [-1, 1] (Tomczak & Welling 2018, arXiv:1705.07120; a hard tanh keeps them in
    range, as in the authors' code). They begin in the middle of the range.
    """

    shape: tuple[int, ...]
    components: int = 500
    exact: ClassVar[bool] = True
    of_posteriors: ClassVar[bool] = True

    def __call__(self, z: Latents, posterior: Posterior | None = None) -> Float[Array, "*b"]:
        """log p(z)."""
        return _log_mixture(z, self._parts(posterior))

    def draw(self, noise: Float[Array, "b n"], posterior: Posterior | None = None) -> Latents:
        """Latents."""
        return _of_mixture(noise, self._parts(posterior))

    def noise(self, latent: int) -> int:
        """One number for the component."""
        return latent + 1

    @nn.compact
    def _parts(self, posterior: Posterior | None) -> Parts:
        if posterior is None:
            raise ConfigError("priors.Vamp is made of posteriors: give it the encoder's")
        one_or_more(components=self.components)
        shape = (self.components, *self.shape)
        inputs = self.param("inputs", nn.initializers.normal(0.1), shape)
        log_weight = jnp.full((self.components,), -math.log(self.components))
        return log_weight, *posterior(jnp.clip(inputs, -1, 1))


class Flow(nn.Module):
    """N(0, I) after a flow of `nets.flows`, taken from the latent to the noise (as the priors of
    Chen et al. 2017, arXiv:1611.02731).
    """

    flow: nn.Module
    exact: ClassVar[bool] = True

    def __call__(self, z: Latents, posterior: Posterior | None = None) -> Float[Array, "*b"]:
        """log p(z)."""
        noise, log_det = self.flow(z)
        return _log_normal(noise, 0.0, 0.0) + log_det

    def draw(self, noise: Float[Array, "b n"], posterior: Posterior | None = None) -> Latents:
        """Latents."""
        return self.flow.inverse(noise)

    def noise(self, latent: int) -> int:
        """As many. ConfigError for a flow that cannot be inverted."""
        if not hasattr(self.flow, "inverse"):
            raise ConfigError(
                f"prior.flow is {type(self.flow).__name__}, which has no inverse and so cannot be "
                "drawn from: give flows.Spline or flows.InverseAutoregressive"
            )
        if context := getattr(self.flow, "context", 0):
            raise ConfigError(
                f"prior.flow has a context of {context} numbers of the encoder, and a prior is the "
                "same for all examples: leave `context` out"
            )
        return latent


class Hierarchical(nn.Module):
    """p(z) = E_u p(z | u), u ~ N(0, I) of `latent` numbers, Gaussians by networks with one hidden
    layer of `width`; log p(z) is bounded by log p(z, u) - log q(u | z) at one u ~ q(u | z) (two
    stochastic layers: Sonderby et al. 2016, arXiv:1602.02282).
    """

    latent: int = 8
    width: int = 64
    exact: ClassVar[bool] = False

    def __call__(self, z: Latents, posterior: Posterior | None = None) -> Float[Array, "*b"]:
        """A bound of log p(z)."""
        up, down = self._networks(z.shape[-1])
        mean, log_variance = up(z)
        u = mean + jnp.exp(log_variance / 2) * random.normal(self.make_rng("dropout"), mean.shape)
        below, log_variance_below = down(u)
        given = _log_normal(z, below, log_variance_below) + _log_normal(u, 0.0, 0.0)
        return given - _log_normal(u, mean, log_variance)

    def draw(self, noise: Float[Array, "b n"], posterior: Posterior | None = None) -> Latents:
        """Latents."""
        u, noise = jnp.split(noise, [self.latent], axis=-1)
        mean, log_variance = self._networks(noise.shape[-1])[1](u)
        return mean + jnp.exp(log_variance / 2) * noise

    def noise(self, latent: int) -> int:
        """Of both layers."""
        return self.latent + latent

    @nn.compact
    def _networks(self, d: int) -> list[Callable]:
        """q(u | z) and p(z | u)."""
        one_or_more(latent=self.latent, width=self.width)
        return [self._gaussian("up", self.latent), self._gaussian("down", d)]

    def _gaussian(self, name: str, out: int) -> Callable:
        hidden = nn.Dense(self.width, name=f"{name}_hidden")
        last = nn.Dense(2 * out, name=f"{name}_out")
        return lambda x: jnp.split(last(jnp.tanh(hidden(x))), 2, axis=-1)


def check_shape(prior: nn.Module | None, shape: tuple[int, ...], where: str) -> None:
    """ConfigError, beginning with `where`, for pseudo-inputs of another shape than examples."""
    own = getattr(prior, "shape", None) if getattr(prior, "of_posteriors", False) else None
    if own is not None and tuple(own) != tuple(shape):
        raise ConfigError(
            f"{where} has pseudo-inputs of {tuple(own)}, the examples are {tuple(shape)}: set "
            f"{where}.shape={tuple(shape)}"
        )


def _log_normal(z: Latents, mean: Array | float, log_variance: Array | float) -> Array:
    squares = (z - mean) ** 2 * jnp.exp(-jnp.asarray(log_variance))
    return -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(axis=-1)


def _log_mixture(z: Latents, parts: Parts) -> Float[Array, "*b"]:
    log_weight, *gaussians = (x.reshape((1,) * (z.ndim - 1) + x.shape) for x in parts)
    return jax.nn.logsumexp(log_weight + _log_normal(z[..., None, :], *gaussians), axis=-1)


def _of_mixture(noise: Float[Array, "b n"], parts: Parts) -> Latents:
    """The first number of the noise chooses the component, the others are the Gaussian's."""
    log_weight, mean, log_variance = parts
    edges = jnp.cumsum(jnp.exp(log_weight))[:-1]
    chosen = (jax.scipy.stats.norm.cdf(noise[:, :1]) > edges[None]).sum(axis=-1)
    return mean[chosen] + jnp.exp(log_variance[chosen] / 2) * noise[:, 1:]
