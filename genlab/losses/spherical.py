"""The von Mises-Fisher posterior on the unit sphere, with the uniform distribution as its prior
(Davidson et al. 2018, arXiv:1804.00891).

Of a latent of m numbers the density is exp(kappa mu'z) C_m(kappa). What depends on kappa follows
from w = mu'z = cos(theta) with the density exp(kappa w) sin(theta)^(m - 2) in theta; its integrals
are Gauss-Legendre sums about the mode, so that no Bessel function of high order is needed.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.losses.posterior import Latents, Numbers, OwnPrior, Posterior, Step

NODES, WEIGHTS = (x.astype(np.float32) for x in np.polynomial.legendre.leggauss(96))
REACH = 9.0  # deviations to each side that a sum covers
PROPOSALS = 24  # two thirds of them are accepted, so that all fail in some 1e-11 of the draws
SMALLEST = 1.0  # kappa of the encoder: below it posteriors become the prior (Davidson's code)


def von_mises_fisher() -> Posterior:
    """exp(kappa mu'z) C_m(kappa) on the sphere of m = `latent` dimensions; the encoder gives a
    vector, whose direction is mu, and a number, kappa = 1 + softplus (Davidson et al. 2018,
    arXiv:1804.00891). Draws by rejection (Wood 1994), differentiated implicitly (Figurnov et al.
    2018, arXiv:1805.08498). ConfigError for fewer than two dimensions.
    """

    def numbers_of(d: int) -> int:
        if d < 2:
            raise ConfigError(f"a sphere of {d} dimensions: set method.encoder.latent to 2 or more")
        return d + 1

    def draw(numbers: Numbers, key: PRNGKeyArray, step: Step = None) -> Latents:
        mu, kappa = split(numbers)
        of_w, of_v = random.split(key)
        w = implicit_cosine(cosine(lax.stop_gradient(kappa), mu.shape[-1], of_w), kappa,
                            mu.shape[-1])  # fmt: skip
        v = random.normal(of_v, (*mu.shape[:-1], mu.shape[-1] - 1))
        v = v / jnp.linalg.norm(v, axis=-1, keepdims=True)
        side = jnp.sqrt(jnp.maximum(1 - w**2, 1e-12))[..., None]
        return _reflected(jnp.concatenate([w[..., None], side * v], axis=-1), mu)

    def log_prob(numbers: Numbers, z: Latents) -> Float[Array, "*b"]:
        mu, kappa = split(numbers)
        away = 0.5 * ((z - mu) ** 2).sum(axis=-1)  # 1 - mu'z, without cancellation
        return -kappa * away - log_integral(kappa, mu.shape[-1]) - _log_area(mu.shape[-1] - 1)

    def kl(numbers: Numbers) -> Float[Array, "*b 1"]:
        mu, kappa = split(numbers)
        return kl_to_uniform(kappa, mu.shape[-1])[..., None]

    return Posterior(
        numbers_of, draw, lambda numbers: split(numbers)[0], log_prob, kl, OwnPrior(_unit, _even)
    )


def split(numbers: Numbers) -> tuple[Latents, Float[Array, "*b"]]:
    """(mu, kappa) of the encoder's numbers."""
    return _unit(numbers[..., :-1]), SMALLEST + jax.nn.softplus(numbers[..., -1])


def kl_to_uniform(kappa: Float[Array, "*b"], m: int) -> Float[Array, "*b"]:
    """KL of von Mises-Fisher to the uniform distribution, kappa A + log C_m + log |S^(m-1)| with
    A = E w (Davidson et al. 2018).
    """
    away = -jax.grad(lambda kappa: log_integral(kappa, m).sum())(kappa)  # 1 - E w
    return _log_area(m) - _log_area(m - 1) - kappa * away - log_integral(kappa, m)


def mean_cosine(kappa: Float[Array, "*b"], m: int) -> Float[Array, "*b"]:
    """E w = I_{m/2}(kappa) / I_{m/2 - 1}(kappa)."""
    return 1 + jax.grad(lambda kappa: log_integral(kappa, m).sum())(kappa)


def log_integral(kappa: Float[Array, "*b"], m: int) -> Float[Array, "*b"]:
    """log of the integral over theta of exp(kappa (cos(theta) - 1)) sin(theta)^(m - 2)."""
    low, high = lax.stop_gradient(_reach(kappa, m))
    theta, log_width = _nodes(low, high)
    return jax.nn.logsumexp(_log_density(theta, kappa, m) + log_width, axis=-1)


def cosine(kappa: Float[Array, "*b"], m: int, key: PRNGKeyArray) -> Float[Array, "*b"]:
    """w by rejection (Wood 1994, as in Davidson et al. 2018), the first accepted of
    `PROPOSALS`; b = (m - 1) / (2 kappa + sqrt(4 kappa^2 + (m - 1)^2)) is the stable form.
    """
    of_proposal, of_choice = random.split(key)
    root = jnp.sqrt(4 * kappa**2 + (m - 1) ** 2)
    b = (m - 1) / (2 * kappa + root)
    a = (m - 1 + 2 * kappa + root) / 4
    d = 4 * a * b / (1 + b) - (m - 1) * math.log(m - 1)
    a, b, d = a[..., None], b[..., None], d[..., None]
    x = random.normal(of_proposal, (*kappa.shape, PROPOSALS, m))
    beta = 0.5 + 0.5 * x[..., 0] / jnp.linalg.norm(x, axis=-1)  # Beta((m - 1) / 2, (m - 1) / 2)
    bottom = 1 - (1 - b) * beta
    w, t = (1 - (1 + b) * beta) / bottom, 2 * a * b / bottom
    uniform = random.uniform(of_choice, w.shape, minval=1e-30)
    accepted = (m - 1) * jnp.log(t) - t + d >= jnp.log(uniform)
    first = accepted.argmax(axis=-1, keepdims=True)
    return jnp.take_along_axis(w, first, axis=-1)[..., 0]


def implicit_cosine(w: Float[Array, "*b"], kappa: Float[Array, "*b"], m: int) -> Float[Array, "*b"]:
    """`w`, with the gradient in kappa of a draw whose distribution function is held fixed."""
    slope = lax.stop_gradient(_slope(w, kappa, m))
    return lax.stop_gradient(w) + slope * (kappa - lax.stop_gradient(kappa))


def _slope(w: Float[Array, "*b"], kappa: Float[Array, "*b"], m: int) -> Float[Array, "*b"]:
    """dw / dkappa = -(dF / dkappa) / p(w), the integral from w to 1 of (t - E w) p(t) / p(w); taken
    on the side of w on which the integrand has one sign.
    """
    mean = mean_cosine(kappa, m)
    own = jnp.arccos(jnp.clip(w, -1 + 1e-7, 1 - 1e-7))
    low, high = _reach(kappa, m)
    above = w > mean
    theta, log_width = _nodes(jnp.where(above, low, own), jnp.where(above, own, high))
    ratio = jnp.exp(
        _log_density(theta, kappa, m) - _log_density(own[..., None], kappa, m) + log_width
    )
    moved = (jnp.cos(theta) - mean[..., None]) * ratio
    return jnp.where(above, 1.0, -1.0) * moved.sum(axis=-1) * jnp.sin(own)


def _log_density(theta: Float[Array, "*b n"], kappa: Float[Array, "*b"], m: int) -> Array:
    squared = 2 * jnp.sin(theta / 2) ** 2  # 1 - cos(theta)
    return -kappa[..., None] * squared + (m - 2) * jnp.log(jnp.maximum(jnp.sin(theta), 1e-30))


def _nodes(low: Array, high: Array) -> tuple[Array, Array]:
    """Points between, and the logarithms of their weights."""
    half = (high - low)[..., None] / 2
    spread = lambda x: x.reshape((1,) * low.ndim + (-1,))  # noqa: E731
    theta = low[..., None] + half * (1 + spread(jnp.asarray(NODES)))
    return theta, jnp.log(jnp.maximum(half, 1e-30) * spread(jnp.asarray(WEIGHTS)))


def _reach(kappa: Float[Array, "*b"], m: int) -> tuple[Array, Array]:
    """Angles between which all of the mass is, to rounding: about the mode, where kappa sin^2 =
    (m - 2) cos.
    """
    share = (m - 2) / (2 * kappa)
    cos = 1 / (share + jnp.sqrt(share**2 + 1))
    theta = jnp.arccos(jnp.clip(cos, -1.0, 1.0))
    sin_squared = jnp.maximum(1 - cos**2, 1e-12)
    curvature = kappa * cos + ((m - 2) / sin_squared if m > 2 else 0.0)
    deviation = 1 / jnp.sqrt(jnp.maximum(curvature, 1e-12))
    low = jnp.maximum(theta - REACH * deviation, 0.0)
    return low, jnp.minimum(theta + REACH * deviation, math.pi)


def _reflected(z: Latents, mu: Latents) -> Latents:
    """The Householder reflection that takes (1, 0, ..., 0) to mu (Davidson et al. 2018)."""
    first = jnp.zeros_like(mu).at[..., 0].set(1.0)
    u = first - mu
    squared = (u**2).sum(axis=-1, keepdims=True)
    turned = z - 2 * (u * z).sum(axis=-1, keepdims=True) * u / jnp.maximum(squared, 1e-12)
    return jnp.where(squared > 1e-12, turned, z)


def _unit(x: Latents) -> Latents:
    return x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def _log_area(m: int) -> float:
    """log of the area of the sphere in m dimensions, S^(m-1)."""
    return math.log(2) + m / 2 * math.log(math.pi) - math.lgamma(m / 2)


def _even(z: Latents) -> Float[Array, "*b"]:
    return jnp.full(z.shape[:-1], -_log_area(z.shape[-1]))
