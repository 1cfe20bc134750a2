"""The latent of a VAE, composed of a posterior, a flow that it goes through, and a prior."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import apply, fresh
from genlab.game.abilities import Conditions, Examples, Latents
from genlab.losses import divergence
from genlab.losses.divergence import gaussian_log_prob
from genlab.losses.posterior import Posterior, gaussian, pair
from genlab.methods.gan.terms import Term

PRIOR, MOMENTA = 110, 114  # streams of randomness under a move's key


class Drawn(NamedTuple):
    """Latents and log q(z | x) of them; of a point 0."""

    z: Latents
    log_q: Float[Array, "*b"]


class Seen(NamedTuple):
    """One move of a VAE as losses see it.

    theta:  what the decoder gives of the latents drawn
    values: of the distortion and the divergences, by name
    stats:  after both networks
    """

    x: Examples
    cond: Conditions
    drawn: Drawn
    theta: Array
    values: dict[str, Array]
    stats: dict


class Encoded(NamedTuple):
    """numbers: of the posterior; context: of the flow, None for none."""

    numbers: Any
    context: Array | None = None


@dataclass(frozen=True)
class Latent:
    """dim: numbers of z; posterior: None for a diagonal Gaussian; flow, prior: None for none."""

    dim: int
    given_posterior: Posterior | None = None
    flow: nn.Module | None = None
    prior: nn.Module | None = None

    def __post_init__(self):
        if self.prior is not None and self.posterior.prior is not None:
            raise ConfigError(
                "method.prior is of latents in all of R^n, and the posterior has a prior of its "
                "own: leave `prior` out, or `posterior`"
            )
        of_posteriors = getattr(self.prior, "of_posteriors", False)
        if of_posteriors and not self.diagonal:
            raise ConfigError(
                f"method.prior: {type(self.prior).__name__} is made of diagonal Gaussian "
                "posteriors: leave `posterior` and `flow` out"
            )
        if getattr(self.flow, "of_target", False) and not getattr(self.prior, "exact", True):
            raise ConfigError(
                f"method.flow climbs log p(x, z), and the density of method.prior, "
                f"{type(self.prior).__name__}, is a bound of one draw: give a prior whose density "
                "is exact, or another flow"
            )
        if self.flow is not None and (
            self.posterior.log_prob is None or self.posterior.prior is not None
        ):
            raise ConfigError(
                "method.flow changes a density in R^n, which this posterior has not: leave `flow` "
                "out"
            )

    @property
    def posterior(self) -> Posterior:
        """The one given, or the diagonal Gaussian."""
        return gaussian() if self.given_posterior is None else self.given_posterior

    @property
    def diagonal(self) -> bool:
        """Whether q(z | x) is a Gaussian with independent dimensions."""
        return self.posterior.diagonal and self.flow is None

    @property
    def plain(self) -> bool:
        """Whether the KL is in closed form."""
        return self.flow is None and self.prior is None and self.posterior.kl is not None

    @property
    def pathwise(self) -> bool:
        """Whether log q(z | x) is of the latents that training draws."""
        return self.posterior.log_prob is not None and self.posterior.pathwise

    @property
    def networks(self) -> tuple[str, ...]:
        """The names of its networks."""
        parts = {"flow": self.flow, "prior": self.prior}
        return tuple(name for name, net in parts.items() if net is not None)

    def init(self, key: PRNGKeyArray, z: Latents, encoded: Any, encode: Callable):
        """(params, stats) of its networks; ConfigError for an encoder that gives other numbers."""
        found = self.read(encoded)
        params, stats = {}, {}
        if self.flow is not None:
            params, stats = fresh(self.flow, "flow", random.fold_in(key, 2), z, found.context)
        if self.prior is not None:
            self.prior.noise(self.dim)
            made = fresh(self.prior, "prior", random.fold_in(key, 3), z, encode)
            params, stats = {**params, **made[0]}, {**stats, **made[1]}
        return params, stats

    def read(self, encoded: Any) -> Encoded:
        """What an encoder gives, in its parts."""
        wanted, more = self.posterior.numbers(self.dim), getattr(self.flow, "context", 0)
        if isinstance(encoded, tuple | list):
            if self.posterior.diagonal and not more:
                return Encoded(tuple(encoded))
            self._refuse(f"a mean and a log-variance of {encoded[0].shape[-1]}", wanted + more)
        if encoded.shape[-1] != wanted + more:
            self._refuse(f"{encoded.shape[-1]} numbers", wanted + more)
        numbers = encoded[..., :wanted]
        return Encoded(numbers, encoded[..., wanted:] if more else None)

    def draw(self, params, stats, found: Encoded, key, target: Callable, step=None) -> Drawn:
        """z ~ q(z | x); `step` is the round in training, None outside of it. `target` is z ->
        log p(x, z), for a flow that climbs it.
        """
        z = self.posterior.draw(found.numbers, key, step)
        of = self.posterior.log_prob
        log_q = jnp.zeros(z.shape[:-1]) if of is None else of(found.numbers, z)
        if not getattr(self.flow, "of_target", False):
            return self._flowing(params, stats, Drawn(z, log_q), found.context)
        own = random.fold_in(key, MOMENTA)
        (z, log_det), _ = apply(self.flow, "flow", params, stats, z, None, True, target, key=own)
        return Drawn(z, log_q - log_det)

    def mean(self, params, stats, found: Encoded) -> Latents:
        """The code without noise, through the flow if there is one that needs no target."""
        z = self.posterior.mean(found.numbers)
        if getattr(self.flow, "of_target", False):
            return z
        return self._flowing(params, stats, Drawn(z, jnp.zeros(z.shape[:-1])), found.context).z

    def log_prior(self, params, stats, z: Latents, encode: Callable, key=None) -> Array:
        """log p(z), nats; `key` is for a prior whose density is a bound."""
        if self.posterior.prior is not None:
            return self.posterior.prior.log_prob(z)
        if self.prior is None:
            return gaussian_log_prob(z)
        return apply(self.prior, "prior", params, stats, z, encode, key=key)[0]

    def noise(self) -> int:
        """The width of the noise of the prior."""
        return self.dim if self.prior is None else self.prior.noise(self.dim)

    def of_prior(self, params, stats, noise: Array, encode: Callable) -> Latents:
        """Latents of the prior, of noise ~ N(0, I)."""
        if self.posterior.prior is not None:
            return self.posterior.prior.draw(noise)
        if self.prior is None:
            return noise
        return apply(self.prior, "prior", params, stats, noise, encode, method="draw")[0]

    def codes(self, params, stats, found: Encoded, drawn: Drawn, encode, keys, step):
        """What divergences look at; `keys` are of the move and of the divergences."""
        diagonal = self.posterior.diagonal
        none: Any = None  # divergences that need a log-variance are refused when a VAE is built
        mean = self.posterior.mean(found.numbers)
        log_variance = pair(found.numbers)[1] if diagonal else none
        codes = divergence.Codes(drawn.z, drawn.log_q, mean, log_variance, keys[1], step)
        kl = self.posterior.kl if self.plain and not diagonal else None
        if kl is not None:
            codes = codes._replace(kls=kl(found.numbers))
        if self.prior is None and self.posterior.prior is None:
            return codes
        log_p = self.log_prior(params, stats, drawn.z, encode, random.fold_in(keys[0], PRIOR))
        shape = (len(drawn.z), self.noise())
        draw = lambda key: self.of_prior(params, stats, random.normal(key, shape), encode)  # noqa: E731
        return codes._replace(log_p=log_p, from_prior=draw)

    def check(self, name: str, term: Term) -> None:
        """ConfigError for a divergence that is not of this latent."""
        where, source, general = f"method.divergences.{name}", term.source, self._general
        if source is divergence.free_bits:
            general = "give free_nats, which is of the latent as a whole"
        if source is divergence.free_nats and not (self.plain or self.pathwise):
            raise ConfigError(f"{where} needs a KL, which this posterior has not: {general}")
        if source is divergence.monte_carlo_kl and not self.pathwise:
            raise ConfigError(
                f"{where} needs log q(z | x) of the latents that training draws, which this "
                f"posterior has not: {general}"
            )
        if source in divergence.OF_GAUSSIANS and not self.diagonal:
            raise ConfigError(
                f"{where} is of a Gaussian posterior with independent dimensions: {general}"
            )
        if source in divergence.CLOSED and not self.plain:
            raise ConfigError(
                f"{where} is of a Gaussian posterior and the prior N(0, I), in closed form, or of "
                f"a posterior with a prior of its own: {general}"
            )
        if source in divergence.OF_NORMAL_PRIOR and self.prior is not None:
            raise ConfigError(
                f"{where} is of the prior N(0, I), and method.prior is another: {general}"
            )

    @property
    def _general(self) -> str:
        """Which divergences there are of this latent, whatever it is made of."""
        of_density = [
            *(["kl"] if self.plain else []),
            *(["monte_carlo_kl"] if self.pathwise else []),
        ]
        return f"give {', '.join([*of_density, 'imq_mmd', 'rbf_mmd'])} or sliced_wasserstein"

    def _flowing(self, params, stats, drawn: Drawn, context: Array | None) -> Drawn:
        if self.flow is None:
            return drawn
        (z, log_det), _ = apply(self.flow, "flow", params, stats, drawn.z, context)
        return Drawn(z, drawn.log_q - log_det)

    def _refuse(self, given: str, wanted: int) -> NoReturn:
        raise ConfigError(
            f"the encoder gives {given}; the posterior of {self.dim} latent numbers and its flow "
            f"need {wanted} numbers: set method.encoder.numbers={wanted}"
        )


def repeated(encoded: Any, k: int) -> Any:
    """What an encoder gave, k times on a new axis after the first."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x[:, None], (len(x), k, *x.shape[1:])), encoded)
