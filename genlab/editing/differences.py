"""Differences of a factor's values, and how large they are between unrelated examples.

A factor is a label, integers [N] with `period` None, or a number, [N] with `period` 0, or the
length after which it repeats itself (a hue, an angle).
"""

import numpy as np
from jaxtyping import Real

Values = Real[np.ndarray, " n"]
PAIRS_OF = 2000  # rows at most whose pairs give a spread


def difference(a: Values, b: Values, period: float | None = 0.0) -> Values:
    """`a` - `b`; the short way round for a number with a period; 1 for labels that differ, else
    0.
    """
    a, b = np.asarray(a), np.asarray(b)
    if period is None:
        return (a != b).astype(np.float64)
    off = a.astype(np.float64) - b
    return off - period * np.round(off / period) if period else off


def spread(values: Values, period: float | None = 0.0) -> float:
    """The mean absolute difference of two random rows (Gini's), or the chance that their labels
    differ: what `difference` is expected to be where a factor is drawn anew.

    Of more than PAIRS_OF rows, of so many drawn without replacement, the same ones each time.
    Raises ValueError for fewer than two rows.
    """
    values = np.asarray(values)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"values have shape {values.shape}; expected [N] with at least 2 rows")
    if len(values) > PAIRS_OF:
        values = np.random.default_rng(0).permutation(values)[:PAIRS_OF]
    n = len(values)
    return float(np.abs(difference(values[:, None], values[None], period)).sum() / (n * (n - 1)))
