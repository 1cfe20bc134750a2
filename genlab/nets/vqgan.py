"""The convolutional networks of VQ-GAN, between images and maps of vectors (Esser et al. 2021,
arXiv:2012.09841, Appendix A, Table 7; layer for layer as in the authors' code).

    f = 16, 256x256  Down(256), Up((256, 256, 3)): maps of 16x16

`multiples` are the widths of the resolutions, finest first, in multiples of `width`; between two of
them the map is halved. `attention` are the resolutions at which blocks are followed by attention.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.resize import upsample
from genlab.nets.layers import norm


class Down(nn.Module):
    """Residual blocks and halvings to a map of `features`, which the quantiser takes."""

    features: int
    width: int = 128
    multiples: tuple[int, ...] = (1, 1, 2, 2, 4)
    blocks: int = 2
    attention: tuple[int, ...] = (16,)
    inner: int = 256
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b i j features"]:
        """A map of vectors; `cond` and `train` are not used."""
        by = 2 ** (len(self.multiples) - 1)
        if x.ndim != 4 or x.shape[1] % by or x.shape[2] % by:
            raise ConfigError(
                f"data of shape {x.shape[1:]} are no images of a multiple of {by} pixels: resize "
                f"the data (data.shape), or shorten multiples={self.multiples}"
            )
        x = Conv(self.width, (3, 3), dtype=self.dtype, name="image")(x)
        for stage, multiple in enumerate(self.multiples):
            for _ in range(self.blocks):
                x = _Block(multiple * self.width, self.dtype)(x)
                x = _Attention(self.dtype)(x) if x.shape[1] in self.attention else x
            if stage < len(self.multiples) - 1:
                pads = ((0, 1), (0, 1))
                down = functools.partial(Conv, strides=(2, 2), padding=pads, dtype=self.dtype)
                x = down(x.shape[-1], (3, 3), name=f"down{stage}")(x)
        x = _middle(x, self.dtype)
        x = Conv(self.inner, (3, 3), dtype=self.dtype, name="inner")(_active(x, self.dtype))
        return Conv(self.features, (1, 1), dtype=self.dtype, name="out")(x).astype("float32")


class Up(nn.Module):
    """`Down` the other way, to images of `shape`, with one more block at each resolution."""

    shape: tuple[int, ...]
    width: int = 128
    multiples: tuple[int, ...] = (1, 1, 2, 2, 4)
    blocks: int = 2
    attention: tuple[int, ...] = (16,)
    inner: int = 256
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, z: Float[Array, "b i j d"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed; `cond` and `train` are not used."""
        x = Conv(self.inner, (1, 1), dtype=self.dtype, name="in")(z)
        widest = self.multiples[-1] * self.width
        x = _middle(Conv(widest, (3, 3), dtype=self.dtype, name="inner")(x), self.dtype)
        for stage, multiple in reversed(list(enumerate(self.multiples))):
            for _ in range(self.blocks + 1):
                x = _Block(multiple * self.width, self.dtype)(x)
                x = _Attention(self.dtype)(x) if x.shape[1] in self.attention else x
            if stage:
                x = Conv(x.shape[-1], (3, 3), dtype=self.dtype, name=f"up{stage}")(upsample(x))
        x = _active(x, self.dtype)
        return Conv(self.shape[-1], (3, 3), dtype=self.dtype, name="image")(x).astype("float32")


class _Block(nn.Module):
    width: int
    dtype: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        conv = functools.partial(Conv, self.width, dtype=self.dtype)
        h = conv((3, 3))(_active(x, self.dtype))
        h = conv((3, 3))(_active(h, self.dtype))
        return h + (x if x.shape[-1] == self.width else conv((1, 1), name="shortcut")(x))


class _Attention(nn.Module):
    """One head over the positions, added to what goes in."""

    dtype: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        h, width = norm("GroupNorm", self.dtype)(x, None, False), x.shape[-1]
        conv = functools.partial(Conv, width, (1, 1), dtype=self.dtype)
        rows = lambda name: conv(name=name)(h).reshape(len(x), -1, width)  # noqa: E731
        q, k, v = (rows(name) for name in ("query", "key", "value"))
        scores = jnp.einsum("bic,bjc->bij", q, k).astype(jnp.float32) * width**-0.5
        mixed = jnp.einsum("bij,bjc->bic", jax.nn.softmax(scores).astype(v.dtype), v)
        return x + conv(name="out")(mixed.reshape(x.shape))


def _middle(x: Array, dtype: str) -> Array:
    """Block, attention, block, of the layer that calls it."""
    x = _Attention(dtype)(_Block(x.shape[-1], dtype)(x))
    return _Block(x.shape[-1], dtype)(x)


def _active(x: Array, dtype: str) -> Array:
    """Group norm and swish, of the layer that calls it."""
    return nn.swish(norm("GroupNorm", dtype)(x, None, False))
