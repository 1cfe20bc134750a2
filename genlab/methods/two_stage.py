"""The two-stage VAE: a second VAE on the codes of a trained first one (Dai & Wipf 2019,
arXiv:1903.05789, Section 4).

The codes of a trained VAE are not distributed as its prior, so that its decoder is given other ones
when it samples than when it learned. The second VAE learns their distribution.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError
from genlab.game import Player, apply, conditions, fresh
from genlab.game.abilities import Guides, can
from genlab.losses.likelihood import Likelihood
from genlab.methods.vae import VAE

CODES = 107  # stream of randomness under a move's key


@dataclass(frozen=True)
class TwoStageVAE:
    """Player `vae`, which owns `encoder` and `decoder`: those of the second stage.

    first_encoder, first_decoder: of a trained VAE, `spec(trained, "runs/x", "encoder")`
    likelihood: that VAE's
    second:     a VAE of codes [B, D], its decoder with a mean and a log-scale for each number of a
                code (`nets.WithScale`, under `likelihood.learned_gaussian`); what it is given, the
                first one is given too
    """

    first_encoder: nn.Module
    first_decoder: nn.Module
    likelihood: Likelihood
    second: VAE
    makes: str = "image"

    def __post_init__(self):
        for name in ("posterior", "prior", "flow", "adversary"):
            if getattr(self.second, name) is not None:
                raise ConfigError(
                    f"second.{name}: the second stage has a Gaussian posterior, the prior N(0, I) "
                    f"and no other player: leave `{name}` out"
                )
        if not self.second.likelihood.normal:
            raise ConfigError(
                "second.likelihood: codes are drawn as a mean and a scale times normal noise: give "
                "spec(likelihood.learned_gaussian)"
            )
        if "flow" in getattr(self.first_decoder, "networks", ()):
            raise ConfigError(
                "the first stage's latents go through its flow before they are decoded, which a "
                "second stage knows nothing of: train the first one without, or fit a law to its "
                "latents, methods.ExPost(flow=spec(trained, 'runs/x', 'flow'))"
            )
        of_first = getattr(self.first_decoder, "given", self.given)
        if getattr(self.first_decoder, "networks", ()) and tuple(of_first) != tuple(self.given):
            raise ConfigError(
                f"the first stage is given {', '.join(of_first) or 'nothing'}, the second "
                f"{', '.join(self.given) or 'nothing'}: set second.given={tuple(of_first)}"
            )
        if can(self.second, Guides):
            raise ConfigError(
                "second.condition_dropout: the first stage is always given its conditions; leave "
                "it out"
            )

    @property
    def given(self) -> tuple[str, ...]:
        """The columns that all networks are given."""
        return self.second.given

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        own = {"encoder": self.second.encoder, "decoder": self.second.decoder}
        return {"first_encoder": self.first_encoder, "first_decoder": self.first_decoder, **own}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `first_encoder`, `first_decoder`, `encoder` and `decoder`.

        ConfigError if the second stage's decoder does not fit the codes.
        """
        x, cond = batch[self.makes], conditions(batch, self.given)
        params, stats = fresh(self.first_encoder, "first_encoder", random.fold_in(key, 2), x, cond)
        z = self._codes(params, stats, x, cond, key)
        made = fresh(self.first_decoder, "first_decoder", random.fold_in(key, 3), z, cond)
        second = self.second.init(key, {**batch, self.second.makes: z})
        return {**params, **made[0], **second[0]}, {**stats, **made[1], **second[1]}

    def players(self) -> dict[str, Player]:
        """One."""
        return {"vae": Player(self.loss, owns=("encoder", "decoder"))}

    def loss(self, params, stats, batch, key, step):
        """Minus the second stage's ELBO of codes z ~ q(z | x), nats per code."""
        x, cond = batch[self.makes], conditions(batch, self.given)
        z = self._codes(params, stats, x, cond, random.fold_in(key, CODES))
        return self.second.loss(params, stats, {**batch, self.second.makes: z}, key, step)

    def latents(self, key: Array, n: int) -> Array:
        """u ~ N(0, I) and the noise of p(z | u), joined: [n, latent + D]."""
        return random.normal(key, (n, self.second.latent + self.first_encoder.latent))

    def generate(self, params, stats, z: Array, cond: Mapping | None = None) -> Array:
        """The first stage's mean of p(x | z), of a code z ~ p(z | u) of the second."""
        u, noise = jnp.split(z, [self.second.latent], axis=-1)
        mean, log_scale = self._second(params, stats, u, cond)
        code = mean + jnp.exp(log_scale) * noise
        theta, _ = apply(
            self.first_decoder, "first_decoder", params, stats, code, cond, train=False
        )
        return self.likelihood.mean(theta)

    def encode(self, params, stats, x: Array, cond: Mapping | None = None) -> Array:
        """The mean of the second stage's posterior at the mean of the first one's, [B, latent]."""
        mean, _ = self._first(params, stats, x, cond)
        return self.second.encode(params, stats, mean, cond)

    def reconstruct(self, params, stats, x: Array, cond: Mapping | None = None) -> Array:
        """Down both stages and up again, by the means."""
        u = self.encode(params, stats, x, cond)
        none = jnp.zeros((len(u), self.first_encoder.latent))
        return self.generate(params, stats, jnp.concatenate([u, none], axis=-1), cond)

    def _codes(self, params, stats, x: Array, cond: Mapping | None, key: Array) -> Array:
        """z ~ q(z | x) of the first stage, [B, D]."""
        mean, log_variance = self._first(params, stats, x, cond)
        return mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)

    def _first(self, params, stats, x: Array, cond: Mapping | None) -> tuple[Array, Array]:
        """Mean and log-variance of the first stage's posterior."""
        encoded, _ = apply(self.first_encoder, "first_encoder", params, stats, x, cond, train=False)
        if not isinstance(encoded, tuple | list):
            raise ConfigError(
                "the first stage's encoder gives no mean and log-variance: a second stage is of a "
                "diagonal Gaussian posterior; fit a law to its latents, methods.ExPost"
            )
        mean, log_variance = encoded
        return mean, log_variance

    def _second(self, params, stats, u: Array, cond: Mapping | None) -> list[Array]:
        theta, _ = apply(self.second.decoder, "decoder", params, stats, u, cond, train=False)
        return jnp.split(theta, 2, axis=-1)
