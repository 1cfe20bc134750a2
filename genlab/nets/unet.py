"""The U-Net of pix2pix: a trunk across, from pictures to pictures of the same size (Isola et al.
2017, arXiv:1611.07004, Appendix 6.1.1; after Ronneberger et al. 2015, arXiv:1505.04597).

Every halving of the resolution is mirrored by a doubling, and the map before the halving is one
more input after the doubling. The noise is dropout; `Translator(z_as="dropout")` draws it from the
latent, out of training too.

    paper, 256x256  UNet(): 8 halvings, 54.4 million parameters with 3 channels given
    128x128, 64x64  the same, 7 and 6 halvings: the resolution decides
"""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv, ConvTranspose

NOISY = 3  # doublings with dropout, from the coarsest on


class UNet(nn.Module):
    """4x4 convolutions of stride 2 down and up again, with skips.

    channels: of the picture made
    width:    channels after the first halving; each further one doubles them, up to `8 * width`
    depth:    halvings; None for as many as both sides allow, to 1x1 for a power of two
    dropout:  the rate in the three coarsest doublings; 0 for none
    """

    channels: int = 3
    width: int = 64
    depth: int | None = None
    norm: str = "BatchNorm"
    dropout: float = 0.5
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w d"]:
        """Not squashed. ConfigError for sides that cannot be halved so often."""
        widths = [self.width * min(8, 2**level) for level in range(self._depth(x.shape))]
        down, up = (
            functools.partial(
                conv,
                kernel_size=(4, 4),
                strides=(2, 2),
                kernel_init=layers.normal_02,
                dtype=self.dtype,
            )
            for conv in (Conv, ConvTranspose)
        )
        bias = layers.has_bias(self.norm)
        norm = functools.partial(layers.norm, self.norm, self.dtype)
        maps = []
        for level, features in enumerate(widths):
            x = jax.nn.leaky_relu(x, 0.2) if level else x
            x = down(features, use_bias=bias, name=f"down_{level}")(x)
            if 0 < level < len(widths) - 1:  # at 1x1 a norm over one example would leave nothing
                x = norm(name=f"norm_down_{level}")(x, cond, train)
            maps.append(x)
        maps.pop()
        for level in reversed(range(len(maps))):
            x = up(widths[level], use_bias=bias, name=f"up_{level}")(nn.relu(x))
            x = norm(name=f"norm_up_{level}")(x, cond, train)
            if len(maps) - level <= NOISY:
                x = layers.Dropout(self.dropout, level)(x, cond, train)
            x = jnp.concatenate([x, maps[level]], axis=-1)
        return up(self.channels, name="image")(nn.relu(x))

    def _depth(self, shape: tuple[int, ...]) -> int:
        """Halvings of pictures of `shape`, "b h w c"."""
        height, width = shape[1:3]
        common = math.gcd(height, width)
        most = (common & -common).bit_length() - 1
        depth = most if self.depth is None else self.depth
        if 1 <= depth <= most:
            return depth
        asked = "" if self.depth is None else f", and UNet.depth is {self.depth}"
        what = f"set depth to at most {most}, or " if most and depth > most else ""
        raise ConfigError(
            f"pictures of {height}x{width} can be halved {most} times{asked}: {what}give pictures "
            f"whose sides are multiples of {2 ** max(depth, 1)}"
        )
