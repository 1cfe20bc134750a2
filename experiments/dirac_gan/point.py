"""The two networks of the Dirac-GAN, its data, and its instance noise."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtri

from genlab.data.sets.toy import Drawn
from genlab.nets.conditions import Conditions


class Point(nn.Module):
    """A generator of one point: G(z) = theta for every z."""

    start: float = 1.0

    @nn.compact
    def __call__(self, z: Array, cond: Conditions | None = None, train: bool = True) -> Array:
        """[B, D] -> [B, 1]."""
        theta = self.param("theta", nn.initializers.constant(self.start), ())
        return jnp.full((len(z), 1), 1.0) * theta


class Line(nn.Module):
    """A critic without a bias: D(x) = psi x, high for data (the paper's is high for samples: its
    psi = 1 is our -1).
    """

    start: float = -1.0

    @nn.compact
    def __call__(self, x: Array, cond: Conditions | None = None, train: bool = True) -> Array:
        """[B, 1] -> [B]."""
        return self.param("psi", nn.initializers.constant(self.start), ()) * x[:, 0]


def origin() -> Drawn:
    """Data at the single point 0."""
    return Drawn(lambda key: jnp.zeros(1))


def spread(std: float) -> Callable:
    """Adds std x the normal quantiles of the batch, scaled to variance 1: instance noise of which
    the first two moments, hence the linearised game, are exact.
    """

    def see(x: Array, key: Array, step: Array) -> Array:
        n = len(x)
        quantiles = ndtri((jnp.arange(n) + 0.5) / n)
        return x + std * (quantiles / jnp.sqrt((quantiles**2).mean()))[:, None]

    return see
