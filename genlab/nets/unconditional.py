"""A critic that judges a picture by itself, whatever the generator is given."""

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.nets.conditions import Conditions
from genlab.nets.layers import Wrapper


class Unconditional(Wrapper):
    """`net` without what is given: SRGAN's critic (Ledig et al. 2017, arXiv:1609.04802, Eq. 2), of
    pictures of another size than what they are enlarged from; a patch critic of a context encoder.
    """

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *patches"]:
        """What `net` says of `x`; `cond` is not used."""
        return self.net(x, None, train)
