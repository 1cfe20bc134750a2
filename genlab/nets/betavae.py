"""The convolutional networks of the studies of disentanglement, 64x64 (Higgins et al. 2017,
beta-VAE, Table 1, row 3, as disentanglement_lib has them: Locatello et al. 2019, arXiv:1811.12359,
in the authors' code, whose third and fourth filters are 2x2).
"""

import functools

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv, ConvTranspose

glorot = nn.initializers.glorot_uniform()


class Down(nn.Module):
    """Four convolutions of stride 2 with ReLU, then `hidden` units with ReLU."""

    widths: tuple[int, ...] = (32, 32, 64, 64)
    kernels: tuple[int, ...] = (4, 4, 2, 2)
    hidden: int = 256

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features; `cond` and `train` are not used."""
        for width, side in zip(self.widths, self.kernels, strict=True):
            x = nn.relu(Conv(width, (side, side), strides=(2, 2), kernel_init=glorot)(x))
        dense = nn.Dense(self.hidden, kernel_init=glorot)
        return nn.relu(dense(x.reshape(len(x), -1)))


class Up(nn.Module):
    """Two layers of `hidden` and 16 `widths[0]` units, then a transposed 4x4 convolution of stride
    2 for each of the widths, the last to the image.
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (64, 64, 32, 32)
    hidden: int = 256

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed. ConfigError for images that are not 4x4 doubled once for each width."""
        side = 4 * 2 ** len(self.widths)
        if tuple(self.shape[:2]) != (side, side):
            raise ConfigError(
                f"betavae.Up makes images of {side}x{side}, the shape is {tuple(self.shape)}: "
                "resize the data (data.shape), or change the number of widths"
            )
        for width in (self.hidden, 16 * self.widths[0]):
            z = nn.relu(nn.Dense(width, kernel_init=glorot)(z))
        x = z.reshape(-1, 4, 4, self.widths[0])
        up = functools.partial(
            ConvTranspose, kernel_size=(4, 4), strides=(2, 2), kernel_init=glorot
        )
        for width in self.widths[1:]:
            x = nn.relu(up(width)(x))
        return up(self.shape[-1], name="image")(x)
