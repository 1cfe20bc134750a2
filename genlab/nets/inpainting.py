"""Free-form inpainting with gated convolutions: a coarse network, a fine one with contextual
attention, and a critic of patches (Yu et al. 2019, arXiv:1806.03589).

    DeepFill                Translator(Gated()) and SpectralNorm(Discriminator()), hinge
    without attention       Gated(attention=False)

Both are trunks across that are given the picture with its hole and a mask, 1 inside the hole.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.kernels.resize import upsample
from genlab.nets.layers.contextual import contextual_attention
from genlab.nets.layers.holes import seen_and_hole
from genlab.nets.roles import with_channels

glorot = nn.initializers.glorot_uniform()
DILATIONS = (2, 4, 8, 16)


class Gated(nn.Module):
    """Two stages of gated convolutions; the second sees the first's picture inside the hole.

    width:     of the convolutions at full resolution before the gates, which halve them
    mask:      the column that is 1 inside the hole
    attention: whether the second stage has a branch that copies from outside the hole

    What both stages give is sown as "outputs" in "intermediates", squashed by tanh: the loss is
    taken of both.
    """

    channels: int = 3
    width: int = 48
    mask: str = "mask"
    attention: bool = True
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w d"]:
        """Not squashed. ConfigError where a picture or the mask is missing, and for sides that are
        no multiples of 4, of 8 with attention.
        """
        seen, hole = seen_and_hole(cond, self.mask, "inpainting.Gated")
        self._refuse(seen)
        picture = seen[..., : self.channels]
        extra = [x[..., seen.shape[-1] + hole.shape[-1] :]]  # planes of labels and latents
        first = jnp.concatenate([seen, jnp.ones_like(hole), hole, *extra], axis=-1)
        coarse = Coarse(self.channels, self.width, self.dtype)(first)
        pasted = jnp.tanh(coarse).astype(x.dtype) * hole + picture * (1 - hole)
        attended = hole if self.attention else None
        fine = Fine(self.channels, self.width, self.dtype)(pasted, attended)
        for stage in (coarse, fine):
            self.sow("intermediates", "outputs", jnp.tanh(stage.astype(jnp.float32)))
        return fine

    def _refuse(self, seen: Array) -> None:
        least, (height, width) = 8 if self.attention else 4, seen.shape[1:3]
        if height % least or width % least:
            raise ConfigError(
                f"pictures of {height}x{width}: inpainting.Gated takes sides that are multiples of "
                f"{least}: crop or pad the data"
            )
        if seen.shape[-1] < self.channels:
            raise ConfigError(
                f"inpainting.Gated(channels={self.channels}) is given a picture of "
                f"{seen.shape[-1]} channels: set channels={seen.shape[-1]}"
            )


class Coarse(nn.Module):
    """The first stage: an encoder, four dilated convolutions, a decoder."""

    channels: int
    width: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """Not squashed."""
        w, gate = self.width, functools.partial(_gated, dtype=self.dtype)
        x = gate(w, 5)(x)
        for width, stride in ((2 * w, 2), (2 * w, 1), (4 * w, 2), (4 * w, 1), (4 * w, 1)):
            x = gate(width, stride=stride)(x)
        for dilation in DILATIONS:
            x = gate(4 * w, dilation=dilation)(x)
        return _decoded(x, self.channels, w, self.dtype)


class Fine(nn.Module):
    """The second stage: dilated convolutions and contextual attention beside each other."""

    channels: int
    width: int
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], hole: Float[Array, "b h w 1"] | None
    ) -> Float[Array, "b h w d"]:
        """Not squashed; without `hole` there is no attention."""
        w, gate = self.width, functools.partial(_gated, dtype=self.dtype)
        wide = gate(w, 5)(x)
        for width, stride in ((w, 2), (2 * w, 1), (2 * w, 2), (4 * w, 1), (4 * w, 1)):
            wide = gate(width, stride=stride)(wide)
        for dilation in DILATIONS:
            wide = gate(4 * w, dilation=dilation)(wide)
        if hole is not None:
            copied = gate(w, 5)(x)
            for width, stride in ((w, 2), (2 * w, 1), (4 * w, 2), (4 * w, 1)):
                copied = gate(width, stride=stride)(copied)
            copied = gate(4 * w, activation="relu")(copied)
            copied = contextual_attention(copied, hole[:, ::4, ::4])
            copied = gate(4 * w)(gate(4 * w)(copied))
            wide = jnp.concatenate([wide, copied], axis=-1)
        return _decoded(wide, self.channels, w, self.dtype)


class GatedConv(nn.Module):
    """phi(a) sigmoid(b), a and b the halves of one convolution's channels (Section 3.1 there)."""

    features: int
    kernel: int = 3
    stride: int = 1
    dilation: int = 1
    activation: str = "elu"
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b i j features/2"]:
        """Half as many channels as `features`."""
        y = Conv(
            self.features,
            (self.kernel, self.kernel),
            strides=(self.stride, self.stride),
            kernel_dilation=(self.dilation, self.dilation),
            kernel_init=glorot,
            dtype=self.dtype,
        )(x)
        feature, gate = jnp.split(y, 2, axis=-1)
        return getattr(nn, self.activation)(feature) * nn.sigmoid(gate)


class Discriminator(nn.Module):
    """SN-PatchGAN: six 5x5 convolutions of stride 2, every number of the last map a logit (there
    "SN-PatchGAN"). Wrap it in `spectral.SpectralNorm`. What is given enters along the channels.
    """

    width: int = 64
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b i j*d"]:
        """Logits, float32; `train` is not used."""
        x = with_channels(x, cond)
        for factor in (1, 2, 4, 4, 4, 4):
            conv = Conv(
                self.width * factor,
                (5, 5),
                strides=(2, 2),
                kernel_init=layers.normal_02,
                dtype=self.dtype,
            )
            x = jax.nn.leaky_relu(conv(x), 0.2)
        self.sow("intermediates", "features", layers.examples(x.reshape(len(x), -1)))
        return x.reshape(*x.shape[:2], -1).astype(jnp.float32)


def _gated(features: int, kernel: int = 3, **fields) -> GatedConv:
    return GatedConv(features, kernel, **fields)


def _decoded(x: Array, channels: int, w: int, dtype: str) -> Array:
    """Two convolutions, two doublings with two convolutions each, the picture."""
    gate = functools.partial(_gated, dtype=dtype)
    x = gate(4 * w)(gate(4 * w)(x))
    x = gate(2 * w)(gate(2 * w)(upsample(x)))
    x = gate(w // 2)(gate(w)(upsample(x)))
    return Conv(channels, (3, 3), kernel_init=glorot, dtype=dtype)(x)
