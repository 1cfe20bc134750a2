"""Likelihoods p(x | theta) of images in [-1, 1] under a decoder's output theta, in nats per image.

Each factory returns a `Likelihood`, which says how many channels the decoder must give
(`Likelihood.width`). Densities are of x in units of [-1, 1]; discretised ones are the mass of the
level an image was stored at.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError, above_zero, choose, did_you_mean, one_or_more
from genlab.losses import pictures
from genlab.runtime import collectives

Data = Float[Array, "b *shape c"]
Theta = Float[Array, "b *shape pc"]  # `width(c)` channels
PerChannel = Float[Array, "*b c k"]
L1 = MappingProxyType({"l1": 1.0})
SMALLEST_LOG_SCALE = -7.0  # of a logistic (Salimans et al. 2017, the authors' code)


class Likelihood(NamedTuple):
    """parameters: decoder channels per image channel, or all of them as a function of the image's
    channels; log_prob: (theta, x) -> log p(x | theta) in nats; mean: theta -> E[x], in [-1, 1];
    sample: (theta, key) -> x ~ p(x | theta), None where there is no such law; of_batch: whether an
    example's value depends on the others of the batch, so that it is no likelihood; normalised:
    False for what is no density at all; normal: whether it is N(m, s^2) with theta = (m, log s).
    """

    parameters: int | Callable[[int], int]
    log_prob: Callable[[Theta, Data], Float[Array, " b"]]
    mean: Callable[[Theta], Data]
    sample: Callable[[Theta, PRNGKeyArray], Data] | None = None
    of_batch: bool = False
    normalised: bool = True
    normal: bool = False

    def width(self, channels: int) -> int:
        """Channels that the decoder gives for images of `channels`."""
        if callable(self.parameters):
            return self.parameters(channels)
        return self.parameters * channels


def bernoulli() -> Likelihood:
    """Pixels as probabilities: y log s(theta) + (1 - y) log(1 - s(theta)), y = (x + 1) / 2 (Kingma
    & Welling 2014, arXiv:1312.6114, Appendix C.1). For grey values it is a loss and not a
    normalised density.
    """

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        y = (x + 1) / 2
        return _sum(y * theta - jax.nn.softplus(theta))

    def sample(theta: Theta, key: PRNGKeyArray) -> Data:
        return 2.0 * random.bernoulli(key, jax.nn.sigmoid(theta)) - 1

    mean = lambda theta: jnp.tanh(theta / 2)  # noqa: E731 - 2 sigmoid(t) - 1 = tanh(t / 2)
    return Likelihood(1, log_prob, mean, sample)


def continuous_bernoulli() -> Likelihood:
    """The Bernoulli likelihood of grey values y = (x + 1) / 2, normalised: C l^y (1 - l)^(1 - y),
    l = s(theta), C = 2 artanh(1 - 2 l) / (1 - 2 l) (Loaiza-Ganem & Cunningham 2019,
    arXiv:1907.06845); in theta, C = theta coth(theta / 2). The density is that of x, half that
    of y.
    """

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        y = (x + 1) / 2
        return _sum(y * theta - jax.nn.softplus(theta) + _log_u_coth_u(theta / 2))

    def sample(theta: Theta, key: PRNGKeyArray) -> Data:
        u = random.uniform(key, theta.shape, minval=1e-7)
        flat = jnp.abs(theta) < 1e-3  # the law is uniform up to this
        t = jnp.where(flat, 1.0, theta)
        y = jnp.where(flat, u, jnp.logaddexp(jnp.log1p(-u), jnp.log(u) + t) / t)
        return jnp.clip(2 * y - 1, -1, 1)

    return Likelihood(1, log_prob, lambda theta: _langevin(theta / 2), sample)


def gaussian(sigma: float = 0.1) -> Likelihood:
    """N(x; theta, sigma^2) with one fixed sigma, in units of [-1, 1] (Kingma & Welling 2014,
    arXiv:1312.6114, Appendix C.2).
    """
    above_zero(sigma=sigma)

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        constant = math.log(sigma) + 0.5 * math.log(2 * math.pi)
        return -0.5 / sigma**2 * _sum((x - theta) ** 2) - x[0].size * constant

    def sample(theta: Theta, key: PRNGKeyArray) -> Data:
        return theta + sigma * random.normal(key, theta.shape)

    return Likelihood(1, log_prob, lambda theta: jnp.clip(theta, -1, 1), sample)


def learned_gaussian() -> Likelihood:
    """N(x; m, s^2) per pixel, theta = (m, log s) along channels (Kingma & Welling 2014,
    arXiv:1312.6114, Appendix C.2). Under `nets.WithScale` one s is shared by all pixels.
    """

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        m, log_s = jnp.split(theta, 2, axis=-1)
        return _sum(-0.5 * ((x - m) * jnp.exp(-log_s)) ** 2 - log_s - 0.5 * math.log(2 * math.pi))

    def sample(theta: Theta, key: PRNGKeyArray) -> Data:
        m, log_s = jnp.split(theta, 2, axis=-1)
        return m + jnp.exp(log_s) * random.normal(key, m.shape)

    return Likelihood(2, log_prob, _location, sample, normal=True)


def optimal_gaussian(smallest: float = 1e-3) -> Likelihood:
    """N(x; theta, s^2) with the s^2 that is best for the batch, its mean squared error; in closed
    form -D / 2 (log(2 pi s^2) + 1) on the mean over the batch (Rybkin et al. 2021,
    arXiv:2006.13202). The best s is a function of x: the loss is no density of x by itself, and
    each value depends on the batch. s is at least `smallest`.
    """
    above_zero(smallest=smallest)

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        square = (x - theta) ** 2
        variance = jnp.maximum(collectives.mean(square.mean()), smallest**2)
        return _sum(-0.5 * (square / variance + jnp.log(2 * math.pi * variance)))

    return Likelihood(1, log_prob, lambda theta: jnp.clip(theta, -1, 1), of_batch=True)


def laplace(scale: float = 0.1) -> Likelihood:
    """exp(-|x - theta| / scale) / (2 scale) with one fixed scale, in units of [-1, 1]: absolute
    errors instead of squared ones (as in Shi et al. 2019, arXiv:1911.03393).
    """
    above_zero(scale=scale)

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        return _sum(-jnp.abs(x - theta) / scale - jnp.log(2 * scale))

    def sample(theta: Theta, key: PRNGKeyArray) -> Data:
        return theta + scale * random.laplace(key, theta.shape)

    return Likelihood(1, log_prob, lambda theta: jnp.clip(theta, -1, 1), sample)


def learned_laplace() -> Likelihood:
    """exp(-|x - m| / b) / (2 b) per pixel, theta = (m, log b) along channels (as `laplace`)."""

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        m, log_b = jnp.split(theta, 2, axis=-1)
        return _sum(-jnp.abs(x - m) * jnp.exp(-log_b) - log_b - math.log(2))

    def sample(theta: Theta, key: PRNGKeyArray) -> Data:
        m, log_b = jnp.split(theta, 2, axis=-1)
        return m + jnp.exp(log_b) * random.laplace(key, m.shape)

    return Likelihood(2, log_prob, _location, sample)


def discretised_logistic(levels: int = 256) -> Likelihood:
    """Mass that a logistic (m, log s) puts on each of `levels` equal bins centred on -1 .. 1, the
    outer ones unbounded (Kingma et al. 2016, arXiv:1606.04934; Salimans et al. 2017,
    arXiv:1701.05517, Eq. 2). `mean` is m.
    """
    _check_levels(levels)
    half = 1.0 / (levels - 1)

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        m, log_s = jnp.split(theta, 2, axis=-1)
        return _sum(_logistic_mass(_snapped(x, half), m, log_s, half))

    def sample(theta: Theta, key: PRNGKeyArray) -> Data:
        m, log_s = jnp.split(theta, 2, axis=-1)
        return _logistic_draw(m, log_s, half, key)

    return Likelihood(2, log_prob, _location, sample)


def logistic_mixture(mixtures: int = 10, levels: int = 256) -> Likelihood:
    """A mixture of discretised logistics for each pixel, its weights shared by the channels; the
    means of a channel are shifted by tanh(coefficient) x each channel before it (Salimans et al.
    2017, arXiv:1701.05517; the tanh is in the authors' code and not in the paper). Of c
    channels, `mixtures` x (1 + 2c + c(c - 1) / 2) numbers: 100 for ten mixtures and RGB. `mean` is
    that of the locations.
    """
    _check_levels(levels)
    one_or_more(mixtures=mixtures)
    half, k = 1.0 / (levels - 1), mixtures

    def width(channels: int) -> int:
        return k * (1 + 2 * channels + channels * (channels - 1) // 2)

    def parts(theta: Theta) -> tuple[Array, PerChannel, PerChannel, PerChannel]:
        """Logits [..., k]; means, log-scales and coefficients of each channel [..., c, k]."""
        c = next(c for c in range(1, theta.shape[-1] + 1) if width(c) >= theta.shape[-1])
        logits, *rest = jnp.split(theta, [k, k + c * k, k + 2 * c * k], axis=-1)
        means, log_s, coefficients = (part.reshape(*part.shape[:-1], -1, k) for part in rest)
        return logits, means, log_s, jnp.tanh(coefficients)

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        logits, means, log_s, coefficients = parts(theta)
        x = jnp.expand_dims(_snapped(x, half), -1)
        at = [_shifted(means, coefficients, c, x[..., :c, :]) for c in range(x.shape[-2])]
        mass = _logistic_mass(x, jnp.stack(at, axis=-2), log_s, half).sum(axis=-2)
        return _sum(jax.nn.logsumexp(jax.nn.log_softmax(logits) + mass, axis=-1))

    def mean(theta: Theta) -> Data:
        logits, means, _, coefficients = parts(theta)
        found = means[..., :0, :]
        for c in range(means.shape[-2]):
            one = jnp.clip(_shifted(means, coefficients, c, found), -1, 1)
            found = jnp.concatenate([found, one[..., None, :]], axis=-2)
        return (jnp.expand_dims(jax.nn.softmax(logits), -2) * found).sum(axis=-1)

    def sample(theta: Theta, key: PRNGKeyArray) -> Data:
        logits, *rest = parts(theta)
        one = jax.nn.one_hot(random.categorical(random.fold_in(key, 0), logits), k)[..., None, :]
        means, log_s, coefficients = ((part * one).sum(-1, keepdims=True) for part in rest)
        x = means[..., :0, :]
        for c in range(means.shape[-2]):  # of the levels drawn before, as in `log_prob`
            m = _shifted(means, coefficients, c, x)
            drawn = _logistic_draw(m, log_s[..., c, :], half, random.fold_in(key, 1 + c))
            x = jnp.concatenate([x, drawn[..., None, :]], axis=-2)
        return x[..., 0]

    return Likelihood(width, log_prob, mean, sample)


def compared(losses: Mapping[str, float | Mapping] = L1) -> Likelihood:
    """Minus a weighted sum of losses between the picture tanh(theta) and x, by name in
    `losses.pictures`, each a weight or a dict of `weight` and arguments, in place of a likelihood:
    MS-SSIM and other distances that are no density (Snell et al. 2017, arXiv:1511.06409). No bound
    on a likelihood follows. ConfigError for an argument that a loss has not.
    """
    found = {name: _between(name, given) for name, given in losses.items()}

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        made = jnp.tanh(theta)
        values = (weight * of(made, x) for weight, of in found.values())
        return -sum(values, jnp.zeros(len(x)))

    return Likelihood(1, log_prob, jnp.tanh, normalised=False)


def categorical(levels: int = 256) -> Likelihood:
    """A softmax over the levels of each channel (van den Oord et al. 2016, arXiv:1601.06759):
    `levels` logits a channel, those of the first channel first.
    """
    _check_levels(levels)

    def split(theta: Theta) -> Float[Array, "b *shape c levels"]:
        return theta.reshape(*theta.shape[:-1], -1, levels)

    def log_prob(theta: Theta, x: Data) -> Float[Array, " b"]:
        level = jnp.round((x + 1) / 2 * (levels - 1)).astype(jnp.int32)
        log_p = jax.nn.log_softmax(split(theta))
        return _sum(jnp.take_along_axis(log_p, level[..., None], axis=-1))

    def mean(theta: Theta) -> Data:
        return jax.nn.softmax(split(theta)) @ jnp.linspace(-1.0, 1.0, levels)

    def sample(theta: Theta, key: PRNGKeyArray) -> Data:
        return 2.0 * random.categorical(key, split(theta)) / (levels - 1) - 1

    return Likelihood(levels, log_prob, mean, sample)


def _check_levels(levels: int) -> None:
    if levels < 2:
        raise ConfigError(f"levels is {levels}: an image has at least two")


def _between(name: str, given: float | Mapping) -> tuple[float, Callable]:
    """The weight of a loss between pictures, and the loss with its arguments."""
    of, more = choose(pictures, name), dict(given) if isinstance(given, Mapping) else {}
    weight = more.pop("weight", 1.0) if isinstance(given, Mapping) else given
    known = inspect.signature(of).parameters
    if unknown := [argument for argument in more if argument not in known]:
        hint = did_you_mean(unknown[0], known)
        raise ConfigError(f"likelihood.losses.{name}: no argument {unknown[0]!r}{hint}")
    return weight, partial(of, **more)


def _location(theta: Theta) -> Data:
    return jnp.clip(jnp.split(theta, 2, axis=-1)[0], -1, 1)


def _snapped(x: Float[Array, "*b"], half: float) -> Float[Array, "*b"]:
    """x at the nearest level: 8-bit storage is off the levels."""
    return jnp.round((x + 1) / (2 * half)) * (2 * half) - 1


def _logistic_mass(
    x: Float[Array, "..."], m: Float[Array, "..."], log_s: Float[Array, "..."], half: float
) -> Float[Array, "..."]:
    """log of the mass that a logistic puts on the bin of the level x, 2 `half` wide."""
    scale = jnp.exp(-jnp.maximum(log_s, SMALLEST_LOG_SCALE))
    upper, lower = (x - m + half) * scale, (x - m - half) * scale
    # log(sigmoid(u) - sigmoid(l)) = log s(u) + log s(-l) + log(1 - exp(l - u)), stable in
    # either tail
    inside = -jax.nn.softplus(-upper) - jax.nn.softplus(lower) + _log1mexp(2 * half * scale)
    first, last = -jax.nn.softplus(-upper), -jax.nn.softplus(lower)
    return jnp.where(x < -1 + half, first, jnp.where(x > 1 - half, last, inside))


def _logistic_draw(
    m: Float[Array, "*b"], log_s: Float[Array, "*b"], half: float, key: PRNGKeyArray
) -> Float[Array, "*b"]:
    """A level drawn from a discretised logistic."""
    noise = random.logistic(key, m.shape)
    drawn = m + jnp.exp(jnp.maximum(log_s, SMALLEST_LOG_SCALE)) * noise
    return _snapped(jnp.clip(drawn, -1, 1), half)


def _shifted(
    means: PerChannel, coefficients: PerChannel, c: int, before: PerChannel
) -> Float[Array, "*b k"]:
    """The means of channel `c`, given the channels before it."""
    first = c * (c - 1) // 2
    return means[..., c, :] + (coefficients[..., first : first + c, :] * before).sum(axis=-2)


def _log1mexp(a: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """log(1 - exp(-a)) for a > 0, accurate at both ends (Maechler 2012)."""
    small = a < math.log(2)
    near = jnp.log(-jnp.expm1(-jnp.where(small, a, 1.0)))
    far = jnp.log1p(-jnp.exp(-jnp.where(small, 1.0, a)))
    return jnp.where(small, near, far)


def _log_u_coth_u(u: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """log(u coth u), by its series near 0."""
    small = jnp.abs(u) < 0.125
    far = jnp.where(small, 1.0, u)
    return jnp.where(small, u**2 / 3 - 7 * u**4 / 90, jnp.log(far / jnp.tanh(far)))


def _langevin(u: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """coth u - 1 / u, by its series near 0."""
    small = jnp.abs(u) < 0.125
    far = jnp.where(small, 1.0, u)
    return jnp.where(small, u / 3 - u**3 / 45, 1 / jnp.tanh(far) - 1 / far)


def _sum(x: Data) -> Float[Array, " b"]:
    return x.reshape(len(x), -1).sum(axis=1)
