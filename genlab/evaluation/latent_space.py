"""`LatentSpace`: how a model uses its latent: the information in each unit, units that are not
used, the codes of the data against the prior; traversals and interpolations as pictures.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.data.columns import Image
from genlab.data.pictures import grid, points, reach_of
from genlab.evaluation.context import LATENTS, POSTERIOR, EvaluationContext, EvaluationResult
from genlab.evaluation.parts import SAMPLES
from genlab.game.abilities import HasPosterior, drawn, require
from genlab.metrics.transport import directions, sliced_wasserstein
from genlab.runtime import compiler
from genlab.sampling.sampler import batches, part

COLLAPSED = 0.01  # nats below which a unit is left out of the traversals
ACTIVE = 0.01  # variance of a unit's posterior mean over the data (Burda et al. 2016)
TOGETHER = 250  # examples encoded at once
STEPS, ROWS = 9, 10  # pictures in a row, rows of a sheet
REACH = 2.0  # of a traversal, in deviations of the unit over the data
PAIRS, PROJECTIONS = 6, 100
BINS = 64  # of a picture of codes, along each axis


@dataclass(frozen=True)
class LatentSpace:
    """`active_units`, whose posterior mean varies over the data by more than 0.01 (Burda et al.
    2016, arXiv:1509.00519); `rate`, the mean KL of the posterior to the prior, nats;
    `distortion`, the mean of -log p(x | z), nats: their sum is minus the ELBO (Alemi et al. 2018,
    arXiv:1711.00464); `prior_gap`, the sliced Wasserstein distance of codes drawn of the data to
    draws of the prior, lower is better.

    The table has the KL of each unit, the variance of its mean and the moments of its draws. Of
    images it draws traversals of the units that have not collapsed, interpolations between
    examples, and the codes of the data beside draws of the prior.
    """

    samples: int = 2000
    abilities: ClassVar[tuple[type, ...]] = (HasPosterior,)
    gives: ClassVar[tuple[str, ...]] = ("active_units", "rate", "distortion", "prior_gap")

    def __post_init__(self):
        if self.samples < 2:
            raise ConfigError(f"samples={self.samples}; expected 2 or more")

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Of the first `samples` of the split."""
        method = require(context.method, HasPosterior, "LatentSpace")
        n = min(self.samples, len(context.real[method.makes]))
        found = _measured(context, n)
        mean, z, kl = (np.asarray(found[name], np.float64) for name in ("mean", "z", "kl"))
        noise = method.latents(random.fold_in(context.key, LATENTS), n)
        cond = part(context.batch[1], slice(n))
        prior = np.asarray(drawn(method, context.params, context.stats, noise, cond))
        variance = mean.var(axis=0)
        each = {"rate": kl.sum(axis=1), "distortion": np.asarray(found["distortion"], np.float64)}
        scores = {
            "active_units": float((variance > ACTIVE).sum()),
            **{name: float(x.mean()) for name, x in each.items()},
            "prior_gap": _apart(z, np.asarray(prior, np.float64)),
        }
        table = {
            f"z{i}": {
                "kl": float(kl[:, i].mean()),
                "variance": float(variance[i]),
                "mean": float(z[:, i].mean()),
                "deviation": float(z[:, i].std()),
            }
            for i in range(z.shape[1])
        }
        pictures = _pictures(context, mean, z, prior, kl.mean(axis=0))
        how = {"samples": n, "active_above": ACTIVE}
        return EvaluationResult(
            scores, how, pictures=pictures, each=each, tables={"unit": {SAMPLES: table}}
        )


def _apart(z: np.ndarray, prior: np.ndarray) -> float:
    return sliced_wasserstein(z, prior, directions(z.shape[1], PROJECTIONS, seed=0), p=2.0)


def _measured(c: EvaluationContext, n: int) -> dict[str, np.ndarray]:
    method = require(c.method, HasPosterior, "LatentSpace")

    @compiler.jit
    def of(x, cond, key):
        z = method.posterior_draw(c.params, c.stats, x, key, cond)
        return {
            "mean": method.encode(c.params, c.stats, x, cond),
            "z": z,
            "kl": method.unit_kl(c.params, c.stats, x, cond),
            "distortion": -method.log_likelihood(c.params, c.stats, x, z, cond),
        }

    x, cond = c.batch
    key = random.fold_in(c.key, POSTERIOR)
    made = [
        jax.device_get(of(x[:n][at], part(part(cond, slice(n)), at), random.fold_in(key, at.start)))
        for at in batches(n, TOGETHER)
    ]
    return {name: np.concatenate([one[name] for one in made]) for name in made[0]}


def _pictures(c: EvaluationContext, mean, z, prior, kl) -> dict[str, np.ndarray]:
    """Sheets by name; none for data that are no images."""
    if not isinstance(c.column, Image):
        return {}
    order = np.argsort(-kl)
    used = order[: max(1, min(ROWS, int((kl > COLLAPSED).sum())))]
    cond = part(c.batch[1], slice(1))
    sheets = {
        "traversals": _sheet(c, traversals(mean[0], z.std(axis=0), used), cond),
        "interpolations": _sheet(c, interpolations(mean[: 2 * PAIRS]), cond),
    }
    if z.shape[1] > 1:
        sheets["aggregate"] = aggregate(z[:, order[:2]], prior[:, order[:2]])
    return sheets


def aggregate(z: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The first two numbers of codes of the data beside those of draws of the prior, on one scale,
    a line between: uint8 [64, 129, 1].
    """
    reach = max(reach_of(z), reach_of(prior))
    left, right = (points(side, BINS, reach) for side in (z, prior))
    return np.concatenate([left, np.full((BINS, 1, 1), 128, np.uint8), right], axis=1)


def traversals(
    start: np.ndarray, deviation: np.ndarray, units: np.ndarray, steps: int = STEPS
) -> np.ndarray:
    """Latents [U * steps, D] in which one unit after the other goes from -2 to 2 of its deviations,
    the others staying as in `start`.
    """
    rows = np.repeat(np.asarray(start)[None], len(units) * steps, axis=0)
    along = np.linspace(-REACH, REACH, steps)
    for row, unit in enumerate(units):
        rows[row * steps : (row + 1) * steps, unit] = along * deviation[unit]
    return rows


def interpolations(codes: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Latents [P * steps, D] on straight lines between the first half of `codes` and the second."""
    pairs = len(codes) // 2
    t = np.linspace(0, 1, steps)[None, :, None]
    between = (1 - t) * codes[:pairs, None] + t * codes[pairs : 2 * pairs, None]
    return between.reshape(-1, codes.shape[1])


def _sheet(c: EvaluationContext, z: np.ndarray, cond) -> np.ndarray:
    wide = None if cond is None else {n: jnp.repeat(x, len(z), axis=0) for n, x in cond.items()}
    generate = compiler.jit(lambda z, cond: c.method.generate(c.params, c.stats, z, cond))
    made: Array = generate(jnp.asarray(z, jnp.float32), wide)
    return grid(c.column.store(np.asarray(made)), columns=STEPS)
