"""Whose the variance of a score over runs is: the method's, its setting's, or the seed's."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Shares(NamedTuple):
    """Of the variance of a score over runs, adding up to 1; all 0 where no two runs differ."""

    method: float
    setting: float
    seed: float


def shares(values: Mapping[str, Mapping[str, Sequence[float]]]) -> Shares:
    """omega^2 of a nested analysis of variance: the sums of squares between methods, and between
    the settings of each method, less what seeds put into them by chance, over the total; the rest
    is the seeds'. What is below 0 is 0.

    values: by method and setting, of each seed. Raises ValueError where no setting has two.
    """
    methods = {m: [np.asarray(x, float) for x in of.values()] for m, of in values.items()}
    settings = [x for of in methods.values() for x in of]
    every = np.concatenate(settings)
    if len(every) == len(settings):
        raise ValueError(f"{len(every)} runs of {len(settings)} settings: the seeds' share needs "
                         "two seeds of one of them")  # fmt: skip
    wholes = {m: np.concatenate(of) for m, of in methods.items()}
    between = sum(_squares(x, every.mean()) for x in wholes.values())
    within = sum(_squares(x, wholes[m].mean()) for m, of in methods.items() for x in of)
    left = float(sum(((x - x.mean()) ** 2).sum() for x in settings))
    noise = left / (len(every) - len(settings))
    total = between + within + left + noise
    if total == 0:
        return Shares(0.0, 0.0, 0.0)
    method = max(0.0, between - (len(methods) - 1) * noise) / total
    setting = max(0.0, within - (len(settings) - len(methods)) * noise) / total
    return Shares(method, setting, 1 - method - setting)


def _squares(x: Float[np.ndarray, " n"], centre: float) -> float:
    return float(len(x) * (x.mean() - centre) ** 2)
