"""Vendi scores against the authors' package, whose `score_X` knows no order but 1."""

import sys
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write


def features(n, d):
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, d)) * np.linspace(1, 3, d) + 0.5


def kernel(n, d):
    x = features(n, d)
    apart = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    return np.exp(-apart / (4 * d))


def ours_kernel(order):
    from genlab.metrics.vendi import vendi_from_kernel

    return vendi_from_kernel(kernel(60, 5), order)


def theirs_kernel(order):
    from vendi_score import vendi

    return vendi.score_K(kernel(60, 5), q="inf" if np.isinf(order) else order)


def ours_features(n, d, order):
    from genlab.metrics.vendi import vendi_from_features

    return vendi_from_features(features(n, d), order)


def theirs_features(n, d):
    from vendi_score import vendi

    return vendi.score_X(features(n, d))


def theirs_dual(n, d, order):
    from vendi_score import vendi

    return vendi.score_dual(features(n, d), q=order)


CASES = [
    *(
        Case(
            f"of a kernel, order {order}", "vendi.vendi_from_kernel", "vendi-score",
            partial(ours_kernel, order), partial(theirs_kernel, order), 1e-10,
        )
        for order in (0.5, 1, 2, np.inf)
    ),
    Case(
        "of features, N < D", "vendi.vendi_from_features", "vendi-score",
        partial(ours_features, 50, 80, 1), partial(theirs_features, 50, 80), 1e-10,
    ),
    Case(
        "of features, N > D, from the kernel", "vendi.vendi_from_features", "vendi-score",
        partial(ours_features, 90, 20, 1), partial(theirs_features, 90, 20), 1e-10,
    ),
    *(
        Case(
            f"of features, dual, order {order}", "vendi.vendi_from_features", "vendi-score",
            partial(ours_features, 90, 20, order), partial(theirs_dual, 90, 20, order), 1e-10,
        )
        for order in (0.5, 1, 2)
    ),
]  # fmt: skip

if __name__ == "__main__":
    write(__file__, CASES)
