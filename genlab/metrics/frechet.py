"""The Frechet distance of two sets of features, from moments that stream and shard.

Moments are accumulated and finished in float64 whatever the features' precision: in float32 the
roots of rounded eigenvalues cost 4e-4 of the distance where there are fewer rows than columns. The
estimate is biased upwards by an amount that depends on the count and on the model (Binkowski et al.
2018, arXiv:1801.01401): compare distances of equal counts only.
"""

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Count, mean and scatter of a set of features: all that the Frechet distance asks of it.

    scatter: the sum over rows of (x - mean)(x - mean)^T, [D, D]; it merges exactly, as a covariance
             does not.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance (divisor count - 1), [D, D]; ValueError for fewer than 2 rows."""
        if self.count < 2:
            raise ValueError(
                f"the covariance of {self.count} row(s) was asked for; it takes at least 2: "
                "give more samples, or merge moments before measuring"
            )
        return self.scatter / (self.count - 1)


def moments(x: np.ndarray) -> Moments:
    """Count, mean and scatter of features `x` [N, D], centred before they are squared.

    Raises ValueError for another rank, an empty set, NaN or infinity.
    """
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(
            f"features have shape {x.shape}; expected [N, D], neither of them 0: "
            "flatten images to rows, or pass them through a feature network first"
        )
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(axis=1).sum())
        raise ValueError(
            f"{bad} of {len(x)} rows of features hold NaN or infinity; expected finite numbers: "
            "look at the samples and the feature network that made them"
        )
    mean = x.mean(axis=0)
    centred = x - mean
    return Moments(len(x), mean, centred.T @ centred)


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two sets together (Chan, Golub & LeVeque 1979, Stanford CS-TR-79-773).

    Exact, so the result depends on no batch size, shard count or order but for rounding.
    Raises ValueError for sets of different width.
    """
    _same_width(a, b)
    count = a.count + b.count
    delta = b.mean - a.mean
    mean = a.mean + delta * (b.count / count)
    between = np.outer(delta, delta) * (a.count * b.count / count)
    return Moments(count, mean, a.scatter + b.scatter + between)


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """The Frechet distance of the Gaussians fitted to features `x` [N, D] and `y` [M, D].

    Heusel et al. 2017 (arXiv:1706.08500), equation 6; with Inception features it is the FID. In
    squared units of the features, 0 for equal moments. Raises ValueError as `moments` does, for
    fewer than 2 rows, and for different widths.
    """
    return frechet_from_moments(moments(x), moments(y))


def frechet_from_moments(a: Moments, b: Moments) -> float:
    """|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) (Dowson & Landau 1982).

    S_a S_b has the eigenvalues of the symmetric S_a^(1/2) S_b S_a^(1/2), so the last trace is the
    sum of the singular values of S_a^(1/2) S_b^(1/2): real, and right to 1e-14 where the root of an
    eigenvalue's rounding would cost 1e-8. Nothing is added to a diagonal, so singular covariances
    (fewer rows than columns) are measured as they are. Raises ValueError for unequal widths and for
    moments of fewer than 2 rows.
    """
    _same_width(a, b)
    first, second = a.covariance, b.covariance
    overlap = np.linalg.svd(_root(first).T @ _root(second), compute_uv=False).sum()
    shift = np.sum((a.mean - b.mean) ** 2)
    distance = shift + np.trace(first) + np.trace(second) - 2 * overlap
    return max(float(distance), 0.0)


def _root(covariance: np.ndarray) -> np.ndarray:
    """R [D, rank] with R R^T = covariance; negative eigenvalues, and rounding, are clipped."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept])


def _same_width(a: Moments, b: Moments) -> None:
    if a.mean.shape != b.mean.shape:
        raise ValueError(
            f"one set of features is {len(a.mean)} wide and the other {len(b.mean)}; expected "
            "equal widths: measure both sets with the same feature network"
        )
