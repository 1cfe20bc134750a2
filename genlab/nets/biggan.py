"""BigGAN trunks (Brock et al. 2019, arXiv:1809.11096, Appendix B).

Residual blocks as in `resnet`, of widths that depend on the resolution (multiples of `width`). In
the generator every BatchNorm takes its scale and shift linearly from the label, or with `shared`
from one embedding of it, and with `hierarchical` also from a chunk of the latent of its own.

    ImageNet 128x128   Up(shape, width=96, attention=64), latent 120
                       Down(width=96, attention=64)
    CIFAR-10           Up(shape, shared=0, hierarchical=False), latent 128; Down()

both spectrally normalised but for what embeds the label in the generator (`exempt=("shared",)`, or
`("scale", "shift")` where shared=0), with a projection of the label in the critic. The second is
the authors' PyTorch code at 32x32, which starts from N(0, 0.02^2) instead of orthogonal matrices.
`Up` embeds the label by itself: `Generator(Up(...), embed=0)`. `remat` computes the blocks
anew for the gradient (`genlab.nets.layers.remat`).
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions, vector
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.product import Dense
from genlab.nets.kernels.resize import mean_pool, upsample
from genlab.nets.layers.attention import SelfAttention
from genlab.nets.layers.embedding import Embedding
from genlab.nets.layers.remat import remat
from genlab.nets.resnet import Block, FirstBlock, check_attention, same
from genlab.runtime import collectives

UP = {
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
"""Multiples of `width` by resolution: at 4x4, then after each doubling."""

DOWN = {
    32: (4, 4, 4, 4),
    64: (1, 2, 4, 8, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
}
"""Multiples of `width` by resolution: after each block; to 8x8 at 32x32, else to 4x4, and then
without pooling.
"""


class Up(nn.Module):
    """Latent, dense to 4x4, one upsampling block per doubling, BatchNorm, ReLU, 3x3 convolution.

    shared:       features of the one embedding of the label that all blocks share; 0: each
                  BatchNorm has a scale and a shift per label
    hierarchical: the latent is split evenly, over the first layer and the blocks
    attention:    the resolution after whose block self-attention stands; 0 for none
    """

    shape: tuple[int, ...]
    width: int = 64
    shared: int = 128
    hierarchical: bool = True
    attention: int = 0
    kernel_init: str | Callable = "orthogonal"
    dtype: str = "float32"
    remat: bool = False

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed."""
        blocks = layers.levels(self.shape)
        check_attention(self.attention, [8 << stage for stage in range(blocks)])
        first, *widths = (self.width * m for m in _multiples(UP, self.shape[0], blocks + 1))
        z, *conds = self._conditions(z, cond, blocks)
        kernel_init = layers.initialiser(self.kernel_init)
        init: dict[str, Any] = dict(kernel_init=kernel_init, dtype=self.dtype)
        norm = functools.partial(AffineBatchNorm, **init)
        x = Dense(16 * first, **init)(z).reshape(-1, 4, 4, first)
        for channels, y in zip(widths, conds, strict=True):
            block = Block(channels, upsample, norm, shortcut_init=kernel_init, **init)
            x = remat(self.remat, block)(x, y, train)
            if x.shape[1] == self.attention:
                x = SelfAttention(kernel_init, self.dtype, name="attend")(x)
        x = nn.relu(layers.BatchNorm(self.dtype)(x, None, train))
        return Conv(self.shape[-1], (3, 3), name="image", **init)(x)

    def _conditions(
        self, z: Array, cond: Conditions | None, blocks: int
    ) -> list[Float[Array, "b d"]]:
        """The first layer's latent, then for each block what its norms are a function of."""
        chunks = blocks + 1 if self.hierarchical else 1
        if z.shape[1] % chunks:
            raise ConfigError(
                f"a latent of {z.shape[1]} does not split evenly over the first layer and "
                f"{blocks} blocks: set latent to a multiple of {chunks}, or hierarchical=False"
            )
        given = vector(cond)
        if given is None and not self.hierarchical:
            raise ConfigError(
                "biggan.Up(hierarchical=False) has nothing to condition its norms on: name the "
                "columns in the method's `given`, as given=('label',), or set hierarchical=True "
                "for data without labels"
            )
        label = z[:, :0] if given is None else self._label(given)
        first, *rest = jnp.split(z, chunks, axis=-1)
        rest = rest or [z[:, :0]] * blocks
        return [first, *(jnp.concatenate([label, chunk], axis=-1) for chunk in rest)]

    def _label(self, given: Float[Array, "b d"]) -> Float[Array, "b e"]:
        if not self.shared:
            return given
        return Embedding(self.shared, layers.initialiser(self.kernel_init), name="shared")(given)


class Down(nn.Module):
    """A first block on the raw image, mean-pooling blocks, blocks without, ReLU, sum over the
    positions.
    """

    width: int = 64
    attention: int = 0
    kernel_init: str | Callable = "orthogonal"
    dtype: str = "float32"
    remat: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features, as many as the last block has channels."""
        size, levels = x.shape[1], layers.levels(x.shape[1:])
        halvings = levels if size > 32 else max(1, levels - 1)
        check_attention(self.attention, [size >> n for n in range(1, halvings + 1)])
        kernel_init = layers.initialiser(self.kernel_init)
        init: dict[str, Any] = dict(
            kernel_init=kernel_init, shortcut_init=kernel_init, dtype=self.dtype
        )
        for stage, multiple in enumerate(_multiples(DOWN, size, halvings + 2)):
            if stage == 0:
                block = FirstBlock(self.width * multiple, **init)
            else:
                resample = mean_pool if stage < halvings else same
                block = Block(self.width * multiple, resample, **init)
            x = remat(self.remat, block)(x, cond, train)
            if x.shape[1] == self.attention and stage < halvings:
                x = SelfAttention(kernel_init, self.dtype, name="attend")(x)
        return nn.relu(x).sum(axis=(1, 2))


class AffineBatchNorm(nn.Module):
    """BatchNorm with scale 1 + W_s y and shift W_b y, linear in a vector y for each example (Brock
    et al. 2019, arXiv:1809.11096, Appendix B).
    """

    kernel_init: Callable = nn.initializers.orthogonal()
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Float[Array, "b d"], train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`cond` is y."""
        x = nn.BatchNorm(
            use_running_average=not train,
            momentum=0.9,
            use_scale=False,
            use_bias=False,
            dtype=self.dtype,
            axis_name=collectives.axis() if train else None,
            name="norm",
        )(x)
        linear = functools.partial(
            Dense,
            x.shape[-1],
            use_bias=False,
            kernel_init=self.kernel_init,
            dtype=self.dtype,
        )
        wide = (len(x),) + (1,) * (x.ndim - 2) + (x.shape[-1],)
        scale, shift = linear(name="scale")(cond), linear(name="shift")(cond)
        return x * (1 + scale.reshape(wide)) + shift.reshape(wide)


def _multiples(table: dict, size: int, count: int) -> tuple[int, ...]:
    if size < 32:  # none in the paper: the constant width of 32x32
        return (4,) * count
    if size not in table:
        raise ConfigError(
            f"images of {size}x{size}: BigGAN has widths for "
            f"{', '.join(str(known) for known in table)} pixels; resize the data (data.shape)"
        )
    return table[size]
