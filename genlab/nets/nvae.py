"""NVAE: residual cells with depthwise convolutions, swish and squeeze-and-excitation, posteriors
relative to the priors (Vahdat & Kautz 2020, arXiv:2007.03898, Sections 3.1-3.2; layer for layer as
in the authors' code, without its flows and its weight normalisation).

    MNIST    Encoder((10, 5), 32, cells=2, blocks=2, block_cells=3)
             Decoder((28, 28, 1), (10, 5), 32, cells=2, blocks=2, block_cells=3)
    CIFAR-10 Encoder((30,), 128, cells=2, blocks=1), and Decoder((32, 32, 100), ...) likewise

`groups` is how many groups of latents each resolution has, finest first; between two resolutions a
map is halved, and `blocks` times before the finest. Images whose sides cannot be halved so often
are framed with -1, and what the decoder makes is cut. Under `losses.spectral` kernels are
regularised as there.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
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
EXPANSION, OF_BLOCK, FILTER = 6, 3, 5  # of the decoder's cells: between latents, after them
AROUND = ((1, 1), (1, 1))  # padding of 3x3, at a stride too


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
        conv = functools.partial(Conv, self.width, (3, 3), padding=AROUND)
        h = nn.swish(norm()(x, None, train))
        h = conv(strides=(self.stride,) * 2, name="first")(h)
        h = conv(name="second")(nn.swish(norm()(h, None, train)))
        if self.stride > 1:
            x = halved(x, self.width)
        elif x.shape[-1] != self.width:
            x = Conv(self.width, (1, 1), name="skip")(x)
        return x + BRANCH * squeezed(h)


class DecoderCell(nn.Module):
    """Norm, 1x1 to `expansion` times the width, norm, swish, depthwise 5x5, norm, swish, 1x1, norm;
    squeeze-and-excitation; a tenth of it is added to x, or to its doubled map for `up=True`.
    """

    width: int
    up: bool = False
    norm: str = "BatchNorm"
    expansion: int = EXPANSION

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], train: bool = True) -> Float[Array, "b i j d"]:
        """A map of `width` channels."""
        norm = functools.partial(layers.norm, self.norm, "float32")
        h, wide = upsample(x) if self.up else x, self.expansion * x.shape[-1]
        h = Conv(wide, (1, 1), use_bias=False, name="expand")(norm()(h, None, train))
        h = nn.swish(norm()(h, None, train))
        depthwise = Conv(
            wide, (FILTER, FILTER), feature_group_count=wide, use_bias=False, name="depthwise"
        )
        h = nn.swish(norm()(depthwise(h), None, train))
        h = norm()(Conv(self.width, (1, 1), use_bias=False, name="reduce")(h), None, train)
        if self.up or x.shape[-1] != self.width:
            x = Conv(self.width, (1, 1), name="skip")(doubled(x) if self.up else x)
        return x + BRANCH * squeezed(h)


class Encoder(nn.Module):
    """A convolution; `blocks` of `block_cells` cells, the last of which halves the map; then for
    each group `cells`, whose map goes to that group of the decoder.
    """

    groups: tuple[int, ...] = (2, 2)
    width: int = 32
    norm: str = "BatchNorm"
    cells: int = 1
    blocks: int = 0
    block_cells: int = 2

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> tuple[Float[Array, "b i j d"], ...]:
        """Maps, fine to coarse, one for each group; `cond` is not used."""
        _check(self)
        x, width = Conv(self.width, (3, 3), name="image")(_framed(x, self)), self.width
        for block in range(self.blocks):
            for cell in range(self.block_cells):
                last, name = cell == self.block_cells - 1, f"block{block}_{cell}"
                width = 2 * width if last else width
                x = EncoderCell(width, 1 + last, self.norm, name=name)(x, train)
        found = []
        for scale, count in enumerate(self.groups):
            if scale:
                width = 2 * width
                x = EncoderCell(width, 2, self.norm, name=f"down{scale}")(x, train)
            for group in range(count):
                for cell in range(self.cells):
                    name = f"cell{scale}_{group}_{cell}"
                    x = EncoderCell(width, 1, self.norm, name=name)(x, train)
                found.append(x)
        found[-1] = nn.elu(Conv(width, (1, 1), name="top")(nn.elu(x)))
        return tuple(found)


class Decoder(nn.Module):
    """Groups of latents from the coarsest resolution up, `cells` before each but the first, then
    `blocks` of `block_cells` cells, the first of which doubles the map. q(z | x, above) has the
    mean of p(z | above) plus a difference, and its scale times a factor, so that their KL is that
    of the differences (Section 3.2, Eq. 2).
    """

    shape: tuple[int, ...]
    groups: tuple[int, ...] = (2, 2)
    width: int = 32
    latent_width: int = 20
    norm: str = "BatchNorm"
    cells: int = 1
    blocks: int = 0
    block_cells: int = 2

    @property
    def latent(self) -> int:
        """How many numbers the latents of all groups have."""
        return sum(h * w * d for h, w, d in self._shapes)

    @property
    def _shapes(self) -> list[tuple[int, int, int]]:
        scales = reversed(list(enumerate(self.groups)))
        height, width = (n >> self.blocks for n in _sides(self.shape, self))
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
        _check(self)
        seen = None if activations is None else list(activations)[::-1]
        noises, levels = split(noise, self._shapes), []
        width = self.width * 2 ** (self.blocks + len(self.groups) - 1)
        start = (1, *self._shapes[0][:2], width)
        x = self.param("start", nn.initializers.uniform(1.0), start)
        x = jnp.broadcast_to(x, (len(noise), *start[1:]))
        for scale in range(len(self.groups) - 1, -1, -1):
            for group in range(self.groups[scale]):
                number, name = len(levels), f"{scale}_{group}"
                for cell in range(self.cells if levels else 0):
                    x = DecoderCell(width, False, self.norm, name=f"cell{name}_{cell}")(x, train)
                own = None if seen is None else seen[number]
                levels.append(self._group(name, x, noises[number], own, not levels))
                both = jnp.concatenate([x, levels[-1].z], axis=-1)
                x = Conv(width, (1, 1), name=f"combine{name}")(both)
            if scale:
                width = width // 2
                x = DecoderCell(width, True, self.norm, name=f"up{scale}")(x, train)
        return joined(self._image(x, train), levels)

    def _image(self, x: Array, train: bool) -> Array:
        """The parameters of p(x | z), of the finest map."""
        for block in range(self.blocks):
            for cell in range(self.block_cells):
                width, name = x.shape[-1] // (1 if cell else 2), f"block{block}_{cell}"
                x = DecoderCell(width, not cell, self.norm, OF_BLOCK, name=name)(x, train)
        made = Conv(self.shape[-1], (3, 3), name="image")(nn.elu(x))
        low = [(n - m) // 2 for n, m in zip(made.shape[1:3], self.shape[:2], strict=True)]
        return made[:, low[0] : low[0] + self.shape[0], low[1] : low[1] + self.shape[1]]

    def _group(self, name: str, x: Array, noise: Array, seen: Array | None, first: bool) -> Level:
        """One group's latents; the first one's prior is N(0, I), through the same bounds, and its
        posterior does not look at x.
        """
        d, none = self.latent_width, jnp.zeros((*x.shape[:3], self.latent_width))
        mean, log_sigma = none, none
        if not first:
            p = Conv(2 * d, (1, 1), name=f"prior{name}")(nn.elu(x))
            mean, log_sigma = jnp.split(p, 2, axis=-1)
        prior = bounded(mean, log_sigma)
        if seen is None:
            return level(noise, prior, None)
        both = seen if first else seen + Conv(x.shape[-1], (1, 1), name=f"seen{name}")(x)
        q = Conv(2 * d, (3, 3), name=f"posterior{name}")(both)
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


def halved(x: Float[Array, "b h w c"], width: int) -> Float[Array, "b i j width"]:
    """Swish, then a quarter of the channels from each of the four pixels of a block, by 1x1
    convolutions; of the layer that calls it.
    """
    h, each = nn.swish(x), width // 4
    parts = [h[:, i::2, j::2] for i, j in ((0, 0), (1, 1), (0, 1), (1, 0))]
    sizes = (each, each, each, width - 3 * each)
    made = [
        Conv(size, (1, 1), name=f"skip{number}")(part)
        for number, (size, part) in enumerate(zip(sizes, parts, strict=True))
    ]
    return jnp.concatenate(made, axis=-1)


def doubled(x: Float[Array, "b h w c"]) -> Float[Array, "b 2*h 2*w c"]:
    """Bilinear, the corners staying where they are."""
    rows, columns = (_between(n) for n in x.shape[1:3])
    return jnp.einsum("ih,bhwc,jw->bijc", rows, x, columns)


def _between(n: int) -> Float[np.ndarray, "2*n n"]:
    """The weights of n points at 2n places from the first to the last."""
    at = np.linspace(0, n - 1, 2 * n)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n)[None])).astype(np.float32)


def _sides(shape: tuple[int, ...], net: Encoder | Decoder) -> tuple[int, int]:
    """The sides of an image with its frame."""
    by = 2 ** (net.blocks + len(net.groups) - 1)
    return -(-shape[0] // by) * by, -(-shape[1] // by) * by


def _framed(x: Float[Array, "b h w c"], net: Encoder) -> Float[Array, "b i j c"]:
    more = [want - have for want, have in zip(_sides(x.shape[1:], net), x.shape[1:3], strict=True)]
    around = [(0, 0), *((n // 2, n - n // 2) for n in more), (0, 0)]
    return jnp.pad(x, around, constant_values=-1) if any(more) else x


def _check(net: Encoder | Decoder) -> None:
    if min((*net.groups, net.cells, net.block_cells), default=0) < 1 or not net.groups:
        raise ConfigError(
            f"groups={net.groups}, cells={net.cells}, block_cells={net.block_cells}: each "
            "resolution has a group or more, and each group and block a cell or more"
        )
