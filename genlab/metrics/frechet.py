"""The Frechet distance of two sets of features, from moments that can be streamed and merged.

Moments are computed in float64 on the host, whatever the precision of the features: in float32 the
roots of rounded eigenvalues cost 4e-4 of the distance where there are fewer rows than columns.
The features themselves may be float32, the only precision of most accelerators.

The estimate is biased upwards by an amount that depends on the count and on the model (Binkowski et
al. 2018, arXiv:1801.01401; `experiments/fid_bias`): compare distances of equal counts only.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int, Real

SLICE = 2**20  # features centred at once: 8 MiB
LARGEST = 1e140  # of features: sums of their squares fit in float64


class Moments(NamedTuple):
    """Count, mean and scatter of a set of features: all that the Frechet distance needs of it.

    scatter: the sum over rows of (x - mean)(x - mean)^T; unlike a covariance it
             merges exactly.
    """

    count: int  # pyright: ignore[reportIncompatibleMethodOverride]
    mean: Float[np.ndarray, " d"]
    scatter: Float[np.ndarray, "d d"]

    @property
    def covariance(self) -> Float[np.ndarray, "d d"]:
        """The unbiased covariance (divisor count - 1); ValueError for fewer than 2 rows."""
        if self.count < 2:
            raise ValueError(
                f"the covariance of {self.count} row(s) was asked for; it takes at least 2: "
                "give more samples, or merge moments before measuring"
            )
        return self.scatter / (self.count - 1)


class Extrapolation(NamedTuple):
    """Result of `fd_infinity`: the line value + slope / count through `distances` at `counts`."""

    value: float
    slope: float
    counts: Int[np.ndarray, " points"]
    distances: Float[np.ndarray, " points"]


class Streaming:
    """Moments of features that come batch by batch, in O(D^2) memory and float64.

    Sums are taken about a fixed shift, the mean of the first batch; sums of raw squares would lose
    the digits that mean^2 and variance share. Batches may have any sizes; each of several processes
    has its own `Streaming`, whose `moments` are combined by `merge`.
    """

    def __init__(self) -> None:
        self._count = 0
        self._shift: Float[np.ndarray, " d"] | None = None
        self._sum, self._squares = np.zeros(()), np.zeros(())  # " d" and "d d" from the first batch

    def add(self, batch: Real[np.ndarray, "b d"]) -> None:
        """Adds the rows of `batch`, without padding.

        Raises ValueError as `moments` does, and for a width unlike that of the batches before.
        """
        batch = _checked(batch)
        shift = self._shift
        if shift is None:
            width = batch.shape[1]
            shift = self._shift = np.asarray(batch.mean(axis=0, dtype=np.float64))
            self._sum, self._squares = np.zeros(width), np.zeros((width, width))
        _same_width(shift, batch[0])
        for rows in _slices(batch):
            shifted = rows - shift
            self._count += len(rows)
            self._sum += shifted.sum(axis=0)
            self._squares += shifted.T @ shifted

    @property
    def moments(self) -> Moments:
        """Of all rows so far; ValueError where there are none."""
        if self._shift is None:
            raise ValueError(
                "moments of no rows were asked for; expected at least one batch: "
                "add features before measuring"
            )
        offset = self._sum / self._count
        scatter = self._squares - np.outer(offset, self._sum)
        return Moments(self._count, self._shift + offset, scatter)


def moments(x: Real[np.ndarray, "n d"]) -> Moments:
    """Count, mean and scatter of features `x`, centred before they are squared.

    Rows are centred a slice at a time, so no copy of all of `x` is made. Raises ValueError for
    another rank, an empty set, NaN, infinity, or numbers beyond 1e140, whose squares do not fit.
    """
    x = _checked(x)
    mean = x.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((x.shape[1],) * 2)
    for rows in _slices(x):
        centred = rows - mean
        scatter += centred.T @ centred
    return Moments(len(x), mean, scatter)


def merge(first: Moments, *others: Moments) -> Moments:
    """The moments of several sets together (Chan, Golub & LeVeque 1979, Stanford CS-TR-79-773).

    Exact: batch sizes, shard count and order change the result only by rounding.
    Raises ValueError for sets of different width.
    """
    merged = first
    for other in others:
        _same_width(merged.mean, other.mean)
        count = merged.count + other.count
        delta = other.mean - merged.mean
        mean = merged.mean + delta * (other.count / count)
        between = np.outer(delta, delta) * (merged.count * other.count / count)
        merged = Moments(count, mean, merged.scatter + other.scatter + between)
    return merged


def frechet_distance(x: Real[np.ndarray, "n d"], y: Real[np.ndarray, "m d"]) -> float:
    """The Frechet distance of the Gaussians fitted to features `x` and `y`.

    Heusel et al. 2017 (arXiv:1706.08500), equation 6; with Inception's pooled features it is the
    FID, and with a spatial map of an earlier layer, flattened to rows, the sFID (Nash et al. 2021,
    arXiv:2103.03841). In squared units of the features, 0 for equal moments. Raises ValueError as
    `moments` does, for fewer than 2 rows, and for different widths.
    """
    return frechet_from_moments(moments(x), moments(y))


def frechet_from_moments(a: Moments, b: Moments) -> float:
    """|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) (Dowson & Landau 1982).

    S_a S_b has the eigenvalues of the symmetric R_a^T S_b R_a for any root S_a = R_a R_a^T, so the
    last trace is the sum of the singular values of R_a^T R_b, in float64 and always real. Roots
    of the eigenvalues are less accurate, for the root of a rounding error is large: at D = 2048
    with eigenvalues from 1e-12 to 1 they cost 2e-7 of the distance, and singular values 7e-13. With
    Cholesky roots that is also faster (13 seconds on two cores, against 15 to 18). Nothing is added
    to a diagonal, so singular covariances (fewer rows than columns) are measured as they are.
    Raises ValueError for unequal widths, for moments of fewer than 2 rows, and for moments that are
    not finite.
    """
    _same_width(a.mean, b.mean)
    if not all(np.isfinite(part).all() for one in (a, b) for part in (one.mean, one.scatter)):
        raise ValueError(
            "moments hold NaN or infinity; expected finite numbers: look at the file or the "
            "features that they were made from"
        )
    first, second = a.covariance, b.covariance
    overlap = np.linalg.svd(_root(first).T @ _root(second), compute_uv=False).sum()
    shift = np.sum((a.mean - b.mean) ** 2)
    distance = shift + np.trace(first) + np.trace(second) - 2 * overlap
    return max(float(distance), 0.0)


def fd_infinity(
    real: Real[np.ndarray, "n d"],
    fake: Real[np.ndarray, "m d"],
    smallest: int = 5000,
    points: int = 15,
    seed: int = 0,
) -> Extrapolation:
    """The Frechet distance of `fake` from `real`, extrapolated to infinitely many
    fake samples.

    Chong & Forsyth 2020 (arXiv:1911.07023): the bias is nearly linear in 1 / count, so distances at
    `points` counts, evenly from `smallest` to M, are fitted by least squares in 1 / count, and the
    intercept is the result. Each count draws its own subset without replacement, under `seed`. This
    removes only the bias of the fakes' count, not that of the real moments, and below a few times D
    rows the bias is not linear in 1 / count. May be negative. Raises
    ValueError as `frechet_distance` does, for fewer than 2 points, and for counts that do not rise.
    """
    return fd_infinity_from_moments(moments(real), fake, smallest, points, seed)


def fd_infinity_from_moments(
    real: Moments,
    fake: Real[np.ndarray, "m d"],
    smallest: int = 5000,
    points: int = 15,
    seed: int = 0,
) -> Extrapolation:
    """`fd_infinity` from given real moments: those of a whole data set, or exact ones."""
    fake = _checked(fake)
    if points < 2 or not 2 <= smallest <= len(fake) - points + 1:
        raise ValueError(
            f"{points} counts from {smallest} to {len(fake)} samples were asked for; expected at "
            "least 2 counts, of 2 samples or more, that rise: give more samples or a smaller start"
        )
    rng = np.random.default_rng(seed)
    counts = np.linspace(smallest, len(fake), points).astype(int)
    subsets = (rng.choice(len(fake), count, replace=False) for count in counts)
    distances = np.array([frechet_from_moments(real, moments(fake[at])) for at in subsets])
    design = np.stack([np.ones(points), 1.0 / counts], axis=1)
    value, slope = np.linalg.lstsq(design, distances, rcond=None)[0]
    return Extrapolation(float(value), float(slope), counts, distances)


def class_frechet(
    real: Real[np.ndarray, "n d"],
    real_labels: Int[np.ndarray, " n"],
    fake: Real[np.ndarray, "m d"],
    fake_labels: Int[np.ndarray, " m"],
) -> tuple[float, Float[np.ndarray, " k"]]:
    """The Frechet distance within each class, averaged over the classes, and one by one.

    The intra-class FID of Miyato & Koyama 2018 (arXiv:1802.05637). Labels are integers;
    classes go in ascending order and have equal weight. Per-class counts are small, so the
    bias is large: compare equal counts only. Raises ValueError as `frechet_distance` does, for
    labels that are not one to a row, and for a class that either set lacks.
    """
    real, fake = _checked(real), _checked(fake)
    real_labels, fake_labels = _labels(real, real_labels), _labels(fake, fake_labels)
    classes = np.unique(real_labels)
    if not np.array_equal(classes, np.unique(fake_labels)):
        unlike = np.setxor1d(classes, fake_labels)[:10].tolist()
        raise ValueError(
            f"classes {unlike} are in one set of labels and not in the other; expected the same "
            "classes in both: sample every class, or leave those out of the real set"
        )
    each = [frechet_distance(real[real_labels == k], fake[fake_labels == k]) for k in classes]
    return float(np.mean(each)), np.array(each)


def _root(covariance: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d r"]:
    """R [D, rank] with R R^T = covariance, by pivoted Cholesky, which stops at the rank."""
    lower, pivots, rank, _ = scipy.linalg.lapack.dpstrf(covariance, lower=1)
    root = np.empty((len(covariance), rank))
    root[pivots - 1] = np.tril(lower)[:, :rank]
    return root


def _slices(x: Real[np.ndarray, "n d"]) -> Iterator[Real[np.ndarray, "rows d"]]:
    step = max(1, SLICE // x.shape[1])
    return (x[start : start + step] for start in range(0, len(x), step))


def _checked(x: Real[np.ndarray, "n d"]) -> Real[np.ndarray, "n d"]:
    """`x` as an array, in its own precision, checked to be a finite set of features."""
    x = np.asarray(x)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(
            f"features have shape {x.shape}; expected [N, D], neither of them 0: "
            "flatten images to rows, or pass them through a feature network first"
        )
    bad = sum(int((~np.isfinite(rows)).any(axis=1).sum()) for rows in _slices(x))
    if bad:
        raise ValueError(
            f"{bad} of {len(x)} rows of features hold NaN or infinity; expected finite numbers: "
            "look at the samples and the feature network that made them"
        )
    largest = max(float(np.abs(rows).max()) for rows in _slices(x))
    if largest > LARGEST:
        raise ValueError(
            f"features reach {largest:.3g}, whose squares float64 cannot hold; expected numbers "
            f"up to {LARGEST:g}: divide both sets by one s, and report the distance in units of s^2"
        )
    return x


def _labels(x: Real[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    labels = np.asarray(labels)
    if labels.shape != (len(x),) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels are {labels.dtype} of shape {labels.shape} for {len(x)} rows of features; "
            "expected one integer to a row: take the argmax of one-hot labels"
        )
    return labels


def _same_width(a: Real[np.ndarray, " d"], b: Real[np.ndarray, " d"]) -> None:
    if a.shape != b.shape:
        raise ValueError(
            f"one set of features is {len(a)} wide and the other {len(b)}; expected "
            "equal widths: measure both sets with the same feature network"
        )
