"""The residual network that translates pictures or their style: a trunk across, fully convolutional
(Johnson et al. 2016, arXiv:1603.08155, Supplementary, Table 1; Zhu et al. 2017, arXiv:1703.10593,
Section 4, Appendix 7.2).

    CycleGAN, 256x256  ResNet()              9 blocks, instance norm, reflection padding
    CycleGAN, 128x128  ResNet(blocks=6)
    StarGAN            ResNet(blocks=6, norm="AffineInstanceNorm", padding="zeros"), for labels
    Johnson            ResNet(width=32, blocks=5, kernel=9, norm="AffineInstanceNorm")

Convolutions of stride 2 are "SAME": the authors' network, mirrored in both axes.
"""

import functools
from collections.abc import Callable

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, choices
from genlab.nets import layers
from genlab.nets.conditions import Conditions, pictures
from genlab.nets.kernels.convolution import Conv, ConvTranspose
from genlab.nets.kernels.resize import upsample

PADDINGS = ("reflect", "zeros")
REMOVING = ("InstanceNorm", "AffineInstanceNorm")
DOUBLINGS = ("transposed", "nearest")


class ResNet(nn.Module):
    """A wide convolution, two halvings, residual blocks, two doublings, a wide convolution.

    channels: of the picture made
    width:    channels at full resolution, four times as many in the blocks
    kernel:   side of the first and the last convolution
    padding:  "reflect" or "zeros", of all convolutions of stride 1
    doubling: "transposed" convolutions, or "nearest" and a convolution, which has no checkerboard
              (Odena et al. 2016, doi:10.23915/distill.00003)

    Sown as "features" in "intermediates", in this order: what goes in, each halving's convolution,
    the first and the middle block, which CUT compares.
    """

    channels: int = 3
    width: int = 64
    blocks: int = 9
    kernel: int = 7
    norm: str = "InstanceNorm"
    padding: str = "reflect"
    doubling: str = "transposed"
    dropout: float = 0.0
    dtype: str = "float32"

    def __post_init__(self):
        for name, known in (("padding", PADDINGS), ("doubling", DOUBLINGS)):
            if (value := getattr(self, name)) not in known:
                raise ConfigError(f"ResNet.{name} is {value!r}{choices(value, known)}")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w d"]:
        """Not squashed. ConfigError for sides that are no multiples of 4, and for constant planes
        that would have no effect.
        """
        self._refuse_planes(x, cond)
        if x.shape[1] % 4 or x.shape[2] % 4:
            raise ConfigError(
                f"pictures of {x.shape[1]}x{x.shape[2]}: translation.ResNet halves them twice: "
                "give sides that are multiples of 4"
            )
        sow = functools.partial(self.sow, "intermediates", "features")
        sow(x)
        x = self._normed(self._same(x, self.width, self.kernel), cond, train)
        for factor in (2, 4):
            x = self._conv(self.width * factor, (3, 3), strides=(2, 2))(x)
            sow(x)
            x = self._normed(x, cond, train)
        for block in range(self.blocks):
            h = self._normed(self._same(x, x.shape[-1], 3), cond, train)
            h = layers.Dropout(self.dropout, block)(h, cond, train)
            x += self._norm()(self._same(h, x.shape[-1], 3), cond, train)
            if block in (0, self.blocks // 2):
                sow(x)
        for factor in (2, 1):
            x = self._normed(self._doubled(x, self.width * factor), cond, train)
        return self._same(x, self.channels, self.kernel, bias=True)

    def _refuse_planes(self, x: Array, cond: Conditions | None) -> None:
        """A constant plane is a constant after a convolution of reflected pictures, which an
        instance norm takes away.
        """
        seen = pictures(cond)
        planes = seen is not None and x.shape[-1] > seen.shape[-1]
        if planes and self.padding == "reflect" and self.norm in REMOVING:
            raise ConfigError(
                "translation.ResNet is given labels, numbers or a latent as constant planes, which "
                f'reflection padding and {self.norm} remove: set padding="zeros", or '
                'norm="AdaptiveInstanceNorm"'
            )

    def _doubled(self, x: Array, features: int) -> Array:
        if self.doubling == "nearest":
            return self._same(upsample(x), features, 3)
        return self._conv(features, (3, 3), strides=(2, 2), of=ConvTranspose)(x)

    def _same(self, x: Array, features: int, kernel: int, bias: bool = False) -> Array:
        """A convolution that keeps the size."""
        if self.padding == "reflect":
            x = layers.reflected(x, kernel // 2)
        pads = {"reflect": "VALID", "zeros": "SAME"}[self.padding]
        return self._conv(features, (kernel, kernel), padding=pads, bias=bias)(x)

    def _conv(
        self, features: int, kernel: tuple, bias: bool = False, of: Callable = Conv, **fields
    ):
        bias = bias or layers.has_bias(self.norm)
        fixed = dict(kernel_init=layers.normal_02, dtype=self.dtype)
        return of(features, kernel, use_bias=bias, **fixed, **fields)

    def _normed(self, x: Array, cond: Conditions | None, train: bool) -> Array:
        return nn.relu(self._norm()(x, cond, train))

    def _norm(self) -> nn.Module:
        return layers.norm(self.norm, self.dtype)
