"""Laws of latents that are fitted without gradients, with the contract of `nets.priors`:

law(z, posterior)          -> log p(z) in nats
law.draw(noise, posterior) -> latents, of noise ~ N(0, I) of width law.noise(latent)
law.observe(z)             -> moves its statistics on, from the global batch
"""

import math
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax, random
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.runtime import collectives

BEFORE = 30  # batches that the beginning of a mixture counts as
SINGULAR = 1e-3  # of its second moments, for a component without a density
Latents = Float[Array, "b d"]


class Mixture(nn.Module):
    """A mixture of `components` Gaussians with full covariances, by stepwise expectation
    maximisation: the sufficient statistics of a batch enter the running ones with a rate of
    (t + 1 + before)^-forget (Cappe & Moulines 2009, arXiv:0712.4273, Section 2.3). With one
    component and forget=1.0 that is the mean and the covariance of all latents seen; with the whole
    set as the batch and forget=0.0 it is the EM algorithm itself. Components begin at latents of
    the first batch, with the covariance of all of it.

    before: batches that this beginning counts as, so that no component is left with the few
            latents that it has of one batch; None for 30, or for 0 with one component
    ridge:  added to the diagonals of the covariances; a thousandth of the second moments more where
            a covariance is singular all the same
    """

    components: int = 10
    forget: float = 0.6
    ridge: float = 1e-6
    before: int | None = None
    exact: ClassVar[bool] = True

    def noise(self, latent: int) -> int:
        """One number more, which chooses the component."""
        return latent + 1

    @nn.compact
    def _sums(self, d: int, z: Latents | None = None) -> tuple[nn.Variable, ...]:
        """Shares, means and second moments weighed by the shares, and the number of batches."""
        if self.components < 1:
            raise ConfigError(f"components={self.components}: a mixture has at least one")
        k = self.components

        def begin():
            if z is None:
                raise ConfigError("a fitted Mixture begins at latents, and is given none")
            rows = random.choice(self.make_rng("params"), len(z), (k,), replace=len(z) < k)
            mean, middle = z[rows], z - z.mean(0, keepdims=True)
            within = middle.T @ middle / len(z)
            return mean / k, (within[None] + mean[:, :, None] * mean[:, None, :]) / k

        start = begin() if self.is_initializing() else (None, None)
        share = self.variable("mixture", "share", lambda: jnp.full((k,), 1 / k))
        first = self.variable("mixture", "first", lambda: start[0])
        second = self.variable("mixture", "second", lambda: start[1])
        return share, first, second, self.variable("mixture", "batches", lambda: jnp.zeros(()))

    def __call__(self, z: Latents, posterior=None) -> Float[Array, " b"]:
        """log p(z)."""
        return jax.nn.logsumexp(self._joint(z, self._sums(z.shape[-1], z)), axis=-1)

    def observe(self, z: Latents) -> None:
        """One step of expectation maximisation; changes the collection "mixture"."""
        z, held = lax.stop_gradient(z), self._sums(z.shape[-1])
        shares = jax.nn.softmax(self._joint(z, held), axis=-1)
        products = jnp.einsum("nk,ni,nj->kij", shares, z, z)
        new = shares.mean(0), shares.T @ z / len(z), products / len(z)
        before = BEFORE * (self.components > 1) if self.before is None else self.before
        rate = (held[3].value + 1 + before) ** -self.forget
        for variable, value in zip(held[:3], collectives.mean(new), strict=True):
            variable.value = (1 - rate) * variable.value + rate * value
        held[3].value = held[3].value + 1

    def draw(self, noise: Float[Array, "b n"], posterior=None) -> Latents:
        """Latents: the first number of the noise chooses the component."""
        share, mean, root = self._parts(self._sums(noise.shape[-1] - 1))
        edges = jnp.cumsum(share)[:-1] / share.sum()
        chosen = (jax.scipy.stats.norm.cdf(noise[:, :1]) > edges[None]).sum(-1)
        return mean[chosen] + jnp.einsum("bij,bj->bi", root[chosen], noise[:, 1:])

    def _joint(self, z: Latents, held: tuple[nn.Variable, ...]) -> Float[Array, "b k"]:
        """log of share x density of each component."""
        share, mean, root = self._parts(held)
        apart = (z[None] - mean[:, None]).swapaxes(1, 2)
        white = jax.scipy.linalg.solve_triangular(root, apart, lower=True)
        scale = jnp.log(jnp.diagonal(root, axis1=1, axis2=2)).sum(-1)
        log_p = -0.5 * (white**2).sum(1).T - (scale + z.shape[-1] * math.log(2 * math.pi) / 2)[None]
        return log_p + jnp.log(share)[None]

    def _parts(self, held: tuple[nn.Variable, ...]) -> tuple[Array, Array, Array]:
        """Shares, means, and the Cholesky factors of the covariances."""
        share, first, second = (variable.value for variable in held[:3])
        share = jnp.maximum(share, 1e-12)
        mean = first / share[:, None]
        moments, one = second / share[:, None, None], jnp.eye(mean.shape[-1])[None]
        covariance = moments - mean[:, :, None] * mean[:, None, :] + self.ridge * one
        root = jnp.linalg.cholesky(covariance)
        scale = jnp.trace(moments, axis1=1, axis2=2) / mean.shape[-1]
        wider = covariance + (SINGULAR * scale)[:, None, None] * one
        singular = ~jnp.isfinite(root).all((1, 2), keepdims=True)
        return share, mean, jnp.where(singular, jnp.linalg.cholesky(wider), root)
