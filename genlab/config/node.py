"""A node of a config: a mapping by name that takes as a number whatever is one."""

import contextlib
from typing import Any

import ml_collections

CALL = "call"
"""The field of a spec that names what it calls, by its path."""


class ConfigDict(ml_collections.ConfigDict):
    """ml_collections' ConfigDict, in which a scalar of NumPy or JAX that is assigned is the number
    it is, also in a tuple, and 1e3 a whole number where one is wanted.
    """

    def __setitem__(self, key: str, value: Any) -> None:
        """Sets a field; raises what ml_collections raises, for a value of another type too."""
        if not isinstance(value, ml_collections.ConfigDict):
            value = converted(scalar(value), self._fields.get(key))
        elif not isinstance(value, ConfigDict):  # made without `spec`
            made = ConfigDict(dict(value.items(preserve_field_references=True)), convert_dict=False)
            value = made.lock() if value.is_locked else made
        super().__setitem__(key, value)


def scalar(value: Any) -> Any:
    """A scalar of NumPy or JAX as the number it is, also those in a tuple or list; anything else, a
    tracer too, as it is.
    """
    if type(value) in (tuple, list):
        return type(value)(scalar(inner) for inner in value)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        with contextlib.suppress(Exception):  # of a tracer there is no number
            return value.item()
    return value


def converted(value: Any, like: Any) -> Any:
    """A number as one of the kind of `like`, where it is the same number: 3 as 3.0, 1e3 as 1000."""
    if type(like) is float and type(value) is int:
        return float(value)
    if type(like) is int and type(value) is float and value.is_integer():
        return int(value)
    return value
