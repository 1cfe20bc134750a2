"""The four contracts, written once: a role wraps a trunk of any family and adds what the role
demands.

    Generator(z, cond, train)     -> images in [-1, 1] [B, *shape]
    Discriminator(x, cond, train) -> logits [B]
    Encoder(x, cond, train)       -> (mean, log-variance), each [B, latent]
    Decoder(z, cond, train)       -> distribution parameters [B, *shape]

A trunk up maps `(z [B, D], cond, train) -> [B, *shape]`, a trunk down `(x, cond, train) -> features
[B, F]`. With `classes` a role embeds the label (Mirza & Osindero 2014, arXiv:1411.1784); a trunk's
conditional norms get it too. `kernel_init` initialises a role's own kernels
(`layers.initialiser`). More critics with a Discriminator's contract are in `heads`.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from genlab.nets import layers


class Generator(nn.Module):
    """Latents [B, D] to images in [-1, 1] by a final tanh; or to unbounded points with
    `bounded=False`. embed: features of the label beside the latent; 0 where the trunk alone, by
    its norms or an embedding of its own, is told the label.
    """

    trunk: nn.Module
    classes: int = 0
    embed: int = 32
    bounded: bool = True

    @nn.compact
    def __call__(self, z: Array, cond: Array | None = None, train: bool = True) -> Array:
        """Images [B, *shape], float32."""
        x = self.trunk(_with_label(z, cond, self.classes, self.embed), cond, train).astype(
            jnp.float32
        )
        return jnp.tanh(x) if self.bounded else x


class Discriminator(nn.Module):
    """Images to one logit each, unbounded; the label enters as one more image channel, learned per
    class.

    What its trunk gives is sown as "features" in the collection "intermediates".
    """

    trunk: nn.Module
    classes: int = 0
    kernel_init: str | Callable | None = None

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """Logits [B], float32."""
        features = self.trunk(with_label_map(x, cond, self.classes), cond, train).astype(
            jnp.float32
        )
        self.sow("intermediates", "features", layers.examples(features))
        return dense(self, 1, "logit")(features)[:, 0]


class Encoder(nn.Module):
    """Images to the mean and log-variance of a Gaussian over the latent."""

    trunk: nn.Module
    latent: int
    classes: int = 0
    kernel_init: str | Callable | None = None

    @nn.compact
    def __call__(
        self, x: Array, cond: Array | None = None, train: bool = True
    ) -> tuple[Array, Array]:
        """(mean, log-variance), each [B, latent], float32."""
        features = self.trunk(with_label_map(x, cond, self.classes), cond, train).astype(
            jnp.float32
        )
        mean, log_variance = jnp.split(
            dense(self, 2 * self.latent, "posterior")(features), 2, axis=-1
        )
        return mean, log_variance


class Decoder(nn.Module):
    """Latents to the parameters of p(x | z): `shape` of the trunk has as many channels as the
    likelihood needs.
    """

    trunk: nn.Module
    classes: int = 0
    embed: int = 32

    @nn.compact
    def __call__(self, z: Array, cond: Array | None = None, train: bool = True) -> Array:
        """Distribution parameters [B, *shape], float32."""
        return self.trunk(_with_label(z, cond, self.classes, self.embed), cond, train).astype(
            jnp.float32
        )


def dense(role: nn.Module, width: int, name: str) -> nn.Module:
    """A role's own linear layer, in float32, with the role's initialiser."""
    return nn.Dense(width, kernel_init=layers.initialiser(role.kernel_init), name=name)


def _with_label(z: Array, cond: Array | None, classes: int, embed: int) -> Array:
    if not (classes and embed):
        return z
    return jnp.concatenate([z, nn.Embed(classes, embed, name="label")(cond)], axis=-1)


def with_label_map(x: Array, cond: Array | None, classes: int) -> Array:
    """`x` and, where there are `classes`, one more channel (or as many features again for points),
    learned per class.
    """
    if not classes:
        return x
    if x.ndim == 2:
        return jnp.concatenate([x, nn.Embed(classes, x.shape[1], name="label")(cond)], axis=-1)
    height, width = x.shape[1:3]
    label = nn.Embed(classes, height * width, name="label")(cond).reshape(-1, height, width, 1)
    return jnp.concatenate([x, label], axis=-1)
