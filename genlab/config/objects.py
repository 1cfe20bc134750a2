"""What an object is made of: its place in a module, an array's contents, attributes, closures."""

import contextlib
import dataclasses
import enum
import functools
import hashlib
import inspect
import sys
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

HEAP_TYPE = 1 << 9  # of a class that is written in Python (Py_TPFLAGS_HEAPTYPE)
LINEN_FIELDS = {"parent", "name"}  # every linen module has them; neither is a hyper-parameter


def array_sha256(value: Any) -> str | None:
    """Of an array's contents, dtype and shape; None of one that holds objects."""
    with contextlib.suppress(Exception):
        if str(value.dtype).startswith("key<"):  # of jax.random
            value = sys.modules["jax"].random.key_data(value)
        held = np.asarray(value)
        if not held.dtype.hasobject:
            digest = hashlib.sha256(f"{held.dtype.name} {held.dtype.str} {held.shape}".encode())
            digest.update(np.ascontiguousarray(held).reshape(-1).view(np.uint8).data)
            return digest.hexdigest()
    return None


def is_array(value: Any) -> bool:
    """Whether a value is an array, of NumPy, JAX or alike."""
    return not isinstance(value, type) and hasattr(value, "dtype") and hasattr(value, "shape")


def importable(value: Any) -> str:
    """ "module:name", if it is the value that is there; else "". A tuple is looked for in the
    modules of what it holds.
    """
    if isinstance(value, tuple):
        return _named_tuple(value)
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not (isinstance(module, str) and isinstance(name, str)) or module == "__main__":
        return ""
    try:
        found = functools.reduce(getattr, name.split("."), sys.modules[module])
    except (KeyError, AttributeError):
        return ""
    return f"{module}:{name}" if found is value else ""


def _named_tuple(value: tuple) -> str:
    modules = {getattr(inner, "__module__", None) for inner in value}
    for module in sorted({str(name) for name in modules} & sys.modules.keys() - {"__main__"}):
        for name, found in vars(sys.modules[module]).items():
            if found is value and not name.startswith("_"):
                return f"{module}:{name}"
    return ""


def state_of(value: Any) -> Mapping[str, Any] | None:
    """The attributes that make an object what it is; None where they do not."""
    if isinstance(value, enum.Enum):
        return {"name": value.name}
    if dataclasses.is_dataclass(value):
        names = [f.name for f in dataclasses.fields(value) if f.name not in LINEN_FIELDS]
        return {name: getattr(value, name, None) for name in names}
    classes = type(value).__mro__[:-1]
    if not (hasattr(value, "__dict__") and all(c.__flags__ & HEAP_TYPE for c in classes)):
        return None
    given = type(value).__getstate__ is not object.__getstate__
    state = value.__getstate__() if given else vars(value)
    if not isinstance(state, dict):
        return None
    caches = {n for c in classes for n, x in vars(c).items() if _is_cache(x)}
    return {name: held for name, held in state.items() if name not in caches}


def reduced(value: Any) -> Mapping[str, Any]:
    """What `pickle` would make an object from: a function, its arguments, and what is set then;
    nothing of one that it would not take.
    """
    try:
        parts = value.__reduce_ex__(2)
        if isinstance(parts, str):
            return {"global": parts}
        names = ("by", "args", "state", "items", "entries", "set")
        lists = {name: list(one) for name, one in zip(names[3:], parts[3:5], strict=False) if one}
        return {**dict(zip(names[:3], parts, strict=False)), **lists}
    except Exception:  # whatever a class raises that does not want to be pickled
        return {}


def _is_cache(value: Any) -> bool:
    return isinstance(value, functools.cached_property)


def function_of(value: Any) -> types.FunctionType | None:
    """The function that a class's attribute is made of."""
    value = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
    with contextlib.suppress(ValueError, AttributeError):
        value = inspect.unwrap(value)
    return value if isinstance(value, types.FunctionType) else None


def closure(fn: types.FunctionType) -> dict[str, Any]:
    """The values of a function's free variables."""
    found = {}
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # not bound yet
            found[name] = cell.cell_contents
    return {name: value for name, value in found.items() if name != "__class__"}
