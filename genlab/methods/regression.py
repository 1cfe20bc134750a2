"""Regression between columns: what every task of repair and translation is first tried with.

The output is the one that minimises the expected loss for what is given: a conditional mean under
the squared error, a median under the absolute one, and so smooth where what is given leaves the
answer open. A GAN with the same `comparison` adds a critic of what outputs look like (pix2pix:
Isola et al. 2017, arXiv:1611.07004, who compare both).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, conditions, fresh
from genlab.game.abilities import Conditions, Examples, Latents
from genlab.game.networks import apply, outputs
from genlab.losses import total
from genlab.methods.gan.comparison import Comparison


@dataclass(frozen=True)
class Regression:
    """Player `gen`, which owns network `gen`.

    generator:  a role called with latents of width 0 and what is given, `nets.Translator`
    comparison: of its output with the column `makes`
    makes, given: the column wanted, and the columns given
    """

    generator: nn.Module
    comparison: Comparison
    makes: str = "image"
    given: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.given:
            raise ConfigError("a regression is given nothing: name columns, given=('edges',)")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"gen": self.generator}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `gen` and, for perceptual losses, `features`."""
        x, cond = batch[self.makes], conditions(batch, self.given)
        z = self.latents(key, len(x))
        params, stats = fresh(self.generator, "gen", key, z, cond)
        made, _ = apply(self.generator, "gen", params, stats, z, cond, key=key)
        if made.shape != x.shape:
            raise ConfigError(
                f"the generator makes {made.shape[1:]}, column {self.makes!r} is {x.shape[1:]}: "
                "set the channels or the shape of method.generator.trunk"
            )
        more = self.comparison.init(key, x)
        return {**params, **more[0]}, {**stats, **more[1]}

    def players(self) -> dict[str, Player]:
        """One."""
        return {"gen": Player(self.loss, owns=("gen",))}

    def loss(self, params, stats, batch, key, step):
        """The sum of weight x E[loss(G(c), x)]."""
        x, cond = batch[self.makes], conditions(batch, self.given)
        z = self.latents(key, len(x))
        made = outputs(self.generator, "gen", params, stats, z, cond, key=key)
        values = self.comparison.values(params, stats, made.all, x, key, step)
        loss, metrics = total(values, self.comparison.weights, step)
        return loss, (made.stats, metrics)

    def latents(self, key: PRNGKeyArray, n: int) -> Latents:
        """Of width 0: nothing is drawn."""
        return jnp.zeros((n, 0))

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The network's answer to what is given, with running statistics."""
        return apply(self.generator, "gen", params, stats, z, cond, train=False)[0]

    def update_stats(self, params, stats, key: Array, n: int, cond: Mapping | None = None) -> dict:
        """The statistics of `gen` after `n` answers in training mode."""
        z = self.latents(key, n)
        _, stats = apply(self.generator, "gen", params, stats, z, cond, key=key)
        return {"gen": stats.get("gen", {})}
