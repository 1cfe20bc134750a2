"""Translation that begins as the picture itself."""

import flax.linen as nn
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.layers import Wrapper


class Residual(Wrapper):
    """x + scale G(x): `net`, a Translator with `bounded=False`, makes what is to be added to the
    picture (residual learning: Kim et al. 2016, arXiv:1511.04587). What stays as it is costs
    nothing to learn, and norms inside the network do not lose colours.

    picture: the column given; "x" where a method translates between domains
    scale:   small, so that the network begins close to the picture
    """

    picture: str = "x"
    scale: float = 0.1

    @nn.compact
    def __call__(
        self, z: Array | None, cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Pictures, of a grey one in colour too. ConfigError where the column is not given."""
        given = cond or {}
        if self.picture not in given:
            raise ConfigError(
                f"Residual adds to {self.picture!r}, and is given "
                f"{', '.join(sorted(given)) or 'nothing'}: set picture to one of the columns given"
            )
        made = self.net(z, cond, train)
        return given[self.picture].astype(made.dtype) + self.scale * made
