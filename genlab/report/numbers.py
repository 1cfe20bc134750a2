"""Values of JSON that should be numbers."""

import math
from typing import Any


def number(value: Any) -> float:
    """`value` as a float; NaN for what is no number."""
    return float(value) if isinstance(value, int | float) else math.nan


def numbers(values: Any) -> dict[str, float]:
    """The values of an object as floats; none for what is no object."""
    return {k: number(v) for k, v in values.items()} if isinstance(values, dict) else {}
