"""A reward that is linear in the features of a network, as a network of a game: see
`genlab.feedback`.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float


class LinearReward(nn.Module):
    """weights . features(x) - offset, of pictures in [-1, 1].

    net:     gives features [B, D], or (anything, features) as `methods.predictor.Heads` does; as
             `spec(trained, "runs/reader", "net")` it is frozen
    weights: D numbers
    """

    net: nn.Module
    weights: tuple[float, ...]
    offset: float = 0.0

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: None = None, train: bool = False
    ) -> Float[Array, " b"]:
        """The reward of each picture, float32."""
        made = self.net(x, None, train=False)
        features = made[1] if isinstance(made, tuple) else made
        return features.astype(jnp.float32) @ jnp.asarray(self.weights, jnp.float32) - self.offset
