"""Generative adversarial networks: two players, any objective, any penalties (Goodfellow et al.
2014, arXiv:1406.2661).

With `objective="wasserstein"`, `penalties=dict(gradient_penalty=10.0)` and `critic_moves=5` it is
WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028, Algorithm 1). Networks with `classes` make it
label-conditional (Mirza & Osindero 2014, arXiv:1411.1784): both receive the batch's label.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError, choose, did_you_mean
from genlab.game import Player, apply, fresh, labels
from genlab.losses import adversarial, penalties, total
from genlab.nets.layers import in_float32


@dataclass(frozen=True)
class GAN:
    """Players `disc` and `gen`.

    objective: a name in `losses.adversarial`, or "package.module:objective"
    penalties: by name in `losses.penalties`: a weight (a number or a schedule), or a dict of
               `weight`, further arguments of the penalty, and `fn` ("package.module:penalty") for
               one from outside
    """

    generator: nn.Module
    discriminator: nn.Module
    latent: int = 128
    objective: str = "nonsaturating"
    penalties: Mapping = field(default_factory=dict)
    critic_moves: int = 1

    def __post_init__(self):
        choose(adversarial, self.objective)
        for name in self.penalties:
            self._penalty(name)
        if self.latent < 1 or self.critic_moves < 1:
            raise ConfigError(
                f"latent is {self.latent}, critic_moves {self.critic_moves}; both are at least 1"
            )
        if self.generator.classes != self.discriminator.classes:
            raise ConfigError(
                f"generator.classes is {self.generator.classes}, discriminator.classes "
                f"{self.discriminator.classes}: "
                "both are told the label, or neither"
            )

    @property
    def classes(self) -> int:
        """Number of labels both networks are told; 0 for none."""
        return self.generator.classes

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `gen` and `disc`; ConfigError if the generator's images have not the data's
        shape.
        """
        x, cond = batch["image"], labels(batch, self.classes)
        z = jnp.zeros((len(x), self.latent))
        params, stats = fresh(self.generator, "gen", random.fold_in(key, 0), z, cond)
        fake, _ = apply(self.generator, "gen", params, stats, z, cond)
        if fake.shape != x.shape:
            raise ConfigError(
                f"the generator makes examples of {fake.shape[1:]}, the data are {x.shape[1:]}: "
                f"set method.generator.trunk.shape={x.shape[1:]}"
            )
        more_params, more_stats = fresh(self.discriminator, "disc", random.fold_in(key, 1), x, cond)
        if self.penalties and "batch_stats" in more_stats.get("disc", {}):
            raise ConfigError(
                f"the critic has BatchNorm, and a penalty ({', '.join(self.penalties)}) on its "
                "gradient at each example: use norm='LayerNorm' or 'Identity' in the discriminator"
            )
        return {**params, **more_params}, {**stats, **more_stats}

    def players(self) -> dict[str, Player]:
        """The critic moves first, `critic_moves` times, then the generator once."""
        return {
            "disc": Player(self.critic_loss, owns=("disc",), moves=self.critic_moves),
            "gen": Player(self.generator_loss, owns=("gen",)),
        }

    def critic_loss(self, params, stats, batch, key, step):
        """E[objective.critic] + sum of weight x E[penalty]; penalties in float32, their statistics
        discarded.
        """
        real, cond = batch["image"], labels(batch, self.classes)
        fake, stats = self._fake(params, stats, random.fold_in(key, 0), len(real), cond)
        d_real, stats = apply(self.discriminator, "disc", params, stats, real, cond)
        d_fake, stats = apply(self.discriminator, "disc", params, stats, fake, cond)
        terms = {"adversarial": choose(adversarial, self.objective).critic(d_real, d_fake)}

        def critic(x):
            return apply(in_float32(self.discriminator), "disc", params, stats, x, cond)[0]

        weights = {}
        for number, name in enumerate(self.penalties, start=1):
            penalty, weights[name] = self._penalty(name)
            terms[name] = penalty(critic, real, fake, random.fold_in(key, number))
        loss, metrics = total(terms, weights, step)
        return loss, (stats, {**metrics, "real": d_real.mean(), "fake": d_fake.mean()})

    def generator_loss(self, params, stats, batch, key, step):
        """E[objective.generator]."""
        real, cond = batch["image"], labels(batch, self.classes)
        fake, stats = self._fake(params, stats, random.fold_in(key, 0), len(real), cond)
        d_real, stats = apply(self.discriminator, "disc", params, stats, real, cond)
        d_fake, stats = apply(self.discriminator, "disc", params, stats, fake, cond)
        terms = {"adversarial": choose(adversarial, self.objective).generator(d_real, d_fake)}
        loss, metrics = total(terms, {}, step)
        return loss, (stats, metrics)

    def latents(self, key: Array, n: int) -> Array:
        """z ~ N(0, I), [n, latent]."""
        return random.normal(key, (n, self.latent))

    def generate(self, params, stats, z: Array, cond: Array | None = None) -> Array:
        """G(z) with running statistics."""
        return apply(self.generator, "gen", params, stats, z, cond, train=False)[0]

    def _fake(self, params, stats, key, n, cond):
        return apply(self.generator, "gen", params, stats, self.latents(key, n), cond)

    def _penalty(self, name: str):
        """(penalty function, its weight) from the config's number or dict."""
        given = self.penalties[name]
        if not isinstance(given, Mapping):
            return choose(penalties, name), given
        arguments = dict(given)
        if "weight" not in arguments:
            raise ConfigError(f"penalties.{name} is a dict without `weight`: dict(weight=..., ...)")
        weight, fn = arguments.pop("weight"), choose(penalties, arguments.pop("fn", name))
        known = inspect.signature(fn).parameters
        unknown = [argument for argument in arguments if argument not in known]
        if unknown:
            raise ConfigError(
                f"penalties.{name}: no argument {unknown[0]!r}{did_you_mean(unknown[0], known)}"
            )
        return partial(fn, **arguments), weight
