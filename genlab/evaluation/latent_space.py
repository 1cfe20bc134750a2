"""`LatentSpace`: how a model uses its latent: the information in each unit, units that are not
used, the codes of the data against the prior; traversals and interpolations as pictures.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.data.columns import Image
from genlab.data.pictures import grid, points, reach_of
from genlab.data.sources import Readable
from genlab.evaluation.context import LATENTS, POSTERIOR, EvaluationContext, EvaluationResult
from genlab.evaluation.parts import SAMPLES
from genlab.game import Method
from genlab.game.abilities import (
    Conditions,
    Encodes,
    Generates,
    HasLevels,
    HasLogWeight,
    HasPosterior,
    HasSupport,
    Quantises,
    can,
    drawn,
    require,
)
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
UNITS = 256  # in the table
MOST = 2**26  # numbers of codes that are held at once
WEIGHT = 1  # a stream of randomness under that of a batch


@dataclass(frozen=True)
class LatentSpace:
    """`active_units`, whose codes without noise vary over the data by more than 0.01 (Burda et al.
    2016, arXiv:1509.00519); `rate`, the mean KL of the posterior to the prior, nats;
    `distortion`, the mean of -log p(x | z), nats: their sum is minus the ELBO (Alemi et al. 2018,
    arXiv:1711.00464); `prior_gap`, the sliced Wasserstein distance of codes drawn of the data to
    draws of the prior, lower is better.

    Of any method that encodes to what it generates from. `rate` and `distortion` are of those that
    bound a likelihood, by one draw where the KL has no closed form for each unit. The table has the
    KL of each unit, or of each level of a hierarchy, where there is one, the variance of its code
    and the moments of its draws. Of images it draws traversals of the units that are used,
    interpolations between examples, and the codes of the data beside draws of the prior.
    """

    samples: int = 2000
    abilities: ClassVar[tuple[type, ...]] = (Encodes, Generates)
    gives: ClassVar[tuple[str, ...]] = ("active_units", "rate", "distortion", "prior_gap")

    def __post_init__(self):
        if self.samples < 2:
            raise ConfigError(f"samples={self.samples}; expected 2 or more")

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for a method that does not encode, or whose codes are whole numbers."""
        for ability in self.abilities:
            require(method, ability, "LatentSpace")
        if can(method, Quantises):
            raise ConfigError(
                f"the codes of {type(method).__name__} are whole numbers, of which no unit is "
                "moved by degrees: give CodebookUsage"
            )

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Of the first `samples` of the split, fewer of a latent of more than 30,000 numbers."""
        self.check(context.method, context.source)
        n = self._count(context)
        found = {name: np.asarray(x, np.float64) for name, x in _measured(context, n).items()}
        prior = _of_prior(context, n)
        if "kl" in found:
            found["rate"] = found["kl"].sum(axis=1)
        each = {name: found[name] for name in ("rate", "distortion") if name in found}
        scores = {
            "active_units": float((found["mean"].var(axis=0) > ACTIVE).sum()),
            **{name: float(x.mean()) for name, x in each.items()},
        }
        pictures = {}
        if found["z"].shape[1] == prior.shape[1]:  # else codes are not what it generates from
            scores["prior_gap"] = _apart(found["z"], np.asarray(prior, np.float64))
            pictures = _pictures(context, found, prior)
        how = {"samples": n, "active_above": ACTIVE}
        return EvaluationResult(scores, how, pictures=pictures, each=each, tables=_tables(found))

    def _count(self, c: EvaluationContext) -> int:
        """How many examples: fewer where a latent has so many numbers that not all can be held."""
        method = require(c.method, Generates, "LatentSpace")
        width = jax.eval_shape(lambda key: method.latents(key, 1), c.key).shape[1]
        return min(self.samples, len(c.real[c.method.makes]), max(2, MOST // width))


def looked(
    method: Any, params: dict, stats: dict, x: Array, cond: Conditions, key: Array
) -> dict[str, Array]:
    """Of examples: `mean`, the codes, and `z`, draws of the posterior where there is one; `kl` of
    each unit or `levels`, that of each level; `rate` and `distortion`, nats, where the model bounds
    a likelihood.
    """
    mean = method.encode(params, stats, x, cond)
    draws = hasattr(method, "posterior_draw")
    z = method.posterior_draw(params, stats, x, key, cond) if draws else mean
    found = {"mean": mean, "z": z}
    if can(method, HasPosterior):
        kl = method.unit_kl(params, stats, x, cond)
        return {**found, "kl": kl, "distortion": -method.log_likelihood(params, stats, x, z, cond)}
    if can(method, HasLevels):
        found["levels"] = method.level_kl(params, stats, x, key, cond)
    if draws and can(method, HasLogWeight):
        likely = method.log_likelihood(params, stats, x, z, cond)
        own = random.fold_in(key, WEIGHT)
        weight = method.log_weight(params, stats, x, own, cond)
        found |= {"rate": likely - weight, "distortion": -likely}
    return found


def _apart(z: np.ndarray, prior: np.ndarray) -> float:
    return sliced_wasserstein(z, prior, directions(z.shape[1], PROJECTIONS, seed=0), p=2.0)


def _of_prior(c: EvaluationContext, n: int) -> np.ndarray:
    """As many latents of the prior."""
    method = require(c.method, Generates, "LatentSpace")
    noise = method.latents(random.fold_in(c.key, LATENTS), n)
    return np.asarray(drawn(method, c.params, c.stats, noise, part(c.batch[1], slice(n))))


def _measured(c: EvaluationContext, n: int) -> dict[str, np.ndarray]:
    @compiler.jit
    def of(x, cond, key):
        return looked(c.method, c.params, c.stats, x, cond, key)

    x, cond = c.batch
    key = random.fold_in(c.key, POSTERIOR)
    made = [
        jax.device_get(of(x[:n][at], part(part(cond, slice(n)), at), random.fold_in(key, at.start)))
        for at in batches(n, TOGETHER)
    ]
    return {name: np.concatenate([one[name] for one in made]) for name in made[0]}


def _tables(found: dict[str, np.ndarray]) -> dict[str, dict]:
    """Of each unit, those that vary most where there are many; and of each level."""
    z, variance, kl = found["z"], found["mean"].var(axis=0), found.get("kl")
    shown = np.sort(np.argsort(-variance, kind="stable")[:UNITS])
    units = {
        f"z{i}": {
            **({} if kl is None else {"kl": float(kl[:, i].mean())}),
            "variance": float(variance[i]),
            "mean": float(z[:, i].mean()),
            "deviation": float(z[:, i].std()),
        }
        for i in shown
    }
    if "levels" not in found:
        return {"unit": {SAMPLES: units}}
    means = found["levels"].mean(axis=0)
    levels = {f"level{i}": {"kl": float(mean)} for i, mean in enumerate(means)}
    return {"unit": {SAMPLES: units}, "level": {SAMPLES: levels}}


def _pictures(c: EvaluationContext, found: dict[str, np.ndarray], prior) -> dict[str, np.ndarray]:
    """Sheets by name; none for data that are no images."""
    if not isinstance(c.column, Image):
        return {}
    mean, z = found["mean"], found["z"]
    use, least, middle = mean.var(axis=0), ACTIVE, z.mean(axis=0)
    if "kl" in found:
        use, least, middle = found["kl"].mean(axis=0), COLLAPSED, 0 * middle  # that of N(0, I)
    order = np.argsort(-use)
    used = order[: max(1, min(ROWS, int((use > least).sum())))]
    cond = part(c.batch[1], slice(1))
    sheets = {
        "traversals": _sheet(c, traversals(mean[0], z.std(axis=0), used, middle=middle), cond),
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
    start: np.ndarray,
    deviation: np.ndarray,
    units: np.ndarray,
    steps: int = STEPS,
    middle: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Latents [U * steps, D] in which one unit after the other goes from -2 to 2 of its deviations
    about the `middle`, the others staying as in `start`.
    """
    middle = np.broadcast_to(middle, deviation.shape)
    rows = np.repeat(np.asarray(start)[None], len(units) * steps, axis=0)
    along = np.linspace(-REACH, REACH, steps)
    for row, unit in enumerate(units):
        rows[row * steps : (row + 1) * steps, unit] = middle[unit] + along * deviation[unit]
    return rows


def interpolations(codes: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Latents [P * steps, D] on straight lines between the first half of `codes` and the second."""
    pairs = len(codes) // 2
    t = np.linspace(0, 1, steps)[None, :, None]
    between = (1 - t) * codes[:pairs, None] + t * codes[pairs : 2 * pairs, None]
    return between.reshape(-1, codes.shape[1])


def _sheet(c: EvaluationContext, z: np.ndarray, cond) -> np.ndarray:
    wide = None if cond is None else {n: jnp.repeat(x, len(z), axis=0) for n, x in cond.items()}
    method = require(c.method, Generates, "LatentSpace")

    @compiler.jit
    def generate(z, cond):
        z = method.supported(z) if can(method, HasSupport) else z
        return method.generate(c.params, c.stats, z, cond)

    made: Array = generate(jnp.asarray(z, jnp.float32), wide)
    return grid(c.column.store(np.asarray(made)), columns=STEPS)
