"""The Inception score beside torch-fidelity."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write


def logits(n, k, dtype=np.float64):
    return (3 * np.random.default_rng(0).normal(size=(n, k))).astype(dtype)


def ours(n, k, splits, dtype=np.float64):
    from genlab.metrics.class_scores import inception_score

    return inception_score(logits(n, k, dtype), splits, seed=2020)


def theirs(n, k, splits, dtype=np.float64):
    import torch
    from torch_fidelity.metric_isc import (
        KEY_METRIC_ISC_MEAN,
        KEY_METRIC_ISC_STD,
        isc_features_to_metric,
    )

    found = isc_features_to_metric(torch.from_numpy(logits(n, k, dtype)), splits, True, 2020)
    return [found[KEY_METRIC_ISC_MEAN], found[KEY_METRIC_ISC_STD]]


METRIC = "class_scores.inception_score"
CASES = [
    Case(
        "10 splits of 1,003 rows of 1,008 classes",
        METRIC,
        "torch-fidelity",
        lambda: ours(1003, 1008, 10),
        lambda: theirs(1003, 1008, 10),
        1e-10,
    ),
    Case(
        "float32 logits, 3 splits",
        METRIC,
        "torch-fidelity",
        lambda: ours(200, 10, 3, np.float32),
        lambda: theirs(200, 10, 3, np.float32),
        1e-10,
    ),
]

if __name__ == "__main__":
    write(__file__, CASES)
