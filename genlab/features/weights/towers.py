"""Converts the tensors of a vision transformer from a user's file to one form.

A file is recognised by its tensors' names; sizes are taken from their shapes. Each function raises
WeightsError, with the file's own names, for the tensors of another network.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from genlab.features.weights.files import WeightsError, check

KINDS = ("weight", "bias")
BLOCK = ("norm1.", "attn.qkv.", "attn.proj.", "norm2.", "mlp.fc1.", "mlp.fc2.")
CLIP_BLOCK = ("ln_1.", "attn.in_proj_", "attn.out_proj.", "ln_2.", "mlp.c_fc.", "mlp.c_proj.")
CLIP_NAMES = {
    f"{ours}{kind}": f"{theirs}{kind}"
    for ours, theirs in zip(BLOCK, CLIP_BLOCK, strict=True)
    for kind in KINDS
}
HUGGING_FACE = (  # its names of CLIP's image tower, and OpenAI's
    (r"^vision_model\.embeddings\.class_embedding$", "visual.class_embedding"),
    (r"^vision_model\.embeddings\.patch_embedding\.", "visual.conv1."),
    (r"^vision_model\.embeddings\.position_embedding\.weight$", "visual.positional_embedding"),
    (r"^vision_model\.pre_layrnorm\.", "visual.ln_pre."),
    (r"^vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"^vision_model\.encoder\.layers\.", "visual.transformer.resblocks."),
    (r"\.layer_norm([12])\.", r".ln_\1."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
    (r"\.self_attn\.", ".attn."),
)


Tensor = Any  # NumPy's as it is read, JAX's where it is used


class Tower(NamedTuple):
    """The tensors of a vision transformer.

    token:      the class token
    positions:  of the class token and of each patch, row by row
    registers:  further tokens without position (Darcet et al. 2024, arXiv:2309.16588)
    before:     weight and bias of a layer norm before the blocks; None without
    blocks:     by DINOv2's names; "ls1.gamma" and "ls2.gamma" where it has them
    after:      weight and bias of the last layer norm
    projection: of the class token; None without
    """

    patch: Float[Tensor, "d 3 p p"]
    patch_bias: Float[Tensor, " d"]
    token: Float[Tensor, " d"]
    positions: Float[Tensor, "1+n*n d"]
    registers: Float[Tensor, "r d"]
    before: tuple[Float[Tensor, " d"], Float[Tensor, " d"]] | None
    blocks: dict[str, Float[Tensor, "depth ..."]]
    after: tuple[Float[Tensor, " d"], Float[Tensor, " d"]]
    projection: Float[Tensor, "d outputs"] | None


def dinov2(tensors: Mapping[str, np.ndarray]) -> Tower:
    """From the names of facebookresearch/dinov2: ViT-S, B and L, with and without registers."""
    what = "DINOv2 (ViT-S, B or L; the giant's gated layers are not read here)"
    width, patch = _sizes(tensors, "patch_embed.proj.weight", what)
    block = _block(width, tensors.get("blocks.0.mlp.fc1.weight")) | {
        name: (width,) for name in ("ls1.gamma", "ls2.gamma") if f"blocks.0.{name}" in tensors
    }
    depth = _depth(tensors, r"blocks\.(\d+)\.")
    registers = {
        name: (1, *value.shape[1:2], width)
        for name, value in tensors.items()
        if name == "register_tokens"
    }
    expected = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, _positions(tensors, "pos_embed", what), width),
        **registers,
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
        **{f"blocks.{i}.{name}": shape for i in range(depth) for name, shape in block.items()},
        **{f"norm.{kind}": (width,) for kind in KINDS},
    }
    found = check(tensors, expected, what, unused=("mask_token",))
    return Tower(
        patch=found["patch_embed.proj.weight"],
        patch_bias=found["patch_embed.proj.bias"],
        token=found["cls_token"].reshape(width),
        positions=found["pos_embed"].reshape(-1, width),
        registers=found.get("register_tokens", np.zeros(0, np.float32)).reshape(-1, width),
        before=None,
        blocks={
            name: np.stack([found[f"blocks.{i}.{name}"] for i in range(depth)]) for name in block
        },
        after=(found["norm.weight"], found["norm.bias"]),
        projection=None,
    )


def clip(tensors: Mapping[str, np.ndarray]) -> Tower:
    """From the names of openai/CLIP (`visual.*`, also open_clip's) or of Hugging Face's CLIPModel;
    a text tower is ignored.
    """
    what = "CLIP with a vision transformer for images"
    tensors = {name: v for name, v in _openai(tensors).items() if name.startswith("visual.")}
    width, patch = _sizes(tensors, "visual.conv1.weight", what)
    outputs = tensors["visual.proj"].shape[1:] if "visual.proj" in tensors else (width,)
    stem = "visual.transformer.resblocks"
    block = _block(width, tensors.get(f"{stem}.0.mlp.c_fc.weight"))
    depth = _depth(tensors, rf"{re.escape(stem)}\.(\d+)\.")
    expected = {
        "visual.class_embedding": (width,),
        "visual.positional_embedding": (
            _positions(tensors, "visual.positional_embedding", what),
            width,
        ),
        "visual.conv1.weight": (width, 3, patch, patch),
        **{f"visual.{name}.{kind}": (width,) for name in ("ln_pre", "ln_post") for kind in KINDS},
        **{
            f"{stem}.{i}.{CLIP_NAMES[name]}": shape
            for i in range(depth)
            for name, shape in block.items()
        },
        "visual.proj": (width, *outputs),
    }
    found = check(tensors, expected, what)
    return Tower(
        patch=found["visual.conv1.weight"],
        patch_bias=np.zeros(width, np.float32),
        token=found["visual.class_embedding"],
        positions=found["visual.positional_embedding"],
        registers=np.zeros((0, width), np.float32),
        before=(found["visual.ln_pre.weight"], found["visual.ln_pre.bias"]),
        blocks={
            name: np.stack([found[f"{stem}.{i}.{CLIP_NAMES[name]}"] for i in range(depth)])
            for name in block
        },
        after=(found["visual.ln_post.weight"], found["visual.ln_post.bias"]),
        projection=found["visual.proj"],
    )


def _openai(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Hugging Face's tensors under OpenAI's names, queries, keys and values in one; others as they
    are.
    """
    named = {}
    for name, value in tensors.items():
        if name.startswith("vision_model.") and not name.endswith("position_ids"):
            for pattern, new in HUGGING_FACE:
                name = re.sub(pattern, new, name)
        if name == "visual_projection.weight":
            name, value = "visual.proj", value.T
        named[name] = value
    for first in [name for name in named if ".attn.q_proj." in name]:
        parts = [first.replace(".q_proj.", f".{part}_proj.") for part in "qkv"]
        if all(part in named for part in parts):
            joined = np.concatenate([named.pop(part) for part in parts])
            named[first.replace(".q_proj.", ".in_proj_")] = joined
    return named


def _block(width: int, first: np.ndarray | None) -> dict[str, tuple[int, ...]]:
    """Names and shapes of one block's tensors, in DINOv2's names; `first` is an mlp.fc1.weight."""
    hidden = 4 * width if first is None else len(first)
    outs = (width, 3 * width, width, width, hidden, width)
    ins = ((), (width,), (width,), (), (width,), (hidden,))
    shapes = {}
    for name, size, rest in zip(BLOCK, outs, ins, strict=True):
        shapes |= {f"{name}weight": (size, *rest), f"{name}bias": (size,)}
    return shapes


def _sizes(tensors: Mapping[str, np.ndarray], name: str, what: str) -> tuple[int, int]:
    """(width, pixels of a patch's side), from the convolution that cuts the patches."""
    shape = tensors[name].shape if name in tensors else None
    if shape is None or len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
        raise WeightsError(
            f"these are not the weights of {what}: {name} is {shape or 'missing'}; expected "
            "[width, 3, patch, patch]"
        )
    return shape[0], shape[3]


def _positions(tensors: Mapping[str, np.ndarray], name: str, what: str) -> int:
    """The number of positions: one more than a square."""
    shape = tensors[name].shape if name in tensors else ()
    count = shape[-2] if len(shape) > 1 else 0
    if count and math.isqrt(count - 1) ** 2 != count - 1:
        raise WeightsError(
            f"these are not the weights of {what}: {name} has {count} positions; expected a class "
            "token's and those of a square of patches"
        )
    return count


def _depth(tensors: Mapping[str, np.ndarray], pattern: str) -> int:
    """Number of blocks, at least the one that every network has."""
    found = (re.match(pattern, name) for name in tensors)
    return 1 + max((int(match.group(1)) for match in found if match), default=0)
