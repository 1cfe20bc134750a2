"""The decoder of arbitrary style transfer, from features of an encoder to a picture (Huang &
Belongie 2017, arXiv:1703.06868, Section 6.1).

    with VGG-19's relu4_1     Decoder(), three doublings
"""

import functools

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.resize import upsample


class Decoder(nn.Module):
    """The encoder mirrored: 3x3 convolutions with reflection padding and ReLU, nearest doublings,
    no norm.

    widths: channels at each resolution, coarsest first; it is doubled between them
    convs:  at each, of the same width, before the one that leads on
    """

    channels: int = 3
    widths: tuple[int, ...] = (256, 128, 64)
    convs: tuple[int, ...] = (3, 1, 1)
    dtype: str = "float32"

    def __post_init__(self):
        if len(self.widths) != len(self.convs):
            raise ConfigError(
                f"adain.Decoder: {len(self.widths)} widths and {len(self.convs)} convs: one of "
                "each for every resolution"
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "b i j d"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Not squashed; `cond` and `train` are not used."""
        conv = functools.partial(
            Conv,
            kernel_size=(3, 3),
            padding="VALID",
            kernel_init=nn.initializers.he_normal(),
            dtype=self.dtype,
        )
        x = nn.relu(conv(self.widths[0])(layers.reflected(x, 1)))
        leads_to = (*self.widths[1:], self.channels)
        for level, (width, count) in enumerate(zip(self.widths, self.convs, strict=True)):
            x = upsample(x)
            for _ in range(count):
                x = nn.relu(conv(width)(layers.reflected(x, 1)))
            x = conv(leads_to[level])(layers.reflected(x, 1))
            x = x if level == len(self.widths) - 1 else nn.relu(x)
        return x
