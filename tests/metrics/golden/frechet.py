"""The Frechet distance beside torch-fidelity and pytorch-fid."""

import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write


def pair(n, m, d):
    """Features that are correlated, above 0 and of unlike scales, as a network's are."""
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(d, d)) / np.sqrt(d)
    x, y = rng.normal(size=(n, d)) @ mix, 1.2 * rng.normal(size=(m, d)) @ mix + 0.1
    return np.maximum(x, 0), np.maximum(y, 0)


def classes():
    x, y = pair(300, 240, 12)
    return x, np.arange(300) % 3, y, np.arange(240) % 3


def statistics(x):
    return {"mu": x.mean(axis=0), "sigma": np.cov(x, rowvar=False)}


def fidelity(x, y):
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    return fid_statistics_to_metric(statistics(x), statistics(y), False)[KEY_METRIC_FID]


def pytorch_fid(x, y):
    from pytorch_fid.fid_score import calculate_frechet_distance

    a, b = statistics(x), statistics(y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return calculate_frechet_distance(a["mu"], a["sigma"], b["mu"], b["sigma"])


def ours(n, m, d):
    from genlab.metrics.frechet import frechet_distance

    return frechet_distance(*pair(n, m, d))


def by_class():
    from genlab.metrics.frechet import class_frechet

    mean, each = class_frechet(*classes())
    return [mean, *each]


def by_class_theirs():
    x, i, y, j = classes()
    each = [fidelity(x[i == k], y[j == k]) for k in range(3)]
    return [np.mean(each), *each]


def infinity():
    from genlab.metrics.frechet import fd_infinity

    found = fd_infinity(*pair(900, 800, 16), smallest=200, points=7, seed=3)
    return [found.value, found.slope]


def infinity_theirs():
    from sklearn.linear_model import LinearRegression

    x, y = pair(900, 800, 16)
    rng, counts = np.random.default_rng(3), np.linspace(200, 800, 7).astype(int)
    distances = [fidelity(x, y[rng.choice(800, n, replace=False)]) for n in counts]
    line = LinearRegression().fit(1 / counts[:, None], distances)
    return [line.intercept_, line.coef_[0]]


METRIC = "frechet.frechet_distance"
CASES = [
    Case(
        "more rows than columns",
        METRIC,
        "torch-fidelity",
        lambda: ours(400, 300, 64),
        lambda: fidelity(*pair(400, 300, 64)),
        1e-8,
    ),
    Case(
        "fewer rows than columns",
        METRIC,
        "torch-fidelity",
        lambda: ours(60, 50, 128),
        lambda: fidelity(*pair(60, 50, 128)),
        1e-7,
    ),
    Case(
        "by the matrix square root",
        METRIC,
        "pytorch-fid",
        lambda: ours(400, 300, 64),
        lambda: pytorch_fid(*pair(400, 300, 64)),
        1e-8,
    ),
    Case(
        "within classes", "frechet.class_frechet", "torch-fidelity", by_class, by_class_theirs, 1e-8
    ),
    Case(
        "extrapolated, and the slope",
        "frechet.fd_infinity",
        "scikit-learn",
        infinity,
        infinity_theirs,
        1e-8,
    ),
]

if __name__ == "__main__":
    write(__file__, CASES)
