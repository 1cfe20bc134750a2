"""Layers that every family shares: norms, wrappers of whole networks, initialisers."""

from genlab.nets.layers.initialisers import initialiser, normal_02
from genlab.nets.layers.norms import (
    BatchNorm,
    ConditionalBatchNorm,
    GroupNorm,
    Identity,
    LayerNorm,
    PixelNorm,
    VirtualBatchNorm,
    has_bias,
    norm,
)
from genlab.nets.layers.shapes import levels
from genlab.nets.layers.wrappers import (
    Chain,
    WithReference,
    Wrapper,
    examples,
    examples_apart,
    in_float32,
)

__all__ = [
    "BatchNorm",
    "Chain",
    "ConditionalBatchNorm",
    "GroupNorm",
    "Identity",
    "LayerNorm",
    "PixelNorm",
    "VirtualBatchNorm",
    "WithReference",
    "Wrapper",
    "examples",
    "examples_apart",
    "has_bias",
    "in_float32",
    "initialiser",
    "levels",
    "norm",
    "normal_02",
]
