"""The vector-quantised autoencoder, VQ-VAE (van den Oord et al. 2017, arXiv:1711.00937).

Its code is a map of whole numbers. It is trained as if all codes were equally probable, so that it
has no samples of its own: `methods.CodePrior` learns the law of the codes of a trained one. With
`quantise.Hierarchical` it is VQ-VAE-2 (Razavi et al. 2019, arXiv:1906.00446).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, apply, fresh
from genlab.game.abilities import Conditions, Examples, Latents
from genlab.losses import total
from genlab.losses.likelihood import Likelihood
from genlab.methods import vae_checks
from genlab.nets.quantise import Quantised
from genlab.nets.quantise.contract import Codes
from genlab.runtime import collectives


@dataclass(frozen=True)
class VQVAE:
    """Player `vae`, which owns `encoder`, `quantiser` and `decoder`.

    encoder:    a trunk to a map of vectors, as `vqvae.Down`
    quantiser:  of `nets.quantise`; it says which losses it has and how they are weighed
    decoder:    a trunk from a map of vectors, as `vqvae.Up`
    likelihood: of the decoder's output
    """

    encoder: nn.Module
    quantiser: nn.Module
    decoder: nn.Module
    likelihood: Likelihood
    makes: str = "image"
    given: tuple[str, ...] = ()

    def __post_init__(self):
        vae_checks.check_specs(self)
        if self.given:
            raise ConfigError(
                f"method.given={self.given}: the codes of a VQVAE depend on nothing else; give "
                "conditions to the prior of its codes, CodePrior(given=...)"
            )

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"encoder": self.encoder, "quantiser": self.quantiser, "decoder": self.decoder}

    def init(self, key: PRNGKeyArray, batch: dict) -> tuple[dict, dict]:
        """Networks `encoder`, `quantiser` and `decoder`; ConfigError if the decoder's output does
        not fit the data and the likelihood.
        """
        params, stats, theta = fresh_autoencoder(self, key, batch[self.makes])
        fits(theta, batch[self.makes], self.likelihood)
        return params, stats

    def players(self) -> dict[str, Player]:
        """One."""
        return {"vae": Player(self.loss, owns=("encoder", "quantiser", "decoder"))}

    def loss(self, params, stats, batch, key, step):
        """-log p(x | z) + the quantiser's losses, nats per image (van den Oord et al. 2017, Eq. 3).

        `perplexity` of the batch's codes, exp(entropy), and the share `used` of them are logged for
        each map of codes.
        """
        x = batch[self.makes]
        found, theta, stats = through(self, params, stats, x, key)
        values = {"distortion": -self.likelihood.log_prob(theta, x), **found.losses}
        loss, metrics = total(values, self.quantiser.weights, step)
        return loss, (stats, {**metrics, **usage(found.codes, self.quantiser.sizes)})

    def quantise(self, params, stats, x: Examples, cond: Conditions = None) -> Codes:
        """The codes of examples."""
        return quantised(self, params, stats, x).codes

    def codebook_sizes(self) -> tuple[int, ...]:
        """How many codes there are, for each map of codes."""
        return self.quantiser.sizes

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The vectors of the codes, joined into one, [B, positions x channels]."""
        return quantised(self, params, stats, x).z.reshape(len(x), -1)

    def reconstruct(self, params, stats, x: Examples, cond: Conditions = None) -> Examples:
        """The mean of p(x | z) at the codes."""
        return self.likelihood.mean(
            decoded(self, params, stats, quantised(self, params, stats, x).z)
        )


def fresh_autoencoder(method, key: PRNGKeyArray, x: Examples) -> tuple[dict, dict, Array]:
    """(params, stats, theta) of networks `encoder`, `quantiser` and `decoder` on a batch."""
    params, stats = fresh(method.encoder, "encoder", random.fold_in(key, 0), x, None)
    z, _ = apply(method.encoder, "encoder", params, stats, x, None, key=key)
    held = fresh(method.quantiser, "quantiser", random.fold_in(key, 1), z, None)
    params, stats = {**params, **held[0]}, {**stats, **held[1]}
    found, _ = apply(method.quantiser, "quantiser", params, stats, z, None, key=key)
    held = fresh(method.decoder, "decoder", random.fold_in(key, 2), found.z, None)
    params, stats = {**params, **held[0]}, {**stats, **held[1]}
    theta, _ = apply(method.decoder, "decoder", params, stats, found.z, None, key=key)
    return params, stats, theta


def fits(theta: Array, x: Examples, likelihood: Likelihood) -> None:
    """ConfigError if the decoder's output has not the shape that the likelihood of x needs."""
    wanted = (*x.shape[1:-1], likelihood.width(x.shape[-1]))
    if theta.shape[1:] != wanted:
        raise ConfigError(
            f"the decoder makes {theta.shape[1:]}; for data of {x.shape[1:]} its likelihood needs "
            f"{wanted}: set method.decoder.shape={wanted}, and let it double as often as the "
            "encoder halves"
        )


def through(method, params, stats, x: Examples, key: PRNGKeyArray) -> tuple[Quantised, Array, dict]:
    """(what the quantiser gives, theta, stats) of a batch in training."""
    keys = (random.fold_in(key, number) for number in range(3))
    z, stats = apply(method.encoder, "encoder", params, stats, x, None, key=next(keys))
    found, stats = apply(method.quantiser, "quantiser", params, stats, z, None, key=next(keys))
    theta, stats = apply(method.decoder, "decoder", params, stats, found.z, None, key=next(keys))
    return found, theta, stats


def quantised(method, params, stats, x: Examples) -> Quantised:
    """What the quantiser gives of examples, outside of training."""
    z, _ = apply(method.encoder, "encoder", params, stats, x, None, train=False)
    return apply(method.quantiser, "quantiser", params, stats, z, None, train=False)[0]


def decoded(method, params, stats, z: Float[Array, "b *positions d"]) -> Array:
    """The decoder's output for vectors, outside of training."""
    return apply(method.decoder, "decoder", params, stats, z, None, train=False)[0]


def usage(codes: Codes, sizes: tuple[int, ...]) -> Mapping[str, Float[Array, ""]]:
    """`perplexity` and `used` of the global batch for each map of codes, by its number where there
    are several; none for more than 2^16 codes.
    """
    found = {}
    for number, (of, size) in enumerate(zip(codes, sizes, strict=True)):
        if size > 2**16:
            continue
        p = collectives.mean(jax.nn.one_hot(of.reshape(-1), size).mean(axis=0))
        end = str(number) if len(sizes) > 1 else ""
        entropy = -(p * jnp.log(jnp.maximum(p, 1e-30))).sum()
        found |= {f"perplexity{end}": jnp.exp(entropy), f"used{end}": (p > 0).mean()}
    return found
