"""Inpainting with partial convolutions: a U-Net that is told at each layer what of its input is
known (Liu et al. 2018, arXiv:1804.07723, Section 3).
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.resize import upsample
from genlab.nets.layers.holes import seen_and_hole

he = nn.initializers.he_normal()
KERNELS = (7, 5, 5)  # of the first halvings; 3 after them


class UNet(nn.Module):
    """Partial convolutions of stride 2 down, nearest doublings up, with skips of maps and of what
    is known in them; a trunk across, given a picture with its hole and a mask.

    width: channels after the first halving; each further one doubles them, up to `8 * width`
    depth: halvings, 8 in the paper
    mask:  the column that is 1 inside the hole (in the paper's notation M is 0 there)
    """

    channels: int = 3
    width: int = 64
    depth: int = 8
    mask: str = "mask"
    norm: str = "BatchNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w d"]:
        """Not squashed. ConfigError where a picture or the mask is missing, and for sides that are
        no multiples of 2^depth.
        """
        seen, hole = seen_and_hole(cond, self.mask, "partial.UNet")
        _refuse(seen, self.depth)
        conv = functools.partial(PartialConv, dtype=self.dtype)
        known = jnp.broadcast_to(1 - hole, seen.shape)
        x, skips = seen, []
        for level in range(self.depth):
            skips.append((x, known))
            kernel = (*KERNELS, *[3] * self.depth)[level]
            features = self.width * min(8, 2**level)
            x, known = conv(features, kernel, stride=2)(x, known)
            x = nn.relu(self._norm(x, cond, train) if level else x)
        for level in reversed(range(self.depth)):
            skip, known_there = skips[level]
            x = jnp.concatenate([upsample(x), skip.astype(x.dtype)], axis=-1)
            known = jnp.concatenate([upsample(known), known_there], axis=-1)
            if level == 0:
                return conv(self.channels, 3, bias=True)(x, known)[0]
            x, known = conv(skip.shape[-1], 3)(x, known)
            x = jax.nn.leaky_relu(self._norm(x, cond, train), 0.2)
        return x

    def _norm(self, x: Array, cond: Conditions | None, train: bool) -> Array:
        return layers.norm(self.norm, self.dtype)(x, cond, train)


class PartialConv(nn.Module):
    """W (x * m) * window / sum(m) + b where anything in the window is known, 0 elsewhere; and what
    is known after it: wherever anything was (Eqs. 1 and 2). The window counts channels too, as in
    the authors' layer with `multi_channel`.
    """

    features: int
    kernel: int = 3
    stride: int = 1
    bias: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], known: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b i j d"], Float[Array, "b i j d"]]:
        """(map, 1 where it is known)."""
        square, strides = (self.kernel, self.kernel), (self.stride, self.stride)
        pads = [(self.kernel // 2, self.kernel // 2)] * 2
        conv = Conv(
            self.features, square, strides, pads, use_bias=False, kernel_init=he, dtype=self.dtype
        )
        made = conv(x * known.astype(x.dtype))
        count = lax.reduce_window(
            known.sum(-1), 0.0, lax.add, (1, *square), (1, *strides), [(0, 0), *pads]
        )[..., None]
        window = self.kernel**2 * x.shape[-1]
        made = made * (window / jnp.maximum(count, 1.0)).astype(made.dtype)
        if self.bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,))
            made = made + bias.reshape(1, 1, 1, -1).astype(made.dtype)
        now = (count > 0).astype(jnp.float32)
        made = made * now.astype(made.dtype)
        return made, jnp.broadcast_to(now, made.shape)


def _refuse(seen: Array, depth: int) -> None:
    height, width = seen.shape[1:3]
    if height % 2**depth or width % 2**depth:
        raise ConfigError(
            f"pictures of {height}x{width} cannot be halved {depth} times: set partial.UNet.depth, "
            f"or give sides that are multiples of {2**depth}"
        )
