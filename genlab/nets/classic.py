"""The small convolutional GANs of the classic tutorials, at any size their strides divide.

    small       Up(shape, (128, 64), (2, 2), norm="Identity", slope=0.2)
                Down((32, 64), slope=0.2)
    products    Up(shape), Down(): a DCGAN for product pictures, 28x28 and up
    upsampling  Resize(shape, (256, 128, 64, 32, 16)) for 128x128 from 8x8
                Down((32, 64, 128, 256), kernel=3, norm="BatchNorm", slope=0.2, dropout=0.25)

The first stage stands at height and width divided by all strides. Kernels are Glorot uniform.
"""

import functools
import math
from typing import Any

import flax.linen as nn
import jax
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv, ConvTranspose, UpsampledConv
from genlab.nets.kernels.product import Dense


class Up(nn.Module):
    """Latent, dense to the first map, transposed convolutions `strides` to the image; `norm` and
    LeakyReLU between. The dense layer is normalised unit by unit.
    """

    shape: tuple[int, ...]
    channels: tuple[int, ...] = (256, 128, 64)
    strides: tuple[int, ...] = (1, 2, 2)
    kernel: int = 5
    norm: str = "BatchNorm"
    slope: float = 0.3
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed."""
        if len(self.channels) != len(self.strides):
            raise ConfigError(
                f"channels={self.channels}, strides={self.strides}: each stride needs the channels "
                "it starts from"
            )
        first = (*_base(self.shape, math.prod(self.strides)), self.channels[0])
        norm = functools.partial(layers.norm, self.norm, self.dtype)
        bias = layers.has_bias(self.norm)
        x = Dense(math.prod(first), use_bias=bias, kernel_init=_glorot, dtype=self.dtype)(z)
        x = jax.nn.leaky_relu(norm()(x, cond, train), self.slope).reshape(-1, *first)
        up = functools.partial(
            ConvTranspose,
            kernel_size=(self.kernel, self.kernel),
            use_bias=bias,
            kernel_init=_glorot,
            dtype=self.dtype,
        )
        for channels, stride in zip(self.channels[1:], self.strides[:-1], strict=True):
            x = norm()(up(channels, strides=(stride, stride))(x), cond, train)
            x = jax.nn.leaky_relu(x, self.slope)
        stride = self.strides[-1]
        return up(self.shape[-1], strides=(stride, stride), name="image")(x)


class Resize(nn.Module):
    """Latent, dense to the first map, ReLU; then doubling, 3x3 convolution, `norm` and ReLU for
    each further number of channels; 3x3 convolution to the image.
    """

    shape: tuple[int, ...]
    channels: tuple[int, ...] = (128, 128, 64)
    norm: str = "BatchNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed."""
        base = _base(self.shape, 2 ** (len(self.channels) - 1))
        first = (*base, self.channels[0])
        init: dict[str, Any] = dict(kernel_size=(3, 3), kernel_init=_glorot, dtype=self.dtype)
        x = nn.relu(Dense(math.prod(first), kernel_init=_glorot, dtype=self.dtype)(z))
        x = x.reshape(-1, *first)
        for channels in self.channels[1:]:
            x = UpsampledConv(channels, use_bias=layers.has_bias(self.norm), **init)(x)
            x = nn.relu(layers.norm(self.norm, self.dtype)(x, cond, train))
        return Conv(self.shape[-1], name="image", **init)(x)


class Down(nn.Module):
    """Stride-2 convolutions, each with `norm` (the first without), LeakyReLU and dropout;
    flattened.
    """

    channels: tuple[int, ...] = (64, 128)
    kernel: int = 5
    norm: str = "Identity"
    slope: float = 0.3
    dropout: float = 0.3
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features: the last map, flattened."""
        for stage, channels in enumerate(self.channels):
            norm = self.norm if stage else "Identity"
            x = Conv(
                channels,
                (self.kernel, self.kernel),
                strides=(2, 2),
                use_bias=layers.has_bias(norm),
                kernel_init=_glorot,
                dtype=self.dtype,
            )(x)
            x = layers.norm(norm, self.dtype)(x, cond, train)
            x = nn.Dropout(self.dropout, deterministic=not train)(jax.nn.leaky_relu(x, self.slope))
        return x.reshape(len(x), -1)


_glorot = nn.initializers.glorot_uniform()


def _base(shape: tuple[int, ...], factor: int) -> tuple[int, int]:
    """Height and width of the first map; ConfigError where the strides do not divide the image."""
    if shape[0] % factor or shape[1] % factor:
        raise ConfigError(
            f"images of {shape[0]}x{shape[1]} are no multiple of the {factor} that this "
            "generator's stages scale by: resize the data (data.shape), or change the stages"
        )
    return shape[0] // factor, shape[1] // factor
