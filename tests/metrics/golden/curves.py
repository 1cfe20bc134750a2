"""Precision-recall curves against the authors' code.

It is one file, no distribution: put `prd_score.py` of msmsajjadi/precision-recall-distributions at
commit df840ad on the path, with metadata that name it precision-recall-distributions 0+df840ad.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write

PACKAGE = "precision-recall-distributions"


def histograms(seed, bins=20):
    p, q = np.random.default_rng(seed).dirichlet(np.full(bins, 0.5), size=2)
    return p, q * (np.arange(bins) > 2) / q[3:].sum()


def blobs():
    """Six far clusters, which k-means finds whatever it rounds; the samples miss two."""
    rng = np.random.default_rng(0)
    means = 50 * rng.normal(size=(6, 5))
    real, fake = rng.integers(6, size=300), rng.integers(4, size=300)
    return means[real] + rng.normal(size=(300, 5)), means[fake] + rng.normal(size=(300, 5))


def ours_curve(seed):
    from genlab.metrics.curves import prd_from_histograms

    return np.stack(prd_from_histograms(*histograms(seed), angles=101))


def theirs_curve(seed):
    from prd_score import compute_prd

    p, q = histograms(seed)
    return np.stack(compute_prd(q, p, num_angles=101))


def ours_f(seed):
    from genlab.metrics.curves import f_beta, prd_from_histograms

    return f_beta(prd_from_histograms(*histograms(seed)))


def theirs_f(seed):
    from prd_score import compute_prd, prd_to_max_f_beta_pair

    p, q = histograms(seed)
    return prd_to_max_f_beta_pair(*compute_prd(q, p))


def ours_features():
    from genlab.metrics.curves import f_beta, prd

    return f_beta(prd(*blobs(), clusters=6, runs=2))


def theirs_features():
    from prd_score import compute_prd_from_embedding, prd_to_max_f_beta_pair

    real, fake = blobs()
    found = compute_prd_from_embedding(fake, real, num_clusters=6, num_runs=2)
    return prd_to_max_f_beta_pair(*found)


CASES = [
    Case(
        "curve of histograms", "curves.prd_from_histograms", PACKAGE,
        lambda: ours_curve(0), lambda: theirs_curve(0), 1e-12,
    ),
    Case("F_8 and F_1/8", "curves.f_beta", PACKAGE, lambda: ours_f(1), lambda: theirs_f(1), 1e-12),
    Case(
        "F_8 and F_1/8 of features", "curves.prd", PACKAGE, ours_features, theirs_features, 1e-12,
    ),
]  # fmt: skip

if __name__ == "__main__":
    write(__file__, CASES)
