"""A style-based generator: StyleGAN's mapping and synthesis (Karras et al. 2019, arXiv:1812.04948).

A mapping network takes the latent, and what is given, to a style w; the synthesis network starts
from a learned 4x4 map and is given a style at each of its layers by adaptive instance normalisation
(Eq. 1). `Up` is a trunk as any other, and has both parts by themselves: `mapping(z, cond)` and
`synthesis(w)`, where w is one style for all layers, "b w", or one for each, "b layers w".
It embeds the labels and numbers given: `Generator(style.Up(...), embed=0)`.

With `noise=True` each layer has the paper's noise input too: `synthesis(w, noise)`.

Unlike the paper's, it has no low-pass filters, its kernels are He's instead of scaled at run time,
and `Generator` bounds the image by a tanh unless `bounded=False`.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax, random
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions, pictures, vector
from genlab.nets.kernels.convolution import Conv, UpsampledConv
from genlab.nets.layers.embedding import Embedding
from genlab.runtime import collectives

leaky = nn.initializers.variance_scaling(2 / (1 + 0.2**2), "fan_in", "normal")
"""He et al. 2015, arXiv:1502.01852, before a LeakyReLU of slope 0.2."""

Styles = Float[Array, "b *layers w"]  # one for all layers, "b w", or one for each, "b layers w"
Sizes = tuple[tuple[int, int], ...]
Noise = Float[Array, "b numbers"]  # the maps of all layers, each row by row, one after the other
FIXED = 0  # seed of the noise of all examples outside of training


class Up(nn.Module):
    """Latent to style by `depth` dense layers; a learned 4x4 map and a convolution, then for each
    doubling two convolutions, each followed by LeakyReLU 0.2 and AdaIN; a 1x1 convolution.

    width:  channels at the finest scale; each halving doubles them, up to `8 * width`
    style:  size of w
    depth:  layers of the mapping, 8 in the paper
    rate:   their learning rate relative to the other layers', for Adam (Appendix C)
    mixing: share of training examples whose layers from a random one on have the style of
            another latent under the same conditions (Section 3.1; 0.9 there)
    noise:  a map of N(0, 1) is added at every layer, before its LeakyReLU, times a learned strength
            of each channel that begins at 0 (Section 2, Appendix C): drawn for each example in
            training, else the same for all, as `noise_mode="const"` of StyleGAN2's code
    """

    shape: tuple[int, ...]
    width: int = 16
    style: int = 128
    depth: int = 8
    rate: float = 0.01
    mixing: float = 0.9
    dtype: str = "float32"
    noise: bool = False

    def setup(self):
        """Both networks."""
        self.mapper = Mapper(self.style, self.depth, self.rate, name="mapping")
        self.synthesiser = Synthesiser(self.shape, self.width, self.dtype, name="synthesis")

    @property
    def style_layers(self) -> int:
        """How many layers are given a style."""
        return 2 * (layers.levels(self.shape) + 1)

    @property
    def noise_sizes(self) -> Sizes:
        """Height and width of the noise of each layer; () without noise."""
        stages = range(layers.levels(self.shape) + 1)
        return tuple((4 * 2**s, 4 * 2**s) for s in stages for _ in range(2)) if self.noise else ()

    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed."""
        w = self.mapping(z, cond)
        if train and self.mixing:
            w = self._mixed(w, self.mapping(jnp.roll(z, 1, axis=0), cond))
        return self.synthesis(w, self._drawn(len(z)) if train and self.noise else None)

    def mapping(
        self, z: Float[Array, "b z"], cond: Conditions | None = None
    ) -> Float[Array, "b w"]:
        """Styles of latents, under what is given."""
        return self.mapper(z, cond)

    def synthesis(self, w: Styles, noise: Noise | None = None) -> Float[Array, "b h w c"]:
        """Not squashed; ConfigError for styles of another size or number of layers, and for noise
        of another size.

        noise: the maps of all layers in a row, [B, sum of the sizes' areas]; None: those of all
               examples
        """
        wanted = (self.style_layers, self.style)
        if w.shape[1:] not in (wanted, wanted[1:]):
            raise ConfigError(
                f"styles are {list(w.shape)}; this network takes [B, {self.style}], one for all "
                f"layers, or [B, {wanted[0]}, {self.style}], one for each"
            )
        each = jnp.broadcast_to(w.reshape(len(w), -1, self.style), (len(w), *wanted))
        return self.synthesiser(each, self._maps(noise, len(w)))

    def _drawn(self, n: int) -> Noise:
        """Of `n` examples in training."""
        count = areas(self.noise_sizes)
        return collectives.shard(random.normal(self.make_rng("dropout"), (n, count)))

    def _maps(self, noise: Noise | None, n: int) -> tuple[Float[Array, "b h w"], ...]:
        """By layer; () without noise."""
        count = areas(self.noise_sizes)
        if noise is None and self.noise:
            noise = jnp.broadcast_to(random.normal(random.key(FIXED), (1, count)), (n, count))
        if noise is not None and noise.shape != (n, count):
            raise ConfigError(
                f"noise is {list(noise.shape)}; this network takes {[n, count]}, the maps of "
                f"{len(self.noise_sizes)} layers in a row (style.Up's noise=True)"
            )
        return () if noise is None else maps_of(noise, self.noise_sizes)

    def _mixed(self, first: Float[Array, "b w"], other: Float[Array, "b w"]) -> Styles:
        which, where = random.split(self.make_rng("dropout"))
        n, count = len(first), self.style_layers
        since = random.randint(where, (n,), 1, count)
        since = jnp.where(random.bernoulli(which, self.mixing, (n,)), since, count)
        own = jnp.arange(count)[None] < since[:, None]
        return jnp.where(own[..., None], first[:, None], other[:, None])


def areas(sizes: Sizes) -> int:
    """How many numbers maps of these sizes have."""
    return sum(height * width for height, width in sizes)


def maps_of(noise: Noise, sizes: Sizes) -> tuple[Float[Array, "b h w"], ...]:
    """Maps in a row, one by one."""
    ends = list(accumulate(height * width for height, width in sizes))
    parts = jnp.split(noise, ends[:-1], axis=1)
    return tuple(x.reshape(len(x), *size) for x, size in zip(parts, sizes, strict=True))


class Mapper(nn.Module):
    """f: Z -> W (Karras et al. 2019, Figure 1b): latent and embedded conditions, each scaled to a
    mean square of 1, side by side through dense layers with LeakyReLU 0.2.
    """

    features: int
    depth: int
    rate: float

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None
    ) -> Float[Array, "b w"]:
        """Styles, float32."""
        if pictures(cond) is not None:
            raise ConfigError(
                "style.Up makes a style of labels and numbers and is given a picture: leave the "
                "picture's column out of `given`, or use another trunk"
            )
        given, x = vector(cond), _unit(z)
        if given is not None:
            x = jnp.concatenate([x, _unit(Embedding(self.features, name="label")(given))], axis=-1)
        for _ in range(self.depth):
            x = jax.nn.leaky_relu(Slow(self.features, self.rate)(x), 0.2)
        return x


class Slow(nn.Module):
    """A dense layer whose parameters are `rate` times what an optimiser sees, so that they move as
    much less under Adam.
    """

    features: int
    rate: float

    @nn.compact
    def __call__(self, x: Float[Array, "b d"]) -> Float[Array, "b e"]:
        """float32."""
        larger = lambda *args: leaky(*args) / self.rate  # noqa: E731
        kernel = self.param("kernel", larger, (x.shape[-1], self.features), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        return x @ (self.rate * kernel) + self.rate * bias[None]


class Synthesiser(nn.Module):
    """g: W x ... x W -> images (Karras et al. 2019, Figure 1b)."""

    shape: tuple[int, ...]
    width: int
    dtype: str

    @nn.compact
    def __call__(
        self, w: Float[Array, "b layers w"], noise: tuple[Float[Array, "b h w"], ...] = ()
    ) -> Float[Array, "b h w c"]:
        """Not squashed."""
        doublings = layers.levels(self.shape)
        init: dict[str, Any] = dict(kernel_size=(3, 3), kernel_init=leaky, dtype=self.dtype)
        channels = [self.width * min(8, 2**stage) for stage in reversed(range(doublings + 1))]
        start = self.param("start", nn.initializers.ones, (4, 4, channels[0]), jnp.float32)
        x = jnp.broadcast_to(start.astype(self.dtype), (len(w), *start.shape))
        each = iter(jnp.moveaxis(w, 1, 0))
        maps = iter(noise)
        for stage, features in enumerate(channels):
            if stage:
                x = UpsampledConv(features, **init)(x)
                x = jax.nn.leaky_relu(self._noisy(x, maps), 0.2)
            else:
                x = self._noisy(x, maps)
            x = self._styled(x, next(each))
            x = self._noisy(Conv(features, **init)(x), maps)
            x = self._styled(jax.nn.leaky_relu(x, 0.2), next(each))
        return Conv(self.shape[-1], (1, 1), dtype=self.dtype, name="image")(x)

    def _noisy(self, x: Float[Array, "b h w c"], maps: Iterator[Float[Array, "b h w"]]) -> Array:
        """With the next of the maps, if there are any."""
        noise = next(maps, None)
        return x if noise is None else x + NoiseInput()(noise, x.shape[-1]).astype(x.dtype)

    def _styled(self, x: Float[Array, "b h w c"], w: Float[Array, "b w"]) -> Array:
        """AdaIN with scale and shift linear in the style: Eq. 1."""
        y = nn.Dense(2 * x.shape[-1])(w).astype(x.dtype)
        return layers.modulated(layers.instance_normalised(x), y)


class NoiseInput(nn.Module):
    """A map of noise by the learned strength of each channel (Karras et al. 2019, Section 2)."""

    @nn.compact
    def __call__(self, noise: Float[Array, "b h w"], channels: int) -> Float[Array, "b h w c"]:
        """What is added to a layer, float32."""
        strength = self.param("strength", nn.initializers.zeros, (channels,), jnp.float32)
        return noise[..., None] * strength[None, None, None]


def _unit(x: Float[Array, "b d"]) -> Float[Array, "b d"]:
    return x * lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-8)
