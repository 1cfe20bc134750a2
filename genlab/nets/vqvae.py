"""The convolutional networks of VQ-VAE, between images and maps of vectors (van den Oord et al.
2017, arXiv:1711.00937, Section 4.1, in the widths of the authors' code).

    CIFAR-10  Down(64), Up((32, 32, 3))    maps of 8x8
    VQ-VAE-2  Down(64), then in nets.quantise.Hierarchical down=Down(128, halvings=1), up=Up((h, w,
              128), halvings=1)
"""

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv, ConvTranspose


class Down(nn.Module):
    """`halvings` 4x4 convolutions of stride 2, the first of half the width where there are more, a
    3x3 convolution, `blocks` residual blocks, ReLU, and a 1x1 convolution to `features`.
    """

    features: int
    width: int = 128
    halvings: int = 2
    blocks: int = 2
    block_width: int = 32
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b i j features"]:
        """A map of vectors; `cond` and `train` are not used."""
        factor = 2**self.halvings
        if x.ndim != 4 or x.shape[1] % factor or x.shape[2] % factor:
            raise ConfigError(
                f"data of shape {x.shape[1:]} are no images of a multiple of {factor} pixels: "
                f"resize the data (data.shape), or lower halvings={self.halvings}"
            )
        for stage in range(self.halvings):
            width = self.width // 2 if stage < self.halvings - 1 else self.width
            x = nn.relu(Conv(width, (4, 4), strides=(2, 2), dtype=self.dtype)(x))
        x = Conv(self.width, (3, 3), dtype=self.dtype)(x)
        x = _residual(x, self.blocks, self.block_width, self.dtype)
        return Conv(self.features, (1, 1), dtype=self.dtype, name="out")(x).astype("float32")


class Up(nn.Module):
    """`Down` the other way, from a map of vectors to images of `shape`."""

    shape: tuple[int, ...]
    width: int = 128
    halvings: int = 2
    blocks: int = 2
    block_width: int = 32
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, z: Float[Array, "b i j d"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed; `cond` and `train` are not used."""
        x = Conv(self.width, (3, 3), dtype=self.dtype)(z)
        x = _residual(x, self.blocks, self.block_width, self.dtype)
        for stage in reversed(range(self.halvings)):
            last = stage == 0
            up = ConvTranspose(
                self.shape[-1] if last else self.width // 2,
                (4, 4),
                strides=(2, 2),
                dtype=self.dtype,
                name="image" if last else None,
            )
            x = up(x) if last else nn.relu(up(x))
        if not self.halvings:
            x = Conv(self.shape[-1], (3, 3), dtype=self.dtype, name="image")(x)
        return x.astype("float32")


class Rows(nn.Module):
    """What a trunk down gives, as `positions` vectors of `features`, by a linear layer: codes of
    points, or of images through `nets.mlp`.
    """

    trunk: nn.Module
    positions: int
    features: int

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b n features"]:
        """Vectors."""
        out = nn.Dense(self.positions * self.features, name="out")(self.trunk(x, cond, train))
        return out.reshape(len(x), self.positions, self.features).astype("float32")


class FromRows(nn.Module):
    """A trunk up of vectors joined into one."""

    trunk: nn.Module

    @nn.compact
    def __call__(
        self, z: Float[Array, "b *positions d"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape"]:
        """What the trunk gives."""
        return self.trunk(z.reshape(len(z), -1), cond, train).astype("float32")


def _residual(x: Array, blocks: int, width: int, dtype: str) -> Array:
    """ReLU of `blocks` times x + conv1(relu(conv3(relu(x))))."""
    for _ in range(blocks):
        h = Conv(width, (3, 3), dtype=dtype)(nn.relu(x))
        x = x + Conv(x.shape[-1], (1, 1), dtype=dtype)(nn.relu(h))
    return nn.relu(x)
