"""Self-attention over the positions of a feature map (Zhang et al. 2019, arXiv:1805.08318)."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.layers import initialisers


class SelfAttention(nn.Module):
    """y = gamma o + x with o_j = v(sum_i softmax_i(f(x_i) . g(x_j)) h(x_i)), gamma from 0 (Zhang et
    al. 2019, arXiv:1805.08318, Section 3).

    f, g, h, v are 1x1 convolutions without bias, of C/8, C/8, C/2 and C channels; keys f and values
    h are max-pooled 2x2, as in the authors' code and in BigGAN.
    """

    kernel_init: str | Callable | None = None
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """`cond` and `train` are not used."""
        channels = x.shape[-1]
        small, half = max(1, channels // 8), max(1, channels // 2)
        query = _rows(self._conv(small, "g")(x))
        key = _rows(_pool(self._conv(small, "f")(x)))
        value = _rows(_pool(self._conv(half, "h")(x)))
        scores = jnp.einsum("bjc,bic->bji", query, key).astype(jnp.float32)
        weights = jax.nn.softmax(scores, axis=-1).astype(value.dtype)
        o = jnp.einsum("bji,bic->bjc", weights, value).reshape(*x.shape[:3], half)
        o = self._conv(channels, "v")(o)
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return x + gamma.astype(o.dtype) * o

    def _conv(self, channels: int, name: str) -> nn.Module:
        return Conv(
            channels,
            (1, 1),
            use_bias=False,
            kernel_init=initialisers.initialiser(self.kernel_init),
            dtype=self.dtype,
            name=name,
        )


def _pool(x: Float[Array, "b h w c"]) -> Float[Array, "b h/2 w/2 c"]:
    return nn.max_pool(x, (2, 2), strides=(2, 2))


def _rows(x: Float[Array, "b h w c"]) -> Float[Array, "b h*w c"]:
    return x.reshape(x.shape[0], -1, x.shape[-1])
