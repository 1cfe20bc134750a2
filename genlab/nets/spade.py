"""Spatially-adaptive normalisation: a label map, or another picture given, enters a generator
through its norms at every resolution (Park et al. 2019, arXiv:1903.07291).

    authors', 256x256  Translator(spade.Generator()), 5 doublings from 8x8
                       SpectralNorm(..., exempt=("affine", *spade.NORMS)) around it
    with a latent      Translator(..., z_as="norms"): the latent makes the first map
"""

import functools

import flax.linen as nn
import jax
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.product import Dense
from genlab.nets.kernels.resize import upsample
from genlab.nets.roles import LATENT

NORMS = ("spade_0", "spade_1", "spade_s")
glorot = nn.initializers.variance_scaling(0.02**2, "fan_avg", "normal")  # xavier, gain 0.02


class Generator(nn.Module):
    """Residual blocks of spatially-adaptive norms, doubled between; a trunk across.

    width:     channels at full resolution, 16 times as many at first
    doublings: from the first map to the picture, at least 4
    hidden:    channels of each norm's own layer
    norm:      one without scale and shift: "PlainBatchNorm" or "InstanceNorm"
    """

    channels: int = 3
    width: int = 64
    doublings: int = 5
    hidden: int = 128
    norm: str = "PlainBatchNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w d"]:
        """Not squashed. ConfigError for sides that are no multiples of 2^doublings."""
        self._refuse(x)
        block = functools.partial(Block, hidden=self.hidden, norm=self.norm, dtype=self.dtype)
        h = self._first(x, (cond or {}).get(LATENT))
        h = block(16 * self.width)(h, x, train)
        for level in range(max(self.doublings - 4, 2)):
            h = upsample(h) if level < self.doublings - 4 else h
            h = block(16 * self.width)(h, x, train)
        for factor in (8, 4, 2, 1):
            h = block(factor * self.width)(upsample(h), x, train)
        h = jax.nn.leaky_relu(h, 0.2)
        return Conv(self.channels, (3, 3), kernel_init=glorot, dtype=self.dtype, name="image")(h)

    def _first(self, x: Array, z: Array | None) -> Array:
        step, features = 2**self.doublings, 16 * self.width
        small = x[:, ::step, ::step]
        if z is None:
            return Conv(features, (3, 3), kernel_init=glorot, dtype=self.dtype, name="first")(small)
        h, w = small.shape[1:3]
        dense = Dense(h * w * features, kernel_init=glorot, dtype=self.dtype, name="first")
        return dense(z).reshape(-1, h, w, features)

    def _refuse(self, x: Array) -> None:
        step, (height, width) = 2**self.doublings, x.shape[1:3]
        if self.doublings < 4:
            raise ConfigError(f"spade.Generator(doublings={self.doublings}): at least 4")
        if height % step or width % step:
            raise ConfigError(
                f"pictures of {height}x{width}: spade.Generator(doublings={self.doublings}) takes "
                f"sides that are multiples of {step}"
            )


class Block(nn.Module):
    """SPADE, LeakyReLU, 3x3 convolution, twice; a learned shortcut where the width changes."""

    features: int
    hidden: int = 128
    norm: str = "PlainBatchNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b i j c"], seen: Float[Array, "b h w s"], train: bool = True
    ) -> Float[Array, "b i j d"]:
        """A map of `features` channels."""
        spade = functools.partial(SPADE, hidden=self.hidden, norm=self.norm, dtype=self.dtype)
        conv = functools.partial(Conv, kernel_init=glorot, dtype=self.dtype)
        middle, skip = min(x.shape[-1], self.features), x
        if x.shape[-1] != self.features:
            skip = spade(name="spade_s")(x, seen, train)
            skip = conv(self.features, (1, 1), use_bias=False, name="shortcut")(skip)
        h = jax.nn.leaky_relu(spade(name="spade_0")(x, seen, train), 0.2)
        h = conv(middle, (3, 3))(h)
        h = jax.nn.leaky_relu(spade(name="spade_1")(h, seen, train), 0.2)
        return skip + conv(self.features, (3, 3))(h)


class SPADE(nn.Module):
    """x^ (1 + gamma) + beta, x^ normalised without scale and shift, gamma and beta of each position
    two convolutions of the map given (Eq. 1 there, with 1 + gamma as in the authors' code).
    """

    hidden: int = 128
    norm: str = "PlainBatchNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b i j c"], seen: Float[Array, "b h w s"], train: bool = True
    ) -> Float[Array, "b i j c"]:
        """A map of the same shape; `seen` is taken at its resolution, nearest."""
        step = seen.shape[1] // x.shape[1]
        conv = functools.partial(Conv, kernel_size=(3, 3), kernel_init=glorot, dtype=self.dtype)
        h = nn.relu(conv(self.hidden)(seen[:, ::step, ::step]))
        gamma, beta = (conv(x.shape[-1], name=name)(h) for name in ("gamma", "beta"))
        plain = layers.norm(self.norm, self.dtype, name="norm")(x, None, train)
        return plain * (1 + gamma) + beta
