"""Sampling from an autoencoder that was trained: a law of its latents, learned afterwards, in place
of the prior that it was trained with or never had (Ghosh et al. 2020, arXiv:1903.12436, Section 4:
a mixture of Gaussians; Dai & Wipf 2019, arXiv:1903.05789: a second VAE, `methods.TwoStageVAE`).
"""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, apply, fresh
from genlab.game.abilities import Conditions, Examples, HasLogWeight, Latents
from genlab.losses import total
from genlab.losses.divergence import gaussian_log_prob
from genlab.losses.likelihood import Likelihood


@dataclass(frozen=True)
class ExPost:
    """Player `law`, which owns `law`.

    encoder, decoder: of a trained run, spec(trained, "runs/x", "encoder"); the encoder gives a mean
                and a log-variance, or the latent itself
    likelihood: that run's
    law:        of the latents: `nets.fitted`, which needs no gradients, or `nets.priors`
    noise:      standard deviations of the posterior that are added to its mean: 1 for its samples,
                0 for its means, as a deterministic autoencoder has
    """

    encoder: nn.Module
    decoder: nn.Module
    likelihood: Likelihood
    law: nn.Module
    noise: float = 1.0
    makes: str = "image"
    given: tuple[str, ...] = ()

    def __post_init__(self):
        if self.given:
            raise ConfigError(
                f"method.given={self.given}: a law of latents after the fact has no conditions; "
                "use methods.TwoStageVAE, whose second stage may be given columns"
            )
        if self.noise < 0:
            raise ConfigError(f"noise={self.noise}: standard deviations, 0 or more")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"encoder": self.encoder, "decoder": self.decoder, "law": self.law}

    def init(self, key: PRNGKeyArray, batch: dict) -> tuple[dict, dict]:
        """Networks `encoder`, `decoder` and `law`."""
        x = batch[self.makes]
        params, stats = fresh(self.encoder, "encoder", random.fold_in(key, 0), x, None)
        z = self._latent(params, stats, x, random.fold_in(key, 3))[0]
        for number, (name, net, seen) in enumerate(
            (("decoder", self.decoder, None), ("law", self.law, self._encoding(params, stats)))
        ):
            held = fresh(net, name, random.fold_in(key, 1 + number), z, seen)
            params, stats = {**params, **held[0]}, {**stats, **held[1]}
        return params, stats

    def players(self) -> dict[str, Player]:
        """One."""
        return {"law": Player(self.loss, owns=("law",))}

    def loss(self, params, stats, batch, key, step):
        """-log p(z) of z ~ q(z | x), nats per example."""
        z, _ = self._latent(params, stats, batch[self.makes], key)
        own = random.fold_in(key, 1)
        value, _ = self._apply(params, stats, z, self._encoding(params, stats), key=own)
        if hasattr(self.law, "observe"):
            _, stats = self._apply(params, stats, z, method="observe")
        loss, metrics = total({"latents": -value}, {}, step)
        return loss, (stats, metrics)

    def latents(self, key: PRNGKeyArray, n: int) -> Latents:
        """N(0, I), the noise of the law."""
        return random.normal(key, (n, self.law.noise(self.encoder.latent)))

    def prior_latents(
        self, params, stats, noise: Float[Array, "b n"], cond: Conditions = None
    ) -> Latents:
        """Latents of the law."""
        seen = self._encoding(params, stats)
        return self._apply(params, stats, noise, seen, method="draw")[0]

    def log_prior(self, params, stats, z: Latents, cond: Conditions = None) -> Float[Array, " b"]:
        """log p(z), nats."""
        return self._apply(params, stats, z, self._encoding(params, stats))[0]

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The mean of p(x | z)."""
        return self.likelihood.mean(self._decoded(params, stats, z))

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The encoder's mean."""
        return _mean(self._encoded(params, stats, x))[0]

    def reconstruct(self, params, stats, x: Examples, cond: Conditions = None) -> Examples:
        """The mean of p(x | z) at the encoder's mean."""
        return self.generate(params, stats, self.encode(params, stats, x))

    def log_likelihood(
        self, params, stats, x: Examples, z: Latents, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x | z), nats."""
        return self.likelihood.log_prob(self._decoded(params, stats, z), x)

    def log_weight(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x, z) - log q(z | x) at one z ~ q(z | x), nats."""
        mean, log_variance = _mean(self._encoded(params, stats, x))
        if log_variance is None:
            raise ConfigError(
                "its encoder gives a point and no distribution, which bounds no likelihood: set "
                "method.noise=0.0, and leave the bound out"
            )
        z = mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)
        joint = self.log_likelihood(params, stats, x, z) + self.log_prior(params, stats, z)
        return joint - gaussian_log_prob(z, mean, log_variance)

    def lacks(self, ability: type) -> str:
        """Why it has not the ability; "" where it has."""
        if ability is HasLogWeight and not self.noise:
            return "its law is of the posteriors' means (noise=0), which bound no likelihood"
        return ""

    def _latent(self, params, stats, x: Examples, key: Array) -> tuple[Latents, Latents | None]:
        mean, log_variance = _mean(self._encoded(params, stats, x))
        if log_variance is None or not self.noise:
            return mean, log_variance
        drawn = random.normal(key, mean.shape)
        return mean + self.noise * jnp.exp(log_variance / 2) * drawn, log_variance

    def _encoded(self, params, stats, x: Examples):
        return apply(self.encoder, "encoder", params, stats, x, None, train=False)[0]

    def _encoding(self, params, stats):
        """The map from examples to their posteriors, for a law that is made of those."""
        return lambda x: self._encoded(params, stats, x)

    def _decoded(self, params, stats, z: Latents) -> Array:
        return apply(self.decoder, "decoder", params, stats, z, None, train=False)[0]

    def _apply(self, params, stats, *args, **kwargs):
        return apply(self.law, "law", params, stats, *args, **kwargs)


def _mean(encoded) -> tuple[Latents, Latents | None]:
    """(mean, log-variance), None for an encoder that gives the latent itself."""
    if isinstance(encoded, tuple | list):
        mean, log_variance = encoded
        return mean, log_variance
    return encoded, None
