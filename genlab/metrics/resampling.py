"""Bootstrap intervals: the uncertainty of one run's score that comes from its finite sample."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Real


def bootstrap(
    statistic: Callable[[Real[np.ndarray, " n *shape"]], float],
    x: Real[np.ndarray, " n *shape"],
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """The percentile interval of `statistic` over the rows of `x`, (low, high).

    Efron & Tibshirani 1993, "An Introduction to the Bootstrap", Section 13.3: the middle `level` of
    the statistic's values on `resamples` draws of N rows with replacement. It shows how much
    the score would vary with other examples of the same model, not with another training seed, and
    it removes no bias: the Frechet distance of a resample, which repeats rows, is above that of the
    sample itself, so its interval may not contain it. Use it for means of per-example scores.
    Raises ValueError for fewer than 2 rows, fewer than 2 resamples, a level outside 0 to 1, and NaN
    or infinity in the statistic.
    """
    x = np.asarray(x)
    if x.ndim < 1 or len(x) < 2 or resamples < 2 or not 0 < level < 1:
        raise ValueError(
            f"{resamples} resamples of an array {x.shape} at level {level} were asked for; "
            "expected at least 2 rows, 2 resamples and a level between 0 and 1"
        )
    rng = np.random.default_rng(seed)
    found = np.array([statistic(x[rng.integers(0, len(x), len(x))]) for _ in range(resamples)])
    if not np.isfinite(found).all():
        raise ValueError(
            f"the statistic is not finite on {int((~np.isfinite(found)).sum())} of {resamples} "
            "resamples; expected numbers: leave rows that are not finite out, and say so"
        )
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
