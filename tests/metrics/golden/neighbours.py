"""Nearest-neighbour scores against the `prdc` package, where no row is repeated: it counts points
strictly inside a ball, and we, as Kynkaanniemi et al. 2019, those on the surface too.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write

NAMES = ("precision", "recall", "density", "coverage")


def sets(n, m, d, dtype=np.float64):
    rng = np.random.default_rng(n)
    real, fake = rng.normal(size=(n, d)), 0.8 * rng.normal(size=(m, d)) + 0.3
    return real.astype(dtype), fake.astype(dtype)


def ours(names, *given, k):
    from genlab.metrics.neighbours import density_coverage, precision_recall

    real, fake = sets(*given)
    found = (*precision_recall(real, fake, k), *density_coverage(real, fake, k))
    return [dict(zip(NAMES, found, strict=True))[name] for name in names]


def theirs(names, *given, k):
    from prdc import compute_prdc

    real, fake = sets(*given)
    found = compute_prdc(real.astype(np.float64), fake.astype(np.float64), nearest_k=k)
    return [found[name] for name in names]


def cases(what, metric, names):
    for told, given, k in (
        ("", (400, 300, 8), 3),
        (", wide", (100, 150, 200), 5),
        (", float32", (300, 200, 16, np.float32), 5),
    ):
        yield Case(
            f"{what}, k = {k}{told}", metric, "prdc",
            lambda given=given, k=k: ours(names, *given, k=k),
            lambda given=given, k=k: theirs(names, *given, k=k), 1e-12,
        )  # fmt: skip


CASES = [
    *cases("precision and recall", "neighbours.precision_recall", NAMES[:2]),
    *cases("density and coverage", "neighbours.density_coverage", NAMES[2:]),
]

if __name__ == "__main__":
    write(__file__, CASES)
