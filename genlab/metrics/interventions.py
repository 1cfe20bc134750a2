"""Disentanglement by interventions: what codes do while one factor of the data is held fixed. All
take codes and integer factors of the same examples; rows that share a factor's value are drawn from
those that are there.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

Codes = Float[np.ndarray, "n k"]
Factors = Int[np.ndarray, "n f"]
SMALLEST = (
    0.05  # standard deviation below which FactorVAE's score leaves a code out (authors' value)
)


def factor_vae_score(
    codes: Codes, factors: Factors, votes: int = 800, rows: int = 64, seed: int = 0
) -> float:
    """The accuracy of the majority vote from the code that varies least, relative to its variance,
    among `rows` that share one factor's value, to that factor: 1 / F to 1; 0 where no code moves
    (Kim & Mnih 2018, arXiv:1802.05983; `votes` of each of training and test). Codes
    whose standard deviation is below 0.05 are left out.
    """
    codes, factors = _checked(codes, factors)
    rng, spread = np.random.default_rng(seed), codes.std(axis=0, ddof=1)
    active = np.flatnonzero(spread >= SMALLEST)
    if not len(active):
        return 0.0
    count = np.zeros((2, factors.shape[1], len(active)), int)
    alike = [_partners(column) for column in factors.T]
    for side in range(2):
        for _ in range(votes):
            f = int(rng.integers(factors.shape[1]))
            chosen = alike[f](np.full(rows, rng.integers(len(factors))), rng)
            varies = codes[chosen][:, active].var(axis=0, ddof=1) / spread[active] ** 2
            count[side, f, varies.argmin()] += 1
    majority = count[0].argmax(axis=0)
    return float(count[1][majority, np.arange(len(active))].sum() / count[1].sum())


def beta_vae_score(
    codes: Codes, factors: Factors, votes: int = 800, pairs: int = 64, seed: int = 0
) -> float:
    """The accuracy of a logistic regression from the mean absolute difference of the codes of
    `pairs` that share one factor's value, to that factor (Higgins et al. 2017, ICLR;
    chance is 1 / F).
    """
    from sklearn.linear_model import LogisticRegression

    codes, factors = _checked(codes, factors)
    rng, seen = np.random.default_rng(seed), []
    alike = [_partners(column) for column in factors.T]
    scale = np.maximum(codes.std(axis=0), 1e-12)
    for _ in range(2 * votes):
        f = int(rng.integers(factors.shape[1]))
        first = rng.integers(len(codes), size=pairs)
        second = alike[f](first, rng)
        seen.append((f, np.abs(codes[first] - codes[second]).mean(axis=0) / scale))
    y, x = np.array([f for f, _ in seen]), np.stack([difference for _, difference in seen])
    if len(np.unique(y[:votes])) < 2:
        return 1.0
    machine = LogisticRegression(max_iter=1000, C=100.0).fit(x[:votes], y[:votes])
    return float(machine.score(x[votes:], y[votes:]))


def interventional_robustness(codes: Codes, factors: Factors, quantile: float = 0.99) -> float:
    """IRS, 0 to 1: 1 minus how far a code moves, as a share of its largest deviation, while the one
    factor that holds it best is fixed and the others vary; the mean over codes weighed by their
    deviations (Suter et al. 2019, arXiv:1811.00007; the `quantile` of deviations within
    a value in place of their largest, as in `disentanglement_lib`). 0 where no code moves.
    """
    codes, factors = _checked(codes, factors)
    codes = codes[:, codes.var(axis=0) > 0]
    if not codes.shape[1]:
        return 0.0
    largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    moved = np.zeros((codes.shape[1], factors.shape[1]))
    for f, column in enumerate(factors.T):
        values = np.unique(column)
        for value in values:
            rows = codes[column == value]
            away = np.abs(rows - rows.mean(axis=0))
            moved[:, f] += np.quantile(away, quantile, axis=0) / len(values)
    best = (1 - moved / largest[:, None]).max(axis=1)
    return float(np.average(best, weights=largest))


def _partners(column: Int[np.ndarray, " n"]) -> Callable:
    """(rows, rng) -> for each row another, or itself, that has its value, all equally likely."""
    _, value, count = np.unique(column, return_inverse=True, return_counts=True)
    order, first = np.argsort(value, kind="stable"), np.cumsum(count) - count

    def pick(rows: Int[np.ndarray, " r"], rng: np.random.Generator) -> Int[np.ndarray, " r"]:
        of = value[rows]
        return order[first[of] + rng.integers(0, count[of])]

    return pick


def _checked(codes: Codes, factors: Factors) -> tuple[np.ndarray, np.ndarray]:
    codes, factors = np.asarray(codes, np.float64), np.asarray(factors)
    fit = codes.ndim == factors.ndim == 2 and len(codes) == len(factors) > 1
    if not fit or not codes.shape[1] or not factors.shape[1]:
        raise ValueError(
            f"codes have shape {codes.shape} and factors {factors.shape}; expected [N, K] and "
            "[N, F]"
        )
    return codes, factors
