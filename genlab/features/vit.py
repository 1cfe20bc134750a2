"""Vision transformers as feature spaces: DINOv2 and the image tower of CLIP, from a user's file.

Both use one forward function (Dosovitskiy et al. 2021, arXiv:2010.11929): a class token before the
patches, learned positions, pre-norm blocks. They differ in their tensors (see `towers`), the
epsilon of their layer norms and the activation. Products use full float32 precision, whatever the
default of the machine.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float

from genlab.config import ConfigError, resolve
from genlab.data.sources import Readable, Source
from genlab.features.backbones import (
    HIGHEST,
    IMAGENET_MEAN,
    IMAGENET_STD,
    in_batches,
    known_kind,
    normalised,
)
from genlab.features.resize import check_channels, resize
from genlab.features.space import FeatureSpace
from genlab.features.weights import towers
from genlab.features.weights.files import WeightsError, read
from genlab.features.weights.towers import Tower
from genlab.runtime import compiler

HEAD_WIDTH = 64  # of every published DINOv2 and of OpenAI's CLIP
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of images in [0, 1] (openai/CLIP, clip/clip.py)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
OFFSET = 0.1  # of a patch, added to the size that DINOv2's positions are interpolated to


def gelu(x: Array) -> Array:
    """x Phi(x), exactly (Hendrycks & Gimpel 2016, arXiv:1606.08415): of DINOv2 and of LAION's and
    DataComp's CLIP.
    """
    return jax.nn.gelu(x, approximate=False)


def quick_gelu(x: Array) -> Array:
    """x sigmoid(1.702 x), its approximation in OpenAI's CLIP."""
    return x * jax.nn.sigmoid(1.702 * x)


def vit(
    tower: Tower,
    x: Array,
    epsilon: float,
    activation: Callable[[Array], Array],
    head_width: int = HEAD_WIDTH,
) -> Array:
    """The tokens after the last layer norm, [B, 1 + r + n * n, width]: class, registers, patches;
    of normalised images `x` [B, H, W, 3].
    """
    p, width = tower.patch.shape[-1], len(tower.token)
    x = lax.conv_general_dilated(
        x,
        tower.patch,
        (p, p),
        "VALID",
        dimension_numbers=("NHWC", "OIHW", "NHWC"),
        precision=HIGHEST,
    )
    x = x.reshape(len(x), -1, width) + tower.patch_bias.reshape(1, 1, width)
    x = _before(tower.token.reshape(1, width), x) + tower.positions[None]
    x = jnp.concatenate([x[:, :1], _before(tower.registers, x[:, 1:])], axis=1)
    if tower.before is not None:
        x = _norm(x, *tower.before, epsilon)

    def block(x: Array, w: dict[str, Array]) -> tuple[Array, None]:
        normed = _norm(x, w["norm1.weight"], w["norm1.bias"], epsilon)
        x = x + _scaled(_attention(normed, w, head_width), w, "ls1.gamma")
        normed = _norm(x, w["norm2.weight"], w["norm2.bias"], epsilon)
        hidden = activation(_dense(normed, w, "mlp.fc1"))
        return x + _scaled(_dense(hidden, w, "mlp.fc2"), w, "ls2.gamma"), None

    x, _ = lax.scan(block, x, tower.blocks)
    return _norm(x, *tower.after, epsilon)


def _before(tokens: Array, x: Array) -> Array:
    """`tokens` [T, width] before those of each image [B, ., width]."""
    return jnp.concatenate([jnp.broadcast_to(tokens[None], (len(x), *tokens.shape)), x], axis=1)


def _attention(x: Array, w: dict[str, Array], head_width: int) -> Array:
    b, tokens, width = x.shape
    qkv = _dense(x, w, "attn.qkv").reshape(b, tokens, 3, width // head_width, head_width)
    q, k, v = (qkv[:, :, i] for i in range(3))
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k, precision=HIGHEST) / math.sqrt(head_width)
    mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v, precision=HIGHEST)
    return _dense(mixed.reshape(b, tokens, width), w, "attn.proj")


def _dense(x: Array, w: dict[str, Array], name: str) -> Array:
    product = jnp.matmul(x, w[f"{name}.weight"].T, precision=HIGHEST)
    return product + w[f"{name}.bias"].reshape(1, 1, -1)


def _scaled(x: Array, w: dict[str, Array], name: str) -> Array:
    """LayerScale (Touvron et al. 2021, arXiv:2103.17239), where there is one."""
    return x * w[name].reshape(1, 1, -1) if name in w else x


def _norm(x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scale = lax.rsqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return centred * scale * weight.reshape(1, 1, -1) + bias.reshape(1, 1, -1)


# -------------------------------------------------------------------------------------- positions
def interpolated(
    positions: Float[np.ndarray, "1+n*n d"], side: int, antialias: bool
) -> Float[np.ndarray, "1+side*side d"]:
    """Positions for `side` patches a side, as DINOv2's code has them (`interpolate_pos_encoding` of
    facebookresearch/dinov2).

    Bicubic; antialiased in the networks with registers. Those without use a cubic of -3/4 and the
    step of a grid a tenth of a patch larger, as published.
    """
    old, width = math.isqrt(len(positions) - 1), positions.shape[1]
    if side == old:
        return positions
    grid = positions[1:].reshape(old, old, width)
    if antialias:
        shape = (side, side, width)
        grid = jax.image.resize(grid, shape, "cubic", antialias=True, precision=HIGHEST)
    else:
        rows = _bicubic(old, side, old / (side + OFFSET))
        grid = np.einsum("ia,jb,abw->ijw", rows, rows, grid, optimize=True)
    patches = np.asarray(grid, np.float32).reshape(-1, width)
    return np.concatenate([positions[:1], patches])


def _bicubic(old: int, new: int, step: float, a: float = -0.75) -> np.ndarray:
    """Weights [new, old] of Keys' cubic convolution (1981, IEEE TASSP 29(6)), `step` old samples
    apart, edges repeated.
    """
    centre = (np.arange(new)[:, None] + 0.5) * step - 0.5
    taps = np.floor(centre) + np.arange(-1, 3)
    d = np.abs(centre - taps)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    weights = np.zeros((new, old))
    rows = np.repeat(np.arange(new)[:, None], 4, axis=1)
    np.add.at(weights, (rows, np.clip(taps, 0, old - 1).astype(int)), np.where(d < 1, near, far))
    return weights


# ----------------------------------------------------------------------------------------- spaces
@dataclass(frozen=True)
class DINOv2:
    """The class token of DINOv2 (Oquab et al. 2024, arXiv:2304.07193), where Stein et al. 2023
    (arXiv:2306.04675) compare generative models.

    weights: dinov2_vits14_pretrain.pth, vitb14, vitl14, or the same with registers (reg4)
    resize:  of the largest square in the middle to size x size; see `resize`
    size:    pixels, a multiple of the patch (14)
    """

    weights: str
    resize: str = "clean"
    size: int = 224

    def __post_init__(self):
        """Raises ConfigError for another kind of resizing."""
        known_kind(self.resize)

    def check(self, source: Readable) -> None:
        """ConfigError for images of other than 1 or 3 channels."""
        check_channels(source, type(self).__name__)

    def space(self, config: dict | None, source: Source | None) -> FeatureSpace:
        """The space, read from the file; the arguments are not used. Raises WeightsError for
        another file, ConfigError for a size that does not divide into patches.
        """
        found = read(self.weights)
        tower = towers.dinov2(found.tensors)
        side, rest = divmod(self.size, tower.patch.shape[-1])
        if rest or not side:
            raise ConfigError(
                f"DINOv2 size={self.size} with patches of {tower.patch.shape[-1]} pixels; give a "
                "multiple of the patch"
            )
        places = interpolated(np.asarray(tower.positions), side, antialias=len(tower.registers) > 0)
        tower = tower._replace(positions=places)
        forward = partial(vit, epsilon=1e-6, activation=gelu, head_width=_heads(tower, HEAD_WIDTH))
        protocol = {"features": "dinov2 class token", "features_sha256": found.sha256}
        return _space(
            tower, forward, self.resize, self.size, (IMAGENET_MEAN, IMAGENET_STD), protocol
        )


@dataclass(frozen=True)
class CLIP:
    """The image embedding of CLIP (Radford et al. 2021, arXiv:2103.00020), not scaled to length 1.

    weights:    a state dict or safetensors with a ViT for images, in OpenAI's, open_clip's or
                Hugging Face's names (OpenAI's own .pt is a program: save its state dict)
    resize:     of the largest square in the middle to the network's own size; see `resize`
    activation: "package.module:name"; not determined by the tensors: `quick_gelu` for OpenAI's,
                `gelu` for LAION's and DataComp's
    head_width: nor is this: 80 for ViT-H, 88 for ViT-g, 104 for ViT-bigG
    """

    weights: str
    resize: str = "clean"
    activation: str = "genlab.features.vit:quick_gelu"
    head_width: int = HEAD_WIDTH

    def __post_init__(self):
        """Raises ConfigError for another kind of resizing."""
        known_kind(self.resize)

    def check(self, source: Readable) -> None:
        """ConfigError for images of other than 1 or 3 channels."""
        check_channels(source, type(self).__name__)

    def space(self, config: dict | None, source: Source | None) -> FeatureSpace:
        """The space, read from the file; the arguments are not used. Raises WeightsError for
        another file.
        """
        found = read(self.weights)
        tower = towers.clip(found.tensors)
        size = math.isqrt(len(tower.positions) - 1) * tower.patch.shape[-1]
        forward = partial(
            vit,
            epsilon=1e-5,
            activation=resolve(self.activation),
            head_width=_heads(tower, self.head_width),
        )
        protocol = {
            "features": "clip image embedding",
            "features_sha256": found.sha256,
            "activation": self.activation.rpartition(":")[-1],
        }
        return _space(tower, forward, self.resize, size, (CLIP_MEAN, CLIP_STD), protocol)


def _heads(tower: Tower, head_width: int) -> int:
    """`head_width`, if the tower divides into such heads."""
    if len(tower.token) % head_width:
        raise WeightsError(
            f"a transformer {len(tower.token)} wide does not divide into heads of {head_width}: "
            "give another head_width, or the weights that were meant"
        )
    return head_width


def _space(
    tower: Tower,
    network: Callable[[Tower, Array], Array],
    kind: str,
    size: int,
    scale: tuple[tuple[float, ...], tuple[float, ...]],
    protocol: dict,
) -> FeatureSpace:
    """The class token of the central square of each image, projected if the tower does so."""
    tower = jax.device_put(tower)

    @compiler.jit
    def forward(tower, images):
        token = network(tower, normalised(resize(images, size, kind), *scale))[:, 0]
        if tower.projection is None:
            return {"features": token}
        return {"features": jnp.matmul(token, tower.projection, precision=HIGHEST), "token": token}

    def taps(images: np.ndarray) -> dict[str, np.ndarray]:
        return in_batches(partial(forward, tower), _middle(images))

    mean, deviation = scale
    shown = f"middle square, {size}x{size}, mean {mean}, deviation {deviation}"
    return FeatureSpace(taps, {**protocol, "resize": kind, "input": shown})


def _middle(images: np.ndarray) -> np.ndarray:
    """The largest central square of each image."""
    height, width = images.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, top : top + side, left : left + side]
