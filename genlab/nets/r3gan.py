"""R3GAN networks (Huang et al. 2024, arXiv:2501.05441, Section 4).

Inverted bottlenecks of grouped convolutions without any norm, bilinear resampling, a learned 4x4
basis at the bottom of both networks. Blocks start as the identity, their other layers shrunk with
the depth (Zhang et al. 2019, arXiv:1901.09321). The defaults are the authors' for CIFAR-10; their
generator is linear at its end and `Up` embeds the label by itself: `Generator(Up(...), embed=0,
bounded=False)`. `widths` and `cardinality` run from 4x4 to the image's resolution in both
networks. `remat` computes the blocks anew for the gradient (`genlab.nets.layers.remat`).
"""

import functools
import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions, vector
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.product import Dense
from genlab.nets.layers.embedding import Embedding
from genlab.nets.layers.remat import remat

LEAKY_GAIN = math.sqrt(2 / (1 + 0.2**2))
"""What keeps the second moment through a LeakyReLU of slope 0.2 (He et al. 2015, arXiv:1502.01852,
Section 2.2).
"""


class Up(nn.Module):
    """Latent beside an embedding of the label, times the basis, then blocks and doublings."""

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (768, 768, 768, 768)
    cardinality: tuple[int, ...] = (96, 96, 96, 96)
    blocks: int = 2
    embed: int = 64
    dtype: str = "float32"
    remat: bool = False

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed."""
        stages = _stages(self, self.shape)
        given = vector(cond)
        if given is not None:
            init = nn.initializers.normal(given.shape[-1] ** -0.5)
            z = jnp.concatenate([z, Embedding(self.embed, init, name="label")(given)], axis=-1)
        width = self.widths[0]
        basis = self.param("basis", nn.initializers.normal(1.0), (4, 4, width)).astype(self.dtype)
        weight = Dense(width, use_bias=False, kernel_init=msr(), dtype=self.dtype)(z)
        x = basis[None] * weight[:, None, None]
        for number, (width, groups) in enumerate(stages):
            if width != x.shape[-1]:
                x = _pointwise(width, self.dtype)(x)
            x = double(x) if number else x
            for _ in range(self.blocks):
                block = Block(groups, self.blocks * len(stages), self.dtype)
                x = remat(self.remat, block)(x, cond, train)
        return _pointwise(self.shape[-1], self.dtype, name="image")(x)


class Down(nn.Module):
    """Blocks and halvings to 4x4, then one 4x4 filter per channel."""

    widths: tuple[int, ...] = (768, 768, 768, 768)
    cardinality: tuple[int, ...] = (96, 96, 96, 96)
    blocks: int = 2
    dtype: str = "float32"
    remat: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features, `widths[0]` of them."""
        stages = _stages(self, x.shape[1:])
        x = _pointwise(self.widths[-1], self.dtype, name="image")(x)
        for number, (width, groups) in enumerate(reversed(stages)):
            x = halve(x) if number else x
            if width != x.shape[-1]:
                x = _pointwise(width, self.dtype)(x)
            for _ in range(self.blocks):
                block = Block(groups, self.blocks * len(stages), self.dtype)
                x = remat(self.remat, block)(x, cond, train)
        basis = Conv(
            x.shape[-1],
            (4, 4),
            padding="VALID",
            feature_group_count=x.shape[-1],
            use_bias=False,
            kernel_init=msr(),
            dtype=self.dtype,
            name="basis",
        )
        return basis(x)[:, 0, 0]


class Discriminator(nn.Module):
    """The logit is linear in the features; with labels, their product with the label's embedding
    and nothing else.
    """

    trunk: nn.Module

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b"]:
        """Logits, float32."""
        features = self.trunk(x, None, train).astype(jnp.float32)
        self.sow("intermediates", "features", layers.examples(features))
        width = features.shape[-1]
        given = vector(cond)
        columns = 1 if given is None else width
        linear = nn.Dense(columns, use_bias=False, kernel_init=msr(), name="logit")
        if given is None:
            return linear(features)[:, 0]
        init = nn.initializers.normal((given.shape[-1] * width) ** -0.5)
        return (linear(features) * Embedding(width, init, name="label")(given)).sum(axis=-1)


class Block(nn.Module):
    """x + W_3 s(W_2 s(W_1 x)): 1x1 to twice the width, 3x3 in `groups`, 1x1 back from zero; s is a
    LeakyReLU with a bias before it. `depth` counts the network's blocks.
    """

    groups: int
    depth: int
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """`cond` and `train` are not used."""
        width = x.shape[-1]
        # m = 3 linear layers a branch: L^(-1 / (2 m - 2)), arXiv:1901.09321, Section 3
        conv = functools.partial(
            Conv, kernel_init=msr(LEAKY_GAIN * self.depth**-0.25), dtype=self.dtype
        )
        h = jax.nn.leaky_relu(conv(2 * width, (1, 1))(x), 0.2)
        h = jax.nn.leaky_relu(conv(2 * width, (3, 3), feature_group_count=self.groups)(h), 0.2)
        last = Conv(
            width,
            (1, 1),
            use_bias=False,
            kernel_init=nn.initializers.zeros,
            dtype=self.dtype,
            name="last",
        )
        return x + last(h)


def msr(gain: float = 1.0) -> Callable:
    """N(0, gain^2 / fan in) (He et al. 2015, arXiv:1502.01852)."""
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal")


def double(x: Float[Array, "b h w c"]) -> Float[Array, "b 2*h 2*w c"]:
    """Bilinear doubling: (1, 3, 3, 1) / 4 along each axis, zeros beyond the edge."""
    for axis in (1, 2):
        before, after = _neighbours(x, axis)
        pair = jnp.stack([before + 3 * x, 3 * x + after], axis=axis + 1) / 4
        x = pair.reshape((*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :]))
    return x


def halve(x: Float[Array, "b h w c"]) -> Float[Array, "b h/2 w/2 c"]:
    """The transpose of `double`, up to the factor 4: (1, 3, 3, 1) / 8 along each axis."""
    for axis in (1, 2):
        split = x.reshape((*x.shape[:axis], x.shape[axis] // 2, 2, *x.shape[axis + 1 :]))
        even, odd = jnp.moveaxis(split, axis + 1, 0)
        x = (_neighbours(odd, axis)[0] + 3 * even + 3 * odd + _neighbours(even, axis)[1]) / 8
    return x


def _neighbours(
    x: Float[Array, "b h w c"], axis: int
) -> tuple[Float[Array, "b h w c"], Float[Array, "b h w c"]]:
    """What stands before and after each position, zero beyond the edge."""
    pad = [(0, 0)] * x.ndim
    pad[axis] = (1, 1)
    wide, n = jnp.pad(x, pad), x.shape[axis]
    before, after = (jax.lax.slice_in_dim(wide, start, start + n, axis=axis) for start in (0, 2))
    return before, after


def _pointwise(width: int, dtype: str, name: str | None = None) -> nn.Module:
    return Conv(width, (1, 1), use_bias=False, kernel_init=msr(), dtype=dtype, name=name)


def _stages(trunk: Up | Down, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """(width, groups) from 4x4 up; ConfigError unless there is one for each resolution."""
    count = layers.levels(shape) + 1
    if (len(trunk.widths), len(trunk.cardinality)) != (count, count):
        raise ConfigError(
            f"widths={trunk.widths}, cardinality={trunk.cardinality}: images of "
            f"{shape[0]}x{shape[1]} need {count} of each, from 4x4 up"
        )
    for width, groups in zip(trunk.widths, trunk.cardinality, strict=True):
        if 2 * width % groups:
            raise ConfigError(f"cardinality {groups} does not divide 2 x {width} channels")
    return list(zip(trunk.widths, trunk.cardinality, strict=True))
