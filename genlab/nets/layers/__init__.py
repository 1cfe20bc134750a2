"""Layers that every family shares: norms, wrappers of whole networks, initialisers."""

from genlab.nets.layers.dropout import SEED, Dropout, seeds
from genlab.nets.layers.initialisers import initialiser, normal_02
from genlab.nets.layers.norms import (
    AdaptiveInstanceNorm,
    AffineInstanceNorm,
    BatchNorm,
    ConditionalBatchNorm,
    GroupNorm,
    Identity,
    InstanceNorm,
    LayerNorm,
    PixelNorm,
    PlainBatchNorm,
    VirtualBatchNorm,
    has_bias,
    instance_normalised,
    modulated,
    norm,
)
from genlab.nets.layers.padding import reflected
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
    "SEED",
    "AdaptiveInstanceNorm",
    "AffineInstanceNorm",
    "BatchNorm",
    "Chain",
    "ConditionalBatchNorm",
    "Dropout",
    "GroupNorm",
    "Identity",
    "InstanceNorm",
    "LayerNorm",
    "PixelNorm",
    "PlainBatchNorm",
    "VirtualBatchNorm",
    "WithReference",
    "Wrapper",
    "examples",
    "examples_apart",
    "has_bias",
    "in_float32",
    "initialiser",
    "instance_normalised",
    "levels",
    "modulated",
    "norm",
    "normal_02",
    "reflected",
    "seeds",
]
