"""Super-resolution: trunks across that make pictures `factor` times as large.

SRGAN, SRResNet  SRResNet()          Ledig et al. 2017, arXiv:1609.04802, Figure 4
its critic       Down(), dense 1024  as there; Discriminator(enlarging.Down())
BasicSR          MSRResNet()         no norms, on top of an interpolation; factor=1 repairs
ESRGAN           RRDB()              Wang et al. 2018, arXiv:1809.00219, Section 3.1
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions, picture
from genlab.nets.kernels import product
from genlab.nets.kernels.convolution import Conv, UpsampledConv

he = nn.initializers.he_normal()
tenth = nn.initializers.variance_scaling(2 * 0.1**2, "fan_in", "normal")
"""He's kernels times 0.1: of layers inside residual blocks (Wang et al. 2018, Section 3.1)."""


class SRResNet(nn.Module):
    """Residual blocks at the small size, one long skip, then pixel shuffles.

    factor: of the enlargement, a power of two
    kernel: side of the first and the last convolution
    """

    channels: int = 3
    width: int = 64
    blocks: int = 16
    factor: int = 4
    kernel: int = 9
    norm: str = "BatchNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b f*h f*w d"]:
        """Not squashed. ConfigError for a factor that is no power of two."""
        doublings = _doublings(self.factor, type(self).__name__)
        conv = functools.partial(Conv, kernel_init=he, dtype=self.dtype)
        same = functools.partial(
            conv, self.width, (3, 3), use_bias=layers.has_bias(self.norm), kernel_init=tenth
        )
        norm, ends = functools.partial(layers.norm, self.norm, self.dtype), (self.kernel,) * 2
        x = first = PReLU()(conv(self.width, ends)(x))
        for _ in range(self.blocks):
            h = PReLU()(norm()(same()(x), cond, train))
            x += norm()(same()(h), cond, train)
        x = first + norm()(same()(x), cond, train)
        for _ in range(doublings):
            x = conv(4 * self.width, (3, 3), kernel_init=icnr(he, 2))(x)
            x = shuffled(PReLU()(x), 2)  # the same after it; here in the convolution's layout
        return conv(self.channels, ends, name="image")(x)


class MSRResNet(nn.Module):
    """The same without norms, 3x3 throughout, on top of the picture enlarged by interpolation: the
    baseline of BasicSR (xinntao/BasicSR, srresnet_arch.py). With a factor of 1 it begins close to
    the picture itself, and learns what is to be changed of it.

    Sown as "features" in "intermediates": what goes in, and what each block is given.
    """

    channels: int = 3
    width: int = 64
    blocks: int = 16
    factor: int = 4
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b f*h f*w d"]:
        """Not squashed: give `Translator(bounded=False)`; of `cond` the picture enlarged is taken,
        `train` is not used. ConfigError for a factor that is no power of two.
        """
        doublings = _doublings(self.factor, type(self).__name__)
        seen = picture(x, cond, self.channels)
        conv = functools.partial(Conv, kernel_size=(3, 3), kernel_init=tenth, dtype=self.dtype)
        active = functools.partial(jax.nn.leaky_relu, negative_slope=0.1)
        sow = functools.partial(self.sow, "intermediates", "features")
        sow(x)
        x = active(conv(self.width)(x))
        for _ in range(self.blocks):
            sow(x)
            x += conv(self.width)(nn.relu(conv(self.width)(x)))
        for _ in range(doublings):
            x = shuffled(active(conv(4 * self.width, kernel_init=icnr(tenth, 2))(x)), 2)
        x = conv(self.channels, name="image")(active(conv(self.width)(x)))
        return x + enlarged(seen, self.factor)


class RRDB(nn.Module):
    """Residual-in-residual dense blocks without norms: three dense blocks of five convolutions in
    each, residuals times 0.2 on both levels; then nearest doublings.

    growth: channels that each convolution of a dense block adds
    """

    channels: int = 3
    width: int = 64
    blocks: int = 23
    growth: int = 32
    factor: int = 4
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b f*h f*w d"]:
        """Not squashed; `cond` and `train` are not used. ConfigError for a factor that is no power
        of two.
        """
        doublings = _doublings(self.factor, type(self).__name__)
        fixed: dict[str, Any] = dict(kernel_size=(3, 3), kernel_init=he, dtype=self.dtype)
        conv, doubled = (functools.partial(of, **fixed) for of in (Conv, UpsampledConv))
        x = first = conv(self.width)(x)
        for _ in range(self.blocks):
            h = x
            for _ in range(3):
                h = Dense(self.growth, self.dtype)(h)
            x += 0.2 * h
        x = first + conv(self.width)(x)
        for _ in range(doublings):
            x = jax.nn.leaky_relu(doubled(self.width)(x), 0.2)
        x = jax.nn.leaky_relu(conv(self.width)(x), 0.2)
        return conv(self.channels, name="image")(x)


class Dense(nn.Module):
    """x + 0.2 f(x): f five convolutions, each of which sees all that came before it."""

    growth: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """A map of the same shape."""
        conv = functools.partial(Conv, kernel_size=(3, 3), kernel_init=tenth, dtype=self.dtype)
        seen = x
        for _ in range(4):
            grown = jax.nn.leaky_relu(conv(self.growth)(seen), 0.2)
            seen = jnp.concatenate([seen, grown], axis=-1)
        return x + 0.2 * conv(x.shape[-1])(seen)


class Down(nn.Module):
    """SRGAN's critic up to its last layer: eight 3x3 convolutions, every second of stride 2, and a
    dense layer of 1,024; a trunk down (Ledig et al. 2017, Figure 4).
    """

    width: int = 64
    norm: str = "BatchNorm"
    hidden: int = 1024
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features, `hidden` of them."""
        for level in range(8):
            norm = self.norm if level else "Identity"
            x = Conv(
                self.width * 2 ** (level // 2),
                (3, 3),
                strides=(1 + level % 2,) * 2,
                use_bias=layers.has_bias(norm),
                kernel_init=he,
                dtype=self.dtype,
            )(x)
            x = jax.nn.leaky_relu(layers.norm(norm, self.dtype)(x, cond, train), 0.2)
        hidden = product.Dense(self.hidden, kernel_init=he, dtype=self.dtype)(x.reshape(len(x), -1))
        return jax.nn.leaky_relu(hidden, 0.2)


class PReLU(nn.Module):
    """max(x, 0) + a min(x, 0) with one learned a, at first 0.25 (He et al. 2015,
    arXiv:1502.01852).
    """

    @nn.compact
    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """A map of the same shape."""
        slope = self.param("slope", nn.initializers.constant(0.25), ())
        return jnp.where(x > 0, x, slope.astype(x.dtype) * x)


def shuffled(x: Float[Array, "b h w r*r*c"], r: int) -> Float[Array, "b r*h r*w c"]:
    """Pixel shuffle: every position's channels, in `r` rows of `r`, become a block of pixels (Shi
    et al. 2016, arXiv:1609.05158, Eq. 4).
    """
    b, h, w, channels = x.shape
    blocks = x.reshape(b, h, w, r, r, channels // r**2).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(b, h * r, w * r, channels // r**2)


def icnr(init: Callable, r: int) -> Callable:
    """An initialiser of the convolution before a pixel shuffle by `r`: at first it is a nearest
    enlargement, without checkerboard (Aitken et al. 2017, arXiv:1707.02937).
    """

    def initialise(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
        kernel = init(key, (*shape[:-1], shape[-1] // r**2), dtype)
        return jnp.tile(kernel, (1,) * (len(shape) - 1) + (r**2,))

    return initialise


def enlarged(x: Float[Array, "b h w c"], factor: int) -> Float[Array, "b f*h f*w c"]:
    """Bilinear, half-pixel centres."""
    b, h, w, c = x.shape
    return jax.image.resize(x, (b, h * factor, w * factor, c), "bilinear")


def _doublings(factor: int, who: str) -> int:
    if factor < 1 or factor & (factor - 1):
        raise ConfigError(f"{who}(factor={factor}): a power of two is expected, as 2, 4 or 8")
    return round(math.log2(factor))
