"""Networks: roles (what goes in and comes out) over trunks (one family per file)."""

from genlab.nets import (
    biggan,
    classic,
    dcgan,
    dncnn,
    enlarging,
    heads,
    layers,
    mlp,
    patchgan,
    r3gan,
    resnet,
    style,
    translation,
    unet,
)
from genlab.nets.frozen import Frozen, trained
from genlab.nets.layers import attention, minibatch, spectral
from genlab.nets.nnx import nnx_module
from genlab.nets.roles import Decoder, Discriminator, Encoder, Generator, Translator
from genlab.nets.scale import WithScale

__all__ = [
    "Decoder",
    "Discriminator",
    "Encoder",
    "Frozen",
    "Generator",
    "Translator",
    "WithScale",
    "attention",
    "biggan",
    "classic",
    "dcgan",
    "dncnn",
    "enlarging",
    "heads",
    "layers",
    "minibatch",
    "mlp",
    "nnx_module",
    "patchgan",
    "r3gan",
    "resnet",
    "spectral",
    "style",
    "trained",
    "translation",
    "unet",
]
