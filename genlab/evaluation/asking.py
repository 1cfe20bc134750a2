"""What samples are asked for: conditions drawn as in the data, or evenly over their ranges."""

from collections.abc import Mapping

import numpy as np

from genlab.data.columns import Label, Numbers
from genlab.data.sources import Readable
from genlab.editing.factors import Factor
from genlab.game import Method
from genlab.sampling.conditions import Stored

ASK = ("data", "range")
"""`data`: conditions of whole rows of the split, drawn without replacement, from the first again
where they end: columns go together as they do in the data. `range`: every label as often and every
number evenly over its column's range, each by itself, so that combinations are asked for that the
data may not have; what is neither is taken from rows of the split.
"""


def rows(count: int, n: int, seed: int = 0) -> np.ndarray:
    """`n` of `count` rows, each as often: the same ones for every model."""
    rng = np.random.default_rng(seed)
    times = -(-n // count)
    return np.concatenate([rng.permutation(count) for _ in range(times)])[:n]


def of_data(method: Method, real: Mapping[str, np.ndarray], n: int) -> Stored:
    """Conditions of rows of the split, as stored."""
    at = rows(len(real[method.makes]), n)
    return {name: real[name][at] for name in method.given}


def of_range(
    method: Method, source: Readable, real: Mapping[str, np.ndarray], n: int, beyond: float
) -> Stored:
    """Conditions over the ranges, and so much of a range beyond either of its ends; a number with a
    period goes round once. As stored.
    """
    found = of_data(method, real, n)
    rng = np.random.default_rng(1)
    for name in method.given:
        kind = source.columns[name]
        if isinstance(kind, Label):
            found[name] = rng.permutation(np.arange(n, dtype=np.int32) % kind.cycle)
        elif isinstance(kind, Numbers):
            found[name] = _spread(kind, rng, n, beyond)
    return found


def _spread(kind: Numbers, rng: np.random.Generator, n: int, beyond: float) -> np.ndarray:
    columns = []
    periods = getattr(kind, "period", ()) or (0.0,) * len(kind.names)
    for low, high, period in zip(kind.low, kind.high, periods, strict=True):
        share = rng.permutation((np.arange(n) + 0.5) / n)
        more = 0.0 if period else beyond * (high - low)
        length = period or high - low + 2 * more
        columns.append(low - more + share * length)
    return np.stack(columns, axis=1).astype(np.float32)


def changed(asked: Stored, factor: Factor, seed: int = 0) -> Stored:
    """The same conditions with another value of one factor: a label drawn from the others, a number
    from another row.
    """
    rng = np.random.default_rng([2, seed])
    values = asked[factor.column].copy()
    n = len(values)
    if isinstance(factor.kind, Label):
        classes = factor.kind.cycle
        values = ((values + rng.integers(1, classes, n)) % classes).astype(values.dtype)
    else:
        order = rng.permutation(n)
        values[order, factor.at] = asked[factor.column][np.roll(order, 1), factor.at]
    return {**asked, factor.column: values}
