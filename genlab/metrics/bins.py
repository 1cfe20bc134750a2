"""Number of statistically different bins: where samples and data differ in proportion."""

from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Float, Real

from genlab.metrics.rows import pair, scaled


class Bins(NamedTuple):
    """Result of `ndb` over K bins.

    share:      different bins over all bins, NDB/K: 0 to 1, and `alpha` for equal distributions
    divergence: Jensen-Shannon divergence of the two histograms, 0 to log 2 nats
    different:  whether the proportions of a bin differ significantly
    train:      the bins' shares of the training set, largest first
    fake:       the bins' shares of the samples
    """

    share: float
    divergence: float
    different: Bool[np.ndarray, " k"]
    train: Float[np.ndarray, " k"]
    fake: Float[np.ndarray, " k"]


def ndb_from_counts(
    train: Real[np.ndarray, " k"], fake: Real[np.ndarray, " k"], alpha: float = 0.05
) -> Bins:
    """The bins in which counts `train` and `fake` have different proportions.

    Richardson & Weiss 2018 (arXiv:1805.12462): a two-proportion z-test in each bin, on
    the pooled standard error, two-sided at level `alpha`. A bin that is empty in both, or that
    holds all of both, does not differ. Raises ValueError for invalid counts and an alpha
    outside 0 to 1.
    """
    train, fake = np.asarray(train, np.float64), np.asarray(fake, np.float64)
    fit = train.shape == fake.shape and train.ndim == 1 and train.size > 0
    if not fit or not (train >= 0).all() or not (fake >= 0).all() or 0 in (train.sum(), fake.sum()):
        raise ValueError(
            f"counts have shape {train.shape} and {fake.shape}; expected two [K] from 0 up, not "
            "all 0: count both sets over the same bins"
        )
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; expected a level of significance such as 0.05")
    n, m = train.sum(), fake.sum()
    p, q, pooled = train / n, fake / m, (train + fake) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = np.divide(p - q, error, out=np.zeros_like(p), where=error > 0)
    different = 2 * scipy.special.ndtr(-np.abs(z)) < alpha
    middle = (p + q) / 2
    divergence = sum(scipy.special.rel_entr(side, middle).sum() for side in (p, q)) / 2
    return Bins(float(different.mean()), float(divergence), different, p, q)


def ndb(
    train: Real[np.ndarray, "n d"],
    fake: Real[np.ndarray, "m d"],
    bins: int = 100,
    alpha: float = 0.05,
    seed: int = 0,
) -> Bins:
    """The bins in which the proportions of samples `fake` and data `train` differ.

    Richardson & Weiss 2018 (arXiv:1805.12462): the bins are the Voronoi cells of
    k-means on the training set (one start, at most 100 steps). They fit the training set by
    construction, so compare with the score of held-out data, too. The D columns are not scaled:
    whiten pixels first, an option of the authors. Raises ValueError for shapes that do not fit, NaN
    or infinity, and more bins than rows.
    """
    from sklearn.cluster import KMeans

    train, fake = _fitting(train, fake)
    if not 2 <= bins <= len(train):
        raise ValueError(
            f"bins is {bins} for {len(train)} rows of data; expected 2 to {len(train)}, best with "
            "some hundred rows a bin: give more data or fewer bins"
        )
    means = KMeans(bins, n_init=1, max_iter=100, random_state=seed)
    counts = np.bincount(np.asarray(means.fit(train).labels_), minlength=bins)
    order = np.argsort(-counts, kind="stable")
    made = np.bincount(means.predict(fake), minlength=bins)
    return ndb_from_counts(counts[order], made[order], alpha)


def _fitting(
    train: Real[np.ndarray, "n d"], fake: Real[np.ndarray, "m d"]
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "m d"]]:
    """Both in the precision of the training set, which k-means requires."""
    (train, fake), _ = scaled(*pair(train, fake), reach=1e15)  # squares fit in float32 too
    dtype = train.dtype if np.issubdtype(train.dtype, np.floating) else np.float64
    return train.astype(dtype, copy=False), fake.astype(dtype, copy=False)
