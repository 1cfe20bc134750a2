"""NVAE: residual cells with depthwise convolutions, swish and squeeze-and-excitation, posteriors
relative to the priors (Vahdat & Kautz 2020, arXiv:2007.03898, Sections 3.1-3.2; cells layer for
layer as in the authors' code).

    MNIST's shape  Encoder((2, 2), 32), Decoder((28, 28, 1), (2, 2), 32)

`groups` is how many groups of latents each resolution has, finest first; between two resolutions a
map is halved. Under `losses.spectral` their kernels are regularised as there.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.resize import upsample
from genlab.nets.topdown import Gaussian, Level, TopDown, joined, level, split

BOUND = 5.0  # of a mean and a log-scale, softly
SMALLEST = 1e-2  # scale
BRANCH = 0.1  # of a cell's branch, added to what goes in
EXPANSION, FILTER = 6, 5  # of the decoder's cell


class EncoderCell(nn.Module):
    """Norm, swish, 3x3 convolution, twice; squeeze-and-excitation; a tenth of it is added to x, or
    to its halved map for `stride=2`.
    """

    width: int
    stride: int = 1
    norm: str = "BatchNorm"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], train: bool = True) -> Float[Array, "b i j d"]:
        """A map of `width` channels."""
        norm = functools.partial(layers.norm, self.norm, "float32")
        h = nn.swish(norm()(x, None, train))
        h = Conv(self.width, (3, 3), strides=(self.stride,) * 2, name="first")(h)
        h = Conv(self.width, (3, 3), name="second")(nn.swish(norm()(h, None, train)))
        return _skipped(x, self.width, self.stride) + BRANCH * squeezed(h)


class DecoderCell(nn.Module):
    """Norm, 1x1 to six times the width, norm, swish, depthwise 5x5, norm, swish, 1x1, norm;
    squeeze-and-excitation; a tenth of it is added to x, or to its doubled map for `up=True`.
    """

    width: int
    up: bool = False
    norm: str = "BatchNorm"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], train: bool = True) -> Float[Array, "b i j d"]:
        """A map of `width` channels."""
        norm = functools.partial(layers.norm, self.norm, "float32")
        x, wide = upsample(x) if self.up else x, EXPANSION * x.shape[-1]
        h = Conv(wide, (1, 1), use_bias=False, name="expand")(norm()(x, None, train))
        h = nn.swish(norm()(h, None, train))
        depthwise = Conv(
            wide, (FILTER, FILTER), feature_group_count=wide, use_bias=False, name="depthwise"
        )
        h = nn.swish(norm()(depthwise(h), None, train))
        h = norm()(Conv(self.width, (1, 1), use_bias=False, name="reduce")(h), None, train)
        return _skipped(x, self.width, 1) + BRANCH * squeezed(h)


class Encoder(nn.Module):
    """A convolution, then for each group a cell; the maps go to the groups of the decoder."""

    groups: tuple[int, ...] = (2, 2)
    width: int = 32
    norm: str = "BatchNorm"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> tuple[Float[Array, "b i j d"], ...]:
        """Maps, fine to coarse, one for each group; `cond` is not used. ConfigError for images that
        cannot be halved so often.
        """
        by = 2 ** (len(self.groups) - 1)
        if min(self.groups, default=0) < 1 or x.shape[1] % by or x.shape[2] % by:
            raise ConfigError(
                f"groups={self.groups} of images of {x.shape[1]}x{x.shape[2]}: each resolution has "
                f"a group or more, and sides are multiples of {by}"
            )
        x, found = Conv(self.width, (3, 3), name="image")(x), []
        for scale, count in enumerate(self.groups):
            for group in range(count):
                stride, width = (2 if scale and not group else 1), self.width * 2**scale
                x = EncoderCell(width, stride, self.norm, name=f"cell{scale}_{group}")(x, train)
                found.append(x)
        return tuple(found)


class Decoder(nn.Module):
    """Groups of latents from the coarsest resolution up, cells between them. q(z | x, above) has
    the mean of p(z | above) plus a difference, and its scale times a factor, so that their KL is
    that of the differences (Section 3.2, Eq. 2).
    """

    shape: tuple[int, ...]
    groups: tuple[int, ...] = (2, 2)
    width: int = 32
    latent_width: int = 20
    norm: str = "BatchNorm"

    @property
    def latent(self) -> int:
        """How many numbers the latents of all groups have."""
        return sum(h * w * d for h, w, d in self._shapes)

    @property
    def _shapes(self) -> list[tuple[int, int, int]]:
        scales = reversed(list(enumerate(self.groups)))
        height, width = self.shape[:2]
        return [(height >> s, width >> s, self.latent_width) for s, n in scales for _ in range(n)]

    @nn.compact
    def __call__(
        self,
        noise: Float[Array, "b latent"],
        activations: tuple[Array, ...] | None = None,
        cond: Conditions | None = None,
        train: bool = True,
    ) -> TopDown:
        """`cond` is not used."""
        seen = None if activations is None else list(activations)[::-1]
        noises, levels = split(noise, self._shapes), []
        top = len(self.groups) - 1
        start = (1, *self._shapes[0][:2], self.width * 2**top)
        x = self.param("start", nn.initializers.normal(1.0), start)
        x = jnp.broadcast_to(x, (len(noise), *start[1:]))
        for scale in range(top, -1, -1):
            width = self.width * 2**scale
            if scale < top:
                x = DecoderCell(width, True, self.norm, name=f"up{scale}")(x, train)
            for group in range(self.groups[scale]):
                number, name = len(levels), f"{scale}_{group}"
                if group:
                    x = DecoderCell(width, False, self.norm, name=f"cell{name}")(x, train)
                own = None if seen is None else seen[number]
                found = self._group(name, x, noises[number], own, not levels)
                levels.append(found)
                both = jnp.concatenate([x, found.z], axis=-1)
                x = Conv(width, (1, 1), name=f"combine{name}")(both)
        x = nn.elu(DecoderCell(self.width, False, self.norm, name="last")(x, train))
        return joined(Conv(self.shape[-1], (3, 3), name="image")(x), levels)

    def _group(self, name: str, x: Array, noise: Array, seen: Array | None, first: bool) -> Level:
        """One group's latents; the first one's prior is N(0, I), through the same bounds."""
        d, none = self.latent_width, jnp.zeros((*x.shape[:3], self.latent_width))
        mean, log_sigma = none, none
        if not first:
            p = Conv(2 * d, (1, 1), name=f"prior{name}")(nn.elu(x))
            mean, log_sigma = jnp.split(p, 2, axis=-1)
        prior = bounded(mean, log_sigma)
        if seen is None:
            return level(noise, prior, None)
        both = seen + Conv(x.shape[-1], (1, 1), name=f"seen{name}")(x)
        q = Conv(2 * d, (3, 3), name=f"posterior{name}")(nn.elu(both))
        more, factor = jnp.split(q, 2, axis=-1)
        return level(noise, prior, bounded(mean + more, log_sigma + factor))


def bounded(mean: Array, log_sigma: Array) -> Gaussian:
    """Mean and log-scale softly within +-5, the scale at least 0.01 (the authors' code)."""
    soft = lambda x: BOUND * jnp.tanh(x / BOUND)  # noqa: E731
    return Gaussian(soft(mean), jnp.log(jnp.exp(soft(log_sigma)) + SMALLEST))


def squeezed(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """x times a gate of each channel, of the means over the positions (Hu et al. 2018,
    arXiv:1709.01507); of the layer that calls it.
    """
    hidden = nn.relu(nn.Dense(max(x.shape[-1] // 16, 4), name="squeeze")(x.mean((1, 2))))
    return x * jax.nn.sigmoid(nn.Dense(x.shape[-1], name="excite")(hidden))[:, None, None]


def _skipped(x: Array, width: int, stride: int) -> Array:
    """x itself where it fits, else a strided 1x1 convolution, of the layer that calls it."""
    if stride == 1 and x.shape[-1] == width:
        return x
    return Conv(width, (1, 1), strides=(stride, stride), name="skip")(x)
