"""The two-sample tests beside scikit-learn and hyppo."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write


def pair(n, shift, d=6):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)) + shift


def neighbours():
    from genlab.metrics.two_sample import nearest_neighbour_test

    return nearest_neighbour_test(*pair(200, 0.4))[:3]


def neighbours_theirs():
    from sklearn.model_selection import LeaveOneOut, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    both, label = np.concatenate(pair(200, 0.4)), np.arange(400) < 200
    told = cross_val_predict(KNeighborsClassifier(1), both, label, cv=LeaveOneOut())
    right = told == label
    return [right.mean(), right[:200].mean(), right[200:].mean()]


def p_value():
    from genlab.metrics.kernel import gaussian
    from genlab.metrics.two_sample import mmd_test

    return mmd_test(*pair(40, 0.2), gaussian(2.0), permutations=5000).p_value


def p_value_theirs():
    from hyppo.ksample import MMD

    test = MMD(compute_kernel="gaussian", gamma=1 / 8)
    return test.test(*pair(40, 0.2), reps=5000, auto=False, random_state=0)[1]


CASES = [
    Case(
        "accuracy, on real, on fake",
        "two_sample.nearest_neighbour_test",
        "scikit-learn",
        neighbours,
        neighbours_theirs,
        1e-12,
    ),
    # Both p-values are shares of 5,000 random permutations, each its own, so they differ by chance.
    Case("p-value, Gaussian kernel", "two_sample.mmd_test", "hyppo", p_value, p_value_theirs, 0.1),
]

if __name__ == "__main__":
    write(__file__, CASES)
