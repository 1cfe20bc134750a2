"""Checks of sets of features, shared by the metrics."""

import numpy as np
from jaxtyping import Real


def pair(
    x: Real[np.ndarray, "n d"], y: Real[np.ndarray, "m d"], least: int = 1
) -> tuple[Real[np.ndarray, "n d"], Real[np.ndarray, "m d"]]:
    """Two sets of features as arrays, in the precision they have.

    Raises ValueError for another rank, unequal or zero width, fewer than `least` rows in either,
    NaN or infinity.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or 0 in x.shape + y.shape:
        raise ValueError(
            f"features have shapes {x.shape} and {y.shape}; expected [N, D] and [M, D] with one D, "
            "none of them 0: flatten images to rows, or use one network for both"
        )
    if min(len(x), len(y)) < least:
        raise ValueError(
            f"the sets have {len(x)} and {len(y)} rows; expected at least {least} in each: "
            "give more samples"
        )
    if not np.isfinite(x).all() or not np.isfinite(y).all():
        raise ValueError(
            "features hold NaN or infinity; expected finite numbers: look at the samples and the "
            "feature network that made them"
        )
    return x, y
