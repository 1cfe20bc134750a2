"""Fully connected trunks: for points and for small images (Goodfellow et al. 2014, arXiv:1406.2661,
Section 5).
"""

import math

import flax.linen as nn
from jax import Array

from genlab.config import choose
from genlab.nets import layers


class Up(nn.Module):
    """Latent to an example of `shape` through hidden layers; `norm` follows each of them."""

    shape: tuple[int, ...]
    hidden: tuple[int, ...] = (256, 256)
    activation: str = "relu"
    norm: str = "Identity"
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, cond: Array | None = None, train: bool = True) -> Array:
        """[B, D] -> [B, *shape], not squashed."""
        x = _hidden(self, z, cond, train)
        return nn.Dense(math.prod(self.shape), dtype=self.dtype, name="out")(x).reshape(
            -1, *self.shape
        )


class Down(nn.Module):
    """Example to the features of the last hidden layer."""

    hidden: tuple[int, ...] = (256, 256)
    activation: str = "leaky_relu"
    norm: str = "Identity"
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """[B, ...] -> [B, hidden[-1]]."""
        return _hidden(self, x.reshape(len(x), -1), cond, train)


def _hidden(trunk: Up | Down, x: Array, cond: Array | None, train: bool) -> Array:
    activation = choose(nn, trunk.activation)
    for width in trunk.hidden:
        x = nn.Dense(width, use_bias=layers.has_bias(trunk.norm), dtype=trunk.dtype)(x)
        x = activation(layers.norm(trunk.norm, trunk.classes, trunk.dtype)(x, cond, train))
    return x
