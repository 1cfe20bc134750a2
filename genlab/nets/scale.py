"""One scale for all that a network gives: the variance of a Gaussian decoder, learned."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from genlab.nets.layers import Wrapper


class WithScale(Wrapper):
    """What `net` gives as means m, and one learned log-scale for all of them, along the channels:
    the decoder N(m, gamma^2 I) of `likelihood.learned_gaussian` (Dai & Wipf 2019,
    arXiv:1903.05789, Eq. 5, where gamma is the variance). gamma begins at 1.
    """

    @nn.compact
    def __call__(self, z: Array, cond=None, train: bool = True) -> Array:
        """[B, ..., 2 C] where `net` gives [B, ..., C]."""
        mean = self.net(z, cond, train)
        log_scale = self.param("log_scale", nn.initializers.zeros, ())
        return jnp.concatenate([mean, jnp.broadcast_to(log_scale, mean.shape)], axis=-1)
