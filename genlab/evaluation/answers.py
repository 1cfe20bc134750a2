"""What was asked of samples beside what a reader says is in them, as numbers by factor."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from genlab.data.columns import Label
from genlab.editing.factors import Factor
from genlab.evaluation.parts import Ranged
from genlab.metrics import control
from genlab.metrics.resampling import bootstrap

Factors = Mapping[str, Factor]
Values = Mapping[str, np.ndarray]
RESAMPLES = 500


class Answers(NamedTuple):
    """asked, measured: stored columns by name, [N, ...]; coverage: of each number, which of its
    values are like those trained on.
    """

    factors: Factors
    asked: Values
    measured: Values
    coverage: Mapping[str, control.Coverage]

    @classmethod
    def of(cls, factors: Factors, asked: Values, measured: Values, trained: Values) -> "Answers":
        """`trained`: the columns of the train split."""
        coverage = {
            name: control.coverage_of(f.of(asked), f.of(trained), f.period)
            for name, f in factors.items()
            if not isinstance(f.kind, Label)
        }
        return cls(factors, asked, measured, coverage)

    @property
    def labels(self) -> dict[str, Factor]:
        """The factors that are labels."""
        return {n: f for n, f in self.factors.items() if isinstance(f.kind, Label)}

    @property
    def numbers(self) -> dict[str, Factor]:
        """The factors that are numbers."""
        return {n: f for n, f in self.factors.items() if n not in self.labels}

    def pair(self, factor: Factor) -> tuple[np.ndarray, np.ndarray]:
        """Asked and measured, [N] each."""
        return factor.of(self.asked), factor.of(self.measured)

    def shuffled(self) -> "Answers":
        """Each with what was asked of another: chance."""
        order = np.random.default_rng(3).permutation(len(next(iter(self.asked.values()))))
        other = np.empty_like(order)
        other[order] = np.roll(order, 1)
        asked = {name: x[other] for name, x in self.asked.items()}
        moved = {n: control.Coverage(*(x[other] for x in c)) for n, c in self.coverage.items()}
        return self._replace(asked=asked, coverage=moved)


def right(answers: Answers) -> Bool[np.ndarray, "n l"]:
    """Whether each label of each sample is the one asked for."""
    return np.stack([np.equal(*answers.pair(f)) for f in answers.labels.values()], axis=1)


def r2(answers: Answers, rows: np.ndarray | slice = slice(None)) -> float:
    """The mean over numbers of R2 within the range trained on; NaN where there is none."""
    found = []
    for name, factor in answers.numbers.items():
        inside = answers.coverage[name].inside[rows]
        asked, measured = (x[rows][inside] for x in answers.pair(factor))
        found.append(control.r2(asked, measured, factor.period) if inside.any() else np.nan)
    known = [x for x in found if np.isfinite(x)]
    return float(np.mean(known)) if known else float("nan")


def scores(answers: Answers, prefix: str = "") -> dict[str, float]:
    """`accuracy`, the mean over labels, `exact_match`, the share of samples with every label right,
    and `r2`.
    """
    found = {}
    if answers.labels:
        every = right(answers)
        found = {"accuracy": float(every.mean()), "exact_match": float(every.all(axis=1).mean())}
    if answers.numbers:
        found["r2"] = r2(answers)
    return {prefix + name: value for name, value in found.items()}


def each(answers: Answers, prefix: str = "") -> dict[str, Float[np.ndarray, " n"]]:
    """Of every sample what those of the scores are means of."""
    if not answers.labels:
        return {}
    every = right(answers)
    found = {"accuracy": every.mean(axis=1), "exact_match": every.all(axis=1).astype(float)}
    return {prefix + name: value for name, value in found.items()}


def intervals(answers: Answers, prefix: str = "") -> dict[str, tuple[float, float]]:
    """Of the score that is no mean over samples."""
    if not answers.numbers:
        return {}
    n = len(next(iter(answers.asked.values())))
    found = ranged(lambda rows: r2(answers, rows), np.arange(n))
    return {f"{prefix}r2": (found.low, found.high)} if isinstance(found, Ranged) else {}


def ranged(statistic: Callable[[np.ndarray], float], rows: np.ndarray) -> float | Ranged:
    """A statistic of all rows, with its interval where it has one."""
    value = statistic(rows)
    try:
        return Ranged(value, *bootstrap(statistic, rows, RESAMPLES))
    except ValueError:  # too few rows, or not finite on some resample
        return value


def by_factor(answers: Answers, prefix: str = "") -> dict[str, dict[str, float | Ranged]]:
    """Of each factor: `accuracy` of a label; of a number, within the range trained on, `r2`, the
    mean absolute `error` in its unit, and the `slope` of measured on asked.
    """
    found: dict[str, dict[str, float | Ranged]] = {}
    for name, factor in answers.labels.items():
        same = np.equal(*answers.pair(factor)).astype(float)
        found[name] = {"accuracy": ranged(lambda rows: float(rows.mean()), same)}
    for name, factor in answers.numbers.items():
        rows = np.stack(answers.pair(factor), axis=1)[answers.coverage[name].inside]
        if not len(rows):
            continue
        line = control.calibration(rows[:, 0], rows[:, 1], factor.period)
        period = factor.period
        fit = ranged(lambda x, p=period: control.r2(x[:, 0], x[:, 1], p), rows)
        slope = {} if period else {"slope": line.slope}
        found[name] = {"r2": fit, "error": line.error, **slope}
    return {
        name: {prefix + score: value for score, value in cells.items()}
        for name, cells in found.items()
    }


def by_range(answers: Answers, prefix: str = "") -> dict[str, dict[str, float]]:
    """Of each number, inside the range trained on, in a gap of it (interpolation) and beyond it
    (extrapolation): how many were asked for, slope, intercept, mean absolute error.
    """
    found = {}
    for name, factor in answers.numbers.items():
        asked, measured = answers.pair(factor)
        for where, rows in answers.coverage[name]._asdict().items():
            if rows.any():
                line = control.calibration(asked[rows], measured[rows], factor.period)
                cells = {f"{prefix}{k}": x for k, x in line._asdict().items() if np.isfinite(x)}
                words = {"inside": "inside", "gap": "in a gap", "beyond": "beyond"}
                found[f"{name}, {words[where]}"] = {f"{prefix}asked": float(rows.sum()), **cells}
    return found


def curves(answers: Answers, bins: int) -> dict[str, dict[str, list[float]]]:
    """Of each number measured against asked, in bins: `control.Curve`, as lists."""
    return {
        name: {
            field: np.round(values, 6).tolist()
            for field, values in control.curve(*answers.pair(f), f.period, bins)._asdict().items()
        }
        for name, f in answers.numbers.items()
    }


def trained(answers: Answers) -> dict[str, dict[str, list[float]]]:
    """Of each number the stretches of what was asked for that are like what was trained on: their
    ends, `low` and `high`.
    """
    found = {}
    for name, factor in answers.numbers.items():
        order = np.argsort(factor.of(answers.asked), kind="stable")
        asked = factor.of(answers.asked)[order].astype(np.float64)
        inside = np.concatenate([[False], answers.coverage[name].inside[order], [False]])
        starts, ends = (np.flatnonzero(np.diff(inside.astype(int)) == sign) for sign in (1, -1))
        low, high = np.round(asked[starts], 6), np.round(asked[ends - 1], 6)
        found[name] = {"low": low.tolist(), "high": high.tolist()}
    return found
