"""Feature spaces that need neither training nor weights."""

import hashlib
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genlab.config import ConfigError
from genlab.data.sources import Readable, Source
from genlab.features.resize import check_channels, coloured
from genlab.features.space import FeatureSpace, batched, refuse_other_than_uint8
from genlab.runtime import compiler

SMALLEST = 8  # pixels: three layers of stride 2 leave one


@dataclass(frozen=True)
class Pixels:
    """Pixels in [-1, 1] as features: for sets without labels."""

    def space(self, config: dict, source: Source) -> FeatureSpace:
        """The space; the arguments are not used.

        Its `taps` raise ValueError for images that are not uint8.
        """

        def taps(images: np.ndarray) -> dict[str, np.ndarray]:
            refuse_other_than_uint8(images)
            return {"features": images.reshape(len(images), -1) / 127.5 - 1.0}

        return FeatureSpace(taps, {"features": "pixels"})


@dataclass(frozen=True)
class RandomConv:
    """A convolutional network with random weights, for sets without labels: three layers of 3 x 3
    with stride 2 and ReLU, then the mean over positions, `width` numbers.

    Naeem et al. 2020 (arXiv:2002.09797) use random networks where those trained on
    ImageNet do not apply. Weights are normal with He's variance (2015, arXiv:1502.01852), from a
    NumPy generator whose stream is frozen, so a seed gives the same network on every machine;
    greyscale is repeated to three channels.
    """

    seed: int = 0
    width: int = 64

    def __post_init__(self):
        if self.width < 1:
            raise ConfigError(f"RandomConv(width={self.width}): it must be at least 1")

    def kernels(self) -> list[np.ndarray]:
        """The weights, float32 [3, 3, in, out] of each layer."""
        draw = np.random.RandomState(self.seed)  # frozen by NEP 19; default_rng may change
        return [
            (draw.standard_normal((3, 3, n, self.width)) * np.sqrt(2 / (9 * n))).astype(np.float32)
            for n in (3, self.width, self.width)
        ]

    def check(self, source: Readable) -> None:
        """ConfigError for images of other than 1 or 3 channels."""
        check_channels(source, type(self).__name__)

    def space(self, config: dict | None, source: Source | None) -> FeatureSpace:
        """The space; the arguments are not used.

        Its `taps` raise ValueError for images smaller than 8 x 8 or not uint8.
        """
        kernels = self.kernels()
        digest = hashlib.sha256(b"".join(kernel.astype("<f4").tobytes() for kernel in kernels))
        protocol = {
            "features": "random-conv",
            "features_seed": self.seed,
            "features_sha256": digest.hexdigest(),
        }
        forward = partial(_pooled, [jnp.asarray(kernel) for kernel in kernels])
        return FeatureSpace(lambda images: batched(forward, images), protocol)


@compiler.jit
def _pooled(kernels: list[Array], images: Array) -> dict[str, Array]:
    if min(images.shape[1:3]) < SMALLEST:
        raise ValueError(
            f"images of {images.shape[1]} x {images.shape[2]}: three halvings need at least "
            f"{SMALLEST} x {SMALLEST}; compare in Pixels"
        )
    x = coloured(images).astype(jnp.float32) / 127.5 - 1
    for kernel in kernels:
        x = lax.conv_general_dilated(
            x,
            kernel,
            (2, 2),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=lax.Precision.HIGHEST,  # accelerators would round to bfloat16
        )
        x = jax.nn.relu(x)
    return {"features": x.mean((1, 2))}
