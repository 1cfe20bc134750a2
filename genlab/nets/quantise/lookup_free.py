"""Quantisers whose codes are a fixed grid: no codebook to learn, and none that dies."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.quantise.contract import Codes, Quantised, Vectors, per_example, straight_through
from genlab.runtime import collectives
from genlab.schedules import Weight

MOST_BITS = 30  # of a code that is one whole number
WIDER = 1e-3  # by how much of a level tanh reaches beyond the outermost ones


class FiniteScalar(nn.Module):
    """Each number of z, bounded by tanh, rounded to one of its `levels` (Mentzer et al. 2023,
    arXiv:2309.15505, Section 3). No losses. Levels lie equally spaced in [-1, 1].
    """

    levels: tuple[int, ...] = (8, 5, 5, 5)

    @property
    def sizes(self) -> tuple[int, ...]:
        """One map of codes, the product of the levels."""
        return (math.prod(self.levels),)

    @property
    def weights(self) -> dict[str, Weight]:
        """None."""
        return {}

    @nn.compact
    def __call__(self, z: Vectors, cond: Conditions | None = None, train: bool = True) -> Quantised:
        """`cond` and `train` are not used. ConfigError for z of another width than `levels`."""
        if min(self.levels, default=0) < 2:
            raise ConfigError(f"levels={self.levels}: each number has at least two")
        if math.prod(self.levels) > 2**MOST_BITS:
            raise ConfigError(
                f"levels={self.levels}: {math.prod(self.levels)} codes, and a code is below "
                f"2^{MOST_BITS}; more in a Residual of several"
            )
        _check_width("FiniteScalar", z, len(self.levels), f"levels={self.levels}")
        levels = np.asarray(self.levels)
        reach = (levels - 1) * (1 + WIDER) / 2
        offset = np.where(levels % 2 == 0, 0.5, 0.0)
        shift, reach, offset = (_row(v, z) for v in (np.arctanh(offset / reach), reach, offset))
        bounded = jnp.tanh(z.astype(jnp.float32) + shift) * reach - offset
        digits = jnp.round(bounded)
        q = straight_through(bounded, digits) / _row(levels // 2, z)
        places = (lax.stop_gradient(digits) + _row(levels // 2, z)).astype(jnp.int32)
        return Quantised(q, ((places * _row(self._basis, z)).sum(-1),), {})

    def lookup(self, codes: Codes) -> Vectors:
        """The vectors of codes."""
        levels, code = np.asarray(self.levels), codes[0][..., None]
        places = code // _row(self._basis, code) % _row(levels, code)
        half = _row(levels // 2, code)
        return (places - half) / half

    @property
    def _basis(self) -> np.ndarray:
        return np.cumprod([1, *self.levels[:-1]])


class LookupFree(nn.Module):
    """The sign of each of `bits` numbers (Yu et al. 2023, arXiv:2310.05737, Section 3.1).

    Losses: `commitment` |z - sg(q)|^2; `confidence` E H(p(code | z)), the entropy of the codes
    that a vector might have had, p(code | z) ~ exp(2 tau z . code), which is a sum over the bits;
    `diversity` -H(E p(code | z)), of the codes of the global batch. The last is over all 2^bits
    codes up to `group` bits; of more it is the sum over groups of that many, an upper bound of the
    entropy (Zhao et al. 2024, arXiv:2406.07548, Section 3).

    entropy: the weight of both entropies
    tau:     the inverse temperature
    """

    bits: int
    commitment: Weight = 0.25
    entropy: Weight = 0.1
    tau: float = 100.0
    group: int = 9

    @property
    def sizes(self) -> tuple[int, ...]:
        """One map of codes."""
        return (2**self.bits,)

    @property
    def weights(self) -> dict[str, Weight]:
        """Of `commitment`, `confidence` and `diversity`."""
        entropies = {"confidence": self.entropy, "diversity": self.entropy}
        return {"commitment": self.commitment, **entropies}

    @nn.compact
    def __call__(self, z: Vectors, cond: Conditions | None = None, train: bool = True) -> Quantised:
        """`cond` and `train` are not used. ConfigError for z of another width than `bits`."""
        _check_bits(self.bits)
        _check_width("LookupFree", z, self.bits, f"bits={self.bits}")
        return _signed(z, 1.0, self.tau, self.group)

    def lookup(self, codes: Codes) -> Vectors:
        """The vectors of codes, +-1."""
        return _signs(codes[0], self.bits)


class Binary(LookupFree):
    """The same of z / |z|, its signs divided by sqrt(bits): codes on the unit sphere (Zhao et al.
    2024, arXiv:2406.07548, Section 3).
    """

    tau: float = 1.0

    @nn.compact
    def __call__(self, z: Vectors, cond: Conditions | None = None, train: bool = True) -> Quantised:
        """`cond` and `train` are not used. ConfigError for z of another width than `bits`."""
        _check_bits(self.bits)
        _check_width("Binary", z, self.bits, f"bits={self.bits}")
        length = jnp.sqrt(jnp.square(z).sum(-1, keepdims=True) + 1e-12)
        return _signed(z / length, self.bits**-0.5, self.tau, self.group)

    def lookup(self, codes: Codes) -> Vectors:
        """The vectors of codes, of length one."""
        return _signs(codes[0], self.bits) * self.bits**-0.5


def _signed(z: Vectors, scale: float, tau: float, group: int) -> Quantised:
    """z quantised to +-scale."""
    bits = (z > 0).astype(jnp.int32)
    q = scale * (2.0 * bits - 1)
    codes = (bits * _row(2 ** np.arange(z.shape[-1]), z)).sum(-1)
    logits = 4 * tau * scale * z
    of_each = _bit_entropy(logits).sum(-1).reshape(len(z), -1).mean(-1)
    losses = {
        "commitment": per_example(z - lax.stop_gradient(q)),
        "confidence": of_each,
        "diversity": -_batch_entropy(logits, group),
    }
    return Quantised(straight_through(z, q), (codes,), losses)


def _bit_entropy(logits: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """H(Bernoulli(sigmoid(logits))), nats."""
    p = jax.nn.sigmoid(logits)
    return jax.nn.softplus(logits) - p * logits


def _batch_entropy(logits: Float[Array, "b *positions k"], group: int) -> Float[Array, ""]:
    """H of the batch's mean law over codes, summed over groups of bits."""
    rows, found = logits.reshape(-1, logits.shape[-1]), jnp.zeros(())
    for start in range(0, rows.shape[-1], group):
        joint = jnp.zeros((len(rows), 1))
        for k in range(start, min(start + group, rows.shape[-1])):
            log_p = jnp.stack([jax.nn.log_sigmoid(-rows[:, k]), jax.nn.log_sigmoid(rows[:, k])], 1)
            joint = (joint[:, :, None] + log_p[:, None, :]).reshape(len(rows), -1)
        p = collectives.mean(jnp.exp(joint).mean(axis=0))
        found -= (p * jnp.log(jnp.maximum(p, 1e-30))).sum()
    return found


def _signs(codes: Int[Array, " b *positions"], bits: int) -> Vectors:
    return 2.0 * (codes[..., None] >> _row(np.arange(bits), codes[..., None]) & 1) - 1


def _check_bits(bits: int) -> None:
    if not 1 <= bits <= MOST_BITS:
        raise ConfigError(
            f"bits={bits}: a code has 1 to {MOST_BITS}; more in a Residual of several"
        )


def _check_width(who: str, z: Array, width: int, setting: str) -> None:
    if z.shape[-1] != width:
        raise ConfigError(
            f"{who}({setting}) quantises vectors of {width} numbers, the encoder's have "
            f"{z.shape[-1]}: give the encoder features={width}"
        )


def _row(vector, like: Array) -> Array:
    """A vector with as many axes as `like`."""
    return jnp.asarray(vector).reshape((1,) * (like.ndim - 1) + (-1,))
