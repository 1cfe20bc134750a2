"""The kernel distance and the MMD beside torch-fidelity."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write


def pair(n, m, d, dtype=np.float64):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)).astype(dtype), (1.1 * rng.normal(size=(m, d)) + 0.1).astype(
        dtype
    )


def ours(subsets, size, dtype=np.float64):
    from genlab.metrics.kernel import kernel_distance

    return kernel_distance(*pair(300, 250, 32, dtype), subsets=subsets, size=size, seed=2020)


def theirs(subsets, size, dtype=np.float64):
    import torch
    from torch_fidelity.metric_kid import (
        KEY_METRIC_KID_MEAN,
        KEY_METRIC_KID_STD,
        kid_features_to_metric,
    )

    x, y = (torch.from_numpy(features) for features in pair(300, 250, 32, dtype))
    found = kid_features_to_metric(
        x, y, kid_subsets=subsets, kid_subset_size=size, rng_seed=2020, verbose=False
    )
    return [found[KEY_METRIC_KID_MEAN], found[KEY_METRIC_KID_STD]]


def discrepancy(kernel):
    from genlab.metrics import kernel as module

    return module.mmd(*pair(200, 200, 8), kernel(module))


def fidelity(**how):
    from torch_fidelity.metric_kid import kernel_mmd

    return kernel_mmd(*pair(200, 200, 8), **how)


METRIC = "kernel.kernel_distance"
CASES = [
    Case(
        "20 subsets of 100",
        METRIC,
        "torch-fidelity",
        lambda: ours(20, 100),
        lambda: theirs(20, 100),
        1e-10,
    ),
    Case(
        "one subset of 250",
        METRIC,
        "torch-fidelity",
        lambda: ours(1, 250),
        lambda: theirs(1, 250),
        1e-10,
    ),
    Case(
        "float32 features, which the reference keeps",
        METRIC,
        "torch-fidelity",
        lambda: ours(20, 100, np.float32),
        lambda: theirs(20, 100, np.float32),
        1e-5,
    ),
    Case(
        "Gaussian kernel",
        "kernel.mmd",
        "torch-fidelity",
        lambda: discrepancy(lambda module: module.gaussian(3.0)),
        lambda: fidelity(kid_kernel="rbf", kid_kernel_rbf_sigma=3.0),
        1e-10,
    ),
    Case(
        "polynomial kernel of degree 2",
        "kernel.mmd",
        "torch-fidelity",
        lambda: discrepancy(lambda module: module.polynomial(2, 0.5, 2.0)),
        lambda: fidelity(
            kid_kernel="poly",
            kid_kernel_poly_degree=2,
            kid_kernel_poly_gamma=0.5,
            kid_kernel_poly_coef0=2.0,
        ),
        1e-10,
    ),
]

if __name__ == "__main__":
    write(__file__, CASES)
