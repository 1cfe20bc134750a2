"""VGG16 and AlexNet from torchvision's weight files, for LPIPS and as a feature space.

Both are a list of convolutions in torchvision's order; weights keep its layout (OIHW) and names,
images are NHWC. Products use full float32 precision, whatever the default of the machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genlab.config import ConfigError
from genlab.data.sources import Readable, Source
from genlab.features.resize import KINDS, check_channels, resize
from genlab.features.space import FeatureSpace, batched
from genlab.features.weights.files import check, read
from genlab.runtime import compiler

SIZE = 224  # pixels, what the classifiers were trained on
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of images in [0, 1], as torchvision's classifiers take them
IMAGENET_STD = (0.229, 0.224, 0.225)
BATCH = 32  # images at a time: the first layers of VGG16 take 13 MB each of an image
HIGHEST = lax.Precision.HIGHEST


class Conv(NamedTuple):
    """One convolution and the ReLU after it.

    index:  in torchvision's `features`
    pool:   window of the max pooling before it, of stride 2; 0 for none
    tapped: whether LPIPS uses its output
    """

    index: int  # pyright: ignore[reportIncompatibleMethodOverride]
    width: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    pool: int = 0
    tapped: bool = False


class Backbone(NamedTuple):
    """A network up to its last convolution (Simonyan & Zisserman 2015, arXiv:1409.1556, Table 1,
    column D; Krizhevsky 2014, arXiv:1404.5997).
    """

    name: str
    convs: tuple[Conv, ...]

    @property
    def tapped(self) -> tuple[int, ...]:
        """The widths of the taps."""
        return tuple(conv.width for conv in self.convs if conv.tapped)


ALEXNET = Backbone(
    "torchvision's alexnet",
    (
        Conv(0, 64, kernel=11, stride=4, padding=2, tapped=True),
        Conv(3, 192, kernel=5, padding=2, pool=3, tapped=True),
        Conv(6, 384, pool=3, tapped=True),
        Conv(8, 256, tapped=True),
        Conv(10, 256, tapped=True),
    ),
)
VGG16_CONVS = Backbone(
    "torchvision's vgg16",
    (
        Conv(0, 64),
        Conv(2, 64, tapped=True),
        Conv(5, 128, pool=2),
        Conv(7, 128, tapped=True),
        Conv(10, 256, pool=2),
        Conv(12, 256),
        Conv(14, 256, tapped=True),
        Conv(17, 512, pool=2),
        Conv(19, 512),
        Conv(21, 512, tapped=True),
        Conv(24, 512, pool=2),
        Conv(26, 512),
        Conv(28, 512, tapped=True),
    ),
)
HIDDEN, CLASSES, GRID = 4096, 1000, 7  # of VGG16's classifier


def conv_shapes(backbone: Backbone) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the convolutions' tensors."""
    shapes, channels = {}, 3
    for conv in backbone.convs:
        name = f"features.{conv.index}"
        shapes[f"{name}.weight"] = (conv.width, channels, conv.kernel, conv.kernel)
        shapes[f"{name}.bias"] = (conv.width,)
        channels = conv.width
    return shapes


def head_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of VGG16's classifier."""
    widths = (VGG16_CONVS.convs[-1].width * GRID**2, HIDDEN, HIDDEN, CLASSES)
    shapes = {}
    for index, ins, outs in zip((0, 3, 6), widths, widths[1:], strict=False):
        shapes |= {f"classifier.{index}.weight": (outs, ins), f"classifier.{index}.bias": (outs,)}
    return shapes


def tapped(backbone: Backbone, tensors: Mapping[str, Array], x: Array) -> tuple[Array, ...]:
    """The rectified outputs that LPIPS compares, of normalised images `x` [B, H, W, 3].

    Raises ValueError for images so small that a layer has no pixel left.
    """
    taps, shape = [], x.shape
    for conv in backbone.convs:
        if conv.pool:
            x = max_pool(x, conv.pool)
        name = f"features.{conv.index}"
        x = lax.conv_general_dilated(
            x,
            tensors[f"{name}.weight"],
            (conv.stride, conv.stride),
            ((conv.padding, conv.padding),) * 2,
            dimension_numbers=("NHWC", "OIHW", "NHWC"),
            precision=HIGHEST,
        )
        x = jax.nn.relu(x + tensors[f"{name}.bias"].reshape(1, 1, 1, -1))
        if 0 in x.shape[1:3]:
            raise ValueError(
                f"images of {shape[1]}x{shape[2]} pixels leave nothing at layer features."
                f"{conv.index} of {backbone.name}: enlarge them first, and say so in the protocol"
            )
        if conv.tapped:
            taps.append(x)
    return tuple(taps)


def max_pool(x: Array, window: int) -> Array:
    """Of stride 2, without padding."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, window, window, 1), (1, 2, 2, 1), "VALID")


def vgg16(tensors: Mapping[str, Array], x: Array) -> tuple[Array, Array]:
    """(second hidden layer after its ReLU [B, 4096], logits [B, 1000]) of normalised images
    [B, 224, 224, 3].
    """
    x = max_pool(tapped(VGG16_CONVS, tensors, x)[-1], 2)
    x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # channels first: the order of the weights
    for index in (0, 3):
        x = jax.nn.relu(_dense(tensors, index, x))
    return x, _dense(tensors, 6, x)


def _dense(tensors: Mapping[str, Array], index: int, x: Array) -> Array:
    weight, bias = (tensors[f"classifier.{index}.{kind}"] for kind in ("weight", "bias"))
    return jnp.matmul(x, weight.T, precision=HIGHEST) + bias.reshape(1, -1)


def normalised(x: Array, mean: tuple[float, ...], std: tuple[float, ...]) -> Array:
    """(x / 255 - mean) / std, channel by channel, of images [B, H, W, 3] in [0, 255]."""
    return (x / 255 - jnp.array(mean).reshape(1, 1, 1, 3)) / jnp.array(std).reshape(1, 1, 1, 3)


def known_kind(kind: str) -> None:
    """Raises ConfigError for an unknown way of resizing, before the run that would need it."""
    if kind not in KINDS:
        raise ConfigError(f"resize={kind!r}; it is one of {', '.join(map(repr, KINDS))}")


def in_batches(
    forward: Callable[[Array], dict[str, Array]], images: np.ndarray
) -> dict[str, np.ndarray]:
    """`forward` of `BATCH` images at a time, the last padded, so that one program serves all."""
    size = min(BATCH, len(images))

    def padded(batch: Array) -> dict[str, Array]:
        rows = [(0, size - len(batch))] + [(0, 0)] * (batch.ndim - 1)
        return {name: x[: len(batch)] for name, x in forward(jnp.pad(batch, rows)).items()}

    return batched(padded, images, size)


@dataclass(frozen=True)
class VGG16:
    """The second hidden layer of VGG16, after its ReLU, where Kynkaanniemi et al. 2019
    (arXiv:1904.06991) measure precision and recall.

    weights: torchvision's vgg16-397923af.pth, or the same tensors in another file
    resize:  to 224x224, "tf1" (as torch-fidelity does), "torch" or "clean"; see `resize`
    """

    weights: str
    resize: str = "torch"

    def __post_init__(self):
        """Raises ConfigError for another kind."""
        known_kind(self.resize)

    def check(self, source: Readable) -> None:
        """ConfigError for images of other than 1 or 3 channels."""
        check_channels(source, type(self).__name__)

    def space(self, config: dict | None, source: Source | None) -> FeatureSpace:
        """The space, read from the file; the arguments are not used. Raises WeightsError for
        another file.
        """
        found = read(self.weights)
        expected = conv_shapes(VGG16_CONVS) | head_shapes()
        tensors = jax.device_put(check(found.tensors, expected, VGG16_CONVS.name))

        @compiler.jit
        def forward(tensors, images):
            x = resize(images, SIZE, self.resize)
            features, logits = vgg16(tensors, normalised(x, IMAGENET_MEAN, IMAGENET_STD))
            return {"features": features, "logits": logits}

        def taps(images: np.ndarray) -> dict[str, np.ndarray]:
            return in_batches(partial(forward, tensors), images)

        protocol = {
            "features": "vgg16 fc2 after ReLU",
            "features_sha256": found.sha256,
            "resize": self.resize,
            "input": f"{SIZE}x{SIZE}, ImageNet mean and deviation",
        }
        return FeatureSpace(taps, protocol)
