"""Losses of a VAE beside the ELBO: minus a bound of several latents, and regularisers of the
decoder.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, random

from genlab.game import apply
from genlab.losses import bounds, regularisers, total
from genlab.methods.gan import terms
from genlab.methods.latent import PRIOR, Seen, repeated

REGULARISERS, COMPARISON = 105, 116  # streams of randomness under a move's key


def bound_loss(vae: Any, params: dict, stats: dict, batch: dict, key: Array, step: Array):
    """Minus the bound, nats per image, as a player's loss."""
    (x, cond, encoded), stats, of_decoder = vae.encoding(params, stats, batch, key, step)
    k, latent = vae.bound.samples, vae.parts
    x, cond = jax.tree.map(lambda c: jnp.repeat(c, k, axis=0), (x, cond))
    found = latent.read(repeated(encoded, k))
    target = vae.target(params, stats, x, cond)
    drawn = latent.draw(params, stats, found, key, target, step)

    def log_joint(params, z):
        rows = z.reshape(-1, vae.latent)
        theta, after = apply(vae.decoder, "decoder", params, stats, rows, cond, key=of_decoder)
        log_p = vae.likelihood.log_prob(theta, x).reshape(-1, k)
        of_prior, encode = random.fold_in(key, PRIOR), vae.posterior_of(params, stats)
        return log_p + latent.log_prior(params, stats, z, encode, of_prior), after

    def log_posterior(of, z):
        return drawn.log_q if vae.flow is not None else latent.posterior.log_prob(of, z)

    of = (params, found.numbers, drawn.z, log_joint, log_posterior)
    value, stats = bounds.estimated(vae.bound, *of)
    loss, metrics = total({"negative_bound": -value}, {}, step)
    return loss, (stats, metrics)


def of_pictures(vae: Any, params: dict, seen: Seen, key: Array, step: Array) -> dict[str, Array]:
    """The values of the comparison and of the decoder's regularisers, by name."""
    found = _regularised(vae, params, seen, key, step) if vae.regularisers else {}
    if vae.comparison is None:
        return found
    made = (vae.likelihood.mean(seen.theta),)
    own = random.fold_in(key, COMPARISON)
    compared = vae.comparison.values(params, seen.stats, made, seen.x, own, step, seen.cond)
    return {**found, **compared}


def _regularised(vae: Any, params: dict, seen: Seen, key: Array, step: Array) -> dict[str, Array]:

    def made(z):
        given = vae.conditioned(seen.cond)
        theta, _ = apply(vae.decoder, "decoder", params, seen.stats, z, given, train=False)
        return vae.likelihood.mean(theta)

    def none(x):
        raise NotImplementedError("a VAE has no critic")  # refused when it is built

    scene = regularisers.Scene(
        critic=none,
        features=none,
        generator=made,
        real=seen.x,
        fake=vae.likelihood.mean(seen.theta),
        z=seen.drawn.z,
        params={"decoder": params["decoder"]},
        key=key,
        maps=none,
    )
    look = lambda key: (scene._replace(key=key),)  # noqa: E731
    return terms.measured(vae.decoder_terms, {}, step, random.fold_in(key, REGULARISERS), look)[0]
