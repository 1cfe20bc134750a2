"""Wasserstein distances: exact between small sets, and sliced between large ones and images.

Costs are Euclidean distances to the power p, in float64; distances are in units of the features.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int, Real

from genlab.metrics.rows import pair, scaled

TILE = 2**22  # projections held at once: 32 MiB
PAIRS = 2**24  # pairs of rows that the assignment is solved for: 4,096 against 4,096
PAIRS_LP = 2**16  # and the linear programme, for unequal sets: 256 against 256
LARGEST_P = 100
BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16  # the pyramid's filter, along one axis
PATCH, PATCHES, COARSEST = 7, 128, 16  # side of a descriptor, descriptors per image, last level
DIRECTIONS = 512  # the paper's 4 repeats of 128


class PyramidDistance(NamedTuple):
    """Result of `image_sliced_wasserstein`.

    sides:  of the pyramid's levels in pixels, finest first
    levels: 1,000 times the sliced Wasserstein distance of each
    mean:   over the levels
    """

    sides: Int[np.ndarray, " levels"]
    levels: Float[np.ndarray, " levels"]
    mean: float


def directions(dimension: int, count: int, seed: int = 0) -> Float[np.ndarray, "d l"]:
    """`count` unit vectors, uniform on the sphere, as columns."""
    drawn = np.random.default_rng(seed).normal(size=(dimension, count))
    return drawn / np.linalg.norm(drawn, axis=0)


def sliced_wasserstein(
    x: Real[np.ndarray, "n d"],
    y: Real[np.ndarray, "m d"],
    projections: Float[np.ndarray, "d l"],
    p: float = 1.0,
) -> float:
    """The sliced p-Wasserstein distance of `x` and `y` along `projections`.

    (mean over l of W_p(x theta_l, y theta_l)^p)^(1/p) (Bonneel et al. 2015, JMIV 51); draw the
    columns theta_l by `directions`. Sets of unequal size are compared by their quantiles,
    exactly. Raises ValueError for shapes that do not fit, p below 1 or above 100, NaN or infinity.
    """
    (x, y), unit = _pair(x, y, p)
    projections = np.asarray(projections, np.float64)
    if projections.ndim != 2 or len(projections) != x.shape[1] or projections.shape[1] == 0:
        raise ValueError(
            f"projections have shape {projections.shape} for features {x.shape[1]} wide; expected "
            "[D, L], one direction per column: draw them with directions(D, L, seed)"
        )
    at_x, at_y, widths = _quantiles(len(x), len(y))
    total = 0.0
    for chosen in _slices(projections.T, len(widths)):
        a, b = np.sort(_projected(x, chosen), axis=0), np.sort(_projected(y, chosen), axis=0)
        total += float((np.abs(a[at_x] - b[at_y]) ** p * widths[:, None]).sum())
    return (total / projections.shape[1]) ** (1 / p) * unit


def wasserstein(x: Real[np.ndarray, "n d"], y: Real[np.ndarray, "m d"], p: float = 1.0) -> float:
    """The exact p-Wasserstein distance of the empirical distributions of `x` and `y`.

    (min over couplings of E |x - y|^p)^(1/p) (Villani 2009, Definition 6.1): an assignment for
    equal sizes, up to 4,096 rows; a linear programme for others, up to 65,536 pairs. In d > 2
    dimensions it approaches the distance of the distributions as slowly as N^(-1/d). Raises
    ValueError as `sliced_wasserstein` does, and for more pairs than these.
    """
    (x, y), unit = _pair(x, y, p)
    n, m = len(x), len(y)
    most = PAIRS if n == m else PAIRS_LP
    if n * m > most:
        raise ValueError(
            f"the sets have {n} and {m} rows, {n * m} pairs; expected at most {PAIRS} for equal "
            f"counts and {PAIRS_LP} for others: take (equal) subsets, or sliced_wasserstein"
        )
    cost = scipy.spatial.distance.cdist(x.astype(np.float64), y.astype(np.float64)) ** p
    if n == m:
        return float(cost[scipy.optimize.linear_sum_assignment(cost)].mean() ** (1 / p)) * unit
    rows = scipy.sparse.kron(scipy.sparse.eye_array(n), np.ones((1, m)))
    columns = scipy.sparse.kron(np.ones((1, n)), scipy.sparse.eye_array(m))
    marginals = scipy.sparse.vstack([rows, columns])
    masses = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    (cost,), size = scaled(cost, reach=1e6)  # the solver's tolerances are absolute
    plan = scipy.optimize.linprog(cost.ravel(), A_eq=marginals, b_eq=masses, method="highs")
    return float((max(plan.fun, 0.0) * size) ** (1 / p)) * unit


def image_sliced_wasserstein(
    real: Real[np.ndarray, "n h h c"], fake: Real[np.ndarray, "n h h c"], seed: int = 0
) -> PyramidDistance:
    """The sliced Wasserstein distance of patches of two sets of images, level by level
    of their Laplacian pyramids.

    Karras et al. 2018 (arXiv:1710.10196), Section 5, with the settings of the authors' code: levels
    from the full side down to 16; 128 patches of 7x7 per image and level; each channel of each
    set's patches normalised to mean 0 and deviation 1; W1 along 512 directions, times 1,000. The
    finest level compares texture, the coarsest composition; a change of brightness or contrast of a
    whole set has no effect, nor has the range of the images. The paper uses 16,384 images. Here
    patches are at the same places in both sets, so that equal sets score 0 and the draw adds less
    noise. A level of one set without any variation stays 0. Patches of one level are held in
    float32, 75 kB an image for three channels.

    Raises ValueError for unequal shapes, sides that do not halve evenly, NaN or infinity.
    """
    real, fake = _images(real), _images(fake)
    if real.shape != fake.shape:
        raise ValueError(
            f"real images have shape {real.shape} and fake ones {fake.shape}; expected equal "
            "shapes: cut both sets to one count and one size"
        )
    sides = _sides(real.shape[1])
    rng = np.random.default_rng(seed)
    levels = []
    for level, side in enumerate(sides):
        corners = rng.integers(0, side - PATCH + 1, (2, len(real), PATCHES))
        chosen = directions(PATCH**2 * real.shape[3], DIRECTIONS, int(rng.integers(2**32)))
        a, b = (_descriptors(images, level, len(sides), corners) for images in (real, fake))
        levels.append(1e3 * sliced_wasserstein(a, b, chosen))
    return PyramidDistance(np.array(sides), np.array(levels), float(np.mean(levels)))


def _quantiles(
    n: int, m: int
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Which of n and of m sorted values holds on each piece of [0, 1], and how wide that is."""
    edges = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    return (edges - 1) // m, (edges - 1) // n, np.diff(edges, prepend=0) / (n * m)


def _projected(
    x: Real[np.ndarray, "n d"], chosen: Float[np.ndarray, "l d"]
) -> Float[np.ndarray, "n l"]:
    rows = _slices(x, x.shape[1])
    return np.concatenate([part.astype(np.float64) @ chosen.T for part in rows])


def _slices(x: np.ndarray, width: int) -> Iterator[np.ndarray]:
    step = max(1, TILE // width)
    return (x[start : start + step] for start in range(0, len(x), step))


def _sides(side: int) -> list[int]:
    """Of the levels, finest first; every one but the last must be even."""
    sides = [side]
    while sides[-1] // 2 >= COARSEST and sides[-1] % 2 == 0:
        sides.append(sides[-1] // 2)
    if sides[-1] // 2 >= COARSEST or side < COARSEST:
        raise ValueError(
            f"images have a side of {side}, and a level of {sides[-1]} is odd or below {COARSEST}; "
            f"expected a side of at least {COARSEST} that halves evenly while it is above "
            f"{2 * COARSEST - 1}: resize to a power of two"
        )
    return sides


def _laplacian(
    images: Float[np.ndarray, "n h h c"], level: int, count: int
) -> Float[np.ndarray, "n i i c"]:
    """Level `level` of `count` of the Laplacian pyramid of Burt & Adelson 1983."""
    for _ in range(level):
        images = _blurred(images)[:, ::2, ::2]
    if level == count - 1:
        return images
    spread = np.zeros_like(images)
    spread[:, ::2, ::2] = 4 * _blurred(images)[:, ::2, ::2]
    return images - _blurred(spread)


def _blurred(images: Float[np.ndarray, "n h h c"]) -> Float[np.ndarray, "n h h c"]:
    for axis in (1, 2):
        images = scipy.ndimage.correlate1d(images, BINOMIAL, axis=axis, mode="mirror")
    return images


def _descriptors(
    images: Real[np.ndarray, "n h h c"], level: int, count: int, corners: Int[np.ndarray, "2 n p"]
) -> Float[np.ndarray, "np d"]:
    """Normalised patches of one level with upper left `corners`: N * P of 49 * C numbers."""
    n, channels = len(images), images.shape[3]
    found = np.empty((n, PATCHES, PATCH, PATCH, channels), np.float32)
    reach = np.arange(PATCH)
    step = max(1, TILE // images[0].size)
    for start in range(0, n, step):
        at = slice(start, start + step)
        part = _laplacian(images[at].astype(np.float64), level, count)
        y, x = corners[:, at, :, None, None]
        image = np.arange(len(part))[:, None, None, None]
        found[at] = part[image, y + reach[:, None], x + reach]
    mean = found.mean(axis=(0, 1, 2, 3), dtype=np.float64)
    deviation = found.std(axis=(0, 1, 2, 3), dtype=np.float64)
    found -= mean.astype(np.float32)
    found /= np.where(deviation > 0, deviation, 1.0).astype(np.float32)
    return found.reshape(n * PATCHES, -1)


def _images(x: Real[np.ndarray, "n h h c"]) -> Real[np.ndarray, "n h h c"]:
    x = np.asarray(x)
    if x.ndim != 4 or x.shape[1] != x.shape[2] or 0 in x.shape:
        raise ValueError(
            f"images have shape {x.shape}; expected square ones, [N, H, H, C]: crop or resize them"
        )
    if not np.isfinite(x).all():
        raise ValueError("images hold NaN or infinity; expected finite numbers: look at the model")
    return scaled(x, reach=1e25)[0][0]  # patches are float32, normalised


def _pair(x: Real[np.ndarray, "n d"], y: Real[np.ndarray, "m d"], p: float) -> tuple[list, float]:
    """Two sets of features, checked, with a power of at least 1, scaled so that their distances to
    that power fit.
    """
    if not 1 <= p <= LARGEST_P:
        raise ValueError(
            f"p is {p}; expected 1 or more, for below that it is no distance, and at most "
            f"{LARGEST_P}, for beyond that powers of distances leave float64: give 1 or 2"
        )
    return scaled(*pair(x, y), reach=10.0 ** (200 / max(p, 2)))
