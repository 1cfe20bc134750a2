"""Codebooks: each vector becomes the nearest of a table of vectors (van den Oord et al. 2017,
arXiv:1711.00937).
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax, random
from jaxtyping import Float, Int, PRNGKeyArray

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.quantise.contract import Codes, Quantised, Vectors, estimator, per_example
from genlab.runtime import collectives
from genlab.schedules import Weight

Table = Float[Array, "k d"]


class Codebook(nn.Module):
    """`size` vectors, learned by gradient: `codebook` |sg(z) - e|^2 moves them to what they stand
    for, `commitment` |z - sg(e)|^2 keeps the encoder near them (van den Oord et al. 2017,
    arXiv:1711.00937, Eq. 3, beta = 0.25). Both are averaged over the positions of an example.

    through: how the gradient passes: "straight_through" or "rotation" (`nets.quantise.contract`)
    restart: a code whose average use falls below so many vectors a batch becomes a vector of the
             batch, with that use (Dhariwal et al. 2020, arXiv:2005.00341, Section 3.1); 0: never.
             What the parameter of the code lacks to it is a statistic, in the collection
             "codebook", so that the optimiser's own moments are left alone
    decay:   of the average use, per move
    """

    size: int
    commitment: Weight = 0.25
    codebook: Weight = 1.0
    through: str | Callable = "straight_through"
    restart: float = 0.0
    decay: float = 0.99

    @property
    def sizes(self) -> tuple[int, ...]:
        """One map of codes."""
        return (self.size,)

    @property
    def weights(self) -> dict[str, Weight]:
        """Of `commitment` and `codebook`."""
        return {"commitment": self.commitment, "codebook": self.codebook}

    @nn.compact
    def __call__(self, z: Vectors, cond: Conditions | None = None, train: bool = True) -> Quantised:
        """`cond` and `train` are not used."""
        _check(self.size)
        own = self.param("embedding", _uniform, (self.size, z.shape[-1]))
        table = self._restarting(own, z, train) if self.restart else own
        codes = nearest(z, table)
        q = looked_up(table, codes)
        losses = {
            "commitment": per_example(z - lax.stop_gradient(q)),
            "codebook": per_example(lax.stop_gradient(z) - q),
        }
        return Quantised(estimator(self.through)(z, lax.stop_gradient(q)), (codes,), losses)

    def lookup(self, codes: Codes) -> Vectors:
        """The vectors of codes."""
        table = self.get_variable("params", "embedding")
        if self.restart:
            table = table + self.get_variable("codebook", "shift")
        return looked_up(table, codes[0])

    def _restarting(self, own: Table, z: Vectors, train: bool) -> Table:
        """The table; in training moves the average use on, and dead codes to vectors of the batch
        from the next round on.
        """
        shift = self.variable("codebook", "shift", jnp.zeros, own.shape)
        counts = self.variable("codebook", "counts", jnp.ones, (self.size,))
        table = own + shift.value
        if train and _moving(self):
            rows, at = lax.stop_gradient((z.reshape(-1, z.shape[-1]), own))
            used = jax.nn.one_hot(nearest(rows, table), self.size).sum(axis=0)
            average = self.decay * counts.value + (1 - self.decay) * collectives.total(used)
            dead = average < self.restart
            drawn = _drawn(self.make_rng("dropout"), rows, self.size)
            shift.value = jnp.where(dead[:, None], drawn - at, shift.value)
            counts.value = jnp.where(dead, self.restart, average)
        return table


class Averaged(nn.Module):
    """`size` vectors, each the moving average of what was given its code (van den Oord et al. 2017,
    arXiv:1711.00937, Appendix A.1), over the global batch: statistics, in the collection
    "codebook", that no optimiser sees. Of the losses only `commitment` is left.

    decay:   of the averages, per move
    restart: a code whose average use falls below so many vectors a batch becomes a vector of the
             batch, with that use (Dhariwal et al. 2020, arXiv:2005.00341, Section 3.1); 0: never
    epsilon: Laplace smoothing of the counts

    The averages begin at the first table with a count of one: without that, or debiased from zero
    as in the authors' code, a code that the first batch does not use would become zero.
    """

    size: int
    commitment: Weight = 0.25
    decay: float = 0.99
    restart: float = 0.0
    epsilon: float = 1e-5
    through: str | Callable = "straight_through"

    @property
    def sizes(self) -> tuple[int, ...]:
        """One map of codes."""
        return (self.size,)

    @property
    def weights(self) -> dict[str, Weight]:
        """Of `commitment`."""
        return {"commitment": self.commitment}

    @nn.compact
    def __call__(self, z: Vectors, cond: Conditions | None = None, train: bool = True) -> Quantised:
        """`cond` is not used; in training the averages move on, after the codes were found."""
        _check(self.size)
        shape = (self.size, z.shape[-1])
        begin = lambda: _uniform(self.make_rng("params"), shape)  # noqa: E731
        sums = self.variable("codebook", "sums", begin)
        counts = self.variable("codebook", "counts", jnp.ones, (self.size,))
        table = self._table(sums.value, counts.value)
        codes = nearest(z, table)
        q = looked_up(table, codes)
        if train and _moving(self):
            rows, own = lax.stop_gradient(z).reshape(-1, z.shape[-1]), codes.reshape(-1)
            now = self._moved(sums.value, counts.value, rows, own)
            sums.value, counts.value = self._restarted(*now, rows) if self.restart else now
        through = estimator(self.through)(z, q)
        return Quantised(through, (codes,), {"commitment": per_example(z - q)})

    def lookup(self, codes: Codes) -> Vectors:
        """The vectors of codes."""
        held = (self.get_variable("codebook", name) for name in ("sums", "counts"))
        return looked_up(self._table(*held), codes[0])

    def _table(self, sums: Table, counts: Float[Array, " k"]) -> Table:
        total = counts.sum()
        smooth = (counts + self.epsilon) / (total + self.size * self.epsilon) * total
        return sums / smooth[:, None]

    def _moved(self, sums, counts, rows: Float[Array, "n d"], codes: Int[Array, " n"]):
        one_hot = jax.nn.one_hot(codes, self.size)
        new = one_hot.T @ rows, one_hot.sum(axis=0)
        new_sums, new_counts = collectives.total(new)
        towards = lambda old, new: self.decay * old + (1 - self.decay) * new  # noqa: E731
        return towards(sums, new_sums), towards(counts, new_counts)

    def _restarted(self, sums, counts, rows: Float[Array, "n d"]):
        """Dead codes as vectors of the batch."""
        drawn = _drawn(self.make_rng("dropout"), rows, self.size)
        dead = counts < self.restart
        return (
            jnp.where(dead[:, None], self.restart * drawn, sums),
            jnp.where(dead, self.restart, counts),
        )


def _moving(net: nn.Module) -> bool:
    """Whether its statistics move on."""
    return net.is_mutable_collection("codebook") and not net.is_initializing()


def _drawn(key: PRNGKeyArray, rows: Float[Array, "n d"], size: int) -> Table:
    """Vectors of the batch for `size` codes: code k one of device k modulo the devices."""
    return collectives.dealt(rows[random.randint(key, (size,), 0, len(rows))])


def nearest(z: Vectors, table: Table) -> Int[Array, " b *positions"]:
    """The row of the table that is nearest to each vector; the first where several are."""
    z, table = lax.stop_gradient((z, table))
    product = jnp.einsum("...d,kd->...k", z, table, precision=lax.Precision.HIGHEST)
    half = jnp.square(table).sum(-1) / 2
    return _first_largest(product - half.reshape((1,) * (z.ndim - 1) + (-1,)))


def _first_largest(scores: Float[Array, " *rows k"]) -> Int[Array, " *rows"]:
    """`jnp.argmax` along the last axis, as two reductions, which are faster on CPU."""
    number = lax.broadcasted_iota(jnp.int32, scores.shape, scores.ndim - 1)
    largest = scores == scores.max(axis=-1, keepdims=True)  # nowhere for NaN
    return jnp.where(largest, number, scores.shape[-1] - 1).min(axis=-1)


def looked_up(table: Table, codes: Int[Array, " b *positions"]) -> Vectors:
    """Rows of the table. By a product: its gradient is the same at each run, where that of an index
    is a sum in any order on some devices.
    """
    one_hot = jax.nn.one_hot(codes, len(table))
    return jnp.einsum("...k,kd->...d", one_hot, table, precision=lax.Precision.HIGHEST)


_uniform = nn.initializers.variance_scaling(1.0, "fan_in", "uniform", in_axis=-1, out_axis=0)


def _check(size: int) -> None:
    if size < 1:
        raise ConfigError(f"a codebook of size={size}: give at least one code")
