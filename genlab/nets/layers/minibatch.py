"""Layers through which a critic sees the batch beside each example: minibatch stddev and minibatch
discrimination.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.product import Dense
from genlab.nets.layers.initialisers import initialiser
from genlab.nets.layers.wrappers import examples_apart
from genlab.runtime import collectives


class MinibatchStddev(nn.Module):
    """Appends the standard deviation over a group of examples, averaged over features and
    positions, as `channels` constant features (Karras et al. 2018, arXiv:1710.10196, Section 3).

    A group is `group` neighbouring rows of the batch (0: all of it; the authors' code strides
    instead). Where groups divide each device's part no device needs another's rows and the numbers
    do not depend on the device count; else they are taken over the global batch.
    """

    group: int = 4
    channels: int = 1
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape d"]:
        """`channels` more; `cond` and `train` are not used."""
        if x.shape[-1] % self.channels:
            raise ConfigError(
                f"MinibatchStddev(channels={self.channels}) after {x.shape[-1]} features: "
                "channels must divide them"
            )
        return examples_apart(self._append, x)

    def _append(
        self, x: Float[Array, " b *shape c"], whole: Callable[[Array], Array]
    ) -> Float[Array, " b *shape d"]:
        batch = x if self.group and len(x) % self.group == 0 else whole(x)
        group = min(self.group or len(batch), len(batch))
        if len(batch) % group:
            raise ConfigError(
                f"MinibatchStddev(group={group}) of a batch of {len(batch)}: the group must divide "
                "the batch (0: the whole batch)"
            )
        y = batch.astype(jnp.float32).reshape(
            len(batch) // group, group, -1, self.channels, x.shape[-1] // self.channels
        )
        deviation = jnp.sqrt(y.var(axis=1) + 1e-8).mean(axis=(1, 3))
        rows = collectives.own_rows(jnp.repeat(deviation, group, axis=0), len(x))
        rows = rows.reshape(len(x), *(1,) * (x.ndim - 2), self.channels).astype(x.dtype)
        return jnp.concatenate([x, jnp.broadcast_to(rows, (*x.shape[:-1], self.channels))], axis=-1)


class MinibatchDiscrimination(nn.Module):
    """Appends o_b(x_i) = sum_j exp(-|M_ib - M_jb|_1) over the global batch, M = T f(x) with
    `kernels` rows b of `size` numbers (Salimans et al. 2016, arXiv:1606.03498, Section 3.2).
    """

    kernels: int = 50
    size: int = 5
    kernel_init: str | Callable | None = None
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b d"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b e"]:
        """`kernels` more; `cond` and `train` are not used."""
        dense = Dense(
            self.kernels * self.size,
            use_bias=False,
            kernel_init=initialiser(self.kernel_init),
            dtype=self.dtype,
            name="tensor",
        )
        m = dense(x).astype(jnp.float32).reshape(len(x), self.kernels, self.size)

        def closeness(m, whole):
            batch = whole(m)
            distance = jnp.abs(m[:, None] - batch[None]).sum(-1)
            # |M_i - M_i| has no gradient, which rounding in two fusions would not cancel
            itself = collectives.own_rows(jnp.eye(len(batch), dtype=bool), len(m))[:, :, None]
            return jnp.exp(-jnp.where(itself, 0, distance)).sum(1)

        return jnp.concatenate([x, examples_apart(closeness, m).astype(x.dtype)], axis=-1)
