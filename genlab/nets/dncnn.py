"""DnCNN: a picture less the noise that a plain network finds in it (Zhang et al. 2017,
arXiv:1608.03981, Section III).

    grey        DnCNN(1)            17 layers
    colour      DnCNN(depth=20)     also for noise of unknown level
"""

import functools

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions, picture
from genlab.nets.kernels.convolution import Conv


class DnCNN(nn.Module):
    """x - f(x), f of `depth` 3x3 convolutions with BatchNorm between; a trunk across.

    channels: of the picture; what else is given is seen by f alone
    """

    channels: int = 3
    width: int = 64
    depth: int = 17
    norm: str = "BatchNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w d"]:
        """Not squashed: give `Translator(bounded=False)`."""
        if x.shape[-1] < self.channels:
            raise ConfigError(
                f"DnCNN(channels={self.channels}) of a picture of {x.shape[-1]} channels: set "
                f"channels={x.shape[-1]}"
            )
        orthogonal = nn.initializers.orthogonal()
        conv = functools.partial(Conv, kernel_size=(3, 3), kernel_init=orthogonal, dtype=self.dtype)
        bias = layers.has_bias(self.norm)
        h = nn.relu(conv(self.width)(x))
        for _ in range(self.depth - 2):
            h = layers.norm(self.norm, self.dtype)(conv(self.width, use_bias=bias)(h), cond, train)
            h = nn.relu(h)
        noise = conv(self.channels, use_bias=False, name="noise")(h)
        return picture(x, cond, self.channels) - noise
