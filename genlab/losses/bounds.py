"""Bounds on log p(x) from several latents of each example, and estimators of their gradients.

The weights are w_k = p(x, z_k) / q(z_k | x), z_k ~ q(z | x), one row of logarithms for each
example. Each factory returns a `Bound`; `estimated` gives its value, whose gradient is the
estimator's.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from genlab.config import ConfigError

LogWeights = Float[Array, "b k"]
PyTree = Any


class Estimator(NamedTuple):
    """What multiplies each latent's part of the gradient, as functions of the log weights.

    decoder: of d log p(x, z) in the parameters of p, the latents held fixed
    path:    of d log w in z, through which the encoder is reached
    score:   of d log q(z | x) in the parameters of q, the latents held fixed
    """

    decoder: Callable[[LogWeights], LogWeights]
    path: Callable[[LogWeights], LogWeights]
    score: Callable[[LogWeights], LogWeights]


class Bound(NamedTuple):
    """samples: latents of each example; value: log weights -> the bound, nats; estimator: of its
    gradient, None for the gradient of the value itself.
    """

    samples: int
    value: Callable[[LogWeights], Float[Array, " b"]]
    estimator: Estimator | None = None


def elbo(samples: int = 1) -> Bound:
    """mean_k log w_k: the ELBO with a Monte-Carlo KL (Kingma & Welling 2014, arXiv:1312.6114,
    Section 2.3).
    """
    return Bound(_counted("samples", samples), _elbo)


def iwae(samples: int = 5) -> Bound:
    """log mean_k w_k, the importance-weighted bound (Burda et al. 2016, arXiv:1509.00519, Section
    3).
    """
    return Bound(_counted("samples", samples), _iwae)


def miwae(groups: int = 5, samples: int = 5) -> Bound:
    """The mean over `groups` of the bounds of `samples` latents each: an encoder's gradient with
    less noise (Rainforth et al. 2018, arXiv:1802.04537).
    """
    every = _counted("groups", groups) * _counted("samples", samples)
    return Bound(every, lambda log_w: _miwae(log_w, groups))


def ciwae(samples: int = 5, beta: float = 0.5) -> Bound:
    """beta ELBO + (1 - beta) IWAE, on the same weights (Rainforth et al. 2018,
    arXiv:1802.04537).
    """
    if callable(beta) or (isinstance(beta, int | float) and not 0 <= beta <= 1):
        raise ConfigError(f"beta is {beta}: a share of the ELBO is a number between 0 and 1")
    value = lambda log_w: beta * _elbo(log_w) + (1 - beta) * _iwae(log_w)  # noqa: E731
    return Bound(_counted("samples", samples), value)


def piwae(groups: int = 5, samples: int = 5) -> Bound:
    """The decoder climbs the IWAE bound of all groups x samples latents, the encoder the MIWAE
    bound of the same latents (Rainforth et al. 2018, arXiv:1802.04537). The value is the IWAE
    bound.
    """
    every = _counted("groups", groups) * _counted("samples", samples)
    encoder = _gradient(lambda log_w: _miwae(log_w, groups))
    return Bound(every, _iwae, Estimator(_gradient(_iwae), encoder, encoder))


def stl(samples: int = 1) -> Bound:
    """IWAE whose encoder is reached through the latents alone: "sticking the landing", without
    noise where q is the true posterior (Roeder et al. 2017, arXiv:1703.09194). Unbiased for one
    sample; biased for the encoder with more (Tucker et al. 2018, arXiv:1810.04152).
    """
    weights = _gradient(_iwae)
    return Bound(_counted("samples", samples), _iwae, Estimator(weights, weights, jnp.zeros_like))


def dreg(samples: int = 5) -> Bound:
    """IWAE with the doubly reparameterised gradient of the encoder, unbiased: through the latents
    alone, by the squares of the normalised weights (Tucker et al. 2018, arXiv:1810.04152).
    """
    weights = _gradient(_iwae)
    squares = lambda log_w: weights(log_w) ** 2  # noqa: E731
    return Bound(_counted("samples", samples), _iwae, Estimator(weights, squares, jnp.zeros_like))


def estimated(
    bound: Bound,
    params: PyTree,
    posterior: PyTree,
    z: Float[Array, "b k z"],
    log_joint: Callable[[PyTree, Float[Array, "b k z"]], tuple[LogWeights, PyTree]],
    log_posterior: Callable[[PyTree, Float[Array, "b k z"]], LogWeights],
) -> tuple[Float[Array, " b"], PyTree]:
    """(the bound of each example, what `log_joint` gives besides); the gradient in whatever
    `params`, `posterior` and `z` depend on is that of the bound's estimator.

    log_joint:     (params, z) -> log p(x, z), and anything else
    log_posterior: (posterior, z) -> log q(z | x)
    """
    joint, besides = log_joint(params, z)
    if bound.estimator is None:
        return bound.value(joint - log_posterior(posterior, z)), besides
    still = lax.stop_gradient
    log_w = still(joint - log_posterior(posterior, z))
    decoder, path, score = (of(log_w) for of in bound.estimator)
    along = log_joint(still(params), z)[0] - log_posterior(still(posterior), z)
    climbed = (  # the forward passes are the same: XLA makes them once
        decoder * log_joint(params, still(z))[0]
        + path * along
        - score * log_posterior(posterior, still(z))
    ).sum(axis=1)
    return bound.value(log_w) + climbed - still(climbed), besides


def _elbo(log_w: LogWeights) -> Float[Array, " b"]:
    return log_w.mean(axis=1)


def _iwae(log_w: LogWeights) -> Float[Array, " b"]:
    return jax.nn.logsumexp(log_w, axis=1) - jnp.log(log_w.shape[1])


def _miwae(log_w: LogWeights, groups: int) -> Float[Array, " b"]:
    rows = log_w.reshape(len(log_w) * groups, -1)
    return _iwae(rows).reshape(len(log_w), groups).mean(axis=1)


def _gradient(value: Callable[[LogWeights], Float[Array, " b"]]) -> Callable:
    """The gradient of each example's bound in its log weights."""
    return jax.grad(lambda log_w: value(log_w).sum())


def _counted(name: str, number: int) -> int:
    if not isinstance(number, int) or number < 1:
        raise ConfigError(f"{name} is {number!r}: a bound is taken of 1, 2, ... latents")
    return number
