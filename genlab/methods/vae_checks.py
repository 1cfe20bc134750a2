"""What a VAE refuses when it is built, and which abilities its parts leave it without."""

from typing import Any

from genlab.config import ConfigError
from genlab.game.abilities import HasLikelihood, HasLogWeight, HasPosterior, HasPrior, Scores
from genlab.losses import regularisers

OF_BATCH = (
    "its likelihood has the best variance of each batch, so that an example has none by itself: "
    "train with likelihood.learned_gaussian under nets.WithScale, or measure reconstructions"
)

NO_DENSITY = "its likelihood is a weighted sum of losses between pictures, and no density"
OF_CRITICS = (
    regularisers.feature_matching,
    regularisers.feature_matching_l1,
    regularisers.pulling_away,
    regularisers.latent_consistency_critic,
)


def check(vae: Any) -> None:
    """ConfigError for a weight, a divergence, a bound or a prior that would not be used."""
    plain = isinstance(vae.beta, int | float) and vae.beta == 1
    if vae.divergences and not plain:
        raise ConfigError(
            "method.beta weighs the KL of a VAE without `divergences`: leave it out, and name "
            "the KL among them, divergences=dict(kl=4.0)"
        )
    if not plain and vae.parts.posterior.log_prob is None:
        raise ConfigError("method.beta weighs a KL, and a point posterior has none: leave it out")
    if vae.bound is not None:
        _check_bound(vae, plain)
    for name, term in vae.divergence_terms.items():
        if term.start:
            raise ConfigError(f"method.divergences.{name} has a memory: a VAE keeps none")
        vae.parts.check(name, term)
    for name, term in vae.decoder_terms.items():
        if term.start:
            raise ConfigError(f"method.regularisers.{name} has a memory: a VAE keeps none")
        if term.source in OF_CRITICS:
            raise ConfigError(f"method.regularisers.{name} is of a critic, and a VAE has none")
    if vae.given and getattr(vae.prior, "of_posteriors", False):
        raise ConfigError(
            f"method.prior: {type(vae.prior).__name__} is made of posteriors, and those of this "
            "method need its conditions: give priors.Mixture or priors.Flow, or no `given`"
        )


def _check_bound(vae: Any, plain: bool) -> None:
    if vae.adversary is not None or vae.regularisers or vae.comparison is not None:
        raise ConfigError(
            "method.bound is the whole of a loss: leave out `adversary`, `regularisers` and "
            "`comparison`, or the bound"
        )
    if vae.divergences or not plain:
        raise ConfigError(
            "method.bound is of log p(x), whose divergence is that of the weights: leave out "
            "`beta` and `divergences`, or the bound"
        )
    if vae.likelihood.of_batch:
        raise ConfigError(f"method.bound is of the likelihood of examples: {OF_BATCH}")
    if not vae.likelihood.normalised:
        raise ConfigError(f"method.bound is of a likelihood: {NO_DENSITY}")
    if not vae.parts.pathwise:
        raise ConfigError(
            "method.bound needs log q(z | x) of the latents that training draws, which this "
            "posterior has not: leave `bound` out"
        )
    if vae.flow is not None and vae.bound.estimator is not None:
        raise ConfigError(
            "method.bound: PIWAE, STL and DReG hold the posterior still at a latent, which a "
            "flow cannot: give elbo, iwae, miwae or ciwae, or no flow"
        )


def lacking(vae: Any, ability: type) -> str:
    """Why it has not the ability, with these parts; "" where it has."""
    bounded, posterior = (
        ability in (HasLikelihood, HasLogWeight, HasPosterior, Scores),
        vae.parts.posterior,
    )
    if bounded and vae.likelihood.of_batch:
        return OF_BATCH
    if bounded and not vae.likelihood.normalised:
        return NO_DENSITY
    if bounded and not getattr(vae.adversary, "trains_likelihood", True):
        return f"with adversaries.{type(vae.adversary).__name__} its likelihood is not trained"
    if bounded and posterior.log_prob is None:
        return "its posterior is a point, which bounds no likelihood"
    diagonal = vae.posterior is None and vae.flow is None and vae.prior is None
    if ability is HasPosterior and not diagonal:
        return "its units have a KL of their own under a diagonal Gaussian and the prior N(0, I)"
    if ability is HasPrior and vae.prior is None and posterior.prior is None:
        return "its prior is N(0, I)"
    if ability is HasLikelihood and not getattr(vae.prior, "exact", True):
        return f"the density of its prior, {type(vae.prior).__name__}, is a bound"
    return ""
