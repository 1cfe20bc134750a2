"""The variational autoencoder: a game of one player (Kingma & Welling 2014, arXiv:1312.6114).

`beta` weighs the KL (Higgins et al. 2017, beta-VAE, Eq. 4); as a schedule it is the KL warm-up of
Bowman et al. 2016 (arXiv:1511.06349, Section 3.1). Given a label it is the conditional
VAE (Sohn et al. 2015, Eq. 4, with the prior N(0, I) for every label). `divergences` names other
terms of the latent (beta-TC-VAE, InfoVAE, WAE-MMD, SWAE, free bits, capacity), `bound` another
bound and estimator (IWAE, DReG).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, apply, conditions, dropout, fresh, styles
from genlab.game.abilities import (
    Conditions,
    Examples,
    Guides,
    HasLikelihood,
    HasLogWeight,
    Latents,
    Scores,
    Styles,
    WStyles,
)
from genlab.losses import bounds, divergence, total
from genlab.losses.divergence import Codes, gaussian_kl, gaussian_log_prob
from genlab.losses.likelihood import Likelihood
from genlab.methods.gan import terms
from genlab.schedules import Weight

DIVERGENCES = 109  # a stream of randomness under a move's key
OF_BATCH = (
    "its likelihood has the best variance of each batch, so that an example has none by itself: "
    "train with likelihood.learned_gaussian under nets.WithScale, or measure reconstructions"
)


@dataclass(frozen=True)
class VAE:
    """Player `vae`, which owns `encoder` and `decoder`.

    makes, given: the column it is a model of, and the columns that both networks are given
    condition_dropout: the share of training examples without their conditions, for guidance
    divergences: terms between q(z | x) and the prior, by name in `losses.divergence`, each a
        weight or a dict of `weight` and arguments; by default the KL, weighed by `beta`
    bound: of `losses.bounds`, spec(bounds.iwae, 5), in place of the ELBO, whose KL is exact
    flow: of `nets.flows`, what the encoder's Gaussian goes through to become q(z | x)
    """

    encoder: nn.Module
    decoder: nn.Module
    likelihood: Likelihood
    beta: Weight = 1.0
    makes: str = "image"
    given: tuple[str, ...] = ()
    condition_dropout: Weight = 0.0
    divergences: Mapping = field(default_factory=dict)
    bound: bounds.Bound | None = None
    flow: nn.Module | None = None

    def __post_init__(self):
        self._check_terms()
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
        flowing = ({}, {})
        if self.flow is not None:
            flowing = fresh(self.flow, "flow", random.fold_in(key, 2), z)
        return {**params, **more_params, **flowing[0]}, {**stats, **more_stats, **flowing[1]}

    def players(self) -> dict[str, Player]:
        """One."""
        flow = () if self.flow is None else ("flow",)
        return {"vae": Player(self.loss, owns=("encoder", "decoder", *flow))}

    def loss(self, params, stats, batch, key, step):
        """E_q[-log p(x|z)] + beta KL(q(z|x) || p(z)), nats per image: minus Eq. 3 of Kingma &
        Welling at beta = 1; with other `divergences` in place of the KL, or minus the `bound`.
        """
        x, cond = batch[self.makes], conditions(batch, self.given)
        if self._drops and cond:
            cond = dropout.dropped(cond, self.condition_dropout, key, step)
        keys = random.fold_in(key, 0), random.fold_in(key, 1)  # of dropout
        (mean, log_variance), stats = apply(
            self.encoder, "encoder", params, stats, x, cond, key=keys[0]
        )
        if self.bound is not None:
            seen = (x, cond, (mean, log_variance))
            return self._bound_loss(self.bound, params, stats, seen, (key, keys[1]), step)
        z, log_q = self._drawn(params, stats, mean, log_variance, random.normal(key, mean.shape))
        theta, stats = apply(self.decoder, "decoder", params, stats, z, cond, key=keys[1])
        codes = Codes(z, log_q, mean, log_variance, random.fold_in(key, DIVERGENCES), step)
        values = {"distortion": -self.likelihood.log_prob(theta, x), **self._diverge(codes)}
        loss, metrics = total(values, terms.weights(self._divergences), step)
        return loss, (stats, metrics)

    def _bound_loss(self, bound: bounds.Bound, params, stats, seen, keys, step):
        """Minus the bound, nats per image: `seen` is examples, conditions and their posterior."""
        x, cond, posterior = seen
        k = bound.samples
        x, cond = jax.tree.map(lambda c: jnp.repeat(c, k, axis=0), (x, cond))
        mean, log_variance = (each[:, None] for each in posterior)
        noise = random.normal(keys[0], (len(mean), k, self.latent))
        z, log_q = self._drawn(params, stats, mean, log_variance, noise)

        def log_joint(params, z):
            rows = z.reshape(-1, self.latent)
            theta, after = apply(self.decoder, "decoder", params, stats, rows, cond, key=keys[1])
            log_p = self.likelihood.log_prob(theta, x).reshape(-1, k)
            return log_p + gaussian_log_prob(z), after

        def log_posterior(of, z):
            return log_q if self.flow is not None else gaussian_log_prob(z, *of)

        found = (params, (mean, log_variance), z, log_joint, log_posterior)
        value, stats = bounds.estimated(bound, *found)
        loss, metrics = total({"negative_bound": -value}, {}, step)
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
        if ability in (HasLikelihood, HasLogWeight, Scores) and self.likelihood.of_batch:
            return OF_BATCH
        return styles.lacking(self.decoder, "decoder") if ability is Styles else ""

    def null(self, cond: Conditions) -> Conditions:
        """As many rows of conditions, all of them dropped."""
        return dropout.null(cond or {})

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The mean of the encoder's Gaussian, through the flow if there is one."""
        mean, log_variance = self._posterior(params, stats, x, cond)
        return self._drawn(params, stats, mean, log_variance, jnp.zeros_like(mean))[0]

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
        plays no part). With a flow the KL is of the draw too.
        """
        if self.flow is not None:
            return self.log_weight(params, stats, x, key, cond)
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
        z, log_q = self._drawn(params, stats, mean, log_variance, random.normal(key, mean.shape))
        joint = self.log_likelihood(params, stats, x, z, cond) + gaussian_log_prob(z)
        return joint - log_q

    @property
    def _divergences(self) -> dict[str, terms.Term]:
        usual = "kl" if self.flow is None else "monte_carlo_kl"
        given = self.divergences or {usual: self.beta}
        return terms.resolved(divergence, given, "method.divergences")

    def _diverge(self, codes: Codes) -> dict[str, Array]:
        """The values of the divergences by name."""
        look = lambda key: (codes._replace(key=key),)  # noqa: E731
        return terms.measured(self._divergences, {}, codes.step, codes.key, look)[0]

    def _check_terms(self) -> None:
        """ConfigError for a weight or a divergence that would not be used."""
        plain = isinstance(self.beta, int | float) and self.beta == 1
        if self.divergences and not plain:
            raise ConfigError(
                "method.beta weighs the KL of a VAE without `divergences`: leave it out, and name "
                "the KL among them, divergences=dict(kl=4.0)"
            )
        if self.bound is not None and (self.divergences or not plain):
            raise ConfigError(
                "method.bound is of log p(x), whose divergence is that of the weights: leave out "
                "`beta` and `divergences`, or the bound"
            )
        if self.bound is not None and self.likelihood.of_batch:
            raise ConfigError(f"method.bound is of the likelihood of examples: {OF_BATCH}")
        for name, term in self._divergences.items():
            if term.start:
                raise ConfigError(f"method.divergences.{name} has a memory: a VAE keeps none")
            if self.flow is not None and term.source in divergence.OF_GAUSSIANS:
                raise ConfigError(
                    f"method.divergences.{name} is of a Gaussian posterior, which a flow's is not: "
                    "give monte_carlo_kl, imq_mmd, rbf_mmd or sliced_wasserstein, or no flow"
                )
        if self.flow is not None and self.bound is not None and self.bound.estimator is not None:
            raise ConfigError(
                "method.bound: PIWAE, STL and DReG hold the posterior still at a latent, which a "
                "flow cannot: give elbo, iwae, miwae or ciwae, or no flow"
            )

    def _drawn(self, params, stats, mean, log_variance, noise) -> tuple[Array, Array]:
        """(z, log q(z | x)) of the noise of the encoder's Gaussian."""
        z = mean + jnp.exp(log_variance / 2) * noise
        log_q = gaussian_log_prob(z, mean, log_variance)
        if self.flow is None:
            return z, log_q
        (z, log_det), _ = apply(self.flow, "flow", params, stats, z)
        return z, log_q - log_det

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
