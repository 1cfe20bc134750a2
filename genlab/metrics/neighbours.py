"""Scores that compare two sets of features by their nearest neighbours.

Distances are Euclidean, computed in float64 a tile at a time, so memory beyond that of the inputs
is that of a few tiles, whatever the number of rows. Balls are closed, as in equation 1 of the paper
of `precision_recall`: a point at the distance of the radius is inside, and a ball of radius 0,
around a point that occurs k + 1 times, holds the copies of that point. The `prdc` package counts
only points strictly inside: where rows are repeated it gives lower scores, and the same elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real

from genlab.metrics.rows import pair, scaled

TILE = 2**25  # float64 numbers held at once, distances or rows: 256 MiB; smaller is slower


class Memorisation(NamedTuple):
    """Result of `memorisation`.

    nearer:    share of samples nearer to the training set than to the held-out set; 0.5 without
               memorisation
    copies:    share of samples as near to a training example as only `percentile` % of held-out
               examples are
    threshold: the distance that makes a sample a copy
    indices:   for each sample, the row of its nearest training example
    distances: for each sample, the distance to it
    """

    nearer: float
    copies: float
    threshold: float
    indices: Int[np.ndarray, " n"]
    distances: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class _Rows:
    """Rows minus `centre`, converted to float64 when they are read."""

    data: Real[np.ndarray, "n d"]
    centre: Float[np.ndarray, " d"]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, at) -> Float[np.ndarray, "rows d"]:
        return self.data[at] - self.centre

    @property
    def width(self) -> int:
        return self.data.shape[1]

    def taken(self, at: Int[np.ndarray, " rows"]) -> "_Rows":
        return _Rows(self.data[at], self.centre)

    def slices(self) -> Iterator[slice]:
        """Of rows that fill a quarter of a tile."""
        return _slices(len(self), 4 * self.width)

    def lengths(self) -> Float[np.ndarray, " n"]:
        """Squared."""
        return np.concatenate([(self[at] ** 2).sum(axis=1) for at in self.slices()])


def precision_recall(
    real: Real[np.ndarray, "n d"], fake: Real[np.ndarray, "m d"], k: int = 3
) -> tuple[float, float]:
    """Precision and recall of `fake` against `real`, each 0 to 1.

    Kynkaanniemi et al. 2019 (arXiv:1904.06991), equations 1 and 2: the share of fake points in some
    real point's ball, whose radius is the distance to its k-th nearest other real point, and the
    same with the sets exchanged; on the surface counts as inside. Raises ValueError for shapes that
    do not fit or too few rows.
    """
    data, samples, _ = _centred(real, fake)
    precision = _share_inside(samples, data, _radii(data, k))
    return precision, _share_inside(data, samples, _radii(samples, k))


def density_coverage(
    real: Real[np.ndarray, "n d"], fake: Real[np.ndarray, "m d"], k: int = 5
) -> tuple[float, float]:
    """Density and coverage of `fake` against `real`.

    Naeem et al. 2020 (arXiv:2002.09797): density is the mean number of real balls around a fake
    point divided by k (at least 0, above 1 where fakes cluster), coverage the share of real balls
    that hold a fake point (0 to 1). Balls are those of `precision_recall`. For equal continuous
    distributions the expected density is 1 and the expected coverage
    1 - prod_{i < k} (N - 1 - i) / (M + N - 1 - i); rows repeated more than k times raise the
    density, as clusters of fakes do. Raises ValueError as `precision_recall` does.
    """
    data, samples, _ = _centred(real, fake)
    radii = _radii(data, k)
    within = np.zeros(len(data), np.int64)  # fakes in each real ball
    for squared in _tiles(samples, data):
        within += (squared <= radii).sum(axis=0)
    return float(within.sum() / (k * len(samples))), float((within > 0).mean())


def nearest(
    x: Real[np.ndarray, "n d"], y: Real[np.ndarray, "m d"]
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """For each row of `x`, the nearest row of `y`: its index and distance.

    An exact copy has distance 0 exactly. Raises ValueError for shapes that do not fit.
    """
    far, near, unit = _centred(y, x)
    indices = np.concatenate([squared.argmin(axis=1) for squared in _tiles(near, far)])
    return indices, _apart(near, far, indices) * unit


def authenticity(train: Real[np.ndarray, "n d"], fake: Real[np.ndarray, "m d"]) -> float:
    """Share of samples `fake` that are not noisy copies of `train`, 0 to 1.

    Alaa et al. 2022 (arXiv:2102.08921), as Stein et al. 2023 (arXiv:2306.04675) use
    it for AuthPct: a sample is authentic when its nearest training point has another training
    point strictly nearer to it than the sample is. Exact copies score 0, and samples far from all
    data 1; fresh data lie between, so compare with the score of held-out data. Raises ValueError
    for shapes that do not fit and fewer than 2 training rows.
    """
    data, _, unit = _centred(train, fake)
    if len(data) < 2:
        raise ValueError("there is 1 row of training data; expected at least 2: give the whole set")
    indices, distances = nearest(fake, train)
    chosen, back = np.unique(indices, return_inverse=True)
    rows, others, start = data.taken(chosen), [], 0
    for squared in _tiles(rows, data):
        own = chosen[start : start + len(squared)]
        squared[np.arange(len(own)), own] = np.inf
        others.append(squared.argmin(axis=1))
        start += len(own)
    nearest_other = _apart(rows, data, np.concatenate(others)) * unit
    return float((nearest_other[back] < distances).mean())


def memorisation(
    train: Real[np.ndarray, "n d"],
    held_out: Real[np.ndarray, "k d"],
    fake: Real[np.ndarray, "m d"],
    percentile: float = 1.0,
) -> Memorisation:
    """Whether samples `fake` are nearer to the training data than chance explains.

    `nearer` (Platzer & Reutterer 2021, arXiv:2104.00635) is the share of samples whose
    nearest neighbour is in the training set, a tie counting one half. The larger set is reduced to
    the size of the smaller by a draw without replacement under seed 0, so that fresh samples score
    0.5; copies of training examples left out that way score 0.5 too.

    `copies` measures chance by held-out examples, as the three-sample test of Meehan et al. 2020
    (arXiv:2004.05675) does: a sample is a copy when its distance to the whole training set
    is at most the `percentile`-th percentile of the held-out examples' distances to it (the
    percentile is not from the paper). Fresh samples score about `percentile` / 100; exact copies
    always count.

    Raises ValueError for shapes that do not fit and for a percentile outside 0 to 100.
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"percentile is {percentile}; expected a number from 0 to 100, such as 1")
    indices, distances = nearest(fake, train)
    threshold = float(np.percentile(nearest(held_out, train)[1], percentile))
    size = min(len(train), len(held_out))
    to_train = distances if size == len(train) else nearest(fake, _drawn(train, size))[1]
    to_held_out = nearest(fake, _drawn(held_out, size))[1]
    nearer = (to_train < to_held_out).mean() + (to_train == to_held_out).mean() / 2
    copies = (distances <= threshold).mean()
    return Memorisation(float(nearer), float(copies), threshold, indices, distances)


def _drawn(x: Real[np.ndarray, "n d"], size: int) -> Real[np.ndarray, "size d"]:
    if size == len(x):
        return x
    return np.asarray(x)[np.sort(np.random.default_rng(0).permutation(len(x))[:size])]


def _share_inside(x: _Rows, y: _Rows, radii: Float[np.ndarray, " m"]) -> float:
    """Share of the rows of `x` that lie in a ball around some row of `y`."""
    return float(np.concatenate([(d <= radii).any(axis=1) for d in _tiles(x, y)]).mean())


def _radii(x: _Rows, k: int) -> Float[np.ndarray, " n"]:
    """Squared distance of each row to its k-th nearest other row, plus a bound of its rounding.

    Without that, rounding would decide a tie (a copy of that neighbour). The bound is computed for
    each row, so that a far outlier does not affect the others.
    """
    if not 1 <= k < len(x):
        raise ValueError(
            f"k is {k} for {len(x)} points; expected 1 to {len(x) - 1}, for a point has no more "
            "neighbours: give more samples or a smaller k"
        )
    found = []
    for squared in _tiles(x, x):
        squared.partition(k, axis=1)  # in place: a tile is large
        found.append(squared[:, k].copy())  # entry 0 is the point itself
    kth = np.concatenate(found)
    return kth + 8 * x.width * np.finfo(np.float64).eps * (x.lengths() + kth)


def _tiles(x: _Rows, y: _Rows) -> Iterator[Float[np.ndarray, "rows m"]]:
    """|x|^2 + |y|^2 - 2 x.y of all rows of `y`, for a few rows of `x` at a time, at most a tile of
    either.
    """
    lengths = y.lengths()
    for at in _slices(len(x), max(len(y), x.width)):
        rows = x[at]
        tile = np.empty((len(rows), len(y)))
        for columns in y.slices():
            np.matmul(rows, y[columns].T, out=tile[:, columns])
        tile *= -2
        tile += lengths
        tile += (rows**2).sum(axis=1, keepdims=True)
        yield tile


def _apart(x: _Rows, y: _Rows, indices: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Distance of each row of `x` to the row of `y` that `indices` names, by their difference:
    exactly 0 for copies.
    """
    return np.concatenate([np.linalg.norm(x[at] - y[indices[at]], axis=1) for at in x.slices()])


def _slices(rows: int, width: int) -> Iterator[slice]:
    step = max(1, TILE // width)
    return (slice(start, start + step) for start in range(0, rows, step))


def _centred(
    reference: Real[np.ndarray, "n d"], samples: Real[np.ndarray, "m d"]
) -> tuple[_Rows, _Rows, float]:
    """Both minus the mean of `reference`, so that products lose fewer digits, and the unit of their
    distances (see `scaled`).
    """
    (x, y), unit = scaled(*pair(reference, samples))
    centre = x.mean(axis=0, dtype=np.float64)
    return _Rows(x, centre), _Rows(y, centre), unit
