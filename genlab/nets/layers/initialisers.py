"""Initialisers of kernels."""

from collections.abc import Callable

import flax.linen as nn

from genlab.config import choose

normal_02 = nn.initializers.normal(0.02)
"""N(0, 0.02^2): every weight of DCGAN (Radford et al. 2016, arXiv:1511.06434, Section 4)."""


def initialiser(given: str | Callable | None) -> Callable:
    """An initialiser of kernels: flax's default for None, a factory in `flax.linen.initializers`
    called by name ("orthogonal", or "package.module:factory"), or the initialiser itself.
    """
    if given is None:
        return nn.initializers.lecun_normal()
    return choose(nn.initializers, given)() if isinstance(given, str) else given
