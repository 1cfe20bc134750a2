"""Control: whether samples have the factors they were asked for, and only those changed.

A factor is a label, integers [N] with `period` None, or a number, [N] with `period` 0, or the
length after which it repeats itself (a hue, an angle). Differences of the last are the short way
round, so no score depends on where its seam is.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Real

from genlab.editing.differences import difference, spread

__all__ = [
    "Calibration", "Coverage", "Curve", "accuracy", "calibration", "coverage_of", "curve",
    "difference", "leakage", "pairwise_distance", "r2", "spread",
]  # fmt: skip
Values = Real[np.ndarray, " n"]
NEAR = 0.03  # of the range: a value farther than this from all those trained on is new


class Calibration(NamedTuple):
    """How what was measured follows what was asked: least squares of measured on asked, perfect at
    slope 1 and intercept 0, and the mean absolute error, in the number's unit. Of a number with a
    period there is no line: slope is NaN, and intercept the mean direction of the difference.
    """

    slope: float
    intercept: float
    error: float


class Curve(NamedTuple):
    """Of each bin of what was asked: its counts, the mean asked, the mean measured, and the 10th
    and 90th percentile of what was measured, [bins]. Of a number with a period what was measured
    lies within half a period of what was asked, and so may leave the range.
    """

    counts: np.ndarray
    asked: np.ndarray
    measured: np.ndarray
    low: np.ndarray
    high: np.ndarray


def accuracy(asked: Values, measured: Values) -> float:
    """The share of labels that are those asked for.

    With the classifier trained on real images it is the GAN-test of Shmelkov et al. 2018
    (arXiv:1807.09499). Raises ValueError for sets that are empty or of unlike shape.
    """
    asked, measured = _pair(asked, measured)
    return float((asked == measured).mean())


def r2(asked: Values, measured: Values, period: float = 0.0) -> float:
    """1 - sum |measured - asked|^2 / sum |asked - mean|^2: 1 is perfect, 0 what always giving the
    mean gets, -1 what measured values get that are shuffled, and less what is worse.

    Of a number with a period both sums are of its points on the unit circle, where |u - v|^2 =
    2 (1 - cos of the difference of phases): the circular variance 1 - |mean|^2 of Mardia & Jupp
    2000, "Directional Statistics", stands for the variance. NaN where all that was asked is equal.
    Raises ValueError as `accuracy` does, and for NaN or infinity.
    """
    asked, measured = _finite(*_pair(asked, measured))
    if period:
        asked, measured = (np.exp(2j * np.pi * x / period) for x in (asked, measured))
    total = (np.abs(asked - asked.mean()) ** 2).sum()
    left = (np.abs(measured - asked) ** 2).sum()
    return float(1 - left / total) if total > 1e-12 * len(asked) * _scale(asked) else float("nan")


def calibration(asked: Values, measured: Values, period: float = 0.0) -> Calibration:
    """Slope, intercept and mean absolute error, of a number with a period that of the short way
    round. NaN for slope and intercept where all that was asked is equal. Raises ValueError as `r2`
    does.
    """
    asked, measured = _finite(*_pair(asked, measured))
    off = difference(measured, asked, period)
    error = float(np.abs(off).mean())
    if period:
        mean = np.exp(2j * np.pi * off / period).mean()
        return Calibration(float("nan"), float(np.angle(mean) * period / (2 * np.pi)), error)
    centred = asked - asked.mean()
    total = (centred**2).sum()
    if not total > 1e-12 * len(asked) * _scale(asked):
        return Calibration(float("nan"), float("nan"), error)
    slope = float(1 + (centred * off).sum() / total)
    return Calibration(slope, float((asked + off).mean() - slope * asked.mean()), error)


def curve(asked: Values, measured: Values, period: float = 0.0, bins: int = 20) -> Curve:
    """Measured against asked in `bins` of equal width, those that nothing was asked in left out.
    Raises ValueError as `r2` does, and for fewer than one bin.
    """
    asked, measured = _finite(*_pair(asked, measured))
    if bins < 1:
        raise ValueError(f"bins is {bins}; expected at least 1")
    near = asked + difference(measured, asked, period)
    edges = np.linspace(asked.min(), asked.max(), bins + 1)
    of = np.clip(np.digitize(asked, edges) - 1, 0, bins - 1)
    rows = [of == b for b in range(bins) if (of == b).any()]
    found = [
        (r.sum(), asked[r].mean(), near[r].mean(), *np.quantile(near[r], (0.1, 0.9))) for r in rows
    ]
    return Curve(*np.array(found).T)


def leakage(
    before: Values, after: Values, spread: float, period: float | None = 0.0
) -> Float[np.ndarray, " n"]:
    """Of each pair of samples, of which another factor was changed, the change of this one, over
    its `spread` in the data: 0 where it stays as it is, 1 on average where it is drawn anew.

    The attribute dependency of Wu et al. 2020 (StyleSpace, arXiv:2011.12799) is likewise a change
    over a spread, of a classifier's logits. NaN for a factor that is constant in the data.
    """
    before, after = _pair(before, after)
    change = np.abs(difference(after, before, period))
    return change / spread if spread > 0 else np.full(len(change), np.nan)


def pairwise_distance(features: Real[np.ndarray, "c m d"]) -> Float[np.ndarray, " c"]:
    """The mean distance of two of `m` samples of one condition, for each of `c` conditions.

    As the LPIPS diversity of Choi et al. 2020 (StarGAN v2, arXiv:1912.01865), who take 10 samples,
    45 pairs, of each, with distances of features: 0 where a condition always gives one picture.
    Noise raises it: read it with a score of fidelity. Raises ValueError for fewer than 2 samples.
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 3 or features.shape[1] < 2 or 0 in features.shape:
        raise ValueError(
            f"features have shape {features.shape}; expected [C, M, D] with at least 2 samples of "
            "each condition"
        )
    a, b = np.triu_indices(features.shape[1], 1)
    return np.stack([np.linalg.norm(one[a] - one[b], axis=1).mean() for one in features])


class Coverage(NamedTuple):
    """Which of the values asked for are like those trained on: `inside`; in a `gap` between them
    (interpolation), `beyond` the least and the greatest of them (extrapolation), bool [N].
    """

    inside: Bool[np.ndarray, " n"]
    gap: Bool[np.ndarray, " n"]
    beyond: Bool[np.ndarray, " n"]


def coverage_of(
    asked: Values, trained: Values, period: float = 0.0, near: float = NEAR
) -> Coverage:
    """Asked values by their distance to the nearest trained on: inside up to `near` of their range
    (of the period). A number with a period has no beyond. Raises ValueError for empty sets.
    """
    asked, trained = np.asarray(asked, np.float64), np.asarray(trained, np.float64)
    if asked.ndim != 1 or trained.ndim != 1 or not len(asked) or not len(trained):
        raise ValueError(f"shapes {asked.shape} and {trained.shape}; expected [N] and [M], above 0")
    values = np.unique(trained % period if period else trained)
    if period:
        values = np.concatenate([values - period, values, values + period])
        asked = asked % period
    low, high = values[0], values[-1]
    at = np.clip(np.searchsorted(values, asked), 1, max(len(values) - 1, 1))
    nearest = np.minimum(np.abs(asked - values[at - 1]), np.abs(asked - values[at % len(values)]))
    inside = nearest <= near * (period or high - low)
    outside = ~inside & ((asked < low) | (asked > high))
    return Coverage(inside, ~inside & ~outside, outside)


def _pair(a: Values, b: Values) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise ValueError(
            f"values have shapes {a.shape} and {b.shape}; expected [N] twice, above 0: one factor "
            "at a time, a row for each sample"
        )
    return a, b


def _finite(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = a.astype(np.float64), b.astype(np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("values hold NaN or infinity; expected finite numbers: look at the reader")
    return a, b


def _scale(x: np.ndarray) -> float:
    """Of the squares, below which a variance is rounding."""
    return float(max((np.abs(x) ** 2).max(), 1e-300))
