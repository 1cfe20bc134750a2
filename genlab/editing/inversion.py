"""Inversion: the latents from which a trained generator makes given pictures, by optimisation (Zhu
et al. 2016, arXiv:1609.03552: z* = argmin L(G(z), x); Creswell & Bharath 2016,
arXiv:1611.05644, who add the prior's log-density).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.editing.noise import MAPS, autocorrelation, normalised
from genlab.editing.spaces import Cond, Space, drawn_for_rows

STARTS, NOISE = 1, 2  # streams of randomness
RAMP_UP, RAMP_DOWN, EXPLORING = 0.05, 0.25, 0.75  # shares of the steps, StyleGAN2's projector.py
Distance = Callable[[Array, Array], Float[Array, " b"]]
Latents = Float[Array, "b d"]


class Found(NamedTuple):
    """What inversion gives.

    latents: [B, D]
    cond:    the conditions they are under, as networks take them
    loss:    [B], of these latents: the distance and the regulariser's share
    """

    latents: Latents
    cond: Cond
    loss: Float[Array, " b"]


@dataclass(frozen=True)
class Optimisation:
    """How latents are optimised: Adam (0.9, 0.999) under StyleGAN2's learning rate, which rises
    over the first 5 % of the steps and falls to 0 by a cosine over the last 25 % (Karras et al.
    2020, arXiv:1912.04958, Appendix D).

    prior:   weight of |z|^2 / D, up to a constant the negative log-density of z ~ N(0, I)
    sphere:  keeps latents at the norm sqrt(D), where those of the prior are in high dimensions
    explore: in w, noise of this share of the space's scale, which falls to 0 by 75 % of the steps
             (the projector's 0.05)
    starts:  latents of the prior that are optimised for each picture: the best one is kept
    noise:   weight of the autocorrelation of the noise maps, which are optimised with the latents
             and brought to mean 0 and variance 1 after each step (Appendix D); None: they stay
    """

    steps: int = 400
    rate: float = 0.1
    prior: float = 0.0
    sphere: bool = False
    explore: float = 0.0
    starts: int = 4
    noise: float | None = None

    def __post_init__(self):
        if self.steps < 0 or self.starts < 1 or not self.rate > 0:
            raise ConfigError(f"{self}: expected 0 or more steps, a rate above 0, 1 or more starts")
        if min(self.prior, self.explore, self.noise or 0.0) < 0:
            raise ConfigError(f"{self}: expected a prior and amounts of noise of 0 or more")


def squared(made: Float[Array, " b *shape"], x: Float[Array, " b *shape"]) -> Float[Array, " b"]:
    """Mean squared difference of the pixels."""
    return jnp.square(made - x).reshape(len(x), -1).mean(-1)


def with_features(features: Callable[[Array], Array], weight: float) -> Distance:
    """`squared`, and `weight` x the mean squared difference of a network's features [B, ...]."""

    def distance(made, x):
        return squared(made, x) + weight * squared(features(made), features(x))

    return distance


def learning_rate(settings: Optimisation) -> Callable[[Array], Array]:
    """By the step, from 0 at step 0."""

    def rate(step):
        t = step / max(settings.steps, 1)
        fall = jnp.minimum(1.0, (1.0 - t) / RAMP_DOWN)
        fall = 0.5 - 0.5 * jnp.cos(fall * jnp.pi)
        return settings.rate * fall * jnp.minimum(1.0, t / RAMP_UP)

    return rate


def from_draws(problem: "Problem", cond: Cond, key: PRNGKeyArray, settings: Optimisation) -> Found:
    """Inverts from `settings.starts` latents of the prior each: of each picture the best."""
    n, count = settings.starts, len(problem.x)
    starts = drawn_for_rows(problem.space, random.fold_in(key, STARTS), problem.rows, n, cond)
    wide = problem._replace(
        x=jnp.repeat(problem.x, n, axis=0),
        rows=(n * problem.rows[:, None] + jnp.arange(n)[None]).reshape(-1),
    )
    repeated = jax.tree.map(lambda c: jnp.repeat(c, n, axis=0), cond)
    found = from_latents(wide, starts.reshape(count * n, -1), repeated, key, settings)
    best = found.loss.reshape(count, n).argmin(1) + n * jnp.arange(count)
    return jax.tree.map(lambda each: each[best], found)


def from_latents(
    problem: "Problem", start: Latents, cond: Cond, key: PRNGKeyArray, settings: Optimisation
) -> Found:
    """Inverts from latents [B, D]: of all the latents on the way the best, so that none is worse
    than its start.
    """
    adam = optax.adam(learning_rate(settings), b1=0.9, b2=0.999)
    fixed = {name: x for name, x in (cond or {}).items() if name not in problem.free}
    begin = start, {name: x for name, x in (cond or {}).items() if name in problem.free}

    def loss(at):
        z, free = at
        return problem.loss(z, {**fixed, **free} or None, settings)

    def step(carry, number):
        at, moments, best, least = carry
        tried = _explored(at, key, number, problem, settings)
        (_, losses), slope = jax.value_and_grad(_summed(loss), has_aux=True)(tried)
        best, least = _better(tried, losses, best, least)
        change, moments = adam.update(slope, moments, at)
        at = _kept(optax.apply_updates(at, change), problem, settings)
        return (at, moments, best, least), None

    begin = _kept(begin, problem, settings)
    carry = begin, adam.init(begin), begin, jnp.full(len(start), jnp.inf)
    (at, _, best, least), _ = jax.lax.scan(step, carry, jnp.arange(settings.steps))
    (z, free), least = _better(at, loss(at), best, least)
    return Found(z, {**fixed, **free} or None, least)


class Problem(NamedTuple):
    """What is inverted.

    x:     the pictures [B, ...] in [-1, 1]
    rows:  their numbers [B], by which randomness is drawn: what is found for a picture does not
           depend on those it is inverted with
    scale: of the space (`spaces.Spread`)
    free:  columns of the conditions that are optimised with the latents
    """

    space: Space
    x: Array
    rows: Array
    distance: Distance
    scale: Array | float = 1.0
    free: tuple[str, ...] = ()

    def loss(self, z: Latents, cond: Cond, settings: Optimisation) -> Float[Array, " b"]:
        """The distance of what is generated, and the regulariser."""
        made = self.space.generate(z, cond)
        loss = self.distance(made, self.x) + settings.prior * jnp.square(z).mean(-1)
        if settings.noise is None or not cond or MAPS not in cond:
            return loss
        return loss + settings.noise * autocorrelation(cond[MAPS], self.space.noise)


def _summed(loss: Callable) -> Callable:
    """The sum over the batch, whose gradient is each picture's own, with the losses."""

    def total(at):
        losses = loss(at)
        return losses.sum(), losses

    return total


def _explored(at, key: PRNGKeyArray, step: Array, problem: Problem, settings: Optimisation):
    """With the projector's noise (projector.py of stylegan2-ada-pytorch, w_noise_scale)."""
    if not settings.explore:
        return at
    z, free = at
    left = jnp.maximum(0.0, 1.0 - step / (settings.steps * EXPLORING))
    key = random.fold_in(random.fold_in(key, NOISE), step)
    noise = jax.vmap(lambda row: random.normal(random.fold_in(key, row), z.shape[1:]))(problem.rows)
    return z + settings.explore * problem.scale * jnp.square(left) * noise, free


def _kept(at, problem: Problem, settings: Optimisation):
    """Noise maps of mean 0 and variance 1; latents on the sphere, where it is asked for."""
    z, free = at
    if MAPS in free:
        free = {**free, MAPS: normalised(free[MAPS], problem.space.noise)}
    if not settings.sphere:
        return z, free
    norm = jnp.maximum(jnp.linalg.norm(z, axis=-1, keepdims=True), 1e-12)
    return z * jnp.sqrt(z.shape[-1]) / norm, free


def _better(new, losses: Array, old, least: Array):
    """Of each row the one with the smaller loss, and that loss."""
    take = losses < least

    def chosen(a, b):
        return jnp.where(take.reshape(-1, *(1,) * (a.ndim - 1)), a, b)

    return jax.tree.map(chosen, new, old), jnp.where(take, losses, least)
