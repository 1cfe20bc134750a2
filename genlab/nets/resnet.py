"""Residual trunks of constant width, as WGAN-GP, SNGAN and their like use them on CIFAR-10.

Gulrajani et al. 2017, arXiv:1704.00028, and Miyato et al. 2018, arXiv:1802.05957, Appendix B.4, in
their authors' code layer for layer: blocks are pre-activation (norm, ReLU, 3x3 convolution, twice)
with nearest-neighbour upsampling or mean pooling, and a 1x1 convolution on the shortcut where the
resolution or the width changes.

    WGAN-GP  Up(shape, width=128)   Down(width=128)
    SNGAN    Up(shape, width=256)   Down(width=128, pool="sum"), spectrally normalised

`norm="ConditionalBatchNorm"` in `Up` is the class-conditional version of both. `attention` puts
one self-attention layer at that resolution (Zhang et al. 2019, arXiv:1805.08318). `remat` computes
the blocks anew for the gradient (`genlab.nets.layers.remat`).
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, choose
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv, PooledConv, UpsampledConv
from genlab.nets.kernels.product import Dense
from genlab.nets.kernels.resize import mean_pool, upsample
from genlab.nets.layers.attention import SelfAttention
from genlab.nets.layers.remat import remat

glorot = nn.initializers.glorot_uniform()
he = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")
"""He et al. 2015, arXiv:1502.01852, on the mean of the fans: what both authors' codes give the 3x3
convolutions of a block; everything else is Glorot.
"""


class Up(nn.Module):
    """Latent, dense to 4x4, one upsampling block per doubling, norm, ReLU, 3x3 convolution.

    A conditional norm is told the label inside the blocks; the last norm is the same without it.
    """

    shape: tuple[int, ...]
    width: int = 128
    norm: str = "BatchNorm"
    attention: int = 0
    dtype: str = "float32"
    remat: bool = False

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed."""
        doublings = layers.levels(self.shape)
        check_attention(self.attention, [8 << stage for stage in range(doublings)])
        norm = functools.partial(layers.norm, self.norm, self.dtype)
        dense = Dense(16 * self.width, kernel_init=glorot, dtype=self.dtype)
        x = dense(z).reshape(-1, 4, 4, self.width)
        for _ in range(doublings):
            block = Block(self.width, upsample, norm, dtype=self.dtype)
            x = remat(self.remat, block)(x, cond, train)
            if x.shape[1] == self.attention:
                x = SelfAttention(dtype=self.dtype, name="attend")(x)
        last = layers.norm(self.norm.removeprefix("Conditional"), self.dtype)
        x = nn.relu(last(x, cond, train))
        return Conv(self.shape[-1], (3, 3), kernel_init=glorot, dtype=self.dtype, name="image")(x)


class Down(nn.Module):
    """A first block on the raw image, mean-pooling blocks to 8x8, `plain` blocks, ReLU, and `pool`
    over the positions: "mean" in WGAN-GP, "sum" in SNGAN.
    """

    width: int = 128
    plain: int = 2
    norm: str = "Identity"
    pool: str = "mean"
    attention: int = 0
    dtype: str = "float32"
    remat: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features, `width` of them."""
        halvings = max(1, layers.levels(x.shape[1:]) - 1)
        check_attention(self.attention, [x.shape[1] >> n for n in range(1, halvings + 1)])
        norm = functools.partial(layers.norm, self.norm, self.dtype)
        for stage in range(halvings):
            block = (
                Block(self.width, mean_pool, norm, dtype=self.dtype)
                if stage
                else FirstBlock(self.width, dtype=self.dtype)
            )
            x = remat(self.remat, block)(x, cond, train)
            if x.shape[1] == self.attention:
                x = SelfAttention(dtype=self.dtype, name="attend")(x)
        for _ in range(self.plain):
            x = remat(self.remat, Block(self.width, same, norm, dtype=self.dtype))(x, cond, train)
        return choose(jnp, self.pool)(nn.relu(x), axis=(1, 2))


class Block(nn.Module):
    """norm, ReLU, convolution, norm, ReLU, convolution, plus the shortcut; `resample` acts on both
    branches, `norm()` makes what is called as `norm(h, cond, train)`.
    """

    width: int
    resample: Callable
    norm: Callable[[], nn.Module] = layers.Identity
    kernel_init: Callable = he
    shortcut_init: Callable = glorot
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b i j d"]:
        """A map of `width` channels, resampled."""

        init: dict[str, Any] = dict(kernel_init=self.kernel_init, dtype=self.dtype)
        # Upsampling comes before the first convolution, pooling after the second.
        first = UpsampledConv if self.resample is upsample else Conv
        second = PooledConv if self.resample is mean_pool else Conv
        h = first(self.width, (3, 3), **init)(nn.relu(self.norm()(x, cond, train)))
        h = second(self.width, (3, 3), **init)(nn.relu(self.norm()(h, cond, train)))
        # Both resamplings commute with a 1x1 convolution, which is smaller at the lower resolution.
        shortcut = mean_pool(x) if self.resample is mean_pool else x
        if self.resample is not same or x.shape[-1] != self.width:
            init["kernel_init"] = self.shortcut_init
            shortcut = Conv(self.width, (1, 1), name="shortcut", **init)(shortcut)
        return h + (upsample(shortcut) if self.resample is upsample else shortcut)


class FirstBlock(nn.Module):
    """The critic's first block: no norm or ReLU before the first convolution, mean pooling on both
    branches.
    """

    width: int
    kernel_init: Callable = he
    shortcut_init: Callable = glorot
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h/2 w/2 d"]:
        """`cond` and `train` are not used."""
        init: dict[str, Any] = dict(kernel_init=self.kernel_init, dtype=self.dtype)
        h = nn.relu(Conv(self.width, (3, 3), **init)(x))
        h = PooledConv(self.width, (3, 3), **init)(h)
        init["kernel_init"] = self.shortcut_init
        return h + Conv(self.width, (1, 1), name="shortcut", **init)(mean_pool(x))


def same(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """`x`."""
    return x


def check_attention(attention: int, resolutions: list[int]) -> None:
    """ConfigError unless the network passes through the resolution where attention is to be; 0 is
    nowhere.
    """
    if attention and attention not in resolutions:
        raise ConfigError(
            f"attention={attention}, but the blocks of this network end at "
            f"{', '.join(f'{size}x{size}' for size in resolutions)}: "
            "set attention to one of these resolutions, or 0 for none"
        )
