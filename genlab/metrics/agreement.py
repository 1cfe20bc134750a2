"""Unsupervised disentanglement ranking: how alike the codes of models are that differ in their
seed, which chooses among settings without labels.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

INFORMATIVE = 0.01  # KL of a code in nats, above which it counts (Duan et al. 2020)


def pairwise_agreement(
    a: Float[np.ndarray, "n k"],
    b: Float[np.ndarray, "n l"],
    kl_a: Float[np.ndarray, " k"],
    kl_b: Float[np.ndarray, " l"],
) -> float:
    """UDR of two models from their codes of the same examples and the mean KL of each code, nats: 1
    where every informative code of either is one of the other's, up to order and direction (Duan et
    al. 2020, arXiv:1905.12614, with absolute rank correlations). 0 where neither model has
    an informative code.
    """
    import scipy.stats

    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b) or len(a) < 3:
        raise ValueError(
            f"codes have shape {a.shape} and {b.shape}; expected rows of the same data"
        )
    ranks = [scipy.stats.rankdata(x, axis=0) for x in (a, b)]
    r = np.abs(_correlations(*ranks))
    known_a, known_b = np.asarray(kl_a) > INFORMATIVE, np.asarray(kl_b) > INFORMATIVE
    if not known_a.any() and not known_b.any():
        return 0.0
    of_b = _dominance(r, axis=0)[known_b].sum()
    of_a = _dominance(r, axis=1)[known_a].sum()
    return float((of_a + of_b) / (known_a.sum() + known_b.sum()))


def udr(
    codes: Sequence[Float[np.ndarray, "n k"]], kls: Sequence[Float[np.ndarray, " k"]]
) -> Float[np.ndarray, " m"]:
    """UDR of each of M models with the same settings: the median of its agreement with the others
    (Duan et al. 2020, arXiv:1905.12614). Raises ValueError for fewer than two.
    """
    if len(codes) < 2 or len(codes) != len(kls):
        raise ValueError(
            f"{len(codes)} models and {len(kls)} KLs; expected two or more, of each one"
        )
    score = [
        [
            pairwise_agreement(codes[i], codes[j], kls[i], kls[j])
            for j in range(len(codes))
            if j != i
        ]
        for i in range(len(codes))
    ]
    return np.median(score, axis=1)


def _dominance(r: Float[np.ndarray, "k l"], axis: int) -> Float[np.ndarray, " m"]:
    """The square of the largest over the sum."""
    total = r.sum(axis=axis)
    return np.divide(r.max(axis=axis) ** 2, total, out=np.zeros_like(total), where=total > 0)


def _correlations(a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "k l"]:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    scale = np.outer(np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0))
    return np.divide(a.T @ b, scale, out=np.zeros_like(scale), where=scale > 1e-12)
