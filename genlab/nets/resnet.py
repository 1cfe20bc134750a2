"""Residual trunks of constant width, as WGAN-GP and SNGAN use them on CIFAR-10.

Gulrajani et al. 2017, arXiv:1704.00028; Miyato et al. 2018, arXiv:1802.05957, Appendix
B.4. Blocks are pre-activation (norm, ReLU, 3x3 convolution, twice) with nearest-neighbour
upsampling or mean pooling and a 1x1 convolution on the shortcut where the resolution or the width
changes.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from genlab.nets import layers


class Up(nn.Module):
    """Latent, dense to 4x4, one upsampling block per doubling, norm, ReLU, 3x3 convolution."""

    shape: tuple[int, ...]
    width: int = 128
    norm: str = "BatchNorm"
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, cond: Array | None = None, train: bool = True) -> Array:
        """[B, D] -> [B, *shape], not squashed."""
        x = nn.Dense(16 * self.width, dtype=self.dtype)(z).reshape(-1, 4, 4, self.width)
        for _ in range(layers.levels(self.shape)):
            x = Block(self.width, upsample, self.norm, self.classes, self.dtype)(x, cond, train)
        x = nn.relu(layers.norm(self.norm, self.classes, self.dtype)(x, cond, train))
        return nn.Conv(self.shape[-1], (3, 3), dtype=self.dtype, name="image")(x)


class Down(nn.Module):
    """A first block on the raw image, mean-pooling blocks to 8x8, `plain` blocks, ReLU, mean over
    the positions.
    """

    width: int = 128
    plain: int = 2
    norm: str = "Identity"
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """[B, H, W, C] -> [B, width]."""
        layers.levels(x.shape[1:])  # refuses what is no square of a power of two
        x = FirstBlock(self.width, self.dtype)(x)
        while x.shape[1] > 8:
            x = Block(self.width, mean_pool, self.norm, self.classes, self.dtype)(x, cond, train)
        for _ in range(self.plain):
            x = Block(self.width, same, self.norm, self.classes, self.dtype)(x, cond, train)
        return nn.relu(x).mean(axis=(1, 2))


class Block(nn.Module):
    """norm, ReLU, convolution, norm, ReLU, convolution, plus the shortcut; `resample` acts on both
    branches.
    """

    width: int
    resample: Callable
    norm: str
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """[B, H, W, C] -> [B, H', W', width]."""

        def norm(h):
            return nn.relu(layers.norm(self.norm, self.classes, self.dtype)(h, cond, train))

        def conv(h, bias=True):
            return nn.Conv(self.width, (3, 3), use_bias=bias, dtype=self.dtype)(h)

        before = (
            self.resample is not mean_pool
        )  # upsample before the first convolution, pool after the second
        h = norm(x)
        h = conv(self.resample(h) if before else h, bias=layers.has_bias(self.norm))
        h = conv(norm(h))
        h = h if before else mean_pool(h)
        shortcut = self.resample(x)
        if self.resample is not same or x.shape[-1] != self.width:
            shortcut = nn.Conv(self.width, (1, 1), dtype=self.dtype, name="shortcut")(shortcut)
        return h + shortcut


class FirstBlock(nn.Module):
    """The critic's first block: no norm or ReLU before the first convolution, mean pooling on both
    branches.
    """

    width: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, C] -> [B, H / 2, W / 2, width]."""
        h = nn.relu(nn.Conv(self.width, (3, 3), dtype=self.dtype)(x))
        h = mean_pool(nn.Conv(self.width, (3, 3), dtype=self.dtype)(h))
        return h + nn.Conv(self.width, (1, 1), dtype=self.dtype, name="shortcut")(mean_pool(x))


def upsample(x: Array) -> Array:
    """Nearest-neighbour doubling."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def mean_pool(x: Array) -> Array:
    """Mean over 2x2."""
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


def same(x: Array) -> Array:
    """`x`."""
    return x
