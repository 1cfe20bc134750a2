"""`Inception`: the network of FID (Heusel et al. 2017, arXiv:1706.08500), from a user's file.

It is Inception v3 (Szegedy et al. 2016, arXiv:1512.00567) as TensorFlow released it on 2015-12-05;
for torch it is distributed as `pt_inception-2015-12-05-6726825d.pth` (pytorch-fid) or
`weights-inception-2015-12-05-6726825d.pth` (torch-fidelity). Names are those of these files. It
differs from torchvision's: averages exclude the padding, the last block pools by maximum, and there
are 1008 classes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genlab.config import ConfigError
from genlab.data.sources import Readable, Source
from genlab.features.resize import check_channels, resize
from genlab.features.space import FeatureSpace, batched
from genlab.features.weights import files as weights_lib
from genlab.features.weights.files import WeightsError
from genlab.runtime import compiler

SIZE, CLASSES, FEATURES, BATCH = 299, 1008, 2048, 50
EPSILON = 1e-3  # of batch norm
SPATIAL = 7  # channels of 17 x 17: 2023 numbers, about as many as FID's 2048
CENTRE = {"tf1": 128.0, "clean": 128.0, "torch": 127.5}  # input: x / CENTRE - 1


@dataclass(frozen=True)
class Conv:
    """Convolution without bias, batch norm, ReLU."""

    name: str
    features: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: str = "SAME"


def average(x: Array) -> Array:
    """Mean of 3 x 3 pixels, of those that exist at the border."""
    rows, columns = (np.convolve(np.ones(n), np.ones(3), "same") for n in x.shape[1:3])
    count = jnp.asarray(np.outer(rows, columns)[None, :, :, None], jnp.float32)
    return lax.reduce_window(x, 0.0, lax.add, (1, 3, 3, 1), (1, 1, 1, 1), "SAME") / count


def largest(x: Array) -> Array:
    """Maximum of 3 x 3 pixels."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 1, 1, 1), "SAME")


def halve(x: Array) -> Array:
    """Maximum of 3 x 3 pixels, every second one, none of them at the border."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "VALID")


def _a(pool: int) -> list:
    return [
        Conv("branch1x1", 64),
        (Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, (5, 5))),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3)),
        ),
        (average, Conv("branch_pool", pool)),
    ]


def _c(width: int) -> list:
    return [
        Conv("branch1x1", 192),
        (
            Conv("branch7x7_1", width),
            Conv("branch7x7_2", width, (1, 7)),
            Conv("branch7x7_3", 192, (7, 1)),
        ),
        (
            Conv("branch7x7dbl_1", width),
            Conv("branch7x7dbl_2", width, (7, 1)),
            Conv("branch7x7dbl_3", width, (1, 7)),
            Conv("branch7x7dbl_4", width, (7, 1)),
            Conv("branch7x7dbl_5", 192, (1, 7)),
        ),
        (average, Conv("branch_pool", 192)),
    ]


def _e(pool: Callable[[Array], Array]) -> list:
    return [
        Conv("branch1x1", 320),
        (
            Conv("branch3x3_1", 384),
            [Conv("branch3x3_2a", 384, (1, 3)), Conv("branch3x3_2b", 384, (3, 1))],
        ),
        (
            Conv("branch3x3dbl_1", 448),
            Conv("branch3x3dbl_2", 384, (3, 3)),
            [Conv("branch3x3dbl_3a", 384, (1, 3)), Conv("branch3x3dbl_3b", 384, (3, 1))],
        ),
        (pool, Conv("branch_pool", 192)),
    ]


_B = [
    Conv("branch3x3", 384, (3, 3), 2, "VALID"),
    (
        Conv("branch3x3dbl_1", 64),
        Conv("branch3x3dbl_2", 96, (3, 3)),
        Conv("branch3x3dbl_3", 96, (3, 3), 2, "VALID"),
    ),
    halve,
]
_D = [
    (Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, (3, 3), 2, "VALID")),
    (
        Conv("branch7x7x3_1", 192),
        Conv("branch7x7x3_2", 192, (1, 7)),
        Conv("branch7x7x3_3", 192, (7, 1)),
        Conv("branch7x7x3_4", 192, (3, 3), 2, "VALID"),
    ),
    halve,
]

# A tuple is a sequence of layers; a list, parallel branches whose outputs are concatenated.
NETWORK: tuple[tuple[str, object], ...] = (
    ("", Conv("Conv2d_1a_3x3", 32, (3, 3), 2, "VALID")),
    ("", Conv("Conv2d_2a_3x3", 32, (3, 3), 1, "VALID")),
    ("", Conv("Conv2d_2b_3x3", 64, (3, 3))),
    ("MaxPool_1", halve),
    ("", Conv("Conv2d_3b_1x1", 80)),
    ("", Conv("Conv2d_4a_3x3", 192, (3, 3), 1, "VALID")),
    ("MaxPool_2", halve),
    ("Mixed_5b", _a(32)),
    ("Mixed_5c", _a(64)),
    ("Mixed_5d", _a(64)),
    ("Mixed_6a", _B),
    ("Mixed_6b", _c(128)),
    ("Mixed_6c", _c(160)),
    ("Mixed_6d", _c(160)),
    ("Mixed_6e", _c(192)),
    ("Mixed_7a", _D),
    ("Mixed_7b", _e(average)),
    ("Mixed_7c", _e(largest)),
)
MEANS = {"MaxPool_1": "64", "MaxPool_2": "192", "Mixed_6e": "768", "Mixed_7c": "features"}


@dataclass(frozen=True)
class Inception:
    """The feature space of FID, KID and IS, from the file `weights`.

    Taps "64", "192", "768" and "2048" (which is "features") are the means over positions after
    both max pools, Mixed_6e and Mixed_7c, as pytorch-fid and torch-fidelity number them. "spatial",
    for sFID, is the first seven channels of Mixed_6d, unpooled (Nash et al. 2021,
    arXiv:2103.03841; `mixed_6/conv` in `evaluations/evaluator.py` of openai/guided-diffusion).
    "logits", for IS, leave out the bias, as the code of Salimans et al. 2016
    (arXiv:1606.03498) did.

    `resize` names the preprocessing: "tf1", "torch" or "clean", see `resize`.
    """

    weights: str
    resize: str = "tf1"

    def __post_init__(self):
        if self.resize not in CENTRE:
            names = ", ".join(map(repr, CENTRE))
            raise ConfigError(f"resize={self.resize!r}: it must be one of {names}")

    def check(self, source: Readable) -> None:
        """ConfigError for images of other than 1 or 3 channels."""
        check_channels(source, type(self).__name__)

    def space(self, config: dict | None, source: Source | None) -> FeatureSpace:
        """The space; the arguments are not used.

        Raises WeightsError where the file is not this network's.
        """
        found = weights_lib.read(self.weights)
        params = jax.device_put(parameters(found.tensors))

        def taps(images: np.ndarray) -> dict[str, np.ndarray]:
            parts = -(-len(images) // BATCH)
            size = -(-len(images) // parts)

            def forward(batch: Array) -> dict[str, Array]:
                short = [(0, size - len(batch))]  # padded, so that all use one compiled program
                seen = prepare(jnp.pad(batch, short + [(0, 0)] * (batch.ndim - 1)), self.resize)
                return {name: value[: len(batch)] for name, value in network(params, seen).items()}

            every = batched(forward, images, size)
            return {**every, "2048": every["features"]}

        protocol = {"features": "inception", "features_sha256": found.sha256, "resize": self.resize}
        return FeatureSpace(taps, protocol)


def expected() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the state dict, as torch has them: [out, in, height, width]."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, conv, channels in _convolutions():
        shapes[f"{name}.conv.weight"] = (conv.features, channels, *conv.kernel)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn.{part}"] = (conv.features,)
    return {**shapes, "fc.weight": (CLASSES, FEATURES), "fc.bias": (CLASSES,)}


def parameters(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters of `network` from a state dict: batch norm is folded into the convolution before
    it, in float64.

    Raises WeightsError for a state dict of another network, such as torchvision's.
    """
    width = tensors["fc.weight"].shape[0] if "fc.weight" in tensors else CLASSES
    if width != CLASSES:
        raise WeightsError(
            f"an Inception of {width} classes, not {CLASSES}: torchvision's ImageNet weights, for "
            "one, are another network, and their distances no FID; give "
            "pt_inception-2015-12-05-6726825d.pth"
        )
    state = weights_lib.check(tensors, expected(), "FID's Inception (2015-12-05)")
    params = {"fc": np.ascontiguousarray(state["fc.weight"].T)}
    for name, _, _ in _convolutions():
        part = {
            key: state[f"{name}.{key}"].astype(np.float64)
            for key in ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")
        }
        scale = part["bn.weight"] / np.sqrt(part["bn.running_var"] + EPSILON)
        kernel = part["conv.weight"].transpose(2, 3, 1, 0) * scale
        params[f"{name}.kernel"] = kernel.astype(np.float32)
        shift = part["bn.bias"] - part["bn.running_mean"] * scale
        params[f"{name}.bias"] = shift.astype(np.float32)
    return params


@partial(jax.jit, static_argnames="kind")
def prepare(images: Array, kind: str) -> Array:
    """Input of the network, [N, 299, 299, 3] in about [-1, 1], from uint8 [N, H, W, 1 or 3]."""
    return resize(images, SIZE, kind) / CENTRE[kind] - 1


@compiler.jit
def network(params: dict[str, Array], x: Array) -> dict[str, Array]:
    """Every tap of `x`, from `prepare`."""
    taps = {}
    for name, step in NETWORK:
        x = _run(step, x, params, f"{name}." if name else "")
        if name in MEANS:
            taps[MEANS[name]] = x.mean((1, 2))
        if name == "Mixed_6d":
            taps["spatial"] = x[..., :SPATIAL].reshape(len(x), -1)
    taps["logits"] = jnp.matmul(taps["features"], params["fc"], precision=lax.Precision.HIGHEST)
    return taps


def _run(step: Any, x: Array, params: dict[str, Array], prefix: str) -> Array:
    if isinstance(step, Conv):
        kernel, bias = params[f"{prefix}{step.name}.kernel"], params[f"{prefix}{step.name}.bias"]
        x = lax.conv_general_dilated(
            x,
            kernel,
            (step.stride, step.stride),
            step.padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=lax.Precision.HIGHEST,  # accelerators would round to bfloat16
        )
        return jax.nn.relu(x + bias[None, None, None])
    if isinstance(step, list):
        return jnp.concatenate([_run(branch, x, params, prefix) for branch in step], -1)
    if isinstance(step, tuple):
        for inner in step:
            x = _run(inner, x, params, prefix)
        return x
    return step(x)


def _convolutions() -> Iterator[tuple[str, Conv, int]]:
    """Each convolution: its full name, itself, its input's channels."""
    channels = 3
    for name, step in NETWORK:
        found, channels = _walk(step, channels, f"{name}." if name else "")
        yield from found


def _walk(step: object, channels: int, prefix: str) -> tuple[list[tuple[str, Conv, int]], int]:
    """The convolutions of a step, and how many channels come out of it."""
    if isinstance(step, Conv):
        return [(prefix + step.name, step, channels)], step.features
    if isinstance(step, list):
        parts = [_walk(branch, channels, prefix) for branch in step]
        return [one for found, _ in parts for one in found], sum(out for _, out in parts)
    every = []
    if isinstance(step, tuple):
        for inner in step:
            found, channels = _walk(inner, channels, prefix)
            every += found
    return every, channels
