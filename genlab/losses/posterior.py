"""Posteriors q(z | x) of a latent, as functions of the numbers that an encoder gives.

Each factory returns a `Posterior`; leading axes "*b" are of examples, and of several latents of
each. The default of a VAE is `gaussian`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax, random
from jaxtyping import Float, Int, PRNGKeyArray

from genlab.config import ConfigError, above_zero, one_or_more
from genlab.losses.divergence import gaussian_kl, gaussian_log_prob
from genlab.schedules import Weight, at

Numbers = Any  # what the encoder gives, "*b n"; of a Gaussian also the pair (mean, log-variance)
Latents = Float[Array, "*b z"]
Step = Int[Array, ""] | None


class OwnPrior(NamedTuple):
    """The prior of a posterior that does not lie in all of R^n: `draw` maps noise ~ N(0, I) as wide
    as the latent to latents; `log_prob` is in nats.
    """

    draw: Callable[[Latents], Latents]
    log_prob: Callable[[Latents], Float[Array, "*b"]]


class Posterior(NamedTuple):
    """numbers: how many the encoder gives, of the width of the latent
    draw:     (numbers, key, step) -> latents; `step` is None outside of training
    mean:     numbers -> latents without noise, for codes and reconstructions
    log_prob: (numbers, latents) -> log q(z | x), nats; None for a point
    kl:       numbers -> KL to the prior in closed form, "*b parts"; None where there is none
    prior:    of its own; None for N(0, I)
    pathwise: whether log q is of the latents that training draws
    diagonal: whether it is a Gaussian with independent dimensions, its numbers as `pair` has them
    """

    numbers: Callable[[int], int]
    draw: Callable[[Numbers, PRNGKeyArray, Step], Latents]
    mean: Callable[[Numbers], Latents]
    log_prob: Callable[[Numbers, Latents], Float[Array, "*b"]] | None = None
    kl: Callable[[Numbers], Float[Array, "*b parts"]] | None = None
    prior: OwnPrior | None = None
    pathwise: bool = True
    diagonal: bool = False


def pair(numbers: Numbers) -> tuple[Latents, Latents]:
    """(mean, log-variance) of a Gaussian's numbers."""
    if isinstance(numbers, tuple | list):
        return numbers[0], numbers[1]
    mean, log_variance = jnp.split(numbers, 2, axis=-1)
    return mean, log_variance


def gaussian() -> Posterior:
    """N(mean, exp(log-variance)), numbers of each dimension by itself (Kingma & Welling 2014,
    arXiv:1312.6114, Appendix C.2).
    """

    def draw(numbers: Numbers, key: PRNGKeyArray, step: Step = None) -> Latents:
        mean, log_variance = pair(numbers)
        return mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)

    return Posterior(
        numbers=lambda d: 2 * d,
        draw=draw,
        mean=lambda numbers: pair(numbers)[0],
        log_prob=lambda numbers, z: gaussian_log_prob(z, *pair(numbers)),
        kl=lambda numbers: gaussian_kl(*pair(numbers))[..., None],
        diagonal=True,
    )


def point() -> Posterior:
    """One latent without noise: of an autoencoder, and of WAE and SWAE with their deterministic
    encoders (Tolstikhin et al. 2018, arXiv:1711.01558).
    """
    return Posterior(lambda d: d, lambda numbers, key, step=None: numbers, lambda numbers: numbers)


def full_covariance() -> Posterior:
    """N(mean, L L'), L lower triangular with the exponential of numbers on its diagonal (Kingma &
    Welling 2019, arXiv:1906.02691). Of d dimensions: the mean, the logarithms of the
    diagonal, and the d (d - 1) / 2 numbers below it, row after row.
    """

    def draw(numbers: Numbers, key: PRNGKeyArray, step: Step = None) -> Latents:
        mean, _, factor = _cholesky(numbers)
        noise = random.normal(key, mean.shape)
        return mean + (factor @ noise[..., None])[..., 0]

    def log_prob(numbers: Numbers, z: Latents) -> Float[Array, "*b"]:
        mean, log_diagonal, factor = _cholesky(numbers)
        away = jnp.broadcast_to(z, mean.shape) - mean
        white = jax.scipy.linalg.solve_triangular(factor, away[..., None], lower=True)[..., 0]
        return gaussian_log_prob(white) - log_diagonal.sum(axis=-1)

    def kl(numbers: Numbers) -> Float[Array, "*b 1"]:
        mean, log_diagonal, factor = _cholesky(numbers)
        squares = (factor**2).sum(axis=(-2, -1)) + (mean**2).sum(axis=-1) - mean.shape[-1]
        return (0.5 * squares - log_diagonal.sum(axis=-1))[..., None]

    return Posterior(
        lambda d: d * (d + 3) // 2, draw, lambda numbers: _cholesky(numbers)[0], log_prob, kl
    )


def mixture(components: int = 4) -> Posterior:
    """A mixture of diagonal Gaussians, its latents reparameterised implicitly by the conditional
    distribution functions (Figurnov et al. 2018, arXiv:1805.08498; Graves 2016,
    arXiv:1607.05690). Numbers: the logits, the means and the log-variances. `mean` is that of the
    heaviest component.
    """
    one_or_more(components=components)

    def split(numbers: Numbers) -> tuple[Array, Array, Array]:
        logits, rest = jnp.split(numbers, [components], axis=-1)
        rest = rest.reshape(*rest.shape[:-1], 2, components, -1)
        return jax.nn.log_softmax(logits, axis=-1), rest[..., 0, :, :], rest[..., 1, :, :]

    def draw(numbers: Numbers, key: PRNGKeyArray, step: Step = None) -> Latents:
        logits, mean, log_variance = split(numbers)
        of_component, of_noise = random.split(key)
        chosen = random.categorical(of_component, logits)[..., None, None]
        mean, log_variance = (
            jnp.take_along_axis(x, chosen, axis=-2)[..., 0, :] for x in (mean, log_variance)
        )
        z = mean + jnp.exp(log_variance / 2) * random.normal(of_noise, mean.shape)
        return _implicit(lax.stop_gradient(z), split(numbers))

    def log_prob(numbers: Numbers, z: Latents) -> Float[Array, "*b"]:
        log_weight, mean, log_variance = split(numbers)
        each = gaussian_log_prob(z[..., None, :], mean, log_variance)
        return jax.nn.logsumexp(log_weight + each, axis=-1)

    def mean_of(numbers: Numbers) -> Latents:
        log_weight, mean, _ = split(numbers)
        heaviest = log_weight.argmax(axis=-1)[..., None, None]
        return jnp.take_along_axis(mean, heaviest, axis=-2)[..., 0, :]

    return Posterior(lambda d: components * (1 + 2 * d), draw, mean_of, log_prob)


def gumbel_softmax(classes: int = 10, temperature: Weight = 0.5) -> Posterior:
    """Categorical variables of `classes`, as many as the latent holds; in training their latents
    are relaxed, softmax((logits + Gumbel noise) / temperature), outside of it one-hot (Jang et al.
    2017, arXiv:1611.01144; Maddison et al. 2017, arXiv:1611.00712). The prior is uniform,
    and the KL that of the categorical variables; log q is of one-hot latents.
    """
    if classes < 2:
        raise ConfigError(f"classes is {classes}: a categorical variable has at least two")
    above_zero(temperature=temperature)

    def split(numbers: Numbers) -> Float[Array, "*b groups k"]:
        return numbers.reshape(*numbers.shape[:-1], -1, classes)

    def numbers_of(d: int) -> int:
        if d % classes:
            raise ConfigError(
                f"a latent of {d} numbers holds no whole categorical variables of {classes} "
                f"classes: set method.encoder.latent to a multiple of {classes}"
            )
        return d

    def draw(numbers: Numbers, key: PRNGKeyArray, step: Step = None) -> Latents:
        noisy = split(numbers) + random.gumbel(key, split(numbers).shape)
        if step is None:
            return _one_hot(noisy).reshape(numbers.shape)
        return jax.nn.softmax(noisy / at(temperature, step), axis=-1).reshape(numbers.shape)

    def log_prob(numbers: Numbers, z: Latents) -> Float[Array, "*b"]:
        return (z * jax.nn.log_softmax(split(numbers), axis=-1).reshape(numbers.shape)).sum(axis=-1)

    def kl(numbers: Numbers) -> Float[Array, "*b 1"]:
        log_q = jax.nn.log_softmax(split(numbers), axis=-1)
        return (jnp.exp(log_q) * (log_q + math.log(classes))).sum(axis=(-2, -1))[..., None]

    def even(z: Latents) -> Float[Array, "*b"]:
        return jnp.full(z.shape[:-1], -(z.shape[-1] // classes) * math.log(classes))

    hard = lambda x: _one_hot(split(x)).reshape(x.shape)  # noqa: E731
    return Posterior(numbers_of, draw, hard, log_prob, kl, OwnPrior(hard, even), pathwise=False)


def joint(first: Posterior, second: Posterior, sizes: tuple[int, int] = (10, 10)) -> Posterior:
    """Two latents side by side, of `sizes` numbers, independent given x; the KL is of each (as the
    continuous and discrete latents of Dupont 2018, arXiv:1804.00104).
    """
    both = (first, second)
    if len(sizes) != 2:
        raise ConfigError(f"sizes={tuple(sizes)}: give one for each of the two parts")
    if any(each.kl is None for each in both):
        raise ConfigError("posterior.joint needs a KL in closed form of either part")
    counts = [each.numbers(size) for each, size in zip(both, sizes, strict=True)]

    def numbers_of(d: int) -> int:
        if d != sum(sizes):
            raise ConfigError(
                f"the latent has {d} numbers and the parts {sizes[0]} + {sizes[1]}: set "
                f"method.encoder.latent={sum(sizes)}"
            )
        return sum(counts)

    def draw(numbers: Numbers, key: PRNGKeyArray, step: Step = None) -> Latents:
        keys, parts = random.split(key), jnp.split(numbers, counts[:1], axis=-1)
        drawn = [e.draw(n, k, step) for e, n, k in zip(both, parts, keys, strict=True)]
        return jnp.concatenate(drawn, axis=-1)

    def log_prob(numbers: Numbers, z: Latents) -> Float[Array, "*b"]:
        seen = jnp.split(numbers, counts[:1], axis=-1), jnp.split(z, sizes[:1], axis=-1)
        found = zip(both, *seen, strict=True)
        return sum((e.log_prob(n, part) for e, n, part in found if e.log_prob), jnp.zeros(()))

    def over(function: str, x: Array, at: list[int]) -> Array:
        parts = zip(both, jnp.split(x, at, axis=-1), strict=True)
        return jnp.concatenate([getattr(e, function)(part) for e, part in parts], axis=-1)

    own = [each.prior or OwnPrior(lambda noise: noise, gaussian_log_prob) for each in both]

    def from_noise(noise: Latents) -> Latents:
        parts = zip(own, jnp.split(noise, sizes[:1], axis=-1), strict=True)
        return jnp.concatenate([prior.draw(part) for prior, part in parts], axis=-1)

    def log_prior(z: Latents) -> Float[Array, "*b"]:
        parts = zip(own, jnp.split(z, sizes[:1], axis=-1), strict=True)
        return sum((prior.log_prob(part) for prior, part in parts), jnp.zeros(()))

    return Posterior(
        numbers_of,
        draw,
        lambda numbers: over("mean", numbers, counts[:1]),
        log_prob,
        lambda numbers: over("kl", numbers, counts[:1]),
        OwnPrior(from_noise, log_prior) if any(each.prior for each in both) else None,
        pathwise=all(each.pathwise for each in both),
    )


def _cholesky(numbers: Float[Array, "*b n"]) -> tuple[Array, Array, Array]:
    """(mean, logarithms of the diagonal, lower triangular factor)."""
    d = (math.isqrt(9 + 8 * numbers.shape[-1]) - 3) // 2
    mean, log_diagonal, below = jnp.split(numbers, [d, 2 * d], axis=-1)
    rows, columns = np.tril_indices(d, -1)
    factor = jnp.zeros((*numbers.shape[:-1], d, d)).at[..., rows, columns].set(below)
    every = np.arange(d)
    return mean, log_diagonal, factor.at[..., every, every].set(jnp.exp(log_diagonal))


def _one_hot(x: Float[Array, "*b k"]) -> Float[Array, "*b k"]:
    return jax.nn.one_hot(x.argmax(axis=-1), x.shape[-1])


def _implicit(z: Latents, parts: tuple[Array, Array, Array]) -> Latents:
    """`z`, with the gradient in `parts` of a draw whose conditional distribution functions are held
    fixed: -(dS / dz)^-1 dS / dparts, S_i = P(z_i' <= z_i | z_1 .. z_{i-1}).
    """
    still = lax.stop_gradient
    rows = z.reshape(-1, z.shape[-1])
    flat = jax.tree.map(lambda x: x.reshape(len(rows), *x.shape[z.ndim - 1 :]), parts)
    slope = still(jax.vmap(jax.jacfwd(_distribution))(rows, still(flat)))
    s = jax.vmap(_distribution)(rows, flat)
    moved = jax.scipy.linalg.solve_triangular(slope, (s - still(s))[..., None], lower=True)[..., 0]
    return (rows - moved).reshape(z.shape)


def _distribution(z: Float[Array, " d"], parts: tuple[Array, Array, Array]) -> Float[Array, " d"]:
    """The distribution function of each number given those before it, of a mixture."""
    log_weight, mean, log_variance = parts
    white = (z[None] - mean) * jnp.exp(-log_variance / 2)
    log_each = -0.5 * (white**2 + log_variance)
    before = jnp.cumsum(log_each, axis=-1) - log_each
    weight = jax.nn.softmax(log_weight[:, None] + before, axis=0)
    return (weight * jax.scipy.stats.norm.cdf(white)).sum(axis=0)
