"""Autoregressive networks over maps of codes, in raster order: the logits of a code depend on the
codes before it alone.

    net(codes, cond, train) -> logits, "b *shape size"

`shape` is that of a map of codes, `size` how many codes there are. Labels and numbers enter every
layer, pictures, among them other maps of codes of the same height and width, at each position.
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, Int

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions, pictures, vector
from genlab.nets.kernels.convolution import Conv
from genlab.nets.layers.embedding import Embedding

Map = Int[Array, " b *shape"]


class GatedPixelCNN(nn.Module):
    """`layers` gated layers of two stacks, one over the rows above and one over the row so far,
    which leave no blind spot (van den Oord et al. 2016, arXiv:1606.05328, Section 2). Both stacks
    are shifted once at the start, so that every later filter may see its own position.

    shape: (height, width) of the map
    kernel: side of the filters above; odd
    """

    shape: tuple[int, int]
    size: int
    width: int = 64
    layers: int = 10
    kernel: int = 5
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self, codes: Map, cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w size"]:
        """Logits, float32. ConfigError for an even kernel or maps of another shape."""
        if self.kernel % 2 == 0:
            raise ConfigError(f"GatedPixelCNN.kernel={self.kernel}; a filter has a middle if odd")
        _check(self, codes)
        given, seen = vector(cond), pictures(cond)
        if seen is not None:
            seen = Conv(self.width, (3, 3), name="seen0")(seen)
            seen = Conv(self.width, (3, 3), name="seen1")(nn.relu(seen))
        x = Embedding(self.width, name="embedding")(jax.nn.one_hot(codes, self.size))
        above = jnp.pad(x, ((0, 0), (1, 0), (0, 0), (0, 0)))[:, :-1]
        left = jnp.pad(x, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1]
        for number in range(self.layers):
            layer = _GatedLayer(self.width, self.kernel, self.dropout, name=f"layer{number}")
            above, left = layer(above, left, given, seen, train)
        out = nn.relu(Conv(self.width, (1, 1), name="hidden")(nn.relu(left)))
        return Conv(self.size, (1, 1), name="logits")(out).astype("float32")


class _GatedLayer(nn.Module):
    width: int
    kernel: int
    dropout: float

    @nn.compact
    def __call__(self, above, left, given, seen, train: bool):
        half, wide = self.kernel // 2, 2 * self.width
        drop = nn.Dropout(self.dropout, deterministic=not train)
        rows = Conv(wide, (half + 1, self.kernel), padding=((half, 0), (half, half)), name="above")(
            drop(above)
        )
        row = Conv(wide, (1, half + 1), padding=((0, 0), (half, 0)), name="left")(drop(left))
        row = row + Conv(wide, (1, 1), name="between")(rows)
        rows, row = (
            x + _told(name, wide, given, seen) for name, x in (("rows", rows), ("row", row))
        )
        return _gate(rows), left + Conv(self.width, (1, 1), name="out")(_gate(row))


def _told(name: str, width: int, given, seen) -> Array:
    """What is given, for a gate; called inside of a layer."""
    told = jnp.zeros((1, 1, 1, width))
    if given is not None:
        told = told + Embedding(width, name=f"{name}_given")(given)[:, None, None]
    if seen is not None:
        told = told + Conv(width, (1, 1), use_bias=False, name=f"{name}_seen")(seen)
    return told


def _gate(x: Float[Array, "b h w 2*c"]) -> Float[Array, "b h w c"]:
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.tanh(a) * jax.nn.sigmoid(b)


class Transformer(nn.Module):
    """A causal transformer over the flattened map (Vaswani et al. 2017, arXiv:1706.03762, with the
    norms before the layers; over codes as in Esser et al. 2021, arXiv:2012.09841, Section 3.2).

    shape: of the map, of any rank
    """

    shape: tuple[int, ...]
    size: int
    width: int = 128
    layers: int = 4
    heads: int = 4
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self, codes: Map, cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b *shape size"]:
        """Logits, float32. ConfigError for maps of another shape."""
        _check(self, codes)
        given, seen, normal = vector(cond), pictures(cond), nn.initializers.normal(0.02)
        flat = codes.reshape(len(codes), -1)
        x = Embedding(self.width, normal, name="embedding")(jax.nn.one_hot(flat, self.size))
        start = self.param("start", normal, (1, 1, self.width))
        if given is not None:
            start = start + Embedding(self.width, normal, name="given")(given)[:, None]
        start = jnp.broadcast_to(start, (len(x), 1, self.width))
        x = jnp.concatenate([start, x[:, :-1]], axis=1)
        x = x + self.param("positions", normal, (1, *x.shape[1:]))
        if seen is not None:
            x = x + nn.Dense(self.width, name="seen")(seen.reshape(*flat.shape, -1))
        mask = nn.make_causal_mask(flat)
        for number in range(self.layers):
            attend = nn.MultiHeadDotProductAttention(
                self.heads,
                deterministic=not train,
                dropout_rate=self.dropout,
                name=f"attend{number}",
            )
            x = x + attend(nn.LayerNorm(name=f"before{number}")(x), mask=mask)
            h = nn.Dense(4 * self.width, name=f"wide{number}")(
                nn.LayerNorm(name=f"norm{number}")(x)
            )
            h = nn.Dense(self.width, name=f"narrow{number}")(nn.gelu(h))
            x = x + nn.Dropout(self.dropout, deterministic=not train)(h)
        logits = nn.Dense(self.size, name="logits")(nn.LayerNorm(name="last")(x))
        return logits.reshape(*codes.shape, self.size).astype("float32")


def log_prob(logits: Float[Array, "b *shape size"], codes: Map) -> Float[Array, " b"]:
    """log p(codes), nats, of the logits that a network gives for them."""
    one = jax.nn.one_hot(codes, logits.shape[-1])
    return (one * jax.nn.log_softmax(logits)).sum(-1).reshape(len(codes), -1).sum(-1)


def drawn(
    logits_of: Callable[[Map], Array], noise: Float[Array, "b positions"], shape: tuple[int, ...]
) -> Map:
    """A map of codes, one after another, each the quantile of its law at its number of `noise` ~
    N(0, I): the same noise gives the same codes. As many passes as there are positions.
    """
    uniform = jax.scipy.stats.norm.cdf(noise)

    def one(codes, at):
        logits = logits_of(codes.reshape(-1, *shape))
        flat = logits.reshape(*codes.shape, -1)
        row = lax.dynamic_index_in_dim(flat, at, axis=1, keepdims=False)
        below = lax.dynamic_index_in_dim(uniform, at, axis=1)
        total = jnp.cumsum(jax.nn.softmax(row), axis=-1)
        code = (total < below * total[:, -1:]).sum(axis=-1)
        return lax.dynamic_update_index_in_dim(codes, code.astype(codes.dtype), at, axis=1), None

    start = jnp.zeros(noise.shape, jnp.int32)
    codes, _ = lax.scan(one, start, jnp.arange(math.prod(shape)))
    return codes.reshape(-1, *shape)


def _check(net: nn.Module, codes: Map) -> None:
    if codes.shape[1:] != tuple(net.shape):
        raise ConfigError(
            f"{type(net).__name__}(shape={tuple(net.shape)}) over maps of codes of "
            f"{codes.shape[1:]}: set its shape={codes.shape[1:]}"
        )
