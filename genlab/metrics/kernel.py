"""The maximum mean discrepancy of two sets of features, and the kernel distance (KID) made of it.

Estimates are unbiased, so they may be negative: no root is taken and nothing is clipped. Kernel
values are computed in float64 a block at a time, so memory grows linearly with the number of rows.
"""

import math
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Real

from genlab.metrics.rows import pair, refuse_overflow, scaled

BLOCK = 2048  # rows by rows of kernel values held at once: 32 MiB
MEDIAN_OF = 1000  # rows that the median heuristic looks at

Kernel = Callable[[Float[np.ndarray, "n d"], Float[np.ndarray, "m d"]], Float[np.ndarray, "n m"]]
"""(x, y) -> k(x_i, y_j) = k(y_j, x_i), in float64."""


class KernelDistance(NamedTuple):
    """Mean and (population) standard deviation of the squared MMD over the subsets."""

    mean: float
    std: float


def polynomial(degree: int = 3, gamma: float | None = None, offset: float = 1.0) -> Kernel:
    """k(x, y) = (gamma x.y + offset)^degree; gamma is 1 / D where none is given.

    The defaults are the kernel of the KID (Binkowski et al. 2018, arXiv:1801.01401, Section 4).
    Raises ValueError for a degree below 1.
    """
    if degree < 1:
        raise ValueError(f"degree is {degree}; expected a whole number from 1 up: the KID's is 3")

    def kernel(
        x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        scale = 1.0 / x.shape[1] if gamma is None else gamma
        base = scale * (x @ y.T) + offset
        return reduce(np.multiply, [base] * degree)  # NumPy's power is ten times slower

    return kernel


def gaussian(bandwidth: float) -> Kernel:
    """k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2)); ValueError for a bandwidth not above 0."""
    if not bandwidth > 0:
        raise ValueError(
            f"bandwidth is {bandwidth}; expected a number above 0, in units of the features: "
            "median_bandwidth gives one, unless half of all rows are copies"
        )
    unit = math.ldexp(1.0, math.frexp(bandwidth)[1] - 1)  # a power of two: no digit changes

    def kernel(
        x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        centre = y.mean(axis=0)  # spares digits in the products
        x, y = (x - centre) / unit, (y - centre) / unit
        squared = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * (x @ y.T)
        return np.exp(-np.maximum(squared, 0) / (2 * (bandwidth / unit) ** 2))

    return kernel


def median_bandwidth(x: Real[np.ndarray, "n d"], y: Real[np.ndarray, "m d"]) -> float:
    """The median distance of two different rows of `x` and `y` taken together.

    The heuristic of Gretton et al. 2012 (JMLR 13, Section 8). Larger sets are represented by
    1,000 rows, evenly spaced. Raises ValueError as `mmd` does.
    """
    joined = np.concatenate(pair(x, y, least=1))
    if len(joined) > MEDIAN_OF:
        joined = joined[np.linspace(0, len(joined) - 1, MEDIAN_OF).astype(int)]
    (joined,), unit = scaled(joined.astype(np.float64))
    return float(np.median(scipy.spatial.distance.pdist(joined))) * unit


def mmd(x: Real[np.ndarray, "n d"], y: Real[np.ndarray, "m d"], kernel: Kernel) -> float:
    """The unbiased estimate of the squared MMD of the distributions of `x` and `y`.

    Gretton et al. 2012 (JMLR 13), Lemma 6, equation 3: the mean of k over pairs of different rows
    of `x`, plus that of `y`, minus twice the mean over pairs from both. Its expectation is 0 for
    equal distributions. Raises ValueError for shapes that do not fit, fewer than 2 rows, NaN or
    infinity, and features so large that the kernel is not finite.
    """
    x, y = pair(x, y, least=2)
    return _mmd(x.astype(np.float64), y.astype(np.float64), kernel)


def kernel_distance(
    real: Real[np.ndarray, "n d"],
    fake: Real[np.ndarray, "m d"],
    subsets: int = 100,
    size: int = 1000,
    seed: int = 0,
) -> KernelDistance:
    """The kernel distance of `real` and `fake`; with Inception features, the KID.

    Binkowski et al. 2018 (arXiv:1801.01401), Section 4: the squared MMD with (x.y / D + 1)^3, on
    `subsets` pairs of subsets of `size` rows drawn without replacement. For subset after subset,
    `numpy.random.RandomState(seed).choice` draws the real rows and then the fake ones, as
    torch-fidelity does, so `seed=2020` repeats its default number. Raises ValueError as `mmd` does,
    and for sets smaller than a subset.
    """
    real, fake = pair(real, fake, least=2)
    if subsets < 1 or not 2 <= size <= min(len(real), len(fake)):
        raise ValueError(
            f"{subsets} subsets of {size} rows were asked for, of {len(real)} real and {len(fake)} "
            "fake rows; expected at least 1 subset of 2 or more rows that both sets hold: "
            "give more samples or a smaller size, and report the size with the score"
        )
    rng, kernel, found = np.random.RandomState(seed), polynomial(), []
    for _ in range(subsets):
        x = real[rng.choice(len(real), size, replace=False)]
        y = fake[rng.choice(len(fake), size, replace=False)]
        found.append(_mmd(x.astype(np.float64), y.astype(np.float64), kernel))
    return KernelDistance(float(np.mean(found)), float(np.std(found)))


def _mmd(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"], kernel: Kernel) -> float:
    n, m = len(x), len(y)
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        within = _within(x, kernel) / (n * (n - 1)) + _within(y, kernel) / (m * (m - 1))
        across = sum(float(kernel(a, b).sum()) for a in _blocks(x) for b in _blocks(y))
        found = within - 2 * across / (n * m)
    refuse_overflow(found, x, y)
    return found


def _within(x: Float[np.ndarray, "n d"], kernel: Kernel) -> float:
    """The sum of k over all pairs of different rows."""
    blocks, total = _blocks(x), 0.0
    for i, block in enumerate(blocks):
        square = kernel(block, block)
        total += float(square.sum() - np.trace(square))
        total += 2 * sum(float(kernel(block, other).sum()) for other in blocks[i + 1 :])
    return total


def _blocks(x: Float[np.ndarray, "n d"]) -> list[Float[np.ndarray, "rows d"]]:
    return [x[start : start + BLOCK] for start in range(0, len(x), BLOCK)]
