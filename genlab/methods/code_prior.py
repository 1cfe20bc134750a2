"""The law of a trained VQ-VAE's codes, learned by autoregressive networks: its second stage (van
den Oord et al. 2017, arXiv:1711.00937, Section 3.3; of several maps of codes as in Razavi et al.
2019, arXiv:1906.00446, Section 3.2).
"""

import math
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, apply, conditions, fresh
from genlab.game.abilities import Conditions, Examples, HasLogWeight, Latents, Scores
from genlab.losses import total
from genlab.losses.likelihood import Likelihood
from genlab.methods import vae_checks, vq
from genlab.nets import autoregressive
from genlab.nets.quantise.contract import Codes


@dataclass(frozen=True)
class CodePrior:
    """Player `prior`, which owns `prior0`, `prior1`, ...

    encoder, quantiser, decoder: of a trained VQVAE, spec(trained, "runs/x", "encoder") and so on
    likelihood:  that VQVAE's
    priors:      of `nets.autoregressive`, one for each of its maps of codes; each is given the maps
                 before its own
    temperature: that samples are drawn at, below 1 for likelier codes
    given:       columns that the priors are given
    """

    encoder: nn.Module
    quantiser: nn.Module
    decoder: nn.Module
    likelihood: Likelihood
    priors: tuple[nn.Module, ...]
    temperature: float = 1.0
    makes: str = "image"
    given: tuple[str, ...] = ()

    def __post_init__(self):
        vae_checks.check_specs(self)
        if self.temperature <= 0:
            raise ConfigError(f"temperature={self.temperature}: it is above 0; 1 is the model")
        sizes = tuple(prior.size for prior in self.priors)
        if sizes != tuple(self.quantiser.sizes):
            raise ConfigError(
                f"priors are over {sizes} codes, the quantiser has {tuple(self.quantiser.sizes)}: "
                "give one prior for each map of codes, with its size"
            )

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        own = {name: net for name, net in zip(self._names, self.priors, strict=True)}
        held = {"encoder": self.encoder, "quantiser": self.quantiser, "decoder": self.decoder}
        return {**held, **own}

    def init(self, key: PRNGKeyArray, batch: dict) -> tuple[dict, dict]:
        """The networks; ConfigError where priors and codes do not fit each other."""
        x, cond = batch[self.makes], conditions(batch, self.given)
        params, stats, theta = vq.fresh_autoencoder(self, key, x)
        vq.fits(theta, x, self.likelihood)
        codes = self.quantise(params, stats, x)
        for number, (name, net) in enumerate(zip(self._names, self.priors, strict=True)):
            seen = self._seen(number, codes[:number], cond)
            made = fresh(net, name, random.fold_in(key, 3 + number), codes[number], seen)
            params, stats = {**params, **made[0]}, {**stats, **made[1]}
        return params, stats

    def players(self) -> dict[str, Player]:
        """One."""
        return {"prior": Player(self.loss, owns=self._names)}

    def loss(self, params, stats, batch, key, step):
        """-log p(codes), nats per image, as a sum over the maps of codes: `codes0`, ..."""
        x, cond = batch[self.makes], conditions(batch, self.given)
        codes, values = self.quantise(params, stats, x), {}
        for number, (name, net) in enumerate(zip(self._names, self.priors, strict=True)):
            seen, own = self._seen(number, codes[:number], cond), random.fold_in(key, number)
            logits, stats = apply(net, name, params, stats, codes[number], seen, key=own)
            values[f"codes{number}"] = -autoregressive.log_prob(logits, codes[number])
        loss, metrics = total(values, {}, step)
        return loss, (stats, metrics)

    def latents(self, key: PRNGKeyArray, n: int) -> Latents:
        """N(0, I) for each code: the quantiles at which codes are drawn."""
        return random.normal(key, (n, sum(self._positions)))

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The mean of p(x | codes), of codes drawn one after another."""
        return self._decoded(params, stats, self.codes_of(params, stats, z, cond))

    def codes_of(self, params, stats, z: Latents, cond: Conditions = None) -> Codes:
        """The codes that latents stand for under the priors."""
        codes: Codes = ()
        for number, (name, net) in enumerate(zip(self._names, self.priors, strict=True)):
            noise, z = z[:, : self._positions[number]], z[:, self._positions[number] :]
            seen = self._seen(number, codes, cond)

            def logits(own, net=net, name=name, seen=seen):
                found, _ = apply(net, name, params, stats, own, seen, train=False)
                return found / self.temperature

            codes += (autoregressive.drawn(logits, noise, tuple(net.shape)),)
        return codes

    def quantise(self, params, stats, x: Examples, cond: Conditions = None) -> Codes:
        """The codes of examples."""
        return vq.quantised(self, params, stats, x).codes

    def codebook_sizes(self) -> tuple[int, ...]:
        """How many codes there are, for each map of codes."""
        return tuple(self.quantiser.sizes)

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The vectors of the codes, joined into one."""
        return vq.quantised(self, params, stats, x).z.reshape(len(x), -1)

    def reconstruct(self, params, stats, x: Examples, cond: Conditions = None) -> Examples:
        """The mean of p(x | codes) at the codes of x."""
        return self._decoded(params, stats, self.quantise(params, stats, x))

    def log_weight(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x | codes) + log p(codes) at the codes of x, which bounds log p(x): the posterior
        has no other codes, so that more draws make it no tighter. Nats.
        """
        found = vq.quantised(self, params, stats, x)
        theta = vq.decoded(self, params, stats, found.z)
        value = self.likelihood.log_prob(theta, x)
        for number, (name, net) in enumerate(zip(self._names, self.priors, strict=True)):
            seen = self._seen(number, found.codes[:number], cond)
            own = found.codes[number]
            logits, _ = apply(net, name, params, stats, own, seen, train=False)
            value = value + autoregressive.log_prob(logits, own)
        return value

    def score(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """Minus the bound of log p(x), nats."""
        return -self.log_weight(params, stats, x, key, cond)

    def lacks(self, ability: type) -> str:
        """Why it has not the ability, with this likelihood; "" where it has."""
        bounded = ability in (HasLogWeight, Scores)
        return vae_checks.no_likelihood(self.likelihood) if bounded else ""

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(f"prior{number}" for number in range(len(self.priors)))

    @property
    def _positions(self) -> list[int]:
        return [math.prod(prior.shape) for prior in self.priors]

    def _decoded(self, params, stats, codes: Codes) -> Examples:
        z, _ = apply(self.quantiser, "quantiser", params, stats, codes, method="lookup")
        return self.likelihood.mean(vq.decoded(self, params, stats, z))

    def _seen(self, number: int, before: Codes, cond: Conditions) -> Conditions:
        """What the prior of map `number` is given: the columns, and the maps before as pictures."""
        wanted = self.priors[number].shape
        size = tuple(wanted) if len(wanted) == 2 else (1, math.prod(wanted))
        maps = {
            f"codes {at}": _picture(jax.nn.one_hot(codes, prior.size), size)
            for at, (codes, prior) in enumerate(zip(before, self.priors, strict=False))
        }
        return {**(cond or {}), **maps} or None


def _picture(x: Float[Array, "b *positions k"], size: tuple[int, int]) -> Float[Array, "b h w k"]:
    """A map of one-hot codes, repeated to another height and width."""
    if x.ndim != 4:
        x = x.reshape(len(x), 1, -1, x.shape[-1])
    by = [want // have for want, have in zip(size, x.shape[1:3], strict=True)]
    if (x.shape[1] * by[0], x.shape[2] * by[1]) != size:
        raise ConfigError(
            f"a map of codes of {x.shape[1]}x{x.shape[2]} goes before one of {size[0]}x{size[1]}, "
            "which is no multiple of it"
        )
    return jnp.repeat(jnp.repeat(x, by[0], axis=1), by[1], axis=2)
