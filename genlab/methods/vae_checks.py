"""What a VAE refuses when it is built, and which abilities its parts leave it without."""

import inspect
from typing import Any

from genlab.config import ConfigError
from genlab.game.abilities import HasLikelihood, HasLogWeight, HasPosterior, HasPrior, Scores
from genlab.losses import divergence, regularisers
from genlab.losses.likelihood import Likelihood
from genlab.methods import adversaries

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
USED = ("divergences", "regularisers", "comparison")  # by most adversaries
AS_SPECS = {  # what is no name, as divergences are, and how it is given
    "likelihood": "spec(likelihood.bernoulli)",
    "posterior": "spec(posterior.full_covariance)",
    "flow": "spec(flows.Planar)",
    "prior": "spec(priors.Mixture)",
    "bound": "spec(bounds.iwae, 5)",
    "adversary": "spec(adversaries.Prior, critic)",
}
WITHOUT_PRIOR = (divergence.mutual_information, divergence.total_correlation)


def check(vae: Any) -> None:
    """ConfigError for a weight, a divergence, a bound or a prior that would not be used."""
    check_specs(vae)
    if not hasattr(vae.encoder, "latent"):
        raise ConfigError(
            f"method.encoder, {type(vae.encoder).__name__}, has no latent: give "
            "spec(Encoder, trunk, latent=16)"
        )
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
    if vae.adversary is not None:
        _check_adversary(vae, plain)
    if getattr(vae.flow, "of_target", False) and (why := no_likelihood(vae.likelihood)):
        raise ConfigError(f"method.flow climbs the likelihood of each example: {why}")
    for name, term in vae.divergence_terms.items():
        if term.start:
            raise ConfigError(f"method.divergences.{name} has a memory: a VAE keeps none")
        vae.parts.check(name, term)
    for name, term in vae.decoder_terms.items():
        if term.start:
            raise ConfigError(f"method.regularisers.{name} has a memory: a VAE keeps none")
        if term.source in OF_CRITICS:
            raise ConfigError(f"method.regularisers.{name} is of a critic, and a VAE has none")
    learns = (term.source not in WITHOUT_PRIOR for term in vae.divergence_terms.values())
    if vae.prior is not None and vae.bound is None and vae.adversary is None and not any(learns):
        raise ConfigError(
            "method.prior would not be trained: nothing compares it with the posterior; name a "
            "divergence that does, divergences={'imq_mmd': 10.0}, or fit a law afterwards "
            "(methods.ExPost)"
        )
    if vae.given and getattr(vae.prior, "of_posteriors", False):
        raise ConfigError(
            f"method.prior: {type(vae.prior).__name__} is made of posteriors, and those of this "
            "method need its conditions: give priors.Mixture or priors.Flow, or no `given`"
        )


def check_specs(method: Any) -> None:
    """ConfigError for a part that is named, or a function or class, and not what those make."""
    for name, example in AS_SPECS.items():
        value = getattr(method, name, None)
        if isinstance(value, str | type) or inspect.isfunction(value):
            given = repr(value) if isinstance(value, str) else f"{value.__name__} itself"
            raise ConfigError(f"method.{name} is {given}: give a spec, as {example}")


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
    if why := no_likelihood(vae.likelihood):
        raise ConfigError(f"method.bound is of the likelihood of examples: {why}")
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


def _check_adversary(vae: Any, plain: bool) -> None:
    """ConfigError for fields that the adversary makes no use of, and for its objective."""
    given = {"beta": not plain, **{name: bool(getattr(vae, name)) for name in USED}}
    for name in getattr(vae.adversary, "unused", ()):
        if given[name]:
            raise ConfigError(
                f"method.{name} would not be used: the players of "
                f"adversaries.{type(vae.adversary).__name__} have losses of their own; leave it out"
            )
    adversaries.check_objective(vae.adversary)


def no_likelihood(likelihood: Likelihood) -> str:
    """Why a decoder's likelihood is none of an example; "" where it is one."""
    if likelihood.of_batch:
        return OF_BATCH
    return "" if likelihood.normalised else NO_DENSITY


def lacking(vae: Any, ability: type) -> str:
    """Why it has not the ability, with these parts; "" where it has."""
    bounded, posterior = (
        ability in (HasLikelihood, HasLogWeight, HasPosterior, Scores),
        vae.parts.posterior,
    )
    if bounded and (why := no_likelihood(vae.likelihood)):
        return why
    if bounded and not getattr(vae.adversary, "trains_likelihood", True):
        return f"with adversaries.{type(vae.adversary).__name__} its likelihood is not trained"
    if bounded and posterior.log_prob is None:
        return "its posterior is a point, which bounds no likelihood"
    if ability is HasPosterior and (vae.prior is not None or not vae.parts.diagonal):
        return "its units have a KL of their own under a diagonal Gaussian and the prior N(0, I)"
    if ability is HasPrior and vae.prior is None and posterior.prior is None:
        return "its prior is N(0, I)"
    if ability is HasLikelihood and posterior.prior is not None:
        return "its latents lie on a sphere or are one-hot, where chains in R^n do not stay"
    if ability is HasLikelihood and not getattr(vae.prior, "exact", True):
        return f"the density of its prior, {type(vae.prior).__name__}, is a bound"
    return ""
