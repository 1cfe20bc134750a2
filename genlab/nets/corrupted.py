"""A network that sees spoilt examples in training (denoising: Vincent et al. 2008, ICML)."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.layers.wrappers import Wrapper


class Corrupted(Wrapper):
    """`net`, an encoder, whose examples in training have Gaussian noise and zeros in them: of a
    denoising autoencoder (Vincent et al. 2008; of a VAE: Im et al. 2017, arXiv:1511.06406).

    noise:  standard deviation, in units of [-1, 1]
    masked: share of the numbers that are set to `value`
    """

    noise: float = 0.0
    masked: float = 0.0
    value: float = 0.0

    def __post_init__(self):
        if self.noise < 0 or not 0 <= self.masked < 1:
            raise ConfigError(
                f"Corrupted(noise={self.noise}, masked={self.masked}): noise is 0 or more, and "
                "masked a share below 1"
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, cond: Conditions | None = None, train: bool = True):
        """What `net` gives."""
        return self.net(self._spoilt(x) if train else x, cond, train)

    def _spoilt(self, x: Array) -> Array:
        of_noise, of_mask = random.split(self.make_rng("dropout"))
        noisy = x + self.noise * random.normal(of_noise, x.shape)
        gone = random.bernoulli(of_mask, self.masked, x.shape)
        return jnp.where(gone, self.value, noisy)
