"""The Inception score: how confident a classifier is of each sample, and how varied its labels."""

from itertools import pairwise

import numpy as np
import scipy
from jaxtyping import Float, Real


def inception_score(
    logits: Real[np.ndarray, "n k"], splits: int = 10, seed: int = 0
) -> tuple[float, float]:
    """Mean and (population) standard deviation, over `splits`, of exp E_x KL(p(y | x) || p(y)).

    Salimans et al. 2016 (arXiv:1606.03498), Section 4, in float64, from the classifier's `logits`:
    1 where all samples get the same prediction; at most K, for certain predictions spread
    evenly over the classes. Published scores use the 1008 logits of the 2015 Inception graph
    without their bias, 50,000 samples and 10 splits. Rows are shuffled by
    `numpy.random.RandomState(seed).permutation` and cut into equal runs, as in torch-fidelity, so
    `seed=2020` repeats its default number. The score is biased by the size of a split: compare
    equal counts and splits only.

    Raises ValueError for another rank, NaN or infinity, and fewer rows than splits.
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2 or 0 in logits.shape or not 1 <= splits <= len(logits):
        raise ValueError(
            f"logits have shape {logits.shape}, for {splits} splits; expected [N, K] with at least "
            "one row to a split: give more samples or fewer splits, and report both"
        )
    if not np.isfinite(logits).all():
        raise ValueError(
            "logits hold NaN or infinity; expected finite numbers before the softmax: "
            "look at the samples and the classifier"
        )
    order = np.random.RandomState(seed).permutation(len(logits))
    log_p = scipy.special.log_softmax(logits[order], axis=1)
    edges = np.arange(splits + 1) * len(logits) // splits
    scores = [_score(log_p[a:b]) for a, b in pairwise(edges)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(log_p: Float[np.ndarray, "n k"]) -> float:
    """exp of the mean divergence of rows of log probabilities from their mixture."""
    p = np.exp(log_p)
    marginal = p.mean(axis=0)
    # A class with p = 0 in every row contributes p log p = 0, not NaN.
    log_marginal = np.log(marginal, where=marginal > 0, out=np.zeros_like(marginal))
    return float(np.exp((p * (log_p - log_marginal)).sum(axis=1).mean()))
