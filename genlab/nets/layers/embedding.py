"""Embeddings of conditions."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from flax.linen.linear import default_embed_init
from jax import Array, lax
from jaxtyping import Float


class Embedding(nn.Module):
    """A linear map without bias: of one-hot labels a table of embeddings, with the parameters and
    the initialisation of `nn.Embed`; of soft labels their mixture, of numbers their multiple.
    """

    features: int
    embedding_init: Callable = default_embed_init

    @nn.compact
    def __call__(self, v: Float[Array, "b d"]) -> Float[Array, "b e"]:
        """`features` numbers for each, float32."""
        shape = (v.shape[-1], self.features)
        table = self.param("embedding", self.embedding_init, shape, jnp.float32)
        return jnp.dot(v, table, precision=lax.Precision.HIGHEST)  # a row, to its last digit
