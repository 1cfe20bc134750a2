"""Fully connected trunks: for points and for small images (Goodfellow et al. 2014, arXiv:1406.2661,
Section 5).

`kernel_init` is the initialiser of the kernels (`layers.initialiser`), `dropout` the rate at which
hidden units are dropped in training.
"""

import math
from collections.abc import Callable

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, choose
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.product import Dense


class Up(nn.Module):
    """Latent to an example of `shape` through hidden layers; `norm` follows each of them."""

    shape: tuple[int, ...]
    hidden: tuple[int, ...] = (256, 256)
    activation: str | Callable = "relu"
    norm: str = "Identity"
    kernel_init: str | Callable | None = None
    dropout: float = 0.0
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape"]:
        """Not squashed."""
        x = _hidden(self, z, cond, train)
        out = Dense(
            math.prod(self.shape),
            kernel_init=layers.initialiser(self.kernel_init),
            dtype=self.dtype,
            name="out",
        )
        return out(x).reshape(-1, *self.shape)


class Down(nn.Module):
    """Example, times `scale`, to the features of the last hidden layer."""

    hidden: tuple[int, ...] = (256, 256)
    activation: str | Callable = "leaky_relu"
    norm: str = "Identity"
    kernel_init: str | Callable | None = None
    dropout: float = 0.0
    scale: float = 1.0
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features, `hidden[-1]` of them."""
        return _hidden(self, self.scale * x.reshape(len(x), -1), cond, train)


class Maxout(nn.Module):
    """Example, times `scale`, to features, each hidden unit the largest of `pieces` linear ones
    (Goodfellow et al. 2013, arXiv:1302.4389); the defaults are PacGAN's critic of points
    (Lin et al. 2018, arXiv:1712.04086).
    """

    hidden: tuple[int, ...] = (200, 200, 200)
    pieces: int = 5
    kernel_init: str | Callable | None = None
    dropout: float = 0.0
    scale: float = 1.0
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features, `hidden[-1]` of them; `cond` is not used."""
        x = self.scale * x.reshape(len(x), -1)
        for width in _positive(self.hidden):
            dense = Dense(
                width * self.pieces,
                kernel_init=layers.initialiser(self.kernel_init),
                dtype=self.dtype,
            )
            x = dense(x).reshape(len(x), width, self.pieces).max(-1)
            x = nn.Dropout(self.dropout)(x, deterministic=not train)
        return x


def _hidden(
    trunk: Up | Down, x: Float[Array, "b d"], cond: Conditions | None, train: bool
) -> Float[Array, "b e"]:
    activation = choose(nn, trunk.activation)
    for width in _positive(trunk.hidden):
        dense = Dense(
            width,
            use_bias=layers.has_bias(trunk.norm),
            kernel_init=layers.initialiser(trunk.kernel_init),
            dtype=trunk.dtype,
        )
        x = activation(layers.norm(trunk.norm, trunk.dtype)(dense(x), cond, train))
        x = nn.Dropout(trunk.dropout)(x, deterministic=not train)
    return x


def _positive(hidden: tuple[int, ...]) -> tuple[int, ...]:
    if any(width < 1 for width in hidden):
        raise ConfigError(f"hidden is {tuple(hidden)}; a hidden layer has at least one unit")
    return hidden
