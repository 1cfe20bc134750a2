"""Checks of sets of features, shared by the metrics."""

import math

import numpy as np
from jaxtyping import Float, Real


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


def scaled(*sets: Real[np.ndarray, "..."], reach: float = 1e100) -> tuple[list, float]:
    """The sets divided by one power of two, and that power, where their largest number is above
    `reach` or below 1 / `reach`, so that squares neither overflow nor vanish in float64; otherwise
    the sets as they are, and 1. A distance of scaled sets times the power is that of the sets.
    """
    largest = max(abs(float(bound)) for x in sets for bound in (x.min(), x.max()))
    if largest == 0 or 1 / reach < largest < reach:
        return list(sets), 1.0
    exponent = math.frexp(largest)[1] - 1
    return [np.ldexp(x.astype(np.float64), -exponent) for x in sets], math.ldexp(1.0, exponent)


def refuse_overflow(
    values: Float[np.ndarray, "..."] | float,
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
) -> None:
    """ValueError where `values`, made of a kernel on `x` and `y`, are not finite."""
    if not np.isfinite(values).all():
        largest = max(np.abs(x).max(), np.abs(y).max())
        raise ValueError(
            f"the kernel gives NaN or infinity for features that reach {largest:.3g}; expected "
            "finite values: divide both sets by one number, or give a kernel that is finite there"
        )
