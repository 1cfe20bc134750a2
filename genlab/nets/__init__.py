"""Networks: roles (what goes in and comes out) over trunks (one family per file)."""

from genlab.nets import biggan, classic, dcgan, mlp, r3gan, resnet
from genlab.nets.roles import Decoder, Discriminator, Encoder, Generator

__all__ = [
    "Decoder",
    "Discriminator",
    "Encoder",
    "Generator",
    "biggan",
    "classic",
    "dcgan",
    "mlp",
    "r3gan",
    "resnet",
]
