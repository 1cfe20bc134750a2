"""A classifier as a game of one player: what feature networks and accuracies are trained by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import optax
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.game import Player, apply, fresh
from genlab.losses import total


class Logits(nn.Module):
    """A trunk, whose output is the feature vector, and one linear layer to the classes."""

    trunk: nn.Module
    classes: int

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: None = None, train: bool = True
    ) -> tuple[Float[Array, "b k"], Float[Array, "b d"]]:
        """(logits, features)."""
        features = self.trunk(x, None, train)
        return nn.Dense(self.classes, name="logits")(features), features


@dataclass(frozen=True)
class Classifier:
    """A game of one player, `classifier`, that minimises cross-entropy (maximum likelihood; Bishop
    2006, Eq. 4.108).

    makes, given: the column of labels it predicts, and the column it predicts them from
    """

    net: Logits
    makes: str = "label"
    given: tuple[str, ...] = ("image",)

    def check(self, columns: Mapping[str, Any]) -> None:
        """ConfigError for another number of classes than the labels have."""
        known = columns[self.makes].shape[-1]
        if self.net.classes != known:
            raise ConfigError(
                f"the classifier has {self.net.classes} classes, and column {self.makes!r} of the "
                f"data has {known}: set classes={known}"
            )

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Network `net`."""
        return fresh(self.net, "net", key, batch[self.given[0]])

    def players(self) -> dict[str, Player]:
        """One."""
        return {"classifier": Player(self.loss, owns=("net",))}

    def loss(self, params, stats, batch, key, step):
        """-log p(label | image)."""
        label = batch[self.makes].argmax(-1)
        (logits, _), stats = apply(self.net, "net", params, stats, batch[self.given[0]], key=key)
        terms = {"cross_entropy": optax.softmax_cross_entropy_with_integer_labels(logits, label)}
        loss, metrics = total(terms, {}, step)
        return loss, (stats, {**metrics, "accuracy": (logits.argmax(-1) == label).mean()})
