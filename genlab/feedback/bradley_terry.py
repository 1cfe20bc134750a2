"""Bradley-Terry: choices between two things, explained by a reward that is linear in features.

P(a is chosen over b) = sigmoid(r(a) - r(b)) (Bradley & Terry 1952, "Rank Analysis of Incomplete
Block Designs", Biometrika 39), r(x) = w . features(x), with w ~ N(0, I / ridge): the most probable
w is fitted. A choice is a row: the difference of two rows of features, and the share of the choice
that the first has: 1 where it was chosen, 0 where the other was, 1/2 of a tie, which counts as half
a choice of each. Nothing here knows of pictures.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats
from jaxtyping import Float, Int

RIDGES = (0.01, 0.1, 1.0, 10.0, 100.0)
FOLDS = 5
LEVEL = 0.95
Differences = Float[np.ndarray, "n d"]
Shares = Float[np.ndarray, " n"]


class HeldOut(NamedTuple):
    """How choices that a fit had not seen are foretold, ties left out.

    accuracy:  the share foretold rightly; [low, high] is its 95 % interval (Wilson 1927)
    log_loss:  -log P of what was chosen, nats a choice; log 2 = 0.693 is knowing nothing
    chance:    the accuracy of knowing nothing: of a fair coin, or of a constant where that is more
    n:         choices
    """

    accuracy: float
    low: float
    high: float
    log_loss: float
    chance: float
    n: int

    @property
    def better_than_chance(self) -> bool:
        """Whether all of the interval is above chance."""
        return self.low > self.chance


def loss(
    w: Float[np.ndarray, " d"], x: Differences, shares: Shares, ridge: float
) -> tuple[float, Float[np.ndarray, " d"]]:
    """-log P(choices, w) up to a constant, and its gradient: the sum over choices of
    share x softplus(-m) + (1 - share) x softplus(m), m = x . w, and ridge |w|^2 / 2.
    """
    m = x @ w
    each = shares * np.logaddexp(0, -m) + (1 - shares) * np.logaddexp(0, m)
    slope = scipy.special.expit(m) - shares
    return float(each.sum() + ridge * (w @ w) / 2), x.T @ slope + ridge * w


def fit(x: Differences, shares: Shares, ridge: float) -> Float[np.ndarray, " d"]:
    """The w of the least `loss`, which is convex.

    Raises ValueError for arrays that do not fit each other, shares out of [0, 1], a ridge of 0 or
    less, and for what is not finite.
    """
    x, shares = _checked(x, shares)
    if not ridge > 0:
        raise ValueError(f"ridge is {ridge}; expected a number above 0")
    start = np.zeros(x.shape[1])
    found = scipy.optimize.minimize(
        loss, start, (x, shares, ridge), "trust-exact", jac=True, hess=_curvature,
        options={"gtol": 1e-8},
    )  # fmt: skip
    return found.x


def best_ridge(
    x: Differences,
    shares: Shares,
    groups: Int[np.ndarray, " n"],
    ridges: Sequence[float] = RIDGES,
    seed: int = 0,
) -> float:
    """The ridge under which choices left out of the fit are most probable; the largest of those
    that are equal. Choices of one group, as of the same two things, are left out together.
    """
    found = {
        ridge: _log_loss(_foretold(x, shares, groups, ridge, seed), shares) for ridge in ridges
    }
    least = min(found.values())
    return max(ridge for ridge, value in found.items() if value <= least + 1e-12)


def held_out(
    x: Differences,
    shares: Shares,
    groups: Int[np.ndarray, " n"],
    constant: float = 0.5,
    ridges: Sequence[float] = RIDGES,
    seed: int = 0,
) -> HeldOut:
    """What fits to four fifths of the groups say of the fifth that is left, for each fifth; the
    ridge is chosen within the four.

    constant: the accuracy of always giving one answer, where that is an answer
    """
    x, shares = _checked(x, shares)
    margins = np.empty(len(x))
    for test in _folds(groups, seed):
        train = ~test
        ridge = best_ridge(x[train], shares[train], groups[train], ridges, seed + 1)
        margins[test] = x[test] @ fit(x[train], shares[train], ridge)
    clear = shares != 0.5
    right = ((margins > 0) == (shares > 0.5))[clear].astype(float)
    right[margins[clear] == 0] = 0.5  # it says nothing of these
    accuracy = float(right.mean()) if clear.any() else float("nan")
    low, high = wilson(float(right.sum()), int(clear.sum()))
    chance = max(0.5, constant)
    return HeldOut(accuracy, low, high, _log_loss(margins, shares), chance, int(clear.sum()))


def wilson(right: float, n: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a share of `right` in `n` (Wilson 1927, "Probable Inference", JASA 22); (0,
    1) of none.
    """
    if n == 0:
        return 0.0, 1.0
    z = float(scipy.stats.norm.ppf((1 + level) / 2))
    share = right / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return float(centre - half), float(centre + half)


def _curvature(w, x, shares, ridge: float) -> np.ndarray:
    """The second derivative of `loss`, [D, D]."""
    p = scipy.special.expit(x @ w)
    return (x * (p * (1 - p))[:, None]).T @ x + ridge * np.eye(len(w))


def _foretold(x, shares, groups, ridge: float, seed: int) -> np.ndarray:
    """The margin of each choice by a fit to the other folds."""
    margins = np.empty(len(x))
    for test in _folds(groups, seed):
        margins[test] = x[test] @ fit(x[~test], shares[~test], ridge)
    return margins


def _folds(groups: np.ndarray, seed: int) -> list[np.ndarray]:
    """Masks [N] of the choices left out, by whole groups."""
    names = np.unique(groups)
    if len(names) < 2:
        raise ValueError(f"choices of {len(names)} group; expected 2 or more, to leave some out")
    order = np.random.default_rng(seed).permutation(names)
    return [np.isin(groups, part) for part in np.array_split(order, min(FOLDS, len(names)))]


def _log_loss(margins: np.ndarray, shares: np.ndarray) -> float:
    each = shares * np.logaddexp(0, -margins) + (1 - shares) * np.logaddexp(0, margins)
    return float(each.mean())


def _checked(x: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, shares = np.asarray(x, np.float64), np.asarray(shares, np.float64)
    if x.ndim != 2 or shares.shape != x.shape[:1] or not len(x):
        raise ValueError(
            f"differences {x.shape} and shares {shares.shape}; expected [N, D] and [N], N above 0"
        )
    if not (np.isfinite(x).all() and ((shares >= 0) & (shares <= 1)).all()):
        raise ValueError("expected finite differences, and shares from 0 to 1")
    return x, shares
