"""Norms: called `norm(x, cond, train)`, so that any of them fits anywhere by name."""

import math
import sys

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from genlab.config import ConfigError, choose
from genlab.nets.conditions import Conditions, needed
from genlab.nets.layers.embedding import Embedding
from genlab.nets.layers.wrappers import _reference
from genlab.runtime import collectives


class BatchNorm(nn.Module):
    """Batch normalisation over the global batch, on any number of devices (Ioffe & Szegedy 2015,
    arXiv:1502.03167).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`cond` is not used. ConfigError for a training batch of one row: it is its own mean."""
        _refuse_one_row(self, x, train)
        return _batch_norm(train, self.dtype)(x)


class PlainBatchNorm(nn.Module):
    """BatchNorm without scale and shift, for layers that have them of their own."""

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`cond` is not used. ConfigError for a training batch of one row."""
        _refuse_one_row(self, x, train)
        return _batch_norm(train, self.dtype, use_scale=False, use_bias=False)(x)


class ConditionalBatchNorm(nn.Module):
    """BatchNorm whose scale and shift are linear in what is given: a table of them for a label
    (Dumoulin et al. 2017, arXiv:1610.07629, Eq. 5).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """ConfigError where neither a label nor numbers are given."""
        given = needed(cond, "ConditionalBatchNorm")
        _refuse_one_row(self, x, train)
        x = _batch_norm(train, self.dtype, use_scale=False, use_bias=False)(x)
        table = Embedding(2 * x.shape[-1], nn.initializers.zeros, name="affine")
        return modulated(x, table(given).astype(x.dtype))


class AdaptiveInstanceNorm(nn.Module):
    """Instance normalisation whose scale and shift are linear in what is given: AdaIN (Huang &
    Belongie 2017, arXiv:1703.06868, Eq. 8) with an affine map in place of a style's statistics, as
    in Karras et al. 2019, arXiv:1812.04948, Eq. 1.

    With `Generator(modulated=True)` the latent is part of what is given.
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`train` is not used. ConfigError where neither a label nor numbers are given, and for
        features without positions to take statistics over.
        """
        given = needed(cond, "AdaptiveInstanceNorm")
        _refuse_without_positions("AdaptiveInstanceNorm", x, "ConditionalBatchNorm")
        table = Embedding(2 * x.shape[-1], nn.initializers.zeros, name="affine")
        y = table(given).astype(self.dtype)
        return modulated(instance_normalised(x).astype(self.dtype), y)


class InstanceNorm(nn.Module):
    """Instance normalisation without scale and shift (Ulyanov et al. 2016, arXiv:1607.08022)."""

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`cond` and `train` are not used. ConfigError for features without positions."""
        _refuse_without_positions("InstanceNorm", x, "LayerNorm")
        return instance_normalised(x).astype(self.dtype)


class AffineInstanceNorm(nn.Module):
    """Instance normalisation with a learned scale and shift of each channel (Ulyanov et al. 2016,
    arXiv:1607.08022, as in the authors' code).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`cond` and `train` are not used. ConfigError for features without positions."""
        _refuse_without_positions("AffineInstanceNorm", x, "LayerNorm")
        scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        flat = (1,) * (x.ndim - 1) + (-1,)
        return (instance_normalised(x) * scale.reshape(flat) + bias.reshape(flat)).astype(
            self.dtype
        )


class LayerNorm(nn.Module):
    """Layer normalisation over each example's own features: what WGAN-GP puts in a critic instead
    of BatchNorm (Ba et al. 2016, arXiv:1607.06450; Gulrajani et al. 2017, arXiv:1704.00028, Section
    4).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`cond` and `train` are not used."""
        axes = tuple(range(1, x.ndim))
        return nn.LayerNorm(reduction_axes=axes, feature_axes=-1, dtype=self.dtype, name="norm")(x)


class GroupNorm(nn.Module):
    """Group normalisation, in 32 groups or as many as divide the channels (Wu & He 2018,
    arXiv:1803.08494).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`cond` and `train` are not used."""
        groups = math.gcd(32, x.shape[-1])
        return nn.GroupNorm(num_groups=groups, dtype=self.dtype, name="norm")(x)


class PixelNorm(nn.Module):
    """Each position's feature vector divided by its root mean square (Karras et al. 2018,
    arXiv:1710.10196, Section 4.2).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`cond` and `train` are not used."""
        square = jnp.square(x.astype(jnp.float32)).mean(-1, keepdims=True)
        return x * lax.rsqrt(square + 1e-8).astype(x.dtype)


class VirtualBatchNorm(nn.Module):
    """Each example normalised by the statistics of a fixed reference batch and of itself, the
    reference batch by its own (Salimans et al. 2016, arXiv:1606.03498, Section 3.4).

    The example weighs as one of n + 1, as in the authors' code. The network has to be wrapped in
    `WithReference`.
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`cond` and `train` are not used."""
        n = _reference.get()
        if not n:
            raise ConfigError(
                "VirtualBatchNorm has no reference batch: wrap the whole network (the generator, "
                "the discriminator) in nets.layers.WithReference(net, size)"
            )
        wide, inside = x.astype(jnp.float32), tuple(range(1, x.ndim - 1))
        of_each = wide.mean(inside, keepdims=True), wide.var(inside, keepdims=True)
        mean = of_each[0][:n].mean(0, keepdims=True)
        variance = (of_each[1][:n] + (of_each[0][:n] - mean) ** 2).mean(0, keepdims=True)
        weight = (jnp.arange(len(x)) >= n).reshape(-1, *(1,) * (x.ndim - 1)) / (n + 1)
        step = of_each[0] - mean
        joint = mean + weight * step
        spread = (1 - weight) * (variance + (weight * step) ** 2)
        spread += weight * (of_each[1] + ((1 - weight) * step) ** 2)
        y = (wide - joint) * lax.rsqrt(spread + 1e-5)
        flat = (1,) * (x.ndim - 1) + (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],)).reshape(flat)
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],)).reshape(flat)
        return (y * scale + bias).astype(self.dtype)


class Identity(nn.Module):
    """No normalisation."""

    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape c"]:
        """`x`."""
        return x


def modulated(
    x: Float[Array, " b *shape c"], affine: Float[Array, "b 2*c"]
) -> Float[Array, " b *shape c"]:
    """x (1 + scale) + shift, both of each example and channel, side by side in `affine`."""
    scale, shift = jnp.split(affine, 2, axis=-1)
    wide = (-1,) + (1,) * (x.ndim - 2) + (x.shape[-1],)
    return x * (1 + scale.reshape(wide)) + shift.reshape(wide)


def instance_normalised(x: Float[Array, " b *shape c"]) -> Float[Array, " b *shape c"]:
    """Each example's channel less its mean over the positions, divided by its standard deviation
    there (Ulyanov et al. 2016, arXiv:1607.08022, Eq. 4).
    """
    wide, inside = x.astype(jnp.float32), tuple(range(1, x.ndim - 1))
    # statistics as "b c" until they are used: XLA simplifies "b 1 1 c" one way under a derivative
    # and another way without, and then computes the same network twice where two losses share it
    centred = wide - lax.expand_dims(wide.mean(inside), inside)
    scale = lax.rsqrt(jnp.square(centred).mean(inside) + 1e-5)
    return (centred * lax.expand_dims(scale, inside)).astype(x.dtype)


def norm(kind: str, dtype: str, name: str | None = None) -> nn.Module:
    """The norm called `kind`: a class of this module, or `package.module:Class` from outside;
    `name` is that of its parameters.
    """
    return choose(sys.modules[__name__], kind)(dtype=dtype, name=name)


def has_bias(kind: str) -> bool:
    """Whether a layer before this norm needs a bias: before one that takes each channel's mean it
    has no gradient.
    """
    return "BatchNorm" not in kind and "InstanceNorm" not in kind


def refuse_one_row(name: str, rows: int) -> None:
    """ConfigError for BatchNorm called `name` over `rows` rows of each device, if that is one."""
    if rows * (lax.psum(1, collectives.AXIS) if collectives.axis() else 1) < 2:
        raise ConfigError(
            f"{name} over a batch of one row gives 0, whatever the row: raise "
            "batch_size to 2 or more, or use LayerNorm, GroupNorm or Identity"
        )


def _refuse_without_positions(name: str, x: Array, instead: str) -> None:
    if x.ndim < 3:
        raise ConfigError(
            f"{name} over features of shape {x.shape[1:]}: each channel of an example is one "
            f"number, its own mean; use {instead}"
        )


def _refuse_one_row(layer: nn.Module, x: Array, train: bool) -> None:
    if train and not layer.is_initializing():
        refuse_one_row(type(layer).__name__, math.prod(x.shape[:-1]))


def _batch_norm(train: bool, dtype: str, **kwargs) -> nn.Module:
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        dtype=dtype,
        axis_name=collectives.axis() if train else None,
        name="norm",
        **kwargs,
    )
