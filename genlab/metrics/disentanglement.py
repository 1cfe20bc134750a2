"""Disentanglement: whether each factor of the data is in one code alone."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real


class Gap(NamedTuple):
    """The mutual information gap.

    mig:         mean over the factors, 0 to 1
    each:        of each factor, [F]; NaN for one that is constant
    information: of codes and factors, nats, [K, F]
    """

    mig: float
    each: Float[np.ndarray, " f"]
    information: Float[np.ndarray, "k f"]


def mutual_information_gap(codes: Int[np.ndarray, "n k"], factors: Int[np.ndarray, "n f"]) -> Gap:
    """(I(first) - I(second)) / H(factor), of the two codes that say most of a factor.

    Chen et al. 2018 (arXiv:1802.04942), Section 4.1. Both are integers: `binned` makes them of
    numbers. Estimated by counts, as in `disentanglement_lib` (mig.py): the information is too high
    where there are few rows to a pair of bins. Raises ValueError for fewer than 2 codes, and shapes
    that do not fit.
    """
    codes, factors = np.asarray(codes), np.asarray(factors)
    fit = codes.ndim == factors.ndim == 2 and len(codes) == len(factors) > 0
    if not fit or codes.shape[1] < 2 or not factors.shape[1]:
        raise ValueError(
            f"codes have shape {codes.shape} and factors {factors.shape}; expected [N, K] and "
            "[N, F] with at least 2 codes: with one there is no second to compare"
        )
    information = np.array([[_information(c, f) for f in factors.T] for c in codes.T])
    entropy = np.array([_information(f, f) for f in factors.T])
    ranked = np.sort(information, axis=0)
    known = entropy > 1e-12
    each = np.full(len(entropy), np.nan)
    each[known] = ((ranked[-1] - ranked[-2])[known]) / entropy[known]
    return Gap(float(each[known].mean()) if known.any() else float("nan"), each, information)


def modularity(information: Float[np.ndarray, "k f"]) -> float:
    """How much of what each code says is of one factor, 0 to 1: 1 minus the sum of the squares of
    its other informations over F - 1 times the largest square, the mean over codes; a code that
    says nothing counts 0, as in `disentanglement_lib`.

    Ridgeway & Mozer 2018 (arXiv:1802.05312), Section 3. `information` is that of
    `mutual_information_gap`. Raises ValueError for fewer than 2 factors.
    """
    squares = np.square(np.asarray(information, np.float64))
    if squares.ndim != 2 or squares.shape[1] < 2:
        raise ValueError(
            f"information has shape {squares.shape}; expected [K, F], 2 factors or more"
        )
    largest = squares.max(axis=1)
    others = (squares.sum(axis=1) - largest) / (squares.shape[1] - 1)
    each = 1 - np.divide(others, largest, out=np.ones_like(largest), where=largest > 0)
    return float(each.mean())


def binned(values: Real[np.ndarray, " n"], bins: int = 20) -> Int[np.ndarray, " n"]:
    """Numbers as integers: which of `bins` of equal width between their least and greatest, as in
    `disentanglement_lib`: one that lies far out makes the bins of the others coarse.
    """
    values = np.asarray(values, np.float64)
    edges = np.linspace(values.min(), values.max(), bins + 1)
    return np.clip(np.digitize(values, edges[:-1]) - 1, 0, bins - 1)


def _information(a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"]) -> float:
    """I(a; b) in nats, of their joint histogram."""
    (_, i), (_, j) = (np.unique(x, return_inverse=True) for x in (a, b))
    joint = np.zeros((i.max() + 1, j.max() + 1))
    np.add.at(joint, (i, j), 1 / len(i))
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / apart[seen])).sum())
