"""The two halves of a translator as trunks of their own: a picture to a map of features or latents,
and a map to a picture (the encoders and decoders of UNIT: Liu et al. 2017, arXiv:1703.00848, Table
3, at any depth; the decoder of AdaIN: Huang & Belongie 2017, arXiv:1703.06868, Section 6.1).
"""

import functools

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.resize import upsample


class Down(nn.Module):
    """A 7x7 convolution, halvings that double the channels, residual blocks; norm and ReLU between.

    width: channels at full resolution
    """

    width: int = 64
    halvings: int = 2
    blocks: int = 3
    norm: str = "InstanceNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b i j d"]:
        """A map. ConfigError for sides that cannot be halved so often."""
        if any(side % 2**self.halvings for side in x.shape[1:3]):
            raise ConfigError(
                f"pictures of {x.shape[1]}x{x.shape[2]} cannot be halved {self.halvings} times: "
                "set fewer halvings"
            )
        x = _conv(self, self.width, 7)(x)
        for level in range(self.halvings):
            x = nn.relu(layers.norm(self.norm, self.dtype)(x, cond, train))
            x = _conv(self, self.width * 2 ** (level + 1), 4, strides=(2, 2))(x)
        x = nn.relu(layers.norm(self.norm, self.dtype)(x, cond, train))
        for _ in range(self.blocks):
            x = Block(self.norm, self.dtype)(x, cond, train)
        return x


class Up(nn.Module):
    """Residual blocks, then doublings, nearest and a convolution, that halve the channels; a 7x7
    convolution to a picture.

    width: channels at full resolution
    """

    channels: int = 3
    width: int = 64
    doublings: int = 2
    blocks: int = 3
    norm: str = "InstanceNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b i j d"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Pictures, not squashed."""
        for _ in range(self.blocks):
            x = Block(self.norm, self.dtype)(x, cond, train)
        for level in reversed(range(self.doublings)):
            x = _conv(self, self.width * 2**level, 5)(upsample(x))
            x = nn.relu(layers.norm(self.norm, self.dtype)(x, cond, train))
        return _conv(self, self.channels, 7)(x)


class Block(nn.Module):
    """x + f(x): two 3x3 convolutions, the first with a ReLU."""

    norm: str = "InstanceNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """A map of the same shape."""
        h = layers.norm(self.norm, self.dtype)(_conv(self, x.shape[-1], 3)(x), cond, train)
        h = _conv(self, x.shape[-1], 3)(nn.relu(h))
        return x + layers.norm(self.norm, self.dtype)(h, cond, train)


def _conv(net: nn.Module, features: int, side: int, **fields):
    conv = functools.partial(Conv, kernel_init=nn.initializers.he_normal(), dtype=net.dtype)  # pyright: ignore
    return conv(features, (side, side), **fields)
