"""DCGAN trunks at any power-of-two resolution from 8 up (Radford et al. 2016, arXiv:1511.06434,
Section 3, Figure 1).

`width` is the number of channels at the finest scale; each halving of the resolution doubles it, up
to `8 * width`. `kernel` is the side of every convolution.

    paper, 64x64  Up((64, 64, 3), width=128, kernel=5): 1024, 512, 256, 128, 3 channels, Figure 1
                  Down(width=64, kernel=5): 64, 128, 256, 512; the authors' code has width 128
    common since  width=64 in both, kernel=4: every pixel gets equally many taps at stride 2
"""

import functools

import flax.linen as nn
import jax
from jax import Array
from jaxtyping import Float

from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv, ConvTranspose
from genlab.nets.kernels.product import Dense


class Up(nn.Module):
    """Latent, dense to 4x4, then one stride-2 transposed convolution per doubling; ReLU and
    `norm` between.
    """

    shape: tuple[int, ...]
    width: int = 64
    norm: str = "BatchNorm"
    kernel: int = 4
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed."""
        stages = layers.levels(self.shape)
        bias = layers.has_bias(self.norm)
        norm = functools.partial(layers.norm, self.norm, self.dtype)
        channels = self.width * min(8, 2 ** (stages - 1))
        dense = Dense(16 * channels, use_bias=bias, kernel_init=layers.normal_02, dtype=self.dtype)
        x = nn.relu(norm()(dense(z).reshape(-1, 4, 4, channels), cond, train))
        up = functools.partial(
            ConvTranspose,
            kernel_size=(self.kernel, self.kernel),
            strides=(2, 2),
            kernel_init=layers.normal_02,
            dtype=self.dtype,
        )
        for stage in reversed(range(1, stages)):
            x = up(self.width * min(8, 2 ** (stage - 1)), use_bias=bias)(x)
            x = nn.relu(norm()(x, cond, train))
        return up(self.shape[-1], name="image")(x)


class Down(nn.Module):
    """One stride-2 convolution per halving down to 4x4, LeakyReLU 0.2; `norm` on all but the
    first; flattened.
    """

    width: int = 64
    norm: str = "BatchNorm"
    kernel: int = 4
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features: the last map, flattened."""
        for stage in range(layers.levels(x.shape[1:])):
            norm = self.norm if stage else "Identity"
            x = Conv(
                self.width * min(8, 2**stage),
                (self.kernel, self.kernel),
                strides=(2, 2),
                use_bias=layers.has_bias(norm),
                kernel_init=layers.normal_02,
                dtype=self.dtype,
            )(x)
            x = jax.nn.leaky_relu(layers.norm(norm, self.dtype)(x, cond, train), 0.2)
        return x.reshape(len(x), -1)
