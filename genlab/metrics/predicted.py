"""Disentanglement by prediction: which codes a predictor of each factor uses (DCI), and how much
better the best code predicts a factor than the next (SAP).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Real


class DCI(NamedTuple):
    """disentanglement:  whether each code is important for one factor alone, 0 to 1
    completeness:     whether each factor is in one code alone, 0 to 1
    informativeness:  share of the held-out rows whose factor is predicted right, mean over factors;
                      of numbers, R^2, not below 0
    importance:       of codes for factors, [K, F], each factor's adding up to 1
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importance: Float[np.ndarray, "k f"]


def dci(
    codes: Real[np.ndarray, "n k"],
    factors: Real[np.ndarray, "n f"],
    discrete: Bool[np.ndarray, " f"],
    trees: int = 50,
    seed: int = 0,
) -> DCI:
    """Disentanglement, completeness, informativeness of Eastwood & Williams 2018 (ICLR), by random
    forests of `trees`, one of their two predictors (`disentanglement_lib` boosts trees: its values
    are not comparable). The first half of the rows, shuffled, trains, the other is predicted.

    Raises ValueError for shapes that do not fit.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    codes, factors, discrete = _checked(codes, factors, discrete)
    order = np.random.default_rng(seed).permutation(len(codes))
    train, test = order[: len(order) // 2], order[len(order) // 2 :]
    importance, right = np.zeros((codes.shape[1], factors.shape[1])), []
    for f, is_class in enumerate(discrete):
        kind = RandomForestClassifier if is_class else RandomForestRegressor
        forest = kind(trees, random_state=seed, min_samples_leaf=3, max_features=None)
        with _few_rows():
            forest.fit(codes[train], factors[train, f])
        importance[:, f] = np.asarray(forest.feature_importances_)
        right.append(max(0.0, float(forest.score(codes[test], factors[test, f]))))
    return dci_of(importance)._replace(informativeness=float(np.mean(right)))


def dci_of(importance: Float[np.ndarray, "k f"]) -> DCI:
    """The two entropies of an importance matrix, not negative (Eastwood & Williams 2018): 1 minus
    the entropy of each code's row, in units of log F, weighed by the row's sum; 1 minus that of
    each factor's column, in units of log K, weighed by the column's. All of zero: 0.
    """
    importance = np.abs(np.asarray(importance, np.float64))
    if importance.ndim != 2 or not importance.size:
        raise ValueError(f"importance has shape {importance.shape}; expected [K, F]")
    nothing = float("nan")  # the importances alone predict nothing
    return DCI(_concentrated(importance), _concentrated(importance.T), nothing, importance)


def sap(
    codes: Real[np.ndarray, "n k"],
    factors: Real[np.ndarray, "n f"],
    discrete: Bool[np.ndarray, " f"],
    seed: int = 0,
) -> float:
    """The separated attribute predictability: for each factor the score of the best code minus that
    of the next, the mean over factors, 0 to 1 (Kumar et al. 2018, arXiv:1711.00848). The
    score of a number is the squared correlation; of a class the held-out accuracy, balanced over
    classes, of a linear support vector machine with C = 0.01 on the code, as in their code.

    Raises ValueError for fewer than 2 codes and shapes that do not fit.
    """
    codes, factors, discrete = _checked(codes, factors, discrete)
    if codes.shape[1] < 2:
        raise ValueError("SAP compares codes: expected 2 or more")
    scores = np.zeros((codes.shape[1], factors.shape[1]))
    for f, is_class in enumerate(discrete):
        for k in range(codes.shape[1]):
            of = _accuracy if is_class else _correlation
            scores[k, f] = of(codes[:, k], factors[:, f], seed)
    ranked = np.sort(scores, axis=0)
    return float((ranked[-1] - ranked[-2]).mean())


def _correlation(code: np.ndarray, factor: np.ndarray, seed: int) -> float:
    if code.std() < 1e-12 or factor.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(code, factor)[0, 1] ** 2)


def _accuracy(code: np.ndarray, factor: np.ndarray, seed: int) -> float:
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.svm import LinearSVC

    order = np.random.default_rng(seed).permutation(len(code))
    train, test = order[: len(order) // 2], order[len(order) // 2 :]
    if len(np.unique(factor[train])) < 2:
        return 0.0
    x = ((code - code.mean()) / max(code.std(), 1e-12))[:, None]
    machine = LinearSVC(C=0.01, class_weight="balanced", random_state=seed)
    with _few_rows():
        machine.fit(x[train], factor[train])
        return float(balanced_accuracy_score(factor[test], machine.predict(x[test])))


@contextmanager
def _few_rows() -> Iterator[None]:
    """Without what scikit-learn says where there are few rows of a class: that classes may be
    numbers (columns say which they are), and that one is predicted which no held-out row has (it is
    wrong then, and counted so).
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
        yield


def _concentrated(rows: Float[np.ndarray, "r c"]) -> float:
    """1 minus the entropy of each row in units of log c, weighed by the rows' sums."""
    sums, columns = rows.sum(axis=1), rows.shape[1]
    if not sums.sum() > 0:
        return 0.0
    share = np.divide(rows, sums[:, None], out=np.zeros_like(rows), where=sums[:, None] > 0)
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    entropy = -(share * logs).sum(axis=1) / (np.log(columns) if columns > 1 else 1.0)
    return float(((1 - entropy) * sums).sum() / sums.sum())


def _checked(codes, factors, discrete) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    codes, factors, discrete = (
        np.asarray(codes, np.float64),
        np.asarray(factors),
        np.asarray(discrete),
    )
    fit = codes.ndim == factors.ndim == 2 and len(codes) == len(factors) > 3
    if not fit or discrete.shape != factors.shape[1:] or not codes.shape[1]:
        raise ValueError(
            f"codes have shape {codes.shape}, factors {factors.shape} and discrete "
            f"{discrete.shape}; expected [N, K], [N, F] and [F]"
        )
    return codes, factors, discrete
