"""Inpainting: what is known is kept, whatever a network makes of it."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.layers import Wrapper


class Pasted(Wrapper):
    """m G + (1 - m) x: in the holes m what `net`, a Translator, makes, elsewhere what it is given
    (Yu et al. 2019, arXiv:1806.03589, Section 3.4). A critic and `losses` see that; what `net` sows
    as "outputs" is compared with the target as it is, holes and all.

    picture, holes: the columns given
    """

    picture: str = "masked"
    holes: str = "holes"

    @nn.compact
    def __call__(
        self, z: Array | None, cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Pictures. ConfigError where a column is not given."""
        given = cond or {}
        for name in (self.picture, self.holes):
            if name not in given:
                raise ConfigError(
                    f"Pasted puts {self.picture!r} back around {self.holes!r}, and is given "
                    f"{', '.join(sorted(given)) or 'nothing'}: name both in the method's `given`"
                )
        made = self.net(z, cond, train)
        return jnp.where(given[self.holes] > 0.5, made, given[self.picture].astype(made.dtype))
