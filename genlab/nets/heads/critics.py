"""Critics with other heads than one logit over everything: a projection on the label, a classifier,
a margin, an autoencoder.

They are called as a `Discriminator` is, `(x, cond, train)`, and give float32 logits, " b" or "b 2",
higher for what is more like data. The label never enters the trunk. What the objective may want to
match, features or code, is sown as "features" in the collection "intermediates".
"""

import sys
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.linear import default_embed_init
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, choose
from genlab.nets import layers
from genlab.nets.conditions import GIVEN, Conditions, needed
from genlab.nets.layers.embedding import Embedding
from genlab.nets.roles import dense, with_channels


class ProjectionDiscriminator(nn.Module):
    """Logit = psi(phi(x)) + y^T V phi(x) with phi the trunk, psi linear and y the labels and
    numbers given (Miyato & Koyama 2018, arXiv:1802.05637, Eq. 3).
    """

    trunk: nn.Module
    kernel_init: str | Callable | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b"]:
        """Logits."""
        features = _features(self, x, train)
        given = needed(cond, type(self).__name__)
        init = layers.initialiser(self.kernel_init or default_embed_init)
        table = Embedding(features.shape[-1], init, name="label")
        return dense(self, 1, "logit")(features)[:, 0] + (table(given) * features).sum(-1)


class AuxiliaryDiscriminator(nn.Module):
    """The logit of the source and log p(label | x), which AC-GAN's two players both maximise (Odena
    et al. 2017, arXiv:1610.09585). `label` is the column it classifies by.
    """

    trunk: nn.Module
    label: str = "label"
    kernel_init: str | Callable | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b 2"]:
        """Logit of the source, log-probability of the label given."""
        features, asked = _features(self, x, train), _asked(self, cond)
        source = dense(self, 1, "logit")(features)
        labels = jax.nn.log_softmax(dense(self, asked.shape[-1], "label")(features))
        return jnp.concatenate([source, _of_label(labels, asked)], axis=-1)


class MarginDiscriminator(nn.Module):
    """K + 1 scores C, the last for "generated", as margins C_k - max over the others (Kavalerov et
    al. 2021, arXiv:1912.04216, after Crammer & Singer 2001).
    """

    trunk: nn.Module
    label: str = "label"
    kernel_init: str | Callable | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b 2"]:
        """Margin of the label given, margin of "generated" (lower is more like data)."""
        features, asked = _features(self, x, train), _asked(self, cond)
        if cond and GIVEN in cond:
            raise ConfigError(
                "MarginDiscriminator has no score for an example without its label: leave "
                "condition_dropout out, or use heads.ConditionalDiscriminator"
            )
        scores = dense(self, asked.shape[-1] + 1, "scores")(features)
        asked = jnp.pad(asked, ((0, 0), (0, 1)))
        generated = jnp.zeros_like(asked).at[:, -1].set(1.0)
        return jnp.concatenate([margin(scores, asked), margin(scores, generated)], axis=-1)


class AutoencodingDiscriminator(nn.Module):
    """Logit = minus the error of an autoencoder's reconstruction of x, the mean over the image's
    numbers of `norm` of their differences.

    "l2" is the mean squared error, EBGAN's (Zhao et al. 2017, arXiv:1609.03126), "l1" the mean
    absolute error, BEGAN's (Berthelot et al. 2017, arXiv:1703.10717). The code is linear in what
    `down` gives, `latent` numbers, and sown as "features"; `up` makes an image of it. What is given
    enters the encoder as it enters a Discriminator's trunk.
    """

    down: nn.Module
    up: nn.Module
    norm: str | Callable = "l2"
    latent: int = 64
    kernel_init: str | Callable | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b"]:
        """Logits, none above 0."""
        features = self.down(with_channels(x, cond), cond, train)
        code = dense(self, self.latent, "code")(features.astype(jnp.float32))
        self.sow("intermediates", "features", layers.examples(code))
        difference = self.up(code, cond, train).astype(jnp.float32) - x
        error = choose(sys.modules[__name__], self.norm)(difference)
        return -error.reshape(len(x), -1).mean(-1)


def l1(difference: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Absolute value."""
    return jnp.abs(difference)


def l2(difference: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Square."""
    return jnp.square(difference)


def margin(scores: Float[Array, "b k"], asked: Float[Array, "b k"]) -> Float[Array, "b 1"]:
    """The score of the label asked for (one-hot) less the best of the others."""
    others = jnp.where(asked > 0.5, -jnp.inf, scores).max(-1, keepdims=True)
    return _of_label(scores, asked) - others


def _features(critic: nn.Module, x: Float[Array, " b *shape"], train: bool) -> Float[Array, "b d"]:
    features = critic.trunk(x, None, train).astype(jnp.float32)
    critic.sow("intermediates", "features", layers.examples(features))
    return features


def _asked(
    critic: AuxiliaryDiscriminator | MarginDiscriminator, cond: Conditions | None
) -> Float[Array, "b k"]:
    """The label that a critic classifies by, one-hot."""
    if cond and critic.label in cond:
        return cond[critic.label]
    raise ConfigError(
        f"{type(critic).__name__}(label={critic.label!r}) judges an image by its label, and is "
        f"given {', '.join(sorted(cond)) if cond else 'nothing'}: name the column in the method's "
        "`given`, or use Discriminator for data without labels"
    )


def _of_label(values: Float[Array, "b k"], asked: Float[Array, "b k"]) -> Float[Array, "b 1"]:
    return (values * asked).sum(-1, keepdims=True)
