"""Wrappers: a `Wrapper` takes a whole network (a role or a trunk) and is called as it is; `Chain`
makes one trunk of several parts.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.runtime import collectives


class Chain(nn.Module):
    """One trunk of several parts in a row: a trunk, then layers on what it gives."""

    parts: tuple[nn.Module, ...]

    @nn.compact
    def __call__(self, x: Array, cond: Conditions | None = None, train: bool = True) -> Array:
        """Each part's output is the next one's input; all get `cond` and `train`."""
        for part in self.parts:
            x = part(x, cond, train)
        return x


class Wrapper(nn.Module):
    """A network around `net`: what others ask of `net` by name, they may ask of this."""

    net: nn.Module

    @property
    def trunk(self) -> nn.Module:
        """The trunk of the role `net`."""
        return self.net.trunk

    @property
    def latent(self) -> int:
        """Latent size of the encoder `net`."""
        return self.net.latent

    @property
    def numbers(self) -> int:
        """How many numbers the encoder `net` gives, 0 for a mean and a log-variance."""
        return self.net.numbers

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what the trunk `net` makes."""
        return self.net.shape


class WithReference(Wrapper):
    """`net` that sees a fixed reference batch before every batch, for `VirtualBatchNorm`: the first
    `size` rows it was initialised with (Salimans et al. 2016, arXiv:1606.03498, Section 3.4).

    The rows and what was given with them are in the collection "reference", the same on every
    device, and are dropped from what `net` gives.
    """

    size: int = 64

    @nn.compact
    def __call__(self, x: Array, cond: Conditions | None = None, train: bool = True):
        """What `net` gives for `x` alone."""
        if self.is_initializing() and len(x) < self.size:
            raise ConfigError(
                f"a reference batch of {self.size} from a batch of {len(x)}: "
                "lower WithReference.size or raise batch_size"
            )
        rows = self.variable("reference", "x", lambda: x[: self.size]).value
        both = jnp.concatenate([rows.astype(x.dtype), x])
        if cond is not None:
            given = cond
            kept = lambda: {name: x[: self.size] for name, x in given.items()}  # noqa: E731
            first = self.variable("reference", "cond", kept).value
            cond = {name: jnp.concatenate([first[name], x]) for name, x in cond.items()}
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
        return fn(x, collectives.gather)
    return jnp.concatenate([fn(x[:n], lambda rows: rows), fn(x[n:], collectives.gather)])


def in_float32(net: nn.Module) -> nn.Module:
    """The same network computing in float32 throughout, for penalties under a bfloat16 critic."""
    changes = {}
    for name in net.__dataclass_fields__:
        value = getattr(net, name, None)
        if name == "dtype":
            changes[name] = "float32"
        elif isinstance(value, Mapping) and "dtype" in value:  # arguments of an NNX module
            changes[name] = {**value, "dtype": "float32"}
        elif isinstance(value, nn.Module) and name != "parent":
            changes[name] = in_float32(value)
        elif isinstance(value, tuple) and any(isinstance(part, nn.Module) for part in value):
            changes[name] = tuple(in_float32(part) for part in value)
    return net.clone(**changes) if changes else net
