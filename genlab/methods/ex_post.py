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
from genlab.game.abilities import (
    Conditions,
    Examples,
    HasLikelihood,
    HasLogWeight,
    Latents,
)
from genlab.losses import total
from genlab.losses.likelihood import Likelihood
from genlab.losses.posterior import Posterior, point
from genlab.methods import vae_checks
from genlab.methods.latent import PRIOR, Drawn, Encoded, Latent
from genlab.nets import priors


@dataclass(frozen=True)
class ExPost:
    """Player `law`, which owns `law`.

    encoder, decoder: of a trained run, spec(trained, "runs/x", "encoder"); the encoder gives a mean
                and a log-variance, or the latent itself
    likelihood: that run's
    law:        of the latents: `nets.fitted`, which needs no gradients, or `nets.priors`
    noise:      standard deviations of the posterior that are added to its mean: 1 for its samples,
                0 for its means, as a deterministic autoencoder has
    posterior:  that run's, where it has one of its own
    flow:       that run's, where it has one, spec(trained, "runs/x", "flow")
    """

    encoder: nn.Module
    decoder: nn.Module
    likelihood: Likelihood
    law: nn.Module
    noise: float = 1.0
    makes: str = "image"
    given: tuple[str, ...] = ()
    posterior: Posterior | None = None
    flow: nn.Module | None = None

    def __post_init__(self):
        vae_checks.check_specs(self)
        _check_run(self)
        _check_law(self)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        flow = {} if self.flow is None else {"flow": self.flow}
        return {"encoder": self.encoder, "decoder": self.decoder, **flow, "law": self.law}

    def init(self, key: PRNGKeyArray, batch: dict) -> tuple[dict, dict]:
        """Networks `encoder`, `decoder`, `flow` if there is one, and `law`; ConfigError for an
        encoder whose numbers are not those of the posterior.
        """
        x = batch[self.makes]
        priors.check_shape(self.law, x.shape[1:], "method.law")
        params, stats = fresh(self.encoder, "encoder", random.fold_in(key, 0), x, None)
        if self.flow is not None:
            found, z = self._found(params, stats, x), jnp.zeros((len(x), self.encoder.latent))
            held = fresh(self.flow, "flow", random.fold_in(key, 4), z, found.context)
            params, stats = {**params, **held[0]}, {**stats, **held[1]}
        z = self._latent(params, stats, x, random.fold_in(key, 3))
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
        z = self._latent(params, stats, batch[self.makes], key)
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

    def log_prior(
        self, params, stats, z: Latents, cond: Conditions = None, key: PRNGKeyArray | None = None
    ) -> Float[Array, " b"]:
        """log p(z), nats; of a law whose density is a bound, that of a draw by `key`."""
        own = random.key(0) if key is None else key
        return self._apply(params, stats, z, self._encoding(params, stats), key=own)[0]

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The mean of p(x | z)."""
        return self.likelihood.mean(self._decoded(params, stats, z))

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The posterior's mean, through the flow if there is one."""
        found = self._found(params, stats, x)
        return self._parts(found.numbers).mean(params, stats, found)

    def posterior_draw(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Latents:
        """What the law is of: z ~ q(z | x), or the posterior's mean for `noise=0`."""
        return self._latent(params, stats, x, key)

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
        found = self._found(params, stats, x)
        if self._parts(found.numbers).posterior.log_prob is None:
            raise ConfigError(
                "its encoder gives a point and no distribution, which bounds no likelihood: set "
                "method.noise=0.0, and leave the bound out"
            )
        drawn, own = self._drawn(params, stats, found, key), random.fold_in(key, PRIOR)
        log_p = self.log_prior(params, stats, drawn.z, key=own)
        return self.log_likelihood(params, stats, x, drawn.z) + log_p - drawn.log_q

    def lacks(self, ability: type) -> str:
        """Why it has not the ability; "" where it has."""
        if ability in (HasLikelihood, HasLogWeight):
            if why := vae_checks.no_likelihood(self.likelihood):
                return why
        if ability is HasLogWeight and not self.noise:
            return "its law is of the posteriors' means (noise=0), which bound no likelihood"
        of_point = getattr(self.encoder, "numbers", 0) == self.encoder.latent
        if ability is HasLogWeight and self.posterior is None and of_point:
            return "its encoder gives a point and no distribution, which bounds no likelihood"
        if ability is HasLikelihood and not getattr(self.law, "exact", True):
            return f"the density of its law, {type(self.law).__name__}, is a bound"
        return ""

    def _latent(self, params, stats, x: Examples, key: Array) -> Latents:
        """What the law is of."""
        found = self._found(params, stats, x)
        if not self.noise:
            return self._parts(found.numbers).mean(params, stats, found)
        if self.noise == 1 or not isinstance(found.numbers, tuple | list):
            return self._drawn(params, stats, found, key).z
        mean, log_variance = found.numbers
        drawn = random.normal(key, mean.shape)
        return mean + self.noise * jnp.exp(log_variance / 2) * drawn

    def _drawn(self, params, stats, found: Encoded, key: Array) -> Drawn:
        none = lambda z: jnp.zeros(z.shape[:-1])  # noqa: E731 - no flow that climbs
        return self._parts(found.numbers).draw(params, stats, found, key, none)

    def _parts(self, numbers) -> Latent:
        """Posterior and flow; of an encoder that gives the latent itself a point."""
        own, latent = self.posterior, self.encoder.latent
        if own is None and not isinstance(numbers, tuple | list) and numbers.shape[-1] == latent:
            own = point()
        return Latent(latent, own, self.flow)

    def _encoded(self, params, stats, x: Examples):
        return apply(self.encoder, "encoder", params, stats, x, None, train=False)[0]

    def _found(self, params, stats, x: Examples) -> Encoded:
        """What the encoder gives, in its parts."""
        encoded = self._encoded(params, stats, x)
        if isinstance(encoded, tuple | list):
            if self.posterior is None or self.posterior.diagonal:
                return Encoded(tuple(encoded))
            encoded = jnp.concatenate(encoded, axis=-1)
        latent, width = self._parts(encoded), encoded.shape[-1]
        context = getattr(self.flow, "context", 0)
        wanted = latent.posterior.numbers(latent.dim)
        if width != wanted + context:
            raise ConfigError(
                f"the encoder gives {width} numbers for {latent.dim} latents, and not "
                f"{wanted + context}: name its run's posterior, and its flow if it has one, as "
                "method.posterior=spec(posterior.full_covariance)"
            )
        return Encoded(encoded[..., :wanted], encoded[..., wanted:] if context else None)

    def _encoding(self, params, stats):
        """The map from examples to their posteriors, for a law that is made of those."""

        def encode(x):
            encoded = self._encoded(params, stats, x)
            if not isinstance(encoded, tuple | list):
                raise ConfigError(
                    f"method.law: {type(self.law).__name__} is made of Gaussian posteriors, and "
                    "the encoder gives no mean and log-variance: give priors.Mixture or Flow"
                )
            return encoded

        return encode

    def _decoded(self, params, stats, z: Latents) -> Array:
        return apply(self.decoder, "decoder", params, stats, z, None, train=False)[0]

    def _apply(self, params, stats, *args, **kwargs):
        return apply(self.law, "law", params, stats, *args, **kwargs)


def _check_run(of: ExPost) -> None:
    """ConfigError for a run whose networks are given more than the encoder's latents."""
    if given := of.given or getattr(of.decoder, "given", ()):
        raise ConfigError(
            f"given {', '.join(given)}: a law of latents after the fact has no conditions; use "
            "methods.TwoStageVAE, whose second stage may be given columns"
        )
    if not hasattr(of.encoder, "latent"):
        raise ConfigError(
            f"method.encoder, {type(of.encoder).__name__}, gives no vector of a fixed width: the "
            "law of a quantised model's codes is methods.CodePrior"
        )
    if of.flow is None and "flow" in getattr(of.decoder, "networks", ()):
        raise ConfigError(
            "that run's latents go through its flow before they are decoded: name it too, "
            "method.flow=spec(trained, 'runs/x', 'flow')"
        )
    if getattr(of.flow, "of_target", False):
        raise ConfigError(
            "method.flow climbs log p(x, z), with the prior that the run was trained with: train "
            "it with another flow"
        )


def _check_law(of: ExPost) -> None:
    """ConfigError for a law that is not of such latents."""
    more = of.posterior is not None or of.flow is not None
    if of.noise < 0:
        raise ConfigError(f"noise={of.noise}: standard deviations, 0 or more")
    if more and of.noise not in (0, 1):
        raise ConfigError(
            f"noise={of.noise}: of another posterior than a diagonal Gaussian it is 1, its "
            "samples, or 0, its means"
        )
    if of.posterior is not None and of.posterior.prior is not None:
        raise ConfigError(
            "method.posterior: its latents lie on a sphere or are one-hot, and a law is of all of "
            "R^n: sample from the run itself, by the prior that it has"
        )
    if more and getattr(of.law, "of_posteriors", False):
        raise ConfigError(
            f"method.law: {type(of.law).__name__} is made of diagonal Gaussian posteriors: give "
            "priors.Mixture, priors.Flow or fitted.Mixture"
        )
