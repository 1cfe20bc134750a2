"""Networks: roles (what goes in and comes out) over trunks (one family per file)."""

from genlab.nets import (
    autoregressive,
    biggan,
    classic,
    dcgan,
    dncnn,
    enlarging,
    heads,
    ladder,
    layers,
    mlp,
    patchgan,
    quantise,
    r3gan,
    resnet,
    style,
    translation,
    unet,
    vdvae,
    vqvae,
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
    "autoregressive",
    "biggan",
    "classic",
    "dcgan",
    "dncnn",
    "enlarging",
    "heads",
    "ladder",
    "layers",
    "minibatch",
    "mlp",
    "nnx_module",
    "patchgan",
    "quantise",
    "r3gan",
    "resnet",
    "spectral",
    "style",
    "trained",
    "translation",
    "unet",
    "vdvae",
    "vqvae",
]
