"""An encoder that inverts a trained generator, which stays as it is.

It is trained to make the generator repeat real pictures (Zhu et al. 2016, arXiv:1609.03552: min
sum L(G(E(x)), x) over the encoder) and to find the latents of the generator's own pictures again
(the latent regressor of Donahue et al. 2017, arXiv:1605.09782). The inversion is its answer, or
what an optimisation makes of it that starts there (the hybrid of Zhu et al.), as
`genlab.load(run).invert(x)` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError
from genlab.game import Player, apply, conditions, fresh, styles
from genlab.losses import total
from genlab.schedules import Weight

LATENTS = 108  # stream of randomness under a move's key
SPACES = ("z", "w")


@dataclass(frozen=True)
class InversionEncoder:
    """Player `encoder`, which owns `encoder`.

    generator: of a trained run, `spec(trained, "runs/x", "gen")`
    encoder:   a role `nets.Encoder`, of whose two outputs the mean is the latent
    latent:    size of the generator's z
    space:     "z", or "w" of a style-based generator, which the encoder then answers in
    recovery:  weight of |E(G(z)) - z|^2; 0: real pictures alone
    given:     the columns that the generator is given; the encoder is given them too
    """

    generator: nn.Module
    encoder: nn.Module
    latent: int
    space: str = "z"
    recovery: Weight = 0.1
    makes: str = "image"
    given: tuple[str, ...] = ()

    def __post_init__(self):
        if self.space not in SPACES:
            raise ConfigError(f"space={self.space!r}; an encoder answers in one of {SPACES}")
        if self.space == "w" and (why := styles.lacking(self.generator, "generator")):
            raise ConfigError(f"space='w' needs a generator with styles: {why}")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"gen": self.generator, "encoder": self.encoder}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `gen` and `encoder`; ConfigError where latents or pictures do not fit."""
        x, cond = batch[self.makes], conditions(batch, self.given)
        z = self.latents(random.fold_in(key, 2), len(x))
        params, stats = fresh(self.generator, "gen", random.fold_in(key, 0), z, cond)
        made, wanted = self.generate(params, stats, z, cond), self._target(params, stats, z, cond)
        if made.shape != x.shape:
            raise ConfigError(
                f"the generator makes examples of {made.shape[1:]}, the data are {x.shape[1:]}: "
                "train the encoder on data of that size"
            )
        own = fresh(self.encoder, "encoder", random.fold_in(key, 1), x, cond)
        (code, _), _ = apply(self.encoder, "encoder", *own, x, cond, key=key)
        if code.shape != wanted.shape:
            raise ConfigError(
                f"the encoder gives {code.shape[1]} numbers and the generator's {self.space} has "
                f"{wanted.shape[1]}: set method.encoder.latent={wanted.shape[1]}"
            )
        return {**params, **own[0]}, {**stats, **own[1]}

    def players(self) -> dict[str, Player]:
        """One."""
        return {"encoder": Player(self.loss, owns=("encoder",))}

    def loss(self, params, stats, batch, key, step):
        """E[|G(E(x)) - x|^2] of real pictures + recovery E[|E(G(z)) - z|^2] of samples, both as
        means over the numbers of one picture or latent.
        """
        x, cond = batch[self.makes], conditions(batch, self.given)
        z = self.latents(random.fold_in(key, LATENTS), len(x))
        wanted, made = self._target(params, stats, z, cond), self.generate(params, stats, z, cond)
        code, stats = self._code(params, stats, x, cond, key)
        found, stats = self._code(params, stats, made, cond, random.fold_in(key, 1))
        again = self._from_code(params, stats, code, cond)
        terms = {
            "reconstruction": jnp.square(again - x).reshape(len(x), -1).mean(-1),
            "recovery": jnp.square(found - wanted).mean(-1),
        }
        loss, metrics = total(terms, {"recovery": self.recovery}, step)
        return loss, (stats, metrics)

    def latents(self, key: Array, n: int) -> Array:
        """z ~ N(0, I), [n, latent]."""
        return random.normal(key, (n, self.latent))

    def generate(self, params, stats, z: Array, cond: Mapping | None = None) -> Array:
        """The trained generator's G(z)."""
        return apply(self.generator, "gen", params, stats, z, cond, train=False)[0]

    def encode(self, params, stats, x: Array, cond: Mapping | None = None) -> Array:
        """The latents of examples, in the encoder's space."""
        return apply(self.encoder, "encoder", params, stats, x, cond, train=False)[0][0]

    def reconstruct(self, params, stats, x: Array, cond: Mapping | None = None) -> Array:
        """G(E(x))."""
        return self._from_code(params, stats, self.encode(params, stats, x, cond), cond)

    def style_layers(self) -> int:
        """How many layers of a style-based generator are given a style."""
        return styles.layers(self.generator)

    def mapping(self, params, stats, z: Array, cond: Mapping | None = None) -> Array:
        """w of latents, [n, w], of a style-based generator."""
        return styles.mapping(self.generator, "gen", params, stats, z, cond)

    def noise_sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each layer's noise, where the generator has noise inputs."""
        return styles.noise_sizes(self.generator)

    def synthesis(self, params, stats, w: Array, noise: Array | None = None) -> Array:
        """G's examples of styles, [n, w] or [n, layers, w]."""
        return styles.synthesis(self.generator, "gen", params, stats, w, noise)

    def lacks(self, ability: type) -> str:
        """Why it has not the ability, with these networks; "" where it has."""
        return styles.lacking(self.generator, "generator", ability)

    def _target(self, params, stats, z: Array, cond: Mapping | None) -> Array:
        """What the encoder is to find: z, or its style."""
        return z if self.space == "z" else self.mapping(params, stats, z, cond)

    def _from_code(self, params, stats, code: Array, cond: Mapping | None) -> Array:
        if self.space == "w":
            return self.synthesis(params, stats, code)
        return self.generate(params, stats, code, cond)

    def _code(self, params, stats, x: Array, cond: Mapping | None, key: Array):
        (code, _), stats = apply(self.encoder, "encoder", params, stats, x, cond, key=key)
        return code, stats
