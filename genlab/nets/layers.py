"""Layers every family shares. Norms are called `norm(x, cond, train)`, so that any of them fits
anywhere by name.

A `Wrapper` takes a whole network (a role or a trunk) and is called as it is: `WithReference` here,
`spectral.SpectralNorm`; `Chain` makes one trunk of several parts.
"""

import contextlib
import contextvars
import math
import sys
from collections.abc import Callable, Iterator

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

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


class GroupNorm(nn.Module):
    """Group normalisation, in 32 groups or as many as divide the channels (Wu & He 2018,
    arXiv:1803.08494).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """`cond` and `train` are not used."""
        groups = math.gcd(32, x.shape[-1])
        return nn.GroupNorm(num_groups=groups, dtype=self.dtype, name="norm")(x)


class PixelNorm(nn.Module):
    """Each position's feature vector divided by its root mean square (Karras et al. 2018,
    arXiv:1710.10196, Section 4.2).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
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
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
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
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """`x`."""
        return x


class Chain(nn.Module):
    """One trunk of several parts in a row: a trunk, then layers on what it gives."""

    parts: tuple[nn.Module, ...]

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True) -> Array:
        """Each part's output is the next one's input; all get `cond` and `train`."""
        for part in self.parts:
            x = part(x, cond, train)
        return x


class Wrapper(nn.Module):
    """A network around `net`: what others ask of `net` by name, they may ask of this."""

    net: nn.Module

    @property
    def classes(self) -> int:
        """Number of labels `net` is told; 0 for none."""
        return self.net.classes

    @property
    def trunk(self) -> nn.Module:
        """The trunk of the role `net`."""
        return self.net.trunk

    @property
    def latent(self) -> int:
        """Latent size of the encoder `net`."""
        return self.net.latent

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what the trunk `net` makes."""
        return self.net.shape


class WithReference(Wrapper):
    """`net` that sees a fixed reference batch before every batch, for `VirtualBatchNorm`: the first
    `size` rows it was initialised with (Salimans et al. 2016, arXiv:1606.03498, Section 3.4).

    The rows are in the collection "reference", the same on every device, and are dropped from what
    `net` gives. Labels are kept as floats, which averages over devices and time leave as they are.
    """

    size: int = 64

    @nn.compact
    def __call__(self, x: Array, cond: Array | None = None, train: bool = True):
        """What `net` gives for `x` alone."""
        if self.is_initializing() and len(x) < self.size:
            raise ConfigError(
                f"a reference batch of {self.size} from a batch of {len(x)}: "
                "lower WithReference.size or raise batch_size"
            )
        rows = self.variable("reference", "x", lambda: x[: self.size]).value
        both = jnp.concatenate([rows.astype(x.dtype), x])
        if cond is not None:
            told = self.variable("reference", "cond", lambda: cond[: self.size] * 1.0).value
            cond = jnp.concatenate([jnp.round(told).astype(cond.dtype), cond])
        with _seeing(self.size):
            made = self.net(both, cond, train)
        return jax.tree.map(lambda y: y[self.size :], made)


_reference = contextvars.ContextVar("reference rows before the batch", default=0)


@contextlib.contextmanager
def _seeing(rows: int) -> Iterator[None]:
    token = _reference.set(rows)
    try:
        yield
    finally:
        _reference.reset(token)


def examples(x: Array) -> Array:
    """The batch's own rows of `x`, without those of a reference batch before them."""
    return x[_reference.get() :]


def examples_apart(fn: Callable, x: Array) -> Array:
    """`fn(rows, whole)` of the reference batch (if there is one) and of the batch, each by itself;
    `whole` gives the global batch of the rows, for the reference batch these.
    """
    n = _reference.get()
    if not n:
        return fn(x, parallel.whole)
    return jnp.concatenate([fn(x[:n], lambda rows: rows), fn(x[n:], parallel.whole)])


def initialiser(given: str | Callable | None) -> Callable:
    """An initialiser of kernels: flax's default for None, a factory in `flax.linen.initializers`
    called by name ("orthogonal", or "package.module:factory"), or the initialiser itself.
    """
    if given is None:
        return nn.initializers.lecun_normal()
    return choose(nn.initializers, given)() if isinstance(given, str) else given


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
        elif isinstance(value, tuple) and any(isinstance(part, nn.Module) for part in value):
            changes[name] = tuple(in_float32(part) for part in value)
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
