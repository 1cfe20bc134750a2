"""A predictor of several columns of an example from its picture, as a game of one player."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.game import Player, apply, fresh
from genlab.losses import total


class Heads(nn.Module):
    """A trunk, whose output is the feature vector, and one linear layer to each column.

    widths: outputs by the column's name: a label's classes, a number's coordinates
    """

    trunk: nn.Module
    widths: Mapping[str, int]

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: None = None, train: bool = True
    ) -> tuple[dict[str, Float[Array, "b k"]], Float[Array, "b d"]]:
        """(outputs by column, features)."""
        features = self.trunk(x, None, train)
        names = sorted(self.widths)  # a layer is called by its place: a column's name is the user's
        heads = {name: nn.Dense(self.widths[name], name=f"head{i}") for i, name in enumerate(names)}
        return {name: head(features) for name, head in heads.items()}, features


@dataclass(frozen=True)
class Predictor:
    """Player `predictor` minimises the sum of the cross-entropies of `labels` and of the squared
    errors of `numbers` in the units of networks, where their range is -1 to 1 (maximum likelihood
    under a Gaussian of fixed variance; Bishop 2006, Eqs. 4.108 and 1.62).
    """

    net: Heads
    labels: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    image: str = "image"

    def __post_init__(self):
        if not self.labels + self.numbers:
            raise ConfigError("a predictor predicts columns: name some in labels or numbers")

    @property
    def makes(self) -> str:
        """The first of the columns that it predicts."""
        return (*self.labels, *self.numbers)[0]

    @property
    def given(self) -> tuple[str, ...]:
        """The picture, and the other columns, which training compares with."""
        return (self.image, *(*self.labels, *self.numbers)[1:])

    def check(self, columns: Mapping[str, Any]) -> None:
        """ConfigError for heads of other widths than the columns."""
        wanted = {name: columns[name].shape[-1] for name in (*self.labels, *self.numbers)}
        if dict(self.net.widths) != wanted:
            raise ConfigError(f"the heads are {dict(self.net.widths)}; the columns need {wanted}")

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Network `net`."""
        return fresh(self.net, "net", key, batch[self.image])

    def players(self) -> dict[str, Player]:
        """One."""
        return {"predictor": Player(self.loss, owns=("net",))}

    def loss(self, params, stats, batch, key, step):
        """-log p(columns | picture), up to a constant."""
        (outputs, _), stats = apply(self.net, "net", params, stats, batch[self.image], key=key)
        terms = {n: optax.softmax_cross_entropy(outputs[n], batch[n]) for n in self.labels}
        terms |= {n: jnp.square(outputs[n] - batch[n]).sum(-1) for n in self.numbers}
        loss, metrics = total(terms, {}, step)
        return loss, (stats, metrics)
