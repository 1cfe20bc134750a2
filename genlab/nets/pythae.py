"""The convolutional networks of pythae's benchmark on MNIST, 28x28 (Chadebec et al. 2022,
arXiv:2206.08309; clementchadebec/benchmark_VAE, models/nn/benchmarks/mnist/convnets.py).
"""

import functools

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv, ConvTranspose

uniform = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # PyTorch's default


class Down(nn.Module):
    """A 4x4 convolution of stride 2 with one pixel of padding, batch normalisation and ReLU for
    each of the `widths`; flattened.
    """

    widths: tuple[int, ...] = (128, 256, 512, 1024)

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features: of 28x28 pixels `widths[3]` of them; `cond` is not used."""
        for width in self.widths:
            conv = Conv(width, (4, 4), strides=(2, 2), padding=((1, 1),) * 2, kernel_init=uniform)
            x = nn.relu(layers.norm("BatchNorm", "float32")(conv(x), cond, train))
        return x.reshape(len(x), -1)


class Critic(nn.Module):
    """Images to one logit each, of the VAE-GAN: 4x4 convolutions of stride 2 with one pixel of
    padding and without normalisation, ReLU after each but the second, which has tanh; what the
    third gives is sown as "features" in the collection "intermediates".
    """

    widths: tuple[int, ...] = (128, 256, 512, 1024)

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b"]:
        """Logits; `cond` and `train` are not used."""
        for stage, width in enumerate(self.widths):
            conv = Conv(width, (4, 4), strides=(2, 2), padding=((1, 1),) * 2, kernel_init=uniform)
            x = (jnp.tanh if stage == 1 else nn.relu)(conv(x))
            if stage == 2:
                self.sow("intermediates", "features", layers.examples(x))
        return nn.Dense(1, kernel_init=uniform)(x.reshape(len(x), -1))[:, 0]


class Up(nn.Module):
    """A dense layer to 4x4, then transposed 3x3 convolutions of stride 2 to 7x7, 14x14 and 28x28
    with batch normalisation and ReLU between; then, where it is `bounded`, tanh(x / 2), which is
    their sigmoid in [-1, 1].
    """

    shape: tuple[int, ...] = (28, 28, 1)
    widths: tuple[int, ...] = (1024, 512, 256)
    bounded: bool = True

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Images; `cond` is not used. ConfigError for images of another size."""
        if tuple(self.shape[:2]) != (28, 28):
            raise ConfigError(
                f"pythae.Up makes images of 28x28, the shape is {tuple(self.shape)}: resize the "
                "data (data.shape)"
            )
        up = functools.partial(
            ConvTranspose, kernel_size=(3, 3), strides=(2, 2), padding="VALID", kernel_init=uniform
        )
        x = nn.Dense(16 * self.widths[0], kernel_init=uniform)(z).reshape(-1, 4, 4, self.widths[0])
        for stage, width in enumerate((*self.widths[1:], self.shape[-1])):
            last = -1 if stage == 0 else None  # without and with PyTorch's output padding
            x = up(width)(x)[:, 1:last, 1:last]
            if stage < len(self.widths) - 1:
                x = nn.relu(layers.norm("BatchNorm", "float32")(x, cond, train))
        return jnp.tanh(x / 2) if self.bounded else x
