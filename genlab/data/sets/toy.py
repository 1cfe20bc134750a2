"""Points from known densities, drawn endlessly on the device: modes, likelihoods and entropies are
exact.

Scales are the papers': the ring and grid of PacGAN (Lin et al. 2018, arXiv:1712.04086, Section
4.1), the Swiss roll of WGAN-GP's toy figure (Gulrajani et al. 2017, arXiv:1704.00028, Figure 1).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.data.columns import Points

SPLITS = {"train": 0, "validation": 1, "test": 2}
HELD_OUT = 10_000  # points in a split when it is counted or read whole


@dataclass(frozen=True)
class Drawn:
    """A source that samples `draw(key) -> point [D]`; every split is an endless stream of its own.

    means, std: of the components, for a mixture of isotropic Gaussians; None otherwise
    log_density: [N, D] -> [N], nats; None where it has no closed form
    """

    draw: Callable[[Array], Array]
    means: np.ndarray | None = None
    std: float = 0.0
    log_density: Callable[[Any], Array] | None = None
    resident = True

    @cached_property
    def columns(self) -> dict[str, Points]:
        """The points are what is made: the column "image", as in every set without another."""
        return {"image": Points(jax.eval_shape(self.draw, random.key(0)).shape)}

    def count(self, split: str) -> int:
        """What `read` gives when asked for all; the stream has no end."""
        _stream(split)
        return HELD_OUT

    def fetch(self, split, seed, first, batches, size) -> dict[str, Any]:
        """Nothing but the number of the stream."""
        return {"stream": np.uint32(_stream(split))}

    def batch(self, held, key, i, j, rows, size) -> dict[str, Array]:
        """Point `p` of the stream is `draw(fold_in(key, p))`."""
        key = random.fold_in(key, held["stream"])
        positions = i.astype(jnp.uint32) * size + rows.astype(jnp.uint32)
        return {"image": jax.vmap(lambda p: self.draw(random.fold_in(key, p)))(positions)}

    def read(self, split, n=None) -> dict[str, np.ndarray]:
        """The first `n` points of a stream of its own: the same in every run."""
        keys = random.split(random.fold_in(random.key(20), _stream(split)), n or HELD_OUT)
        return {"image": np.asarray(jax.jit(jax.vmap(self.draw))(keys))}

    def only(self, names) -> "Drawn":
        """Itself: it has one column."""
        return self


def mixture(means: tuple, std: float = 0.05) -> Drawn:
    """Equally likely isotropic Gaussians N(mean, std^2 I); `means` is K tuples of D numbers."""
    centres = np.asarray(means, np.float32)
    if centres.ndim != 2:
        raise ConfigError(
            f"mixture means have shape {centres.shape}; give K tuples of D numbers each"
        )

    def draw(key):
        which, noise = random.split(key)
        centre = jnp.asarray(centres)[random.randint(which, (), 0, len(centres))]
        return centre + std * random.normal(noise, centre.shape)

    def log_density(x):
        squares = ((jnp.asarray(x)[:, None] - centres[None]) ** 2).sum(-1) / std**2
        dimension = centres.shape[1]
        log_each = -squares / 2 - dimension * math.log(std * math.sqrt(2 * math.pi))
        return jax.nn.logsumexp(log_each, axis=1) - math.log(len(centres))

    return Drawn(draw, centres, std, log_density)


def ring(modes: int = 8, radius: float = 1.0, std: float = 0.01) -> Drawn:
    """`modes` Gaussians evenly on a circle (PacGAN's 2D-ring: 8, radius 1, std 0.01)."""
    angles = 2 * np.pi * np.arange(modes) / modes
    return mixture(tuple((radius * math.cos(a), radius * math.sin(a)) for a in angles), std)


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> Drawn:
    """`side` x `side` Gaussians about the origin (PacGAN's 2D-grid: 5, spacing 2, std 0.05)."""
    ticks = spacing * (np.arange(side) - (side - 1) / 2)
    return mixture(tuple((float(x), float(y)) for x in ticks for y in ticks), std)


def swiss_roll(noise: float = 0.25, scale: float = 1 / 7.5) -> Drawn:
    """scale (t cos t, t sin t) + noise, t = 3 pi / 2 (1 + 2 u), u ~ U[0, 1].

    Density: the spiral's, convolved with N(0, (scale noise)^2 I), by quadrature over u.
    """

    def spiral(u):
        t = 1.5 * jnp.pi * (1 + 2 * u)
        return scale * jnp.stack([t * jnp.cos(t), t * jnp.sin(t)], -1)

    def draw(key):
        where, around = random.split(key)
        return spiral(random.uniform(where)) + scale * noise * random.normal(around, (2,))

    def log_density(x):
        points = 2000
        centres, std = spiral((jnp.arange(points) + 0.5) / points), scale * noise
        squares = ((jnp.asarray(x)[:, None] - centres[None]) ** 2).sum(-1) / std**2
        return jax.nn.logsumexp(-squares / 2, axis=1) - math.log(points * 2 * math.pi * std**2)

    return Drawn(draw, log_density=log_density)


def _stream(split: str) -> int:
    if split not in SPLITS:
        raise ConfigError(f"no split {split!r}; this set has {', '.join(SPLITS)}")
    return SPLITS[split]
