"""A critic whose conditioning is put together from parts: what enters its trunk, what is projected,
and any heads on its features.
"""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax.numpy as jnp
from flax.linen.linear import default_embed_init
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import GIVEN, Conditions, is_code, vector
from genlab.nets.layers.embedding import Embedding
from genlab.nets.roles import dense, with_channels


class ConditionalDiscriminator(nn.Module):
    """The source's logit and the sum of what `heads` say, for `losses.adversarial.conditional`.

    heads:       of one column each (`nets.heads.columns`), scores weighed by their `weight`
    project:     columns whose inner product with the features is added to the logit (Miyato &
                 Koyama 2018, arXiv:1802.05637, Eq. 3)
    concatenate: columns that enter the trunk, as a `Discriminator`'s do; pictures always do
    """

    trunk: nn.Module
    heads: tuple[nn.Module, ...] = ()
    project: tuple[str, ...] = ()
    concatenate: tuple[str, ...] = ()
    kernel_init: str | Callable | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b 4"]:
        """Logit of the source; what the critic maximises on data, what on samples, and what the
        generator maximises on its samples.
        """
        given = cond or {}
        pictures = [name for name, value in given.items() if value.ndim == 4]
        entering = _chosen(self, given, (*pictures, *self.concatenate)) or None
        features = self.trunk(with_channels(x, entering), entering, train).astype(jnp.float32)
        self.sow("intermediates", "features", layers.examples(features))
        logit = dense(self, 1, "logit")(features)
        if (projected := vector(_chosen(self, given, self.project))) is not None:
            init = layers.initialiser(self.kernel_init or default_embed_init)
            table = Embedding(features.shape[-1], init, name="project")
            logit += (table(projected) * features).sum(-1, keepdims=True)
        scores = jnp.zeros((len(features), 3))
        for head in self.heads:
            scores += self._said(head, features, given)
        return jnp.concatenate([logit, scores], axis=-1)

    def _said(self, head: nn.Module, features: Array, given: Conditions) -> Float[Array, "b 3"]:
        (value,) = _chosen(self, {**given}, (head.column,), mark=False).values()
        known = jnp.ones(len(features), bool)
        if GIVEN in given and not is_code(head.column):
            known = given[GIVEN][:, 0] > 0.5
        return jnp.where(known[:, None], head.weight * head(features, value, known), 0.0)


def _chosen(
    critic: ConditionalDiscriminator, given: Conditions, names: tuple[str, ...], mark: bool = True
) -> Mapping[str, Array]:
    """Columns by name, and with labels and numbers whether they are given, where that is known."""
    missing = [name for name in names if name not in given]
    if missing:
        raise ConfigError(
            f"{type(critic).__name__} has a part for {missing[0]!r}, and is given "
            f"{', '.join(sorted(given)) or 'nothing'}: name the column in the method's `given`"
        )
    found = {name: given[name] for name in names}
    marked = mark and GIVEN in given and any(x.ndim == 2 for x in found.values())
    return {**found, GIVEN: given[GIVEN]} if marked else found
