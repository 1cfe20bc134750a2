"""What an object of this process is, as text: equal, in any process, for objects that do the same.

A function or class that no module holds (of a notebook, of `__main__`, made in another function) is
its source with all that it refers to, data their contents, any other object its class and its
attributes. Of what is installed names are enough. The text is Python, but for values that have no
literal, which are described in strings.
"""

import ast
import contextlib
import dataclasses
import dis
import enum
import functools
import hashlib
import inspect
import sys
import types
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from genlab.config.errors import is_users
from genlab.config.source_text import Source, source_of_class, source_of_code

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))
LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_CLASSDEREF")
HEAP_TYPE = 1 << 9  # of a class that is written in Python (Py_TPFLAGS_HEAPTYPE)
LINEN_FIELDS = {"parent", "name"}  # every linen module has them; neither is a hyper-parameter
UNLIKE: dict[int, tuple[Any, str]] = {}
"""By id, objects that can be compared with none, which are kept, each with a name of its own."""


class Description(NamedTuple):
    """An object as text.

    text: "" of an array
    alike: whether an equal object of another process would have the same text
    line: "file:12", where a function or class is defined; "" where that is not known
    """

    text: str
    alike: bool = True
    line: str = ""


def described(value: Any, name: str) -> Description:
    """A function, class or other object that is called `name`."""
    writer = _Writer()
    expression = writer.expression(value)
    if expression != name:
        writer.add(f"{name} = {_literal(expression)}")
    text = "\n\n".join([*sorted(writer.imports), *writer.definitions])
    return Description(f"{text}\n", writer.alike, writer.lines.get(id(value), ""))


def array_sha256(value: Any) -> str | None:
    """Of an array's contents, dtype and shape; None of one that holds objects."""
    with contextlib.suppress(Exception):
        if str(value.dtype).startswith("key<"):  # of jax.random
            value = sys.modules["jax"].random.key_data(value)
        held = np.asarray(value)
        if not held.dtype.hasobject:
            digest = hashlib.sha256(f"{held.dtype.name} {held.shape}".encode())
            digest.update(np.ascontiguousarray(held).view(np.uint8).data)
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


class _Writer:
    """Gathers what an expression of an object needs."""

    def __init__(self):
        self.imports: set[str] = set()
        self.definitions: list[str] = []
        self.lines: dict[int, str] = {}
        self.alike = True
        self._known: dict[int, str] = {}
        self._held: list[Any] = []  # so that no id is another object's

    def add(self, definition: str) -> None:
        """A statement, once."""
        if definition not in self.definitions:
            self.definitions.append(definition)

    def expression(self, value: Any) -> str:
        """A value in the terms of the definitions."""
        if type(value) in PLAIN:
            return repr(value)
        if isinstance(value, types.ModuleType):
            self.imports.add(f"import {value.__name__}")
            return value.__name__
        if id(value) not in self._known:
            self._held.append(value)
            self._known[id(value)] = _called(value)  # in what refers to itself
            self._known[id(value)] = self._whole(value)
        return self._known[id(value)]

    def _whole(self, value: Any) -> str:
        if is_array(value):
            return self._array(value)
        if path := importable(value):
            self.imports.add(f"import {path.partition(':')[0]}")
            return path
        for kind, write in KINDS.items():
            if isinstance(value, kind):
                return write(self, value)
        return self._object(value)

    def _array(self, value: Any) -> str:
        sha256 = array_sha256(value)
        if sha256 is None:
            return self._unlike(value)
        return f"array({value.dtype}, {list(value.shape)}, sha256 {sha256})"

    def _function(self, fn: types.FunctionType) -> str:
        code, scope = fn.__code__, {**fn.__globals__, **_closure(fn)}
        given = {"defaults": fn.__defaults__, "kwdefaults": fn.__kwdefaults__}
        given = {name: value for name, value in given.items() if value}
        if not is_users(code.co_filename):
            self.imports.add(f"import {fn.__module__}")
            return self._call(f"{fn.__module__}:{fn.__qualname__}", {**_closure(fn), **given})
        source, name = source_of_code(code), _called(fn)
        if source is None:
            of = [code.co_code.hex(), code.co_names, [c for c in code.co_consts if _constant(c)]]
            sha256 = hashlib.sha256(repr(of).encode()).hexdigest()
            source = Source(f"{name} = 'a function without source, of code {sha256}'", "", code)
        self.lines[id(fn)] = source.line
        self._refer(source.code, scope, name)
        for kind, value in given.items():
            if not source.constant:
                self.add(f"{name}_{kind} = {_literal(self.expression(value))}")
        self.add(source.text)
        return name

    def _class(self, cls: type) -> str:
        functions = [fn for fn in map(_function_of, vars(cls).values()) if fn is not None]
        files = {fn: fn.__code__.co_filename for fn in functions}
        own = [fn for fn, file in files.items() if is_users(file) and file != "<string>"]
        source, name = source_of_class(cls.__name__, own), _called(cls)
        if source is None:
            stated = ("__annotations__",) if dataclasses.is_dataclass(cls) else STATED
            held = {n: v for n, v in vars(cls).items() if n[:2] != "__" or n in stated}
            made = self._call("class", {"bases": cls.__bases__, **held})
            self.add(f"{name} = {made!r}")
            return name
        scope = dict(vars(sys.modules.get(cls.__module__, types)))
        for fn in own:
            scope |= {**fn.__globals__, **_closure(fn)}
        self.lines[id(cls)] = source.line
        self._refer(source.code, scope, name)
        self.add(source.text)
        return name

    def _refer(self, code: types.CodeType, scope: Mapping[str, Any], own: str) -> None:
        """Adds what code refers to outside of itself."""
        for name in dict.fromkeys(_globals(code)):
            if name not in scope or name == own or name.startswith("__"):
                continue
            value = scope[name]
            path = importable(value)
            if isinstance(value, types.ModuleType):
                self.imports.add(f"import {value.__name__} as {name}")
            elif path and not path.partition(":")[2].count("."):
                module, _, there = path.partition(":")
                self.imports.add(f"from {module} import {there} as {name}")
            elif (found := self.expression(value)) != name:
                self.add(f"{name} = {_literal(found)}")

    def _sequence(self, value: Iterable) -> str:
        return f"{type(value).__name__}({', '.join(map(self.expression, value))})"

    def _set(self, value: Iterable) -> str:
        return f"{type(value).__name__}({', '.join(sorted(map(self.expression, value)))})"

    def _tuple(self, value: tuple) -> str:
        if fields := getattr(value, "_fields", ()):
            return self._call(self.expression(type(value)), dict(zip(fields, value, strict=True)))
        return f"({''.join(f'{self.expression(one)}, ' for one in value)})"

    def _mapping(self, value: Mapping) -> str:
        inner = (f"{self.expression(k)}: {self.expression(v)}" for k, v in value.items())
        return f"{{{', '.join(inner)}}}"

    def _method(self, value: Any) -> str:
        return f"{self.expression(value.__self__)}.{value.__name__}"

    def _partial(self, value: functools.partial) -> str:
        of = {"func": value.func, "args": value.args, **value.keywords}
        return self._call("functools:partial", of)

    def _object(self, value: Any) -> str:
        if isinstance(value, np.dtype):
            return repr(value)
        if type(value).__name__ == "PjitFunction":
            return self._call("jax:jit", {"fun": value.__wrapped__})
        state = _state(value)
        if state is None:
            return self._unlike(value)
        return self._call(self.expression(type(value)), state)

    def _unlike(self, value: Any) -> str:
        self.alike = False
        _, token = UNLIKE.setdefault(id(value), (value, uuid.uuid4().hex))
        return f"a {type(value).__name__} that can be compared with no other, {token}"

    def _call(self, of: str, fields: Mapping[str, Any]) -> str:
        return f"{of}({', '.join(f'{n}={self.expression(v)}' for n, v in fields.items())})"


KINDS: dict[Any, Callable[[_Writer, Any], str]] = {
    type: _Writer._class,
    types.FunctionType: _Writer._function,
    (types.MethodType, types.BuiltinMethodType): _Writer._method,
    functools.partial: _Writer._partial,
    tuple: _Writer._tuple,
    list: _Writer._sequence,
    (set, frozenset): _Writer._set,
    Mapping: _Writer._mapping,
}
STATED = ("__annotations__", "__call__", "__len__", "__getitem__", "__init__")


def _state(value: Any) -> Mapping[str, Any] | None:
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


def _is_cache(value: Any) -> bool:
    return isinstance(value, functools.cached_property)


def _called(value: Any) -> str:
    name = getattr(value, "__name__", None)
    if not isinstance(name, str):
        return f"this {type(value).__name__}"
    return name if name.isidentifier() else "lambda_"


def _literal(expression: str) -> str:
    """Of an expression, as Python: itself where it is a literal or a name, else a string."""
    if expression.isidentifier():
        return expression
    try:
        ast.literal_eval(expression)
        return expression
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return repr(expression)


def _function_of(value: Any) -> types.FunctionType | None:
    """The function that a class's attribute is made of."""
    value = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
    with contextlib.suppress(ValueError, AttributeError):
        value = inspect.unwrap(value)
    return value if isinstance(value, types.FunctionType) else None


def _closure(fn: types.FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # not bound yet
            found[name] = cell.cell_contents
    return {name: value for name, value in found.items() if name != "__class__"}


def _globals(code: types.CodeType) -> Iterable[str]:
    """Names that code, and code within it, looks up outside of functions; free variables too."""
    yield from code.co_freevars
    for step in dis.get_instructions(code):
        if step.opname in LOADS:
            yield str(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _globals(inner)


def _constant(value: Any) -> bool:
    return not isinstance(value, types.CodeType)
