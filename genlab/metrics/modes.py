"""How many modes of a known Gaussian mixture the samples reach, how well, and how evenly."""

from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int, Real


class ModeScores(NamedTuple):
    """The three columns of tables of mode collapse.

    modes:        components with at least one high-quality sample
    high_quality: share of samples within the radius of a component, 0 to 1
    reverse_kl:   KL divergence of the high-quality samples' histogram over components from the
                  uniform one, in nats: 0 (even) to log K (one component); NaN where no sample is
                  of high quality
    """

    modes: int
    high_quality: float
    reverse_kl: float


def mode_scores(
    points: Real[np.ndarray, "n d"], means: Real[np.ndarray, "k d"], std: float, within: float = 3.0
) -> ModeScores:
    """Mode coverage of `points` on K equal isotropic Gaussians at `means`.

    Lin et al. 2018 (PacGAN, arXiv:1712.04086), Table 1, as their code measures it on 2,500 points:
    a point belongs to its nearest component and is of high quality when strictly less than `within`
    standard deviations away. Points of the mixture itself score 1 - exp(-within^2 / 2) in two
    dimensions (98.889 %) and a reverse KL near (K - 1) / 2N, so a model exceeds these only by
    chance.

    Raises ValueError for shapes that do not fit, repeated means, and NaN or infinity.
    """
    points, means = np.asarray(points, np.float64), np.asarray(means, np.float64)
    _check(points, means, std)
    distances = scipy.spatial.distance.cdist(points, means) / std
    good = distances.min(axis=1) < within
    histogram = np.bincount(distances.argmin(axis=1)[good])
    reverse_kl = np.log(len(means)) - _entropy(histogram) if good.any() else float("nan")
    return ModeScores(int((histogram > 0).sum()), float(good.mean()), float(reverse_kl))


def _entropy(histogram: Int[np.ndarray, " k"]) -> float:
    shares = histogram[histogram > 0] / histogram.sum()
    return float(-(shares * np.log(shares)).sum())


def _check(points: Float[np.ndarray, "n d"], means: Float[np.ndarray, "k d"], std: float) -> None:
    ranks = points.ndim, means.ndim
    if ranks != (2, 2) or points.shape[1] != means.shape[1] or 0 in points.shape + means.shape:
        raise ValueError(
            f"points have shape {points.shape} and means {means.shape}; expected [N, D] and [K, D] "
            "with the same D, none of them 0: give one point per row"
        )
    distinct = len(np.unique(means, axis=0))
    if distinct < len(means):
        raise ValueError(
            f"only {distinct} of {len(means)} means are distinct; expected one per component: "
            "a ring made by linspace(0, 2 pi, K) repeats its first, give it endpoint=False"
        )
    if not np.isfinite(points).all() or not np.isfinite(means).all():
        raise ValueError(
            "points or means hold NaN or infinity; expected finite numbers: look at the generator"
        )
    if not std > 0:
        raise ValueError(f"std is {std}; expected the components' standard deviation, above 0")
