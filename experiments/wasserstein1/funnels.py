"""The continuous Wasserstein-1 benchmark: pairs of densities whose W1 and optimal critic are known.

Korotin, Kolesov & Burnaev 2022, arXiv:2206.07767: the potential u(x) = min_n |x - a_n| + b_n is
1-Lipschitz; moving points of Q along its rays gives a P for which u is optimal, so that
W1(P, Q) = E_Q u - E_P u, and the best critic's gradient on P is -grad u. The funnels are of this
project's own seed.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.data.sets.toy import Drawn
from genlab.evaluation.evaluators import EvaluationContext, EvaluationResult
from genlab.game import apply
from genlab.nets.conditions import Conditions

HALF = 2.5  # the cube is [-HALF, HALF]^D
POWER = 8  # how strongly P concentrates at the bottoms of the funnels


@dataclass(frozen=True)
class Funnels:
    """centres a [N, D] ~ U[-2.5, 2.5]; heights b [N] ~ 0.1 N(0, 1)."""

    dimension: int
    funnels: int
    seed: int = 0

    @cached_property
    def parameters(self) -> tuple[np.ndarray, np.ndarray]:
        """(a, b)."""
        rng = np.random.default_rng((self.seed, self.dimension, self.funnels))
        centres = rng.uniform(-HALF, HALF, (self.funnels, self.dimension))
        return np.float32(centres), np.float32(0.1 * rng.normal(size=self.funnels))

    def potential(self, x: Array) -> Array:
        """u(x) of one point [D]."""
        a, b = self.parameters
        return (jnp.sqrt(((x[None] - a) ** 2).sum(axis=1)) + b).min()

    def moved(self, y: Array) -> Array:
        """The point of P that is coupled with the point `y` of Q, on the same ray of u.

        The ray runs from the bottom of y's funnel through y to where it leaves the funnel or the
        cube, and the position t in [0, 1] along it becomes t^8.
        """
        a, b = (jnp.asarray(x) for x in self.parameters)
        own = jnp.argmin(jnp.sqrt(((y[None] - a) ** 2).sum(axis=1)) + b)
        low = a[own]
        reach = jnp.sqrt(((y - low) ** 2).sum())
        v = (y - low) / reach
        wall = jnp.where(v > 0, HALF - low, -HALF - low) / jnp.where(v == 0, 1e-12, v)
        c, gap = (
            low[None] - a,
            b[own] - b,
        )  # another funnel's value equals this one's at distance r:
        offset = (c**2).sum(axis=1) - gap**2  # |c + r v| + b_m = r + b_own
        slope = 2 * (gap - c @ v)
        r = offset / jnp.where(slope == 0, 1e-12, slope)
        meets = (slope > 0) & (r > 0) & (r + gap > 0)
        r = jnp.where(meets & (jnp.arange(len(a)) != own), r, jnp.inf)
        whole = jnp.minimum(wall.min(), r.min())
        return low + v * whole * (reach / whole) ** POWER


def cloud(dimension: int = 2, funnels: int = 4, seed: int = 0) -> Drawn:
    """P, as a source."""
    made = Funnels(dimension, funnels, seed)

    def draw(key):
        return made.moved(random.uniform(key, (dimension,), minval=-HALF, maxval=HALF))

    return Drawn(draw)


class Cube(nn.Module):
    """A generator without parameters: samples of Q, uniform on the cube."""

    @nn.compact
    def __call__(self, z: Array, cond: Conditions | None = None, train: bool = True) -> Array:
        """z ~ N(0, I) [B, D] -> [B, D]."""
        return HALF * (2 * jax.scipy.special.ndtr(z) - 1)


class Critic(nn.Module):
    """D - w - w - 1 with ReLU, w = max(2 D, 128); weights and biases ~ U(+-1 / sqrt(fan in))."""

    width: int = 128

    @nn.compact
    def __call__(self, x: Array, cond: Conditions | None = None, train: bool = True) -> Array:
        """[B, D] -> [B]."""
        width = max(2 * x.shape[1], self.width)
        for size in (width, width, 1):
            bound = 1 / math.sqrt(x.shape[1])
            x = nn.Dense(
                size,
                kernel_init=nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
                bias_init=lambda key, shape, dtype=jnp.float32, bound=bound: random.uniform(
                    key, shape, dtype, -bound, bound
                ),
            )(x)
            x = nn.relu(x) if size > 1 else x
        return x[:, 0]


@dataclass(frozen=True)
class Dual:
    """The critic compared with the optimal one, on `samples` points of each distribution.

    cosine:   E_P cos(grad f, -grad u)
    l2:       E_P |grad f + grad u|^2
    w1:       E_P f - E_Q f, the critic's estimate
    true_w1:  E_Q u - E_P u on the same points
    """

    dimension: int = 2
    funnels: int = 4
    seed: int = 0
    samples: int = 4096

    def __call__(self, subject: EvaluationContext) -> EvaluationResult:
        """The scores."""
        made = Funnels(self.dimension, self.funnels, self.seed)
        y = random.uniform(random.key(1), (self.samples, self.dimension), minval=-HALF, maxval=HALF)
        x = jax.vmap(made.moved)(y)

        def f(x):
            logits, _ = apply(
                subject.method.discriminator,
                "disc",
                subject.params,
                subject.stats,
                x[None],
                None,
                train=False,
            )
            return logits[0]

        slopes = jax.vmap(jax.grad(f))(x)
        best = (y - x) / jnp.sqrt(((y - x) ** 2).sum(axis=1, keepdims=True))  # grad u, on the ray
        norms = jnp.sqrt((slopes**2).sum(axis=1)) + 1e-12
        scores = {
            "cosine": -((slopes * best).sum(axis=1) / norms).mean(),
            "l2": ((slopes + best) ** 2).sum(axis=1).mean(),
            "w1": (jax.vmap(f)(x) - jax.vmap(f)(y)).mean(),
            "true_w1": (jax.vmap(made.potential)(y) - jax.vmap(made.potential)(x)).mean(),
        }
        protocol = {"dimension": self.dimension, "funnels": self.funnels, "samples": self.samples}
        return EvaluationResult({name: float(value) for name, value in scores.items()}, protocol)
