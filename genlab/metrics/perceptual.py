"""LPIPS: perceptual distance of images by AlexNet or VGG16, with weights from a user's files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Real, UInt8

from genlab.config import ConfigError, did_you_mean
from genlab.features.backbones import ALEXNET, HIGHEST, VGG16_CONVS, Backbone, conv_shapes, tapped
from genlab.features.weights.files import WeightsError, check, read
from genlab.runtime import compiler

BACKBONES = {"alex": ALEXNET, "vgg": VGG16_CONVS}
SHIFT = (-0.030, -0.088, -0.188)  # of images in [-1, 1], channel by channel
SCALE = (0.458, 0.448, 0.450)
EPSILON = 1e-10  # added to the norm of a pixel's features
SLACK = 1e-3  # beyond [-1, 1], for rounding
PIXELS = 2**20  # of each batch that go through the network at a time


def lpips(
    backbone: Backbone,
    tensors: Mapping[str, Array],
    heads: Sequence[Float[Array, " _"]],
    x: Float[Array, "b h w 3"],
    y: Float[Array, "b h w 3"],
) -> Float[Array, " b"]:
    """LPIPS of images `x` and `y` in [-1, 1]: at least 0, and of equal images 0 up to rounding, for
    the compiler may order the sums of the two networks differently (2.7e-16 was seen).

    Zhang et al. 2018 (arXiv:1801.03924), equation 1, in its version 0.1: the squared difference of
    the taps' features, each pixel's scaled to unit length, weighted by `heads`, averaged
    over pixels and summed over taps.
    """

    def unit(tap: Float[Array, "b i j d"]) -> Float[Array, "b i j d"]:
        return tap / (jnp.sqrt((tap**2).sum(-1, keepdims=True)) + EPSILON)

    def taps(images: Float[Array, "b h w 3"]) -> tuple[Float[Array, "b _ _ _"], ...]:
        shift, scale = (jnp.array(row).reshape(1, 1, 1, 3) for row in (SHIFT, SCALE))
        return tapped(backbone, tensors, (images - shift) / scale)

    total = jnp.zeros(len(x))
    for tap, other, head in zip(taps(x), taps(y), heads, strict=True):
        difference = (unit(tap) - unit(other)) ** 2
        total += jnp.matmul(difference, head, precision=HIGHEST).mean((1, 2))
    return total


@dataclass(frozen=True)
class Lpips:
    """LPIPS 0.1 of pairs of images. The files are read at the first call.

    backbone: "alex" or "vgg"
    weights:  torchvision's alexnet-owt-7be5be79.pth or vgg16-397923af.pth; its classifier is not
              used, and may be missing
    heads:    alex.pth or vgg.pth of the package lpips, weights/v0.1
    """

    backbone: str
    weights: str
    heads: str

    def __post_init__(self):
        """Raises ConfigError for another backbone."""
        if self.backbone not in BACKBONES:
            hint = did_you_mean(self.backbone, BACKBONES)
            raise ConfigError(f"LPIPS has no backbone {self.backbone!r}; give alex or vgg{hint}")

    def __call__(
        self, x: Real[np.ndarray, "b h w c"], y: Real[np.ndarray, "b h w c"]
    ) -> Float[np.ndarray, " b"]:
        """The distance of each image in `x` to the one at its index in `y`, float64.

        Both have 1 or 3 channels and are uint8, or floating in [-1, 1] (for path lengths,
        whose steps 256 levels would hide). Raises ValueError for other images and WeightsError
        for other files.
        """
        x, y = _pair(x, y)
        tensors, heads, forward, _ = self._read
        size = max(1, PIXELS // (x.shape[1] * x.shape[2]))
        parts = [
            forward(tensors, heads, x[i : i + size], y[i : i + size])
            for i in range(0, len(x), size)
        ]
        return np.concatenate([np.asarray(part, np.float64) for part in parts])

    @property
    def protocol(self) -> dict:
        """What to report with a score by this distance."""
        return {"distance": f"lpips 0.1 {self.backbone}", **self._read[-1]}

    @cached_property
    def _read(self) -> tuple:
        backbone = BACKBONES[self.backbone]
        weights, heads = read(self.weights), read(self.heads)
        tensors = check(weights.tensors, conv_shapes(backbone), backbone.name, ("classifier.",))
        rows = _heads(heads.tensors, backbone)
        protocol = {"backbone_sha256": weights.sha256, "heads_sha256": heads.sha256}

        def forward(tensors, rows, x, y):
            return lpips(backbone, tensors, rows, _signed(x), _signed(y))

        return (*jax.device_put((tensors, rows)), compiler.jit(forward), protocol)


def _heads(
    tensors: Mapping[str, Float[np.ndarray, "..."]], backbone: Backbone
) -> tuple[Float[np.ndarray, " _"], ...]:
    """One weight a channel and tap."""
    names = {f"lin{i}.model.1.weight": (1, w, 1, 1) for i, w in enumerate(backbone.tapped)}
    found = check(tensors, names, f"LPIPS's heads for {backbone.name}")
    for name, head in found.items():
        if not (head >= 0).all():
            raise WeightsError(
                f"the head {name} goes down to {head.min():.3g}; a distance takes weights of at "
                "least 0, as version 0.1's are: give weights/v0.1 of the package lpips"
            )
    return tuple(head.reshape(-1) for head in found.values())


def _signed(
    images: UInt8[Array, "b h w c"] | Float[Array, "b h w c"],
) -> Float[Array, "b h w c"]:
    """In [-1, 1], float32."""
    if images.dtype == jnp.uint8:
        return images.astype(jnp.float32) / 127.5 - 1
    return images.astype(jnp.float32)


def _pair(
    x: Real[np.ndarray, "b h w c"], y: Real[np.ndarray, "b h w c"]
) -> tuple[Real[np.ndarray, "b h w 3"], Real[np.ndarray, "b h w 3"]]:
    x, y = np.asarray(x), np.asarray(y)
    if x.shape != y.shape or x.dtype != y.dtype or 0 in x.shape:
        raise ValueError(
            f"two sets of images, {x.shape} {x.dtype} and {y.shape} {y.dtype}; expected the same "
            "shape [N, H, W, C], none of it 0, and the same type: LPIPS is of pairs"
        )
    if x.ndim != 4 or x.shape[-1] not in (1, 3):
        raise ValueError(f"images have shape {x.shape}; expected [N, H, W, 1 or 3]")
    if x.dtype != np.uint8:
        low, high = min(x.min(), y.min()), max(x.max(), y.max())
        if not (np.issubdtype(x.dtype, np.floating) and low >= -1 - SLACK and high <= 1 + SLACK):
            raise ValueError(
                f"images of {x.dtype} from {low} to {high}; expected uint8, or floating numbers "
                "in [-1, 1]: normalise or clip them"
            )
    return (np.repeat(x, 3, axis=-1), np.repeat(y, 3, axis=-1)) if x.shape[-1] == 1 else (x, y)
