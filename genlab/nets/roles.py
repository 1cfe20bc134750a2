"""The four contracts, written once: a role wraps a trunk of any family and adds what the role
demands.

    Generator(z, cond, train)     -> images in [-1, 1] [B, *shape]
    Discriminator(x, cond, train) -> logits [B]
    Encoder(x, cond, train)       -> (mean, log-variance), each [B, latent]
    Decoder(z, cond, train)       -> distribution parameters [B, *shape]

A trunk up maps `(z [B, D], cond, train) -> [B, *shape]`, a trunk down `(x, cond, train) -> features
[B, F]`. With `classes` a role embeds the label (Mirza & Osindero 2014, arXiv:1411.1784); a trunk's
conditional norms get it too.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array


class Generator(nn.Module):
    """Latents [B, D] to images in [-1, 1] by a final tanh; or to unbounded points with
    `bounded=False`.
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
    """

    trunk: nn.Module
    classes: int = 0

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """Logits [B], float32."""
        features = self.trunk(_with_label_map(x, cond, self.classes), cond, train).astype(
            jnp.float32
        )
        return nn.Dense(1, name="logit")(features)[:, 0]


class Encoder(nn.Module):
    """Images to the mean and log-variance of a Gaussian over the latent."""

    trunk: nn.Module
    latent: int
    classes: int = 0

    @nn.compact
    def __call__(
        self, x: Array, cond: Array | None = None, train: bool = True
    ) -> tuple[Array, Array]:
        """(mean, log-variance), each [B, latent], float32."""
        features = self.trunk(_with_label_map(x, cond, self.classes), cond, train).astype(
            jnp.float32
        )
        mean, log_variance = jnp.split(
            nn.Dense(2 * self.latent, name="posterior")(features), 2, axis=-1
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


def _with_label(z: Array, cond: Array | None, classes: int, embed: int) -> Array:
    if not classes:
        return z
    return jnp.concatenate([z, nn.Embed(classes, embed, name="label")(cond)], axis=-1)


def _with_label_map(x: Array, cond: Array | None, classes: int) -> Array:
    if not classes:
        return x
    if x.ndim == 2:
        return jnp.concatenate([x, nn.Embed(classes, x.shape[1], name="label")(cond)], axis=-1)
    height, width = x.shape[1:3]
    label = nn.Embed(classes, height * width, name="label")(cond).reshape(-1, height, width, 1)
    return jnp.concatenate([x, label], axis=-1)
