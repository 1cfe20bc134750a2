"""The variational autoencoder: a game of one player (Kingma & Welling 2014, arXiv:1312.6114).

`beta` weighs the KL (Higgins et al. 2017, beta-VAE, Eq. 4); as a schedule it is the KL warm-up of
Bowman et al. 2016 (arXiv:1511.06349, Section 3.1). Given a label it is the conditional
VAE (Sohn et al. 2015, Eq. 4, with the prior N(0, I) for every label). `divergences` names other
terms of the latent (beta-TC-VAE, InfoVAE, WAE-MMD, SWAE, free bits, capacity), `bound` another
bound and estimator (IWAE, DReG), `posterior` and `prior` others than Gaussians.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, apply, conditions, dropout, fresh, styles
from genlab.game.abilities import (
    Conditions,
    Examples,
    Guides,
    Latents,
    WStyles,
)
from genlab.losses import bounds, divergence, regularisers, total
from genlab.losses.divergence import Codes, gaussian_kl
from genlab.losses.likelihood import Likelihood
from genlab.losses.posterior import Posterior, pair
from genlab.methods import vae_checks, vae_terms
from genlab.methods.gan import terms
from genlab.methods.gan.comparison import Comparison
from genlab.methods.latent import PRIOR, Latent, Seen
from genlab.nets import priors
from genlab.schedules import Weight

DIVERGENCES = 109  # a stream of randomness under a move's key


@dataclass(frozen=True)
class VAE:
    """Player `vae`, which owns `encoder` and `decoder`.

    makes, given: the column it is a model of, and the columns that both networks are given
    condition_dropout: the share of training examples without their conditions, for guidance
    divergences: terms between q(z | x) and the prior, by name in `losses.divergence`, each a
        weight or a dict of `weight` and arguments; by default the KL, weighed by `beta`
    bound: of `losses.bounds`, spec(bounds.iwae, 5), in place of the ELBO, whose KL is exact
    flow: of `nets.flows`, what the encoder's Gaussian goes through to become q(z | x)
    posterior: of `losses.posterior`, in place of a diagonal Gaussian
    prior: of `nets.priors`, in place of N(0, I)
    regularisers: of the decoder, by name in `losses.regularisers`, as `divergences` are given
    adversary: of `methods.adversaries`: critics of latents or pictures
    comparison: losses between the decoder's picture and the example, in pixels or in the features
        of a network, added to the distortion
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
    posterior: Posterior | None = None
    prior: nn.Module | None = None
    regularisers: Mapping = field(default_factory=dict)
    adversary: Any = None
    comparison: Comparison | None = None

    def __post_init__(self):
        vae_checks.check(self)
        if self._drops:
            dropout.check("condition_dropout", self.condition_dropout, self.given)

    @property
    def latent(self) -> int:
        """Dimension of z."""
        return self.encoder.latent

    def init(self, key: PRNGKeyArray, batch: dict) -> tuple[dict, dict]:
        """Networks `encoder`, `decoder` and those of the latent; ConfigError if the decoder's
        channels do not fit the likelihood, or the encoder's numbers the posterior.
        """
        x, cond = batch[self.makes], self.conditioned(conditions(batch, self.given))
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
        params, stats = {**params, **more_params}, {**stats, **more_stats}
        priors.check_shape(self.prior, x.shape[1:], "method.prior")
        if self.posterior is not None or self.parts.networks:
            encoded, _ = apply(self.encoder, "encoder", params, stats, x, cond, key=key)
            own = self.parts.init(key, z, encoded, self.posterior_of(params, stats))
            params, stats = {**params, **own[0]}, {**stats, **own[1]}
        if self.comparison is not None:
            held = self.comparison.init(random.fold_in(key, 5), x)
            params, stats = {**params, **held[0]}, {**stats, **held[1]}
        if self.adversary is None:
            return params, stats
        seen = self.forward(params, stats, batch, key, jnp.zeros((), jnp.int32))
        own = self.adversary.init(random.fold_in(key, 4), self, seen)
        return {**params, **own[0]}, {**stats, **own[1]}

    @property
    def owned(self) -> tuple[str, ...]:
        """The networks of player `vae`."""
        return ("encoder", "decoder", *self.parts.networks)

    def players(self) -> dict[str, Player]:
        """One, or those of the adversary."""
        if self.adversary is not None:
            return self.adversary.players(self)
        return {"vae": Player(self.loss, owns=self.owned)}

    def loss(self, params, stats, batch, key, step):
        """E_q[-log p(x|z)] + beta KL(q(z|x) || p(z)), nats per image: minus Eq. 3 of Kingma &
        Welling at beta = 1; with other `divergences` in place of the KL, or minus the `bound`.
        """
        if self.bound is not None:
            return vae_terms.bound_loss(self, params, stats, batch, key, step)
        seen = self.forward(params, stats, batch, key, step)
        loss, metrics = total(seen.values, self.weights, step)
        return loss, (seen.stats, metrics)

    def forward(self, params, stats, batch, key, step) -> Seen:
        """A move as losses see it."""
        (x, cond, encoded), stats, of_decoder = self.encoding(params, stats, batch, key, step)
        latent, found = self.parts, self.parts.read(encoded)
        target = self.target(params, stats, x, cond)
        drawn = latent.draw(params, stats, found, key, target, step)
        theta, stats = apply(self.decoder, "decoder", params, stats, drawn.z, cond, key=of_decoder)
        streams, encode = (key, random.fold_in(key, DIVERGENCES)), self.posterior_of(params, stats)
        codes = latent.codes(params, stats, found, drawn, encode, streams, step)
        values = {"distortion": -self.likelihood.log_prob(theta, x), **self._diverge(codes)}
        seen = Seen(x, cond, drawn, theta, values, stats)
        more = vae_terms.of_pictures(self, params, seen, key, step)
        return seen._replace(values={**values, **more})

    @property
    def weights(self) -> dict[str, Weight]:
        """Of divergences, regularisers and comparisons, by name."""
        own = terms.weights(self.divergence_terms, self.decoder_terms)
        return own if self.comparison is None else {**own, **self.comparison.weights}

    @property
    def decoder_terms(self) -> dict[str, terms.Term]:
        """The regularisers by name."""
        return terms.resolved(regularisers, self.regularisers, "method.regularisers")

    def encoding(self, params, stats, batch, key, step):
        """((examples, conditions, what the encoder gives of them), statistics, the decoder's key)
        of a move.
        """
        x, cond = batch[self.makes], conditions(batch, self.given)
        if self._drops and cond:
            cond = dropout.dropped(cond, self.condition_dropout, key, step)
        keys = random.fold_in(key, 0), random.fold_in(key, 1)  # of dropout
        encoded, stats = apply(self.encoder, "encoder", params, stats, x, cond, key=keys[0])
        return (x, cond, encoded), stats, keys[1]

    def latents(self, key: PRNGKeyArray, n: int) -> Latents:
        """`n` of z ~ N(0, I), or of the noise of the prior."""
        return random.normal(key, (n, self.parts.noise()))

    def prior_latents(self, params, stats, noise: Array, cond: Conditions = None) -> Latents:
        """Latents of the prior."""
        return self.parts.of_prior(params, stats, noise, self.posterior_of(params, stats))

    def log_prior(self, params, stats, z: Latents, cond: Conditions = None) -> Float[Array, " b"]:
        """log p(z), nats; of a prior whose density is a bound, that of one fixed draw."""
        encode = self.posterior_of(params, stats)
        return self.parts.log_prior(params, stats, z, encode, random.key(0))

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The mean of p(x | z), in [-1, 1]."""
        given = self.conditioned(cond)
        theta, _ = apply(self.decoder, "decoder", params, stats, z, given, train=False)
        return self.likelihood.mean(theta)

    def style_layers(self) -> int:
        """How many layers of a style-based decoder are given a style."""
        return styles.layers(self.decoder)

    def mapping(self, params, stats, z: Latents, cond: Conditions = None) -> Float[Array, "b w"]:
        """w of latents, of a style-based decoder."""
        given = self.conditioned(cond)
        return styles.mapping(self.decoder, "decoder", params, stats, z, given)

    def noise_sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each layer's noise, where the decoder has noise inputs."""
        return styles.noise_sizes(self.decoder)

    def synthesis(self, params, stats, w: WStyles, noise: Array | None = None) -> Examples:
        """The mean of p(x | w), in [-1, 1]."""
        made = styles.synthesis(self.decoder, "decoder", params, stats, w, noise)
        return self.likelihood.mean(made)

    def lacks(self, ability: type) -> str:
        """Why it has not the ability, with these networks; "" where it has."""
        if ability is Guides and not self._drops:
            return "its condition_dropout is 0"
        if why := styles.lacking(self.decoder, "decoder", ability):
            return why
        return vae_checks.lacking(self, ability)

    def null(self, cond: Conditions) -> Conditions:
        """As many rows of conditions, all of them dropped."""
        return dropout.null(cond or {})

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The posterior's mean, through the flow if there is one."""
        return self.parts.mean(params, stats, self._encoded(params, stats, x, cond))

    def reconstruct(self, params, stats, x: Examples, cond: Conditions = None) -> Examples:
        """The mean of p(x | z) at the posterior's mean."""
        return self.generate(params, stats, self.encode(params, stats, x, cond), cond)

    def log_likelihood(
        self, params, stats, x: Examples, z: Latents, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x | z) of the decoder, nats."""
        given = self.conditioned(cond)
        theta, _ = apply(self.decoder, "decoder", params, stats, z, given, train=False)
        return self.likelihood.log_prob(theta, x)

    def elbo(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x|z) - KL(q || p) with one draw of z and the KL in closed form, nats (beta
        plays no part). Where the KL has no closed form it is of the draw too.
        """
        kl = self.parts.posterior.kl
        if not self.parts.plain or kl is None:
            return self.log_weight(params, stats, x, key, cond)
        found = self._encoded(params, stats, x, cond)
        z = self.parts.posterior.draw(found.numbers, key, None)
        likelihood = self.log_likelihood(params, stats, x, z, cond)
        return likelihood - kl(found.numbers).sum(axis=-1)

    def score(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """-ELBO, nats."""
        return -self.elbo(params, stats, x, key, cond)

    def log_weight(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x, z) - log q(z | x) at one z ~ q(z | x), nats.

        Burda et al. 2016, arXiv:1509.00519, Section 3.
        """
        latent, target = self.parts, self.target(params, stats, x, cond)
        drawn = latent.draw(params, stats, self._encoded(params, stats, x, cond), key, target)
        encode, of_prior = self.posterior_of(params, stats), random.fold_in(key, PRIOR)
        log_p = latent.log_prior(params, stats, drawn.z, encode, of_prior)
        return self.log_likelihood(params, stats, x, drawn.z, cond) + log_p - drawn.log_q

    def target(self, params, stats, x: Examples, cond: Conditions) -> Callable:
        """z -> log p(x, z), of one latent of each row of `x`, or of several, with `x` repeated."""
        encode = self.posterior_of(params, stats)

        def log_joint(z):
            rows = z.reshape(-1, self.latent)
            log_p = self.log_likelihood(params, stats, x, rows, cond).reshape(z.shape[:-1])
            return log_p + self.parts.log_prior(params, stats, z, encode)

        return log_joint

    def posterior_draw(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Latents:
        """z ~ q(z | x), one of each example."""
        target = self.target(params, stats, x, cond)
        found = self._encoded(params, stats, x, cond)
        return self.parts.draw(params, stats, found, key, target).z

    def supported(self, z: Latents) -> Latents:
        """The nearest latents that the posterior has: on its sphere, or one-hot; or any."""
        own = self.parts.posterior.prior
        return z if own is None else own.draw(z)

    def unit_kl(self, params, stats, x: Examples, cond: Conditions = None) -> Float[Array, "b z"]:
        """KL of each unit's Gaussian to N(0, 1), nats."""
        mean, log_variance = pair(self._encoded(params, stats, x, cond).numbers)
        return gaussian_kl(mean[..., None], log_variance[..., None])

    @property
    def divergence_terms(self) -> dict[str, terms.Term]:
        """The divergences by name."""
        usual = {"kl" if self.parts.plain else "monte_carlo_kl": self.beta}
        given = self.divergences or ({} if self.parts.posterior.log_prob is None else usual)
        return terms.resolved(divergence, given, "method.divergences")

    def _diverge(self, codes: Codes) -> dict[str, Array]:
        """The values of the divergences by name."""
        look = lambda key: (codes._replace(key=key),)  # noqa: E731
        return terms.measured(self.divergence_terms, {}, codes.step, codes.key, look)[0]

    @property
    def parts(self) -> Latent:
        """The posterior, the flow and the prior together."""
        return Latent(self.latent, self.posterior, self.flow, self.prior)

    @property
    def _drops(self) -> bool:
        return not isinstance(self.condition_dropout, int | float) or self.condition_dropout != 0

    def conditioned(self, cond: Conditions) -> Conditions:
        """What is given, as networks are given it outside of training."""
        return dropout.marked(cond) if self._drops and cond else cond

    def _encoded(self, params, stats, x: Examples, cond: Conditions):
        """What the encoder gives of examples outside of training, in its parts."""
        given = self.conditioned(cond)
        return self.parts.read(
            apply(self.encoder, "encoder", params, stats, x, given, train=False)[0]
        )

    def posterior_of(self, params, stats):
        """Examples to (mean, log-variance), for a prior that is made of posteriors."""
        return lambda u: pair(
            apply(self.encoder, "encoder", params, stats, u, None, train=False)[0]
        )
