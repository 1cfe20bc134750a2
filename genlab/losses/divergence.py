"""Divergences between the distributions inside a model, in nats per example.

Terms of a VAE's loss take the `Codes` of a batch and give a value for each example, or one for the
batch; `losses.total` weighs them. What is defined over the batch is the global batch's.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, Int, PRNGKeyArray

from genlab.config import ConfigError, did_you_mean, one_or_more
from genlab.runtime import collectives
from genlab.schedules import Weight, at

Latents = Float[Array, "b z"]
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # of the kernels (the code of Tolstikhin et al. 2018)


class Codes(NamedTuple):
    """What a divergence may use of one move: z ~ q(z | x), one latent of each example, and log
    q(z | x); q = N(mean, exp(log_variance)) or, through a flow, what that becomes. The prior is
    N(0, I), unless the last fields say otherwise.

    log_p:      log p(z) of the latents drawn
    kls:        the KL of each part of the latent in closed form
    from_prior: key -> as many latents of the prior
    """

    z: Latents
    log_q: Float[Array, " b"]
    mean: Latents
    log_variance: Latents
    key: PRNGKeyArray
    step: Int[Array, ""]
    log_p: Float[Array, " b"] | None = None
    kls: Float[Array, "b parts"] | None = None
    from_prior: Callable[[PRNGKeyArray], Latents] | None = None


def gaussian_kl(
    mean: Float[Array, "*b z"], log_variance: Float[Array, "*b z"]
) -> Float[Array, "*b"]:
    """KL(N(mean, exp(log_variance)) || N(0, I)) (Kingma & Welling 2014, arXiv:1312.6114, Appendix
    B).
    """
    return 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(axis=-1)


def gaussian_log_prob(
    z: Float[Array, "*b z"],
    mean: Float[Array, "..."] | float = 0.0,
    log_variance: Float[Array, "..."] | float = 0.0,
) -> Float[Array, "*b"]:
    """log N(z; mean, exp(log_variance)) (Kingma & Welling 2014, arXiv:1312.6114, Appendix B)."""
    squares = (z - mean) ** 2 * jnp.exp(-jnp.asarray(log_variance))
    return -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(axis=-1)


def kl(codes: Codes) -> Float[Array, " b"]:
    """KL(q(z | x) || p(z)) in closed form (Kingma & Welling 2014, arXiv:1312.6114, Appendix B)."""
    if codes.kls is not None:
        return codes.kls.sum(axis=-1)
    return gaussian_kl(codes.mean, codes.log_variance)


def monte_carlo_kl(codes: Codes) -> Float[Array, " b"]:
    """log q(z | x) - log p(z) at the latent drawn (Kingma & Welling 2014, arXiv:1312.6114, Section
    2.3).
    """
    log_p = gaussian_log_prob(codes.z) if codes.log_p is None else codes.log_p
    return codes.log_q - log_p


def free_bits(codes: Codes, nats: Weight = 0.25) -> Float[Array, ""]:
    """sum_j max(nats, E KL_j): a dimension of the latent is not pressed below `nats`, on the
    average over the batch, taken before the maximum (Kingma et al. 2016, arXiv:1606.04934; 0.25 in
    the authors' code).
    """
    each = 0.5 * (codes.mean**2 + jnp.exp(codes.log_variance) - 1 - codes.log_variance)
    return jnp.maximum(at(nats, codes.step), collectives.mean(each.mean(axis=0))).sum()


def free_nats(codes: Codes, nats: Weight = 2.0) -> Float[Array, ""]:
    """sum_i max(nats, E KL_i) over the parts of a latent, one or those of `posterior.joint`: free
    bits of groups (Kingma et al. 2016, arXiv:1606.04934), of any posterior, flow and prior; the KL
    is that of the latents drawn where it has no closed form.
    """
    parts = monte_carlo_kl(codes)[:, None] if codes.kls is None else codes.kls
    return jnp.maximum(at(nats, codes.step), collectives.mean(parts.mean(axis=0))).sum()


def capacity(codes: Codes, nats: Weight = 25.0) -> Float[Array, ""]:
    """|E KL - nats|: the information that the latent is to carry, raised by a schedule (Burgess et
    al. 2018, arXiv:1804.03599).
    """
    return jnp.abs(collectives.mean(kl(codes).mean()) - at(nats, codes.step))


def capacities(codes: Codes, nats: tuple[Weight, ...] = (25.0, 25.0)) -> Float[Array, ""]:
    """sum_i |E KL_i - nats_i| over the parts of a latent, each with its own capacity (Dupont 2018,
    arXiv:1804.00104).
    """
    each = kl(codes)[:, None] if codes.kls is None else codes.kls
    if len(nats) != each.shape[1]:
        raise ConfigError(
            f"nats are {len(nats)} capacities, and the latent has {each.shape[1]} parts: give one "
            "for each (losses.posterior.joint has two)"
        )
    wanted = jnp.stack([jnp.asarray(at(part, codes.step), jnp.float32) for part in nats])
    return jnp.abs(collectives.mean(each.mean(axis=0)) - wanted).sum()


def squared_norm(codes: Codes) -> Float[Array, " b"]:
    """|z|^2 / 2, which keeps the latents of a deterministic autoencoder together (Ghosh et al.
    2020, arXiv:1903.12436).
    """
    return 0.5 * (codes.z**2).sum(axis=-1)


def moments(codes: Codes, diagonal: float = 1.0) -> Float[Array, ""]:
    """sum_{i != j} C_ij^2 + diagonal sum_i (C_ii - 1)^2, C the covariance of the posteriors' means
    over the batch: the term of DIP-VAE-I (Kumar et al. 2018, arXiv:1711.00848).
    """
    return _from_unit(_covariance(codes), diagonal)


def aggregate_moments(codes: Codes, diagonal: float = 1.0) -> Float[Array, ""]:
    """The same of the covariance of z, the mean of the posteriors' variances added: the term of
    DIP-VAE-II (Kumar et al. 2018, arXiv:1711.00848).
    """
    spread = collectives.mean(jnp.exp(codes.log_variance).mean(axis=0))
    return _from_unit(_covariance(codes) + jnp.diag(spread), diagonal)


def imq_mmd(codes: Codes, scales: tuple[float, ...] = SCALES) -> Float[Array, " b"]:
    """MMD^2 of the aggregate posterior and the prior, kernels C / (C + d^2) with C = 2 dim(z) x
    scale, summed (Tolstikhin et al. 2018, arXiv:1711.01558). Unbiased, so that it may be negative.
    """
    widths = [2 * codes.z.shape[1] * scale for scale in scales]
    return _mmd(codes, lambda square: sum((c / (c + square) for c in widths), jnp.zeros(())))


def rbf_mmd(codes: Codes, scales: tuple[float, ...] = (1.0,)) -> Float[Array, " b"]:
    """MMD^2 of the aggregate posterior and the prior, kernels exp(-d^2 / C) with C = 2 dim(z) x
    scale, summed (Zhao et al. 2017, arXiv:1706.02262). Unbiased, so that it may be negative.
    """
    widths = [2 * codes.z.shape[1] * scale for scale in scales]
    return _mmd(codes, lambda square: sum((jnp.exp(-square / c) for c in widths), jnp.zeros(())))


def sliced_wasserstein(codes: Codes, projections: int = 50) -> Float[Array, ""]:
    """Squared W2 of the aggregate posterior and the prior in one dimension, the mean over random
    directions (Kolouri et al. 2019, arXiv:1804.01947).
    """
    one_or_more(projections=projections)
    of_prior, of_direction = random.split(codes.key)
    prior = collectives.gather(_of_prior(codes, of_prior))
    direction = random.normal(of_direction, (codes.z.shape[1], projections))
    direction = direction / jnp.linalg.norm(direction, axis=0, keepdims=True)
    along = [jnp.sort(z @ direction, axis=0) for z in (collectives.gather(codes.z), prior)]
    return ((along[0] - along[1]) ** 2).mean()


def mutual_information(
    codes: Codes, examples: int = 0, sampling: str = "stratified"
) -> Float[Array, " b"]:
    """log q(z | x) - log q(z), the first term of beta-TC-VAE; see `total_correlation` (Chen et al.
    2018, arXiv:1802.04942).
    """
    together, _ = _aggregate(codes, examples, sampling)
    return codes.log_q - together


def total_correlation(
    codes: Codes, examples: int = 0, sampling: str = "stratified"
) -> Float[Array, " b"]:
    """log q(z) - sum_j log q(z_j), the second term of beta-TC-VAE (Chen et al. 2018,
    arXiv:1802.04942), with q(z) the posterior of all `examples` of the training set, estimated from
    the batch.

    sampling: "stratified", the own posterior by 1/N and each other one by (N - 1) / (N (B - 1)),
        without bias for q(z); or "weighted", all by 1 / (N B), which is off by (dim(z) - 1) log N:
        the gradient is that of the plain mean over the batch
    """
    together, apart = _aggregate(codes, examples, sampling)
    return together - apart


def dimension_wise_kl(
    codes: Codes, examples: int = 0, sampling: str = "stratified"
) -> Float[Array, " b"]:
    """sum_j log q(z_j) - log p(z), the third term of beta-TC-VAE; see `total_correlation` (Chen et
    al. 2018, arXiv:1802.04942).
    """
    return _aggregate(codes, examples, sampling)[1] - gaussian_log_prob(codes.z)


OF_GAUSSIANS = (
    free_bits, moments, aggregate_moments, mutual_information, total_correlation, dimension_wise_kl,
)  # fmt: skip
"""Those that need a posterior that is a diagonal Gaussian."""

CLOSED = (kl, capacity, capacities)
"""Those of a KL in closed form, of a posterior without a flow to the prior that it goes with."""

OF_NORMAL_PRIOR = (*CLOSED, free_bits, moments, aggregate_moments, dimension_wise_kl, squared_norm)
"""Those that are of the prior N(0, I), or of a posterior's own."""


def _aggregate(
    codes: Codes, examples: int, sampling: str
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """(log q(z), sum_j log q(z_j)) of the training set's posterior, from the global batch."""
    mean, log_variance = (collectives.gather(x)[None] for x in codes[2:4])
    rows, columns = len(codes.z), mean.shape[1]
    if examples < columns or columns < 2:
        raise ConfigError(
            f"examples is {examples} and the batch has {columns}: give the number of training "
            "examples, examples=..., and batches of at least two of them"
        )
    if sampling not in SAMPLING:
        hint = did_you_mean(sampling, SAMPLING)
        raise ConfigError(f"sampling is {sampling!r}{hint}: give one of {', '.join(SAMPLING)}")
    own = collectives.own_rows(jnp.eye(columns, dtype=bool), rows)
    log_weight = jnp.where(own, *SAMPLING[sampling](examples, columns))[..., None]
    squares = (codes.z[:, None] - mean) ** 2 * jnp.exp(-log_variance)
    each = -0.5 * (squares + log_variance + math.log(2 * math.pi))  # [rows, columns, z]
    together = jax.nn.logsumexp(log_weight[..., 0] + each.sum(axis=-1), axis=1)
    return together, jax.nn.logsumexp(log_weight + each, axis=1).sum(axis=-1)


def _weighted(examples: int, batch: int) -> tuple[float, float]:
    even = -math.log(examples * batch)
    return even, even


def _stratified(examples: int, batch: int) -> tuple[float, float]:
    others = (examples - 1) / (examples * (batch - 1))
    return -math.log(examples), math.log(others)


SAMPLING: dict[str, Callable[[int, int], tuple[float, float]]] = {
    "stratified": _stratified,
    "weighted": _weighted,
}
"""Log weights of an example's own posterior and of another's, by the sizes of set and batch."""


def _covariance(codes: Codes) -> Float[Array, "z z"]:
    """Of the posteriors' means, over the global batch."""
    centred = codes.mean - collectives.mean(codes.mean.mean(axis=0, keepdims=True))
    return collectives.mean(centred.T @ centred / len(centred))


def _from_unit(covariance: Float[Array, "z z"], diagonal: float) -> Float[Array, ""]:
    unit = jnp.eye(len(covariance))
    squares = (covariance - unit) ** 2
    return (squares * (1 - unit)).sum() + diagonal * (squares * unit).sum()


def _mmd(codes: Codes, kernel: Callable[[Array], Array]) -> Float[Array, " b"]:
    prior = _of_prior(codes, codes.key)
    all_z, all_prior = collectives.gather(codes.z), collectives.gather(prior)
    if len(all_z) < 2:
        raise ConfigError("an MMD compares the codes of a batch: it needs at least two")
    other = 1.0 - collectives.own_rows(jnp.eye(len(all_z)), len(prior))

    def within(x: Latents, every: Latents) -> Float[Array, " b"]:
        return (kernel(_squares(x, every)) * other).sum(axis=1) / (len(every) - 1)

    across = kernel(_squares(codes.z, all_prior)).mean(axis=1)
    return within(codes.z, all_z) + within(prior, all_prior) - 2 * across


def _of_prior(codes: Codes, key: PRNGKeyArray) -> Latents:
    return random.normal(key, codes.z.shape) if codes.from_prior is None else codes.from_prior(key)


def _squares(x: Latents, y: Float[Array, "c z"]) -> Float[Array, "b c"]:
    """Squared distances."""
    return ((x[:, None] - y[None]) ** 2).sum(axis=-1)
