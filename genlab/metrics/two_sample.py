"""Two-sample tests: whether two sets of features could come from one distribution.

A test shows how certain a difference is, not how large: with enough samples every model is
distinguished from the data. Distances and kernels are in float64.
"""

from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Real

from genlab.metrics.kernel import Kernel, gaussian, median_bandwidth
from genlab.metrics.rows import pair, refuse_overflow, scaled

TILE = 2**22  # squared distances held at once: 32 MiB
MOST = 4096  # rows of both sets whose Gram matrix is held: 128 MiB
TOGETHER = 256  # permutations multiplied at once


class NeighbourTest(NamedTuple):
    """Result of `nearest_neighbour_test`: shares of rows classified correctly; p-value."""

    accuracy: float
    on_real: float
    on_fake: float
    p_value: float


class PermutationTest(NamedTuple):
    """Result of `mmd_test`: the unbiased squared MMD, its p-value, and its settings."""

    statistic: float
    p_value: float
    permutations: int
    seed: int


def nearest_neighbour_test(
    real: Real[np.ndarray, "n d"], fake: Real[np.ndarray, "n d"]
) -> NeighbourTest:
    """Accuracy of classifying `real` and `fake` by the nearest other row of both.

    Lopez-Paz & Oquab 2017 (arXiv:1610.06545) with the 1-NN classifier, leave-one-out as in Xu et
    al. 2018 (arXiv:1806.07755): 0.5 for equal distributions, 1 for separate sets, and 0 where every
    sample copies a different real row. Low accuracy only on real rows means that fakes surround
    them, high accuracy only on fake rows that fakes cluster (mode collapse). A tie counts one half.

    p_value: the probability that a fair coin classifies as many rows correctly. Two rows that are
    each other's nearest get correlated results, so small p-values are too small: of 600 pairs of
    100 equal normal rows, 8 % had one below 0.05 in 2 dimensions, 5 % in 128.
    `mmd_test` is exact.

    Raises ValueError for shapes that do not fit, sets of unequal size, NaN or infinity.
    """
    real, fake = (side.astype(np.float64) for side in pair(real, fake, least=2))
    if len(real) != len(fake):
        raise ValueError(
            f"the sets have {len(real)} and {len(fake)} rows; expected equal counts, for otherwise "
            "chance is not 0.5: take a subset of the larger one"
        )
    both = np.concatenate(scaled(real, fake)[0])
    both -= both.mean(axis=0)  # spares digits in the products
    to_real, to_fake = _to_nearest(both, len(real)).T
    n = len(real)
    own = np.concatenate([to_real[:n], to_fake[n:]])
    other = np.concatenate([to_fake[:n], to_real[n:]])
    right = (own < other) + 0.5 * (own == other)
    p_value = scipy.stats.binom.sf(np.ceil(right.sum()) - 1, 2 * n, 0.5)
    on_real, on_fake = float(right[:n].mean()), float(right[n:].mean())
    return NeighbourTest(float(right.mean()), on_real, on_fake, float(p_value))


def mmd_test(
    x: Real[np.ndarray, "n d"],
    y: Real[np.ndarray, "m d"],
    kernel: Kernel | None = None,
    permutations: int = 1000,
    seed: int = 0,
) -> PermutationTest:
    """The permutation test of equal distributions by the squared MMD of `x` and `y`.

    Gretton et al. 2012 (JMLR 13): the statistic is `kernel.mmd` with `kernel`, a Gaussian of the
    median distance where none is given, and the null is the same statistic after the rows of both
    sets are exchanged at random, `permutations` times under `seed`. The p-value counts the given
    sets among them, (1 + how many reach the statistic) / (1 + permutations), so it is exact and
    never 0 (Phipson & Smyth 2010). The Gram matrix of both is held: N + M is at most 4,096.

    Raises ValueError for shapes that do not fit, fewer than 2 rows, more than 4,096, NaN or
    infinity, and features so large that the kernel is not finite.
    """
    x, y = (side.astype(np.float64) for side in pair(x, y, least=2))
    if len(x) + len(y) > MOST or permutations < 1:
        raise ValueError(
            f"{permutations} permutations of {len(x)} + {len(y)} rows were asked for; expected at "
            f"least 1, of at most {MOST} rows together: take subsets, or kernel_distance"
        )
    kernel = gaussian(median_bandwidth(x, y)) if kernel is None else kernel
    both = np.concatenate([x, y])
    with np.errstate(over="ignore", invalid="ignore"):
        gram = kernel(both, both)
        np.fill_diagonal(gram, 0.0)
        refuse_overflow(np.abs(gram).sum(), x, y)  # a NaN would reach no permutation: p = 0.001
    rng = np.random.default_rng(seed)
    dealt = (np.arange(len(both)) < len(x)).astype(np.float64)
    statistic = _dealt(gram, dealt[:, None])[0]
    near = statistic - 1e-12 * np.abs(gram).max()  # the same sets again, summed in another order
    reached = 0
    for start in range(0, permutations, TOGETHER):
        count = min(TOGETHER, permutations - start)
        anew = rng.permuted(np.repeat(dealt[:, None], count, axis=1), axis=0)
        reached += int((_dealt(gram, anew) >= near).sum())
    return PermutationTest(float(statistic), (1 + reached) / (1 + permutations), permutations, seed)


def _dealt(
    gram: Float[np.ndarray, "n n"], first: Float[np.ndarray, "n p"]
) -> Float[np.ndarray, " p"]:
    """The unbiased squared MMD of the rows marked 1 from those marked 0, for each column of
    `first`; `gram` has a diagonal of 0.
    """
    n = first[:, 0].sum()
    m = len(first) - n
    products = gram @ first
    within_first = (first * products).sum(axis=0)
    across = products.sum(axis=0) - within_first
    within_second = gram.sum() - within_first - 2 * across
    return within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * across / (n * m)


def _to_nearest(both: Float[np.ndarray, "n d"], n: int) -> Float[np.ndarray, "n 2"]:
    """Each row's distance to the nearest other row among the first n, and among the rest.

    Found by |x|^2 + |y|^2 - 2 x.y, then made from the difference, so that copies are at 0 exactly.
    """
    lengths = (both**2).sum(axis=1)
    found = np.empty((len(both), 2))
    step = max(1, TILE // len(both))
    for start in range(0, len(both), step):
        rows = np.arange(start, min(start + step, len(both)))
        squared = lengths[rows, None] + lengths - 2 * (both[rows] @ both.T)
        squared[rows - start, rows] = np.inf
        nearest = squared[:, :n].argmin(axis=1), n + squared[:, n:].argmin(axis=1)
        for column, at in enumerate(nearest):
            found[rows, column] = np.linalg.norm(both[rows] - both[at], axis=1)
    return found
