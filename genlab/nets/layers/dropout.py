"""Dropout whose masks may be a function of each example's latent."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax, random
from jaxtyping import Float, UInt32

from genlab.nets.conditions import Conditions

SEED = "seed of dropout, of each example"
"""The condition, one number of each example, that `Dropout` draws by; no column has its name."""
STEP = 0x9E3779B1  # odd, about 2^32 over the golden ratio: spreads the seeds of a latent's numbers


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) of whole-number `place` among a network's.

    Where the conditions have seeds, an example's mask depends on its own seed alone, in training
    and out of it; otherwise the mask is drawn from the stream "dropout", in training only.
    """

    rate: float
    place: int = 0

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape"]:
        """`x` with a share `rate` of its numbers zero and the others divided by 1 - rate."""
        seeds = (cond or {}).get(SEED)
        if seeds is None or not self.rate:
            return nn.Dropout(self.rate, deterministic=not train)(x)

        def kept(seed):
            key = random.fold_in(random.key(seed), self.place)
            return random.bernoulli(key, 1 - self.rate, x.shape[1:])

        return jnp.where(jax.vmap(kept)(seeds), x / (1 - self.rate), 0).astype(x.dtype)


def seeds(z: Float[Array, "b z"]) -> UInt32[Array, " b"]:
    """One whole number for each latent, a function of its bits."""
    bits = lax.bitcast_convert_type(z.astype(jnp.float32), jnp.uint32)
    odd = 2 * jnp.arange(z.shape[-1], dtype=jnp.uint32) + 1
    return (bits * (odd * jnp.uint32(STEP))[None]).sum(-1, dtype=jnp.uint32)
