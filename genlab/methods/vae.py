"""The variational autoencoder: a game of one player (Kingma & Welling 2014, arXiv:1312.6114).

`beta` weighs the KL (Higgins et al. 2017, beta-VAE, Eq. 4); as a schedule it is the KL warm-up of
Bowman et al. 2016 (arXiv:1511.06349, Section 3.1). Given a label it is the conditional
VAE (Sohn et al. 2015, Eq. 4, with the prior N(0, I) for every label).
"""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, apply, conditions, dropout, fresh, styles
from genlab.game.abilities import Conditions, Examples, Guides, Latents, Styles, WStyles
from genlab.losses import total
from genlab.losses.divergence import gaussian_kl, gaussian_log_prob
from genlab.losses.likelihood import Likelihood
from genlab.schedules import Weight


@dataclass(frozen=True)
class VAE:
    """Player `vae`, which owns `encoder` and `decoder`.

    makes, given: the column it is a model of, and the columns that both networks are given
    condition_dropout: the share of training examples without their conditions, for guidance
    """

    encoder: nn.Module
    decoder: nn.Module
    likelihood: Likelihood
    beta: Weight = 1.0
    makes: str = "image"
    given: tuple[str, ...] = ()
    condition_dropout: Weight = 0.0

    def __post_init__(self):
        if self._drops:
            dropout.check("condition_dropout", self.condition_dropout, self.given)

    @property
    def latent(self) -> int:
        """Dimension of z."""
        return self.encoder.latent

    def init(self, key: PRNGKeyArray, batch: dict) -> tuple[dict, dict]:
        """Networks `encoder` and `decoder`; ConfigError if the decoder's channels do not fit the
        likelihood.
        """
        x, cond = batch[self.makes], self._conditioned(conditions(batch, self.given))
        z = jnp.zeros((len(x), self.latent))
        params, stats = fresh(self.encoder, "encoder", random.fold_in(key, 0), x, cond)
        more_params, more_stats = fresh(self.decoder, "decoder", random.fold_in(key, 1), z, cond)
        theta, _ = apply(self.decoder, "decoder", more_params, more_stats, z, cond, key=key)
        wanted = (*x.shape[1:-1], self.likelihood.width(x.shape[-1]))
        if theta.shape[1:] != wanted:
            raise ConfigError(
                f"the decoder makes {theta.shape[1:]}; for data of {x.shape[1:]} its likelihood "
                f"needs {wanted[-1]} parameters of {x.shape[-1]} channels: set "
                f"method.decoder.trunk.shape={wanted}"
            )
        return {**params, **more_params}, {**stats, **more_stats}

    def players(self) -> dict[str, Player]:
        """One."""
        return {"vae": Player(self.loss, owns=("encoder", "decoder"))}

    def loss(self, params, stats, batch, key, step):
        """E_q[-log p(x|z)] + beta KL(q(z|x) || p(z)), nats per image: minus Eq. 3 of Kingma &
        Welling at beta = 1.
        """
        x, cond = batch[self.makes], conditions(batch, self.given)
        if self._drops and cond:
            cond = dropout.dropped(cond, self.condition_dropout, key, step)
        keys = random.fold_in(key, 0), random.fold_in(key, 1)  # of dropout
        (mean, log_variance), stats = apply(
            self.encoder, "encoder", params, stats, x, cond, key=keys[0]
        )
        z = mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)
        theta, stats = apply(self.decoder, "decoder", params, stats, z, cond, key=keys[1])
        terms = {
            "distortion": -self.likelihood.log_prob(theta, x),
            "kl": gaussian_kl(mean, log_variance),
        }
        loss, metrics = total(terms, {"kl": self.beta}, step)
        return loss, (stats, metrics)

    def latents(self, key: PRNGKeyArray, n: int) -> Latents:
        """`n` of z ~ N(0, I)."""
        return random.normal(key, (n, self.latent))

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The mean of p(x | z), in [-1, 1]."""
        given = self._conditioned(cond)
        theta, _ = apply(self.decoder, "decoder", params, stats, z, given, train=False)
        return self.likelihood.mean(theta)

    def style_layers(self) -> int:
        """How many layers of a style-based decoder are given a style."""
        return styles.layers(self.decoder)

    def mapping(self, params, stats, z: Latents, cond: Conditions = None) -> Float[Array, "b w"]:
        """w of latents, of a style-based decoder."""
        given = self._conditioned(cond)
        return styles.mapping(self.decoder, "decoder", params, stats, z, given)

    def synthesis(self, params, stats, w: WStyles) -> Examples:
        """The mean of p(x | w), in [-1, 1]."""
        return self.likelihood.mean(styles.synthesis(self.decoder, "decoder", params, stats, w))

    def lacks(self, ability: type) -> str:
        """Why it has not the ability, with these networks; "" where it has."""
        if ability is Guides and not self._drops:
            return "its condition_dropout is 0"
        return styles.lacking(self.decoder, "decoder") if ability is Styles else ""

    def null(self, cond: Conditions) -> Conditions:
        """As many rows of conditions, all of them dropped."""
        return dropout.null(cond or {})

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The posterior's mean."""
        return self._posterior(params, stats, x, cond)[0]

    def reconstruct(self, params, stats, x: Examples, cond: Conditions = None) -> Examples:
        """The mean of p(x | z) at the posterior's mean."""
        return self.generate(params, stats, self.encode(params, stats, x, cond), cond)

    def log_likelihood(
        self, params, stats, x: Examples, z: Latents, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x | z) of the decoder, nats; the prior of z is N(0, I)."""
        given = self._conditioned(cond)
        theta, _ = apply(self.decoder, "decoder", params, stats, z, given, train=False)
        return self.likelihood.log_prob(theta, x)

    def elbo(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x|z) - KL(q || p) with one draw of z and the KL in closed form, nats (beta
        plays no part).
        """
        mean, log_variance = self._posterior(params, stats, x, cond)
        z = mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)
        likelihood = self.log_likelihood(params, stats, x, z, cond)
        return likelihood - gaussian_kl(mean, log_variance)

    def score(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """Minus the ELBO, nats."""
        return -self.elbo(params, stats, x, key, cond)

    def log_weight(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x, z) - log q(z | x) at one z ~ q(z | x), nats.

        Burda et al. 2016, arXiv:1509.00519, Section 3.
        """
        mean, log_variance = self._posterior(params, stats, x, cond)
        z = mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)
        joint = self.log_likelihood(params, stats, x, z, cond) + gaussian_log_prob(z)
        return joint - gaussian_log_prob(z, mean, log_variance)

    @property
    def _drops(self) -> bool:
        return not isinstance(self.condition_dropout, int | float) or self.condition_dropout != 0

    def _conditioned(self, cond: Conditions) -> Conditions:
        """What is given, as networks are given it outside of training."""
        return dropout.marked(cond) if self._drops and cond else cond

    def _posterior(self, params, stats, x: Examples, cond: Conditions) -> tuple[Latents, Latents]:
        """(mean, log-variance) of q(z | x)."""
        given = self._conditioned(cond)
        return apply(self.encoder, "encoder", params, stats, x, given, train=False)[0]
