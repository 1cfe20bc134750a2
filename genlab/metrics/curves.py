"""Precision and recall as a curve: how much of each distribution the other covers at every
trade-off between the two, from histograms over clusters of the features.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real

from genlab.metrics.rows import scaled

EPSILON = 1e-10  # of an angle, so that no slope is 0 or infinite; and of F's denominator


class Curve(NamedTuple):
    """A precision-recall curve, both [angles], each 0 to 1: recall falls, precision rises."""

    precision: Float[np.ndarray, " angles"]
    recall: Float[np.ndarray, " angles"]


def prd_from_histograms(
    reference: Real[np.ndarray, " k"], model: Real[np.ndarray, " k"], angles: int = 1001
) -> Curve:
    """The curve of the distribution `model` with respect to `reference`.

    Sajjadi et al. 2018 (arXiv:1806.00035): at slope s, precision is sum_i min(s reference_i,
    model_i) and recall is that over s; the slopes are the tangents of `angles` angles equally
    spaced over (0, pi/2). Equal histograms pass through (1, 1), disjoint ones stay
    at 0. Raises ValueError for invalid distributions, unequal lengths and fewer than 3 angles.
    """
    p, q = np.asarray(reference, np.float64), np.asarray(model, np.float64)
    if p.shape != q.shape or p.ndim != 1 or not p.size:
        raise ValueError(
            f"histograms have shape {p.shape} and {q.shape}; expected two of one length [K]: "
            "count both sets over the same clusters"
        )
    for name, shares in (("reference", p), ("model", q)):
        if not (shares >= 0).all() or abs(shares.sum() - 1) > 1e-6:
            raise ValueError(
                f"the {name} histogram sums to {shares.sum():.6g} from {shares.min():.6g} up; "
                "expected shares from 0 up that sum to 1: divide counts by their sum"
            )
    if angles < 3:
        raise ValueError(f"angles is {angles}; expected at least 3 points of the curve")
    slopes = np.tan(np.linspace(EPSILON, np.pi / 2 - EPSILON, angles))
    precision = np.minimum(slopes[:, None] * p[None], q[None]).sum(axis=1)
    return Curve(np.minimum(precision, 1.0), np.minimum(precision / slopes, 1.0))


def prd(
    real: Real[np.ndarray, "n d"],
    fake: Real[np.ndarray, "n d"],
    clusters: int = 20,
    angles: int = 1001,
    runs: int = 10,
    seed: int = 0,
) -> Curve:
    """The curve of features `fake` with respect to `real`, the mean over `runs`.

    Sajjadi et al. 2018 (arXiv:1806.00035) and the authors' code: the union is put in
    clusters by mini-batch k-means, the best of 10 starts, in each run. Raises ValueError for
    shapes that do not fit, sets of unequal size (the clusters would follow the larger), NaN or
    infinity, and fewer samples than clusters.
    """
    both = _union(real, fake)
    if not 1 <= clusters <= len(both) or runs < 1:
        raise ValueError(
            f"clusters is {clusters} and runs {runs} for {len(both)} rows in all; expected 1 to "
            f"{len(both)} clusters and at least 1 run: give more samples or fewer clusters"
        )
    found = [
        prd_from_histograms(*_shares(both, clusters, random), angles)
        for random in [np.random.RandomState(seed)]
        for _ in range(runs)
    ]
    return Curve(*(np.mean(part, axis=0) for part in zip(*found, strict=True)))


def f_beta(curve: Curve, beta: float = 8.0) -> tuple[float, float]:
    """(F_beta, F_{1 / beta}): the largest along the curve; one for recall, one for precision.

    Sajjadi et al. 2018 (arXiv:1806.00035): F_beta = (1 + beta^2) precision recall /
    (beta^2 precision + recall), and beta = 8, so that F_8 weighs recall 8 times as much. Each 0
    to 1. Raises ValueError for a beta that is not above 0.
    """
    if not 0 < beta < np.inf:
        raise ValueError(f"beta is {beta}; expected a finite weight of recall above 0, such as 8")

    def largest(weight):
        top = (1 + weight**2) * curve.precision * curve.recall
        return float((top / (weight**2 * curve.precision + curve.recall + EPSILON)).max())

    return largest(beta), largest(1 / beta)


def _shares(
    both: Real[np.ndarray, "n d"], clusters: int, random: np.random.RandomState
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Shares of the first half of `both`, and of the second, over clusters."""
    from sklearn.cluster import MiniBatchKMeans

    means = MiniBatchKMeans(clusters, n_init=10, random_state=random)
    labels = means.fit(both).labels_
    fake, real = np.split(labels, 2)
    return (
        np.bincount(real, minlength=clusters) / len(real),
        np.bincount(fake, minlength=clusters) / len(fake),
    )


def _union(
    real: Real[np.ndarray, "n d"], fake: Real[np.ndarray, "n d"]
) -> Real[np.ndarray, "both d"]:
    """Samples, then data, in the wider of their precisions: k-means takes both."""
    real, fake = np.asarray(real), np.asarray(fake)
    if real.shape != fake.shape or real.ndim != 2 or 0 in real.shape:
        raise ValueError(
            f"samples have shape {fake.shape} and the data {real.shape}; expected equal [N, D], "
            "neither of them 0: cut the larger set, and use one feature network for both"
        )
    both = np.concatenate([fake, real])
    if not np.isfinite(both).all():
        raise ValueError(
            "samples or data hold NaN or infinity; expected finite numbers: look at the samples "
            "and the feature network that made them"
        )
    return scaled(both, reach=1e15)[0][0]  # squares fit in float32 too
