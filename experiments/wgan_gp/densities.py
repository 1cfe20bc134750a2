"""Generators without parameters: the data plus unit noise, as in the paper's value surfaces."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr

from genlab.nets.conditions import Conditions


class NoisyMixture(nn.Module):
    """Equal Gaussians N(mean, std^2 I) plus N(0, noise^2 I), as a map of five normal numbers."""

    means: tuple[tuple[float, float], ...]
    std: float
    noise: float = 1.0

    @nn.compact
    def __call__(self, z: Array, cond: Conditions | None = None, train: bool = True) -> Array:
        """[B, 5] -> [B, 2]."""
        centres = jnp.asarray(self.means)
        which = jnp.minimum(ndtr(z[:, 0]) * len(centres), len(centres) - 1).astype(jnp.int32)
        return centres[which] + self.std * z[:, 1:3] + self.noise * z[:, 3:5]


class NoisyRoll(nn.Module):
    """The Swiss roll of `data.swiss_roll` plus N(0, noise^2 I), as a map of five normal numbers."""

    blur: float = 0.25
    scale: float = 1 / 7.5
    noise: float = 1.0

    @nn.compact
    def __call__(self, z: Array, cond: Conditions | None = None, train: bool = True) -> Array:
        """[B, 5] -> [B, 2]."""
        t = 1.5 * jnp.pi * (1 + 2 * ndtr(z[:, 0]))[:, None]
        spiral = t * jnp.concatenate([jnp.cos(t), jnp.sin(t)], axis=1)
        return self.scale * (spiral + self.blur * z[:, 1:3]) + self.noise * z[:, 3:5]
