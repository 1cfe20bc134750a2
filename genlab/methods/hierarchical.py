"""VAEs whose latents form a hierarchy, p(z) = prod p(z_l | levels above), with posteriors from the
top down: the ladder VAE (Sonderby et al. 2016, arXiv:1602.02282, `nets.ladder`) and very deep VAEs
(Child 2021, arXiv:2011.10650, `nets.vdvae`), NVAE (Vahdat & Kautz 2020, arXiv:2007.03898,
`nets.nvae`).
"""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, apply, fresh
from genlab.game.abilities import (
    Conditions,
    Examples,
    HasLikelihood,
    HasLogWeight,
    Latents,
    Scores,
)
from genlab.losses import spectral, total
from genlab.losses.likelihood import Likelihood
from genlab.methods import vae_checks, vq
from genlab.nets.topdown import TopDown
from genlab.runtime import collectives
from genlab.schedules import Weight, at

ACTIVE = 0.01  # nats above which a level is counted as active
LEAST = 0.01  # nats that are added to a KL before levels are balanced


@dataclass(frozen=True)
class HierarchicalVAE:
    """Player `vae`, which owns `encoder` and `decoder`, networks of `nets.topdown`.

    beta:      weight of the KL, a number or a schedule (warm-up, as the ladder VAE needs it)
    free_nats: a level is not pressed below so many, on the average over the batch
    balance:   how many levels each resolution has, the coarsest first: while beta is below 1, their
               KLs are weighed by `balanced`; () for never
    spectral:  weight of the largest singular values of all kernels and of the largest gains of the
               norms (`losses.spectral`; NVAE has 0.01)

    Its latents are the noise of all levels, N(0, I), from which the priors make z.
    """

    encoder: nn.Module
    decoder: nn.Module
    likelihood: Likelihood
    beta: Weight = 1.0
    free_nats: Weight = 0.0
    spectral: Weight = 0.0
    makes: str = "image"
    given: tuple[str, ...] = ()
    balance: tuple[int, ...] = ()

    def __post_init__(self):
        vae_checks.check_specs(self)
        if self.given:
            raise ConfigError(
                f"method.given={self.given}: these networks are given no conditions; leave it out, "
                "or use methods.VAE"
            )

    @property
    def latent(self) -> int:
        """How many numbers the latents of all levels have."""
        return self.decoder.latent

    def init(self, key: PRNGKeyArray, batch: dict) -> tuple[dict, dict]:
        """Networks `encoder` and `decoder`; ConfigError where their sizes do not fit."""
        x = batch[self.makes]
        params, stats = fresh(self.encoder, "encoder", random.fold_in(key, 0), x, None)
        seen, _ = apply(self.encoder, "encoder", params, stats, x, None, key=key)
        noise = self.latents(key, len(x))
        made = fresh(self.decoder, "decoder", random.fold_in(key, 1), noise, seen)
        params, stats = {**params, **made[0]}, {**stats, **made[1]}
        found, _ = apply(self.decoder, "decoder", params, stats, noise, seen, key=key)
        vq.fits(found.theta, x, self.likelihood)
        if self.balance and (sum(self.balance) != len(found.kl) or min(self.balance) < 1):
            raise ConfigError(
                f"method.balance={self.balance} has {sum(self.balance)} levels, the decoder "
                f"{len(found.kl)}: give how many each resolution has, the coarsest first"
            )
        if self._regularised:
            stats["spectral"] = spectral.begun(params, random.fold_in(key, 2))
        return params, stats

    def players(self) -> dict[str, Player]:
        """One."""
        return {"vae": Player(self.loss, owns=("encoder", "decoder"))}

    def loss(self, params, stats, batch, key, step):
        """E_q[-log p(x | z)] + beta sum_l KL_l, each KL in closed form given the latents above
        it, nats per image (Child 2021, Eq. 3). `active` is how many levels have a KL above 0.01.
        """
        x, own = batch[self.makes], random.fold_in(key, 0)
        seen, stats = apply(self.encoder, "encoder", params, stats, x, None, key=own)
        noise, own = self.latents(key, len(x)), random.fold_in(key, 1)
        found, stats = apply(self.decoder, "decoder", params, stats, noise, seen, key=own)
        of_levels = collectives.mean(found.kl.mean(axis=1))
        held = jnp.maximum(of_levels, at(self.free_nats, step))
        if self.balance:
            weighed = balanced(of_levels, self.balance) * held
            held = jnp.where(at(self.beta, step) < 1, weighed, held)
        distortion = -self.likelihood.log_prob(found.theta, x)
        values = {"distortion": distortion, "held_kl": held.sum()}
        if self._regularised:
            norms, vectors = spectral.sum_of_norms(params, stats["spectral"])
            stats = {**stats, "spectral": vectors}
            values["spectral"] = norms + spectral.largest_gains(params)
        weights = {
            "held_kl": self.beta,
            **({"spectral": self.spectral} if self._regularised else {}),
        }
        loss, metrics = total(values, weights, step)
        more = {"kl": of_levels.sum(), "active": (of_levels > ACTIVE).sum().astype(jnp.float32)}
        return loss, (stats, {**metrics, **more})

    def latents(self, key: PRNGKeyArray, n: int) -> Latents:
        """`n` of N(0, I)."""
        return random.normal(key, (n, self.latent))

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The mean of p(x | z), with the latents that the priors make of the noise."""
        return self.likelihood.mean(self._generated(params, stats, z))

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The noise from which the priors make the means of the posteriors."""
        return self._posterior(params, stats, x, jnp.zeros((len(x), self.latent))).noise

    def reconstruct(self, params, stats, x: Examples, cond: Conditions = None) -> Examples:
        """The mean of p(x | z) at the posteriors' means."""
        none = jnp.zeros((len(x), self.latent))
        return self.likelihood.mean(self._posterior(params, stats, x, none).theta)

    def log_likelihood(
        self, params, stats, x: Examples, z: Latents, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x | z) of the decoder, nats, z the noise of all levels."""
        return self.likelihood.log_prob(self._generated(params, stats, z), x)

    def log_weight(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x, z) - log q(z | x) at one z ~ q(z | x), nats."""
        found = self._posterior(params, stats, x, self.latents(key, len(x)))
        return self.likelihood.log_prob(found.theta, x) - found.log_ratio

    def elbo(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x | z) - sum_l KL_l with one draw, nats."""
        found = self._posterior(params, stats, x, self.latents(key, len(x)))
        return self.likelihood.log_prob(found.theta, x) - found.kl.sum(axis=0)

    def posterior_draw(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Latents:
        """The noise of one draw of the posteriors: what the priors make the same latents of."""
        return self._posterior(params, stats, x, self.latents(key, len(x))).noise

    def level_kl(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, "b levels"]:
        """KL of each level, the coarsest first, nats."""
        return self._posterior(params, stats, x, self.latents(key, len(x))).kl.T

    def score(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """Minus the ELBO, nats."""
        return -self.elbo(params, stats, x, key, cond)

    def lacks(self, ability: type) -> str:
        """Why it has not the ability, with this likelihood; "" where it has."""
        bounded = ability in (HasLikelihood, HasLogWeight, Scores)
        return vae_checks.no_likelihood(self.likelihood) if bounded else ""

    @property
    def _regularised(self) -> bool:
        return not isinstance(self.spectral, int | float) or self.spectral != 0

    def _generated(self, params, stats, z: Latents) -> Array:
        return apply(self.decoder, "decoder", params, stats, z, train=False)[0].theta

    def _posterior(self, params, stats, x: Examples, noise: Latents) -> TopDown:
        seen, _ = apply(self.encoder, "encoder", params, stats, x, None, train=False)
        return apply(self.decoder, "decoder", params, stats, noise, seen, train=False)[0]


def balanced(kl: Float[Array, " levels"], counts: tuple[int, ...]) -> Float[Array, " levels"]:
    """Weights of the levels' KLs, constants for the gradient, on the average 1: (KL_l + 0.01) / a_l
    over the mean of that, a_l = 4^s / n_s over the least of them, for the n_s levels of the s-th
    resolution from the coarsest. A level with a large KL is pressed harder, so that in the warm-up
    none collapses (Vahdat & Kautz 2020, arXiv:2007.03898; "square" in the authors' code).
    """
    each = [4.0**s / n for s, n in enumerate(counts) for _ in range(n)]
    ratio = (lax.stop_gradient(kl) + LEAST) * min(each) / jnp.asarray(each)
    return ratio / ratio.mean()
