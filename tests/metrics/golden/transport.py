"""Wasserstein distances beside POT."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write


def pair(n, m, d=5):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), 1.3 * rng.normal(size=(m, d)) + 0.2


def lines():
    drawn = np.random.default_rng(1).normal(size=(5, 40))
    return drawn / np.linalg.norm(drawn, axis=0)


def exact(n, m, p):
    from genlab.metrics.transport import wasserstein

    return wasserstein(*pair(n, m), p)


def exact_pot(n, m, p):
    import ot

    x, y = pair(n, m)
    cost = ot.dist(x, y, metric="euclidean") ** p
    return ot.emd2([], [], cost) ** (1 / p)


def sliced(n, m, p):
    from genlab.metrics.transport import sliced_wasserstein

    return sliced_wasserstein(*pair(n, m), lines(), p)


def sliced_pot(n, m, p):
    import ot

    return ot.sliced_wasserstein_distance(*pair(n, m), projections=lines(), p=p)


CASES = [
    *(
        Case(
            f"W{p} of {n} and {m} points",
            "transport.wasserstein",
            "POT",
            lambda n=n, m=m, p=p: exact(n, m, p),
            lambda n=n, m=m, p=p: exact_pot(n, m, p),
            1e-10,
        )
        for n, m, p in ((120, 120, 1), (120, 120, 2), (40, 55, 1), (40, 55, 2))
    ),
    *(
        Case(
            f"sliced W{p} of {n} and {m} points",
            "transport.sliced_wasserstein",
            "POT",
            lambda n=n, m=m, p=p: sliced(n, m, p),
            lambda n=n, m=m, p=p: sliced_pot(n, m, p),
            1e-12,
        )
        for n, m, p in ((300, 300, 1), (300, 300, 2), (300, 210, 1), (300, 210, 2))
    ),
]

if __name__ == "__main__":
    write(__file__, CASES)
