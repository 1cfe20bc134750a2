"""Annealed importance sampling: log p(x) of decoder models, bounded from below by chains that start
at the prior, and for simulated data from above by chains that start at the posterior. In nats.

A model here is `log_likelihood(z) -> log p(x | z)`, with the batch x inside, and a prior, by
default N(0, I); the value of example b depends only on row b of z.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax, random
from jaxtyping import Float, PRNGKeyArray

from genlab.losses.divergence import gaussian_log_prob

TARGET = 0.65  # acceptance aimed at, near the best for HMC (Neal 2011, arXiv:1206.1901)
GAIN = 0.5  # of the logarithm of the step size, per temperature and unit of acceptance missed
JITTER = 0.2  # of the step size, so that trajectories do not return to where they began (ibid.)
PILOT, FORWARD, REVERSE = 0, 1, 2  # streams of randomness

LogLikelihood = Callable[[Float[Array, "b z"]], Float[Array, " b"]]


class Estimate(NamedTuple):
    """Result of `ais` for each example.

    log_p:      lower bound of log p(x) in expectation, tighter with more temperatures
    acceptance: mean acceptance of the moves, 0 to 1
    effective:  effective number of chains, 1 to `chains`: near 1 one chain carries the estimate
    """

    log_p: Float[Array, " b"]
    acceptance: Float[Array, " b"]
    effective: Float[Array, " b"]


class Prior(NamedTuple):
    """draw: noise ~ N(0, I), [B, L] -> latents [B, D]; log_prob: latents -> log p(z), [B]."""

    draw: Callable[[Float[Array, "b noise"]], Float[Array, "b z"]]
    log_prob: Callable[[Float[Array, "b z"]], Float[Array, " b"]]


NORMAL = Prior(lambda noise: noise, gaussian_log_prob)


class Sandwich(NamedTuple):
    """Result of `bdmc` for each simulated example: in expectation lower <= log p <= upper."""

    lower: Float[Array, " b"]
    upper: Float[Array, " b"]


def sigmoidal(count: int, steepness: float = 4.0) -> Float[np.ndarray, " count"]:
    """`count` inverse temperatures from 0 to 1, dense at both ends, where most changes.

    The logistic function over -`steepness` to `steepness`, scaled to end at 0 and 1 (Grosse,
    Ghahramani & Adams 2015, arXiv:1511.02543). Raises ValueError for fewer than 2.
    """
    if count < 2:
        raise ValueError(f"count is {count}; expected at least 2 temperatures, 0 and 1")
    s = 1 / (1 + np.exp(-np.linspace(-steepness, steepness, count)))
    return (s - s[0]) / (s[-1] - s[0])


def ais(
    log_likelihood: LogLikelihood,
    key: PRNGKeyArray,
    shape: tuple[int, int],
    temperatures: Float[np.ndarray, " t"],
    chains: int = 16,
    leapfrog: int = 10,
    step_size: float = 0.5,
    prior: Prior = NORMAL,
) -> Estimate:
    """A stochastic lower bound of log p(x) for each of B examples; `shape` is (B, L), L the width
    of the prior's noise.

    Neal 2001 (Statistics and Computing 11), as Wu et al. 2017 (arXiv:1611.04273) measure decoders:
    through p(z) p(x | z)^t, t the inverse `temperatures` from 0 to 1, by Hamiltonian moves of
    `leapfrog` steps; the log of the mean weight of independent chains. A pilot run with its
    own randomness adapts `step_size` to each example and temperature; the chains that are weighed
    use the adapted sizes, so that the weights are unbiased (a step size adapted to the chain that
    it moves would not leave the target invariant).

    Traceable; costs 2 chains B leapfrog T gradients. Raises ValueError for other temperatures and
    counts below 1.
    """
    _check(temperatures, chains, leapfrog, step_size)
    anneal = partial(_anneal, (log_likelihood, prior.log_prob), leapfrog=leapfrog)
    return _forward(anneal, key, shape, temperatures, chains, step_size, prior)[0]


def bdmc(
    log_likelihood: LogLikelihood,
    key: PRNGKeyArray,
    z: Float[Array, "b z"],
    temperatures: Float[np.ndarray, " t"],
    chains: int = 16,
    leapfrog: int = 10,
    step_size: float = 0.5,
) -> Sandwich:
    """Both bounds of log p(x) for x drawn from the model itself with latents `z`: z ~ N(0,
    I), then x ~ p(x | z), which makes z an exact draw of the posterior.

    Bidirectional Monte Carlo (Grosse, Ghahramani & Adams 2015, arXiv:1511.02543): the upper bound
    is minus the log of the mean weight of chains from z back to the prior. Their difference bounds
    the error of `ais` with these settings on data like the model's own. Raises ValueError as `ais`.
    """
    _check(temperatures, chains, leapfrog, step_size)
    anneal = partial(_anneal, (log_likelihood, gaussian_log_prob), leapfrog=leapfrog)
    shape = (len(z), z.shape[1])
    found, sizes = _forward(anneal, key, shape, temperatures, chains, step_size, NORMAL)
    # The move at temperature t has the forward run's size; at 0, whose move no weight sees, any.
    back = jnp.concatenate([sizes[:-1][::-1], sizes[:1]])
    start = jnp.broadcast_to(z, (chains, *z.shape))
    schedule = jnp.asarray(temperatures[::-1], jnp.float32)
    weights, _, _ = anneal(random.fold_in(key, REVERSE), start, schedule, back, gain=0.0)
    return Sandwich(found.log_p, jnp.log(chains) - jax.nn.logsumexp(weights, axis=0))


def _forward(
    anneal: Callable,
    key: PRNGKeyArray,
    shape: tuple[int, int],
    temperatures: Float[np.ndarray, " t"],
    chains: int,
    step_size: float,
    prior: Prior,
) -> tuple[Estimate, Float[Array, "t-1 b"]]:
    """The result of `ais`, and the step sizes of its pilot run."""
    schedule = jnp.asarray(temperatures, jnp.float32)

    def run(stream: int, sizes: Array, gain: float):
        own = random.fold_in(key, stream)
        start = jax.vmap(prior.draw)(random.normal(random.fold_in(own, 0), (chains, *shape)))
        return anneal(own, start, schedule, sizes, gain=gain)

    given = jnp.full((len(schedule) - 1, shape[0]), step_size)
    _, sizes, _ = run(PILOT, given, GAIN)
    weights, _, acceptance = run(FORWARD, sizes, 0.0)
    total = jax.nn.logsumexp(weights, axis=0)
    effective = jnp.exp(2 * total - jax.nn.logsumexp(2 * weights, axis=0))
    return Estimate(total - jnp.log(chains), acceptance.mean(axis=0), effective), sizes


def _anneal(
    model: tuple[LogLikelihood, LogLikelihood],
    key: PRNGKeyArray,
    z: Float[Array, "chains b z"],
    schedule: Float[Array, " t"],
    sizes: Float[Array, "t-1 b"],
    leapfrog: int,
    gain: float,
) -> tuple[Float[Array, "chains b"], Float[Array, "t-1 b"], Float[Array, "t-1 b"]]:
    """Chains `z` through `schedule`: (log weights, the step sizes used, the acceptance). Sizes
    are adapted at the rate `gain`; `model` is log p(x | z) and log p(z).
    """
    likelihood, prior = map(jax.vmap, model)

    def move(carry, now):
        z, weight, factor = carry
        number, before, after, size = now
        weight = weight + (after - before) * likelihood(z)
        size = size * jnp.exp(factor)

        def log_density(z):
            return prior(z) + after * likelihood(z)

        z, accepted = _hamiltonian(log_density, random.fold_in(key, number), z, size, leapfrog)
        factor = factor + gain * (accepted - TARGET)
        return (z, weight, factor), (size, accepted)

    zeros = jnp.zeros(z.shape[:2])
    numbers = jnp.arange(1, len(schedule))
    steps = (numbers, schedule[:-1], schedule[1:], sizes)
    (_, weights, _), (used, accepted) = lax.scan(move, (z, zeros, zeros[0]), steps)
    return weights, used, accepted


def _hamiltonian(
    log_density: Callable[[Float[Array, "chains b z"]], Float[Array, "chains b"]],
    key: PRNGKeyArray,
    z: Float[Array, "chains b z"],
    size: Float[Array, " b"],
    leapfrog: int,
) -> tuple[Float[Array, "chains b z"], Float[Array, " b"]]:
    """One Hamiltonian move of each chain (Neal 2011, arXiv:1206.1901, Figure 2): `z`, and the mean
    acceptance of each example's chains. A proposal that is not finite is rejected.
    """
    slope = jax.grad(lambda z: log_density(z).sum())
    jitter = random.uniform(random.fold_in(key, 2), z.shape[:2], minval=-JITTER, maxval=JITTER)
    size = (size[None] * (1 + jitter))[..., None]
    velocity = random.normal(random.fold_in(key, 0), z.shape)

    def leap(_, at):
        there, speed = at
        there = there + size * speed
        return there, speed + size * slope(there)

    there, speed = lax.fori_loop(0, leapfrog, leap, (z, velocity + 0.5 * size * slope(z)))
    speed = speed - 0.5 * size * slope(there)
    kinetic = 0.5 * ((velocity**2).sum(axis=-1) - (speed**2).sum(axis=-1))
    gained = log_density(there) - log_density(z) + kinetic
    gained = jnp.where(jnp.isfinite(gained), gained, -jnp.inf)
    uniform = random.uniform(random.fold_in(key, 1), gained.shape)
    moved = jnp.where((jnp.log(uniform) < gained)[..., None], there, z)
    return moved, jnp.exp(jnp.minimum(gained, 0.0)).mean(axis=0)


def _check(
    temperatures: Float[np.ndarray, " t"], chains: int, leapfrog: int, step_size: float
) -> None:
    t = np.asarray(temperatures, np.float64)
    if t.ndim != 1 or len(t) < 2 or t[0] != 0 or t[-1] != 1 or not (np.diff(t) > 0).all():
        raise ValueError(
            f"temperatures are {t.size} numbers of shape {t.shape}; expected at least 2, rising "
            "from 0 to 1: give annealing.sigmoidal(1000)"
        )
    if chains < 1 or leapfrog < 1 or not step_size > 0:
        raise ValueError(
            f"chains is {chains}, leapfrog {leapfrog} and step_size {step_size}; expected at least "
            "1 chain, 1 step and a size above 0"
        )
