"""The networks of a very deep VAE (Child 2021, arXiv:2011.10650, Section 3; layer for layer as in
the authors' code).

    CIFAR-10  Encoder("32x11,32d2,16x6,16d2,8x6,8d2,4x3,4d4,1x3", 384)
              Decoder((32, 32, 100), "1x1,4m1,4x2,8m4,8x5,16m8,16x10,32m16,32x21", 384)

`blocks` is the authors' notation: "32x11" are eleven blocks at 32 pixels; "32d2" is one that then
halves the map; "8m4", of a decoder, is one at 8 pixels that begins with the map of 4. Each block of
a decoder is a level of latents of `latent_width` channels.
"""

import math
import re
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.resize import mean_pool, upsample
from genlab.nets.topdown import Gaussian, Level, TopDown, joined, level, split

gelu = partial(jax.nn.gelu, approximate=False)
LARGEST_BIAS = 64  # the resolution up to which a decoder begins with a learned map


class Encoder(nn.Module):
    """Residual blocks from the image down; the last map of each resolution goes to the decoder."""

    blocks: str
    width: int = 384
    bottleneck: float = 0.25

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> tuple[Float[Array, "b i j width"], ...]:
        """Maps, fine to coarse; `cond` and `train` are not used. ConfigError for images of another
        size than the first block.
        """
        layers = parsed(self.blocks, "d")
        _check_size("Encoder", layers[0][0], x.shape[1:3])
        x, found = _conv(self.width, 3, name="image")(x), {}
        found[x.shape[1]] = x
        middle, share = int(self.width * self.bottleneck), 1 / len(layers)
        for number, (size, by) in enumerate(layers):
            _check_size(f"Encoder's block {number} ({size})", size, x.shape[1:3])
            x = x + _Block(middle, self.width, share, name=f"block{number}")(x)
            x = _pooled(x, by) if by else x
            found[x.shape[1]] = x
        return tuple(found.values())


class Decoder(nn.Module):
    """Blocks from the coarsest map up, each with latents; then the parameters of p(x | z)."""

    shape: tuple[int, ...]
    blocks: str
    width: int = 384
    latent_width: int = 16
    bottleneck: float = 0.25

    @property
    def latent(self) -> int:
        """How many numbers the latents of all levels have."""
        return sum(map(math.prod, self._shapes))

    @property
    def _shapes(self) -> list[tuple[int, ...]]:
        return [(size, size, self.latent_width) for size, _ in parsed(self.blocks, "m")]

    @nn.compact
    def __call__(
        self,
        noise: Float[Array, "b latent"],
        activations: tuple[Array, ...] | None = None,
        cond: Conditions | None = None,
        train: bool = True,
    ) -> TopDown:
        """`cond` and `train` are not used. ConfigError where a resolution has no activations."""
        layers = parsed(self.blocks, "m")
        seen = None if activations is None else {a.shape[1]: a for a in activations}
        maps, levels = self._begun(len(noise), {size for size, _ in layers}), []
        noises = split(noise, self._shapes)
        for number, (size, by) in enumerate(layers):
            x = maps.get(size, jnp.zeros((len(noise), size, size, self.width)))
            if by is not None:
                x = x + _raised(self._mapped(maps, by), size // by)
            block = _Level(self.width, self.latent_width, self.bottleneck, 1 / len(layers),
                           name=f"block{number}")  # fmt: skip
            maps[size], found = block(
                x, noises[number], None if seen is None else self._mapped(seen, size)
            )
            levels.append(found)
        x = self._mapped(maps, self.shape[0])
        gain = self.param("gain", nn.initializers.ones, (1, 1, 1, self.width))
        bias = self.param("bias", nn.initializers.zeros, (1, 1, 1, self.width))
        theta = _conv(self.shape[-1], 1, name="image")(x * gain + bias)
        return joined(theta, levels)

    def _begun(self, rows: int, sizes: set[int]) -> dict[int, Array]:
        """The learned maps that the decoder begins with."""
        found = {}
        for size in sorted(size for size in sizes if size <= LARGEST_BIAS):
            shape = (1, size, size, self.width)
            one = self.param(f"start{size}", nn.initializers.zeros, shape)
            found[size] = jnp.broadcast_to(one, (rows, *shape[1:]))
        return found

    def _mapped(self, maps: dict[int, Array], size: int) -> Array:
        if size not in maps:
            raise ConfigError(
                f"blocks={self.blocks!r} of the decoder need a map of {size}x{size}, and there are "
                f"those of {', '.join(map(str, maps))}: let encoder and decoder have the same sizes"
            )
        return maps[size]


class _Level(nn.Module):
    width: int
    latent: int
    bottleneck: float
    share: float

    @nn.compact
    def __call__(self, x: Array, noise: Array, seen: Array | None) -> tuple[Array, Level]:
        middle, d = int(self.width * self.bottleneck), self.latent
        posterior = None
        if seen is not None:
            both = jnp.concatenate([x, seen], axis=-1)
            q = _Block(middle, 2 * d, name="posterior")(both)
            posterior = Gaussian(*jnp.split(q, 2, axis=-1))
        p = _Block(middle, 2 * d + self.width, 0.0, name="prior")(x)
        mean, log_sigma, more = jnp.split(p, [d, 2 * d], axis=-1)
        found = level(noise, Gaussian(mean, log_sigma), posterior)
        x = x + more + _conv(self.width, 1, self.share, name="latent")(found.z)
        return x + _Block(middle, self.width, self.share, name="residual")(x), found


class _Block(nn.Module):
    """GELU and convolution, four times, through a bottleneck; 1x1 at 2 pixels and below.

    share: of the variance that the last kernel begins with; 0: it begins at zero
    """

    middle: int
    out: int
    share: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        side = 3 if x.shape[1] > 2 else 1
        x = _conv(self.middle, 1, name="in")(gelu(x))
        x = _conv(self.middle, side, name="first")(gelu(x))
        x = _conv(self.middle, side, name="second")(gelu(x))
        return _conv(self.out, 1, self.share, name="out")(gelu(x))


def parsed(blocks: str, joint: str) -> list[tuple[int, int | None]]:
    """(resolution, the number after `joint` or None) of each block; ConfigError for what is no such
    notation.
    """
    found: list[tuple[int, int | None]] = []
    for text in blocks.split(","):
        match = re.fullmatch(rf"(\d+)(?:(x|{joint})(\d+))?", text.strip())
        if match is None or int(match[1]) < 1 or match[3] == "0":
            raise ConfigError(
                f"blocks={blocks!r}: {text!r} is neither a number of blocks, as 32x11, nor a "
                f"change of resolution, as {'32d2' if joint == 'd' else '8m4'}"
            )
        size, number = int(match[1]), int(match[3] or 1)
        if match[2] == joint:
            if (size % number) or (joint == "m" and number >= size):
                raise ConfigError(f"blocks={blocks!r}: {text!r}: {number} does not go into {size}")
            found.append((size, number))
        else:
            found += [(size, None)] * number
    return found


def _conv(width: int, side: int, share: float = 1.0, name: str | None = None) -> nn.Module:
    """With PyTorch's initial kernel, its variance times `share`, and no bias at first."""
    scaled = nn.initializers.variance_scaling(share / 3, "fan_in", "uniform") if share else None
    init = scaled or nn.initializers.zeros
    return Conv(width, (side, side), kernel_init=init, name=name)


def _check_size(who: str, size: int, found: tuple[int, ...]) -> None:
    if tuple(found) != (size, size):
        raise ConfigError(
            f"{who} is for {size}x{size}, and is given {found[0]}x{found[1]}: let its `blocks` "
            "follow the size of the data"
        )


def _pooled(x: Float[Array, "b h w c"], by: int) -> Float[Array, "b i j c"]:
    while by % 2 == 0:
        x, by = mean_pool(x), by // 2
    b, h, w, c = x.shape
    return x.reshape(b, h // by, by, w // by, by, c).mean((2, 4)) if by > 1 else x


def _raised(x: Float[Array, "b i j c"], by: int) -> Float[Array, "b h w c"]:
    while by % 2 == 0:
        x, by = upsample(x), by // 2
    return jnp.repeat(jnp.repeat(x, by, axis=1), by, axis=2) if by > 1 else x
