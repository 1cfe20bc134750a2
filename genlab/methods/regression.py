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
    target:     one of `given` that the output is compared with in training in place of `makes`, and
                that the network does not see: another noisy picture of the same thing, whose noise
                has mean 0, is as good under the squared error (Noise2Noise: Lehtinen et al. 2018,
                arXiv:1803.04189, Section 2)
    """

    generator: nn.Module
    comparison: Comparison
    makes: str = "image"
    given: tuple[str, ...] = ()
    target: str = ""

    def __post_init__(self):
        if not set(self.given) - {self.target}:
            raise ConfigError("a regression is given nothing: name columns, given=('edges',)")
        if self.target and self.target not in self.given:
            raise ConfigError(
                f"target={self.target!r} is not among the columns given, {self.given}"
            )

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"gen": self.generator}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `gen` and, for perceptual losses, `features`."""
        x, cond = batch[self.makes], self._seen(conditions(batch, self.given))
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
        x = batch[self.target or self.makes]
        cond = self._seen(conditions(batch, self.given))
        z = self.latents(key, len(x))
        made = outputs(self.generator, "gen", params, stats, z, cond, key=key)
        values = self.comparison.values(params, stats, made.all, x, key, step, cond)
        loss, metrics = total(values, self.comparison.weights, step)
        return loss, (made.stats, metrics)

    def latents(self, key: PRNGKeyArray, n: int) -> Latents:
        """Of width 0: nothing is drawn."""
        return jnp.zeros((n, 0))

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The network's answer to what is given, with running statistics."""
        seen = self._seen(cond)
        return apply(self.generator, "gen", params, stats, z, seen, train=False)[0]

    def update_stats(self, params, stats, key: Array, n: int, cond: Mapping | None = None) -> dict:
        """The statistics of `gen` after `n` answers in training mode."""
        z, seen = self.latents(key, n), self._seen(cond)
        _, stats = apply(self.generator, "gen", params, stats, z, seen, key=key)
        return {"gen": stats.get("gen", {})}

    def _seen(self, cond: Conditions) -> dict[str, Array]:
        """What the network is given of what the method is given."""
        return {name: x for name, x in (cond or {}).items() if name != self.target}
