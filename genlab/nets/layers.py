"""Layers every family shares. Norms are called `norm(x, cond, train)`, so that any of them fits
anywhere by name.
"""

import sys

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from genlab import parallel
from genlab.config import ConfigError, choose

normal_02 = nn.initializers.normal(0.02)
"""N(0, 0.02^2): every weight of DCGAN (Radford et al. 2016, arXiv:1511.06434, Section 4)."""


class BatchNorm(nn.Module):
    """Batch normalisation over the global batch, on any number of devices (Ioffe & Szegedy 2015,
    arXiv:1502.03167).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """`cond` is not used."""
        return _batch_norm(train, self.dtype)(x)


class ConditionalBatchNorm(nn.Module):
    """BatchNorm whose scale and shift belong to the label (Dumoulin et al. 2017, arXiv:1610.07629,
    Eq. 5).
    """

    classes: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """`cond`: labels [B]."""
        if cond is None:
            raise ConfigError("ConditionalBatchNorm needs labels: the batch has no `cond`")
        x = _batch_norm(train, self.dtype, use_scale=False, use_bias=False)(x)
        table = nn.Embed(
            self.classes, 2 * x.shape[-1], embedding_init=nn.initializers.zeros, name="affine"
        )
        scale, shift = jnp.split(table(cond).astype(x.dtype), 2, axis=-1)
        wide = (-1,) + (1,) * (x.ndim - 2) + (x.shape[-1],)
        return x * (1 + scale.reshape(wide)) + shift.reshape(wide)


class LayerNorm(nn.Module):
    """Layer normalisation over each example's own features: what WGAN-GP puts in a critic instead
    of BatchNorm (Ba et al. 2016, arXiv:1607.06450; Gulrajani et al. 2017, arXiv:1704.00028, Section
    4).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """`cond` and `train` are not used."""
        axes = tuple(range(1, x.ndim))
        return nn.LayerNorm(reduction_axes=axes, feature_axes=-1, dtype=self.dtype, name="norm")(x)


class Identity(nn.Module):
    """No normalisation."""

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """`x`."""
        return x


def norm(kind: str, classes: int, dtype: str) -> nn.Module:
    """The norm called `kind`: a class of this module, or `package.module:Class` from outside."""
    made = choose(sys.modules[__name__], kind)
    fields = {"classes": classes} if "classes" in made.__dataclass_fields__ else {}
    if fields and not classes:
        raise ConfigError(f"norm={kind!r} needs the number of labels: set classes on the network")
    return made(**fields, dtype=dtype)


def has_bias(kind: str) -> bool:
    """Whether a layer before this norm needs a bias: before a BatchNorm it has no gradient."""
    return "BatchNorm" not in kind


def in_float32(net: nn.Module) -> nn.Module:
    """The same network computing in float32 throughout, for penalties under a bfloat16 critic."""
    changes = {}
    for name in net.__dataclass_fields__:
        value = getattr(net, name, None)
        if name == "dtype":
            changes[name] = "float32"
        elif isinstance(value, nn.Module) and name != "parent":
            changes[name] = in_float32(value)
    return net.clone(**changes) if changes else net


def levels(shape: tuple[int, ...], base: int = 4) -> int:
    """Doublings from `base` x `base` to an image of `shape`; ConfigError unless it is square and a
    power of two.
    """
    height, width = shape[0], shape[1]
    if height != width or height < 2 * base or height & (height - 1):
        raise ConfigError(
            f"images of {height}x{width}: these convolutional nets take squares of a power of two "
            f"from {2 * base} up; resize the data (data.shape), or use nets.mlp"
        )
    return (height // base).bit_length() - 1


def _batch_norm(train: bool, dtype: str, **kwargs) -> nn.Module:
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        dtype=dtype,
        axis_name=parallel.axis() if train else None,
        name="norm",
        **kwargs,
    )
