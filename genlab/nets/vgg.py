"""VGG-16 and VGG-19 up to a layer, as networks that pictures are compared in (Simonyan & Zisserman
2015, arXiv:1409.1556, Table 1, columns D and E).

Layers are named by block and place: "conv3_2" before its ReLU, "relu3_2" after it.
`features.vgg` reads weights from a user's file; without them they are random (He et al. 2015).

    Gatys      VGG(19, ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1", "relu4_2"), "mean")
    Johnson    VGG(16, ("relu1_2", "relu2_2", "relu3_3", "relu4_3"))
    SRGAN      VGG(19, ("relu5_4",));  ESRGAN  VGG(19, ("conv5_4",))
    AdaIN      VGG(19, ("relu1_1", "relu2_1", "relu3_1", "relu4_1"), padding="reflect")
"""

import sys

import flax.linen as nn
import jax.numpy as jnp
from flax.linen import max_pool
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, choices, choose
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels import resize
from genlab.nets.kernels.convolution import Conv

CONVS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # of each block
WIDTHS = (64, 128, 256, 512, 512)
# of ImageNet's pictures in [0, 1], as torchvision's networks take them
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class VGG(nn.Module):
    """Pictures in [-1, 1] to a tuple of maps, in the order of `at`.

    depth:   16 or 19
    at:      names of layers
    pool:    "max", or "mean", which Gatys et al. advise (arXiv:1508.06576, Section "Methods")
    padding: "zeros", or "reflect" as in AdaIN's encoder
    """

    depth: int = 19
    at: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    pool: str = "max"
    padding: str = "zeros"

    def __post_init__(self):
        if self.depth not in CONVS:
            raise ConfigError(f"VGG(depth={self.depth}): there is 16 and 19")
        for name in self.at:
            if name not in _names(self.depth):
                raise ConfigError(
                    f"VGG-{self.depth} has no layer {name!r}{choices(name, _names(self.depth))}"
                )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = False
    ) -> tuple[Float[Array, "b i j d"], ...]:
        """Maps in float32; grey pictures are taken as three equal channels. `cond` and `train` are
        not used.
        """
        h, found = prepared(x), {}
        for name in _needed(self.depth, self.at):
            kind, block, place = name[:4], int(name[4]), int(name[6])
            if kind == "relu":
                h = nn.relu(h)
            else:
                if place == 1 and block > 1:
                    h = choose(sys.modules[__name__], f"{self.pool}_halved")(h)
                h = self._conv(h, WIDTHS[block - 1], name)
            found[name] = h
        return tuple(found[name] for name in self.at)

    def _conv(self, x: Array, width: int, name: str) -> Array:
        x = layers.reflected(x, 1) if self.padding == "reflect" else x
        pads = "VALID" if self.padding == "reflect" else "SAME"
        return Conv(
            width, (3, 3), padding=pads, kernel_init=nn.initializers.he_normal(), name=name
        )(x)


def prepared(x: Float[Array, "b h w c"]) -> Float[Array, "b h w 3"]:
    """Pictures in [-1, 1] as torchvision's networks take them: RGB by ImageNet's mean and standard
    deviation.
    """
    if x.shape[-1] not in (1, 3):
        raise ConfigError(
            f"VGG takes pictures of 1 or 3 channels, these have {x.shape[-1]}: leave out the others"
        )
    wide = jnp.broadcast_to(x, (*x.shape[:-1], 3)).astype(jnp.float32)
    mean, std = (jnp.asarray(values).reshape(1, 1, 1, 3) for values in (MEAN, STD))
    return ((wide + 1) / 2 - mean) / std


def max_halved(x: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """The largest of 2x2; a last row or column is left out where a side is odd."""
    return max_pool(x, (2, 2), strides=(2, 2))


def mean_halved(x: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """The mean of 2x2; a last row or column is left out where a side is odd."""
    h, w = (side - side % 2 for side in x.shape[1:3])
    return resize.mean_pool(x[:, :h, :w])


def convolutions(depth: int) -> list[tuple[str, int, int]]:
    """(name, channels before, channels after) of all of them, in the network's order."""
    found, before = [], 3
    for block, (count, width) in enumerate(zip(CONVS[depth], WIDTHS, strict=True), start=1):
        for place in range(1, count + 1):
            found.append((f"conv{block}_{place}", before, width))
            before = width
    return found


def _names(depth: int) -> list[str]:
    """Every layer's, in the network's order."""
    return [
        name for conv, *_ in convolutions(depth) for name in (conv, conv.replace("conv", "relu"))
    ]


def _needed(depth: int, at: tuple[str, ...]) -> list[str]:
    names = _names(depth)
    return names[: max((names.index(name) for name in at), default=-1) + 1]
