"""Config is data, bound by path: `spec` writes a call down, `build` makes it.

A spec is a locked `ConfigDict` whose field `call` names what to call (`"package.module:name"`) and
whose other fields are its arguments, every default written out. It survives JSON, so a run folder
can be rebuilt without the file that made it.
"""

import contextlib
import dataclasses
import functools
import hashlib
import importlib
import importlib.util
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

from genlab.config import live
from genlab.config.descriptions import LINEN_FIELDS, importable
from genlab.config.errors import ConfigError, check_seed, did_you_mean, placed
from genlab.config.node import CALL, scalar
from genlab.config.node import ConfigDict as Node
from genlab.config.paths import current
from genlab.config.suggestions import suggestion
from genlab.config.upgrades import moved, upgraded

NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")  # "package.module:name"
ENTRANCES = {  # these run files and commands, write files, and say what code is trusted
    "genlab.cli.main", "genlab.config.files", "genlab.runs.code", "genlab.runs.files",
    "genlab.runs.kept_code",
}  # fmt: skip
KNOWN = {"genlab", "optax", "flax"}  # packages whose defaults complete a config that is read


def spec(fn: Callable, *args, **kwargs) -> ConfigDict:
    """The call `fn(*args, **kwargs)`, written down: positional arguments under their names,
    defaults filled in. What is no data, an array or a function of a notebook, is kept in this
    process, with a marker in the config (see `config.live`).

    Raises ConfigError for an argument that `fn` does not have, or a missing one.
    """
    return _written(fn, args, kwargs, _held)


Hold = Callable[[Any, str], Any]
"""What a config holds of a value, at a place, that is no data."""


def _written(fn: Callable, args: tuple, kwargs: Mapping, hold: Hold) -> ConfigDict:
    signature = inspect.signature(fn)
    try:
        bound = signature.bind_partial(*args, **kwargs)
    except TypeError as error:
        raise ConfigError(f"{_name(fn)}: {_explain(error, fn, args, kwargs)}") from None
    fields, defaults = {CALL: _call_of(fn, hold)}, _defaults(fn, signature)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            fields |= {n: _plain(v, n, hold) for n, v in bound.arguments.get(name, {}).items()}
        elif name in bound.arguments:
            value = _plain(bound.arguments[name], f"{_name(fn)}({name}=...)", hold)
            fields[name] = _whole(value, parameter)
        elif parameter.default is not inspect.Parameter.empty:
            fields |= {name: defaults[name]} if name in defaults else {}
        elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and (
            name not in LINEN_FIELDS
        ):
            raise ConfigError(f"{_name(fn)} needs `{name}`, which was not given")
    return Node(fields, convert_dict=False).lock()


def _whole(value: Any, parameter: inspect.Parameter) -> Any:
    """1e3 as 1000, where an argument is declared a whole number."""
    annotation = parameter.annotation
    kinds = ["int"] if annotation is int else str(annotation).split(" | ")
    declared = "int" in kinds and "float" not in kinds
    return int(value) if declared and type(value) is float and value.is_integer() else value


def _defaults(fn: Callable, signature: inspect.Signature) -> dict[str, Any]:
    """The defaults of a call that are data; one that is code stays with the code."""
    factories = {
        f.name: f.default_factory
        for f in getattr(fn, "__dataclass_fields__", {}).values()
        if f.default_factory is not dataclasses.MISSING
    }
    found = {}
    for name, parameter in signature.parameters.items():
        if parameter.default is not inspect.Parameter.empty and name not in LINEN_FIELDS:
            with contextlib.suppress(ConfigError):
                made = factories[name]() if name in factories else parameter.default
                found[name] = _plain(made, name, _refused)
    return found


def _completed(node: Any) -> Any:
    """Plain data of a config with the defaults of every call that it lacks, for arguments that came
    after it was written. Only packages that no run folder brings are imported; of a user's own
    modules those count that are imported already, as by the experiment file it is compared with.
    """
    if isinstance(node, list):
        return [_completed(value) for value in node]
    if not isinstance(node, dict):
        return node
    fields, call = {name: _completed(value) for name, value in node.items()}, node.get(CALL)
    module = call.partition(":")[0] if isinstance(call, str) else ""
    if module.partition(".")[0] not in KNOWN and module not in sys.modules:
        return fields
    with contextlib.suppress(ConfigError, ValueError, TypeError):  # `build` says what is wrong
        fn = resolve(str(call))
        fields = {**_defaults(fn, inspect.signature(fn)), **fields}
    return fields


def build(node: Any) -> Any:
    """What a config describes: each spec becomes the result of its call, inner ones first.

    Takes a ConfigDict or plain dicts. Numbers may be tracers, in plain dicts, so that a traced
    function can build its own method and a sweep can `vmap` over any numeric field.
    """
    if live.is_marker(node):
        return live.taken(node)
    if isinstance(node, ConfigDict | Mapping):
        fields = {name: build(value) for name, value in node.items() if name != CALL}
        if "seed" in fields:
            check_seed(fields["seed"], _shown(node.get(CALL, "")))
        if CALL not in node:
            return fields
        fn = live.taken(node[CALL]) if live.is_marker(node[CALL]) else resolve(node[CALL])
        star = next((p.name for p in _parameters(fn) if p.kind is p.VAR_POSITIONAL), None)
        try:
            return fn(*fields.pop(star, ()), **fields)
        except ConfigError:
            raise
        except Exception as error:
            text = f"{_shown(node[CALL])}: {type(error).__name__}: {error}"
            raise ConfigError(placed(text, error)) from error
    if isinstance(node, tuple | list):
        return tuple(build(value) for value in node)
    return node


def _shown(call: Any) -> str:
    return live.shown(call) if live.is_marker(call) else str(call)


def resolve(path: str) -> Any:
    """The callable, tuple or mapping at `"package.module:name"`; ConfigError says which half is
    wrong.
    """
    if not isinstance(path, str) or not NAMED.fullmatch(path):
        raise ConfigError(f"{path!r} names nothing: give 'package.module:name'")
    module_name, _, name = current(path).partition(":")
    module = None
    try:
        module = importlib.import_module(module_name)
        found = functools.reduce(getattr, name.split("."), module)
    except ImportError as error:
        raise ConfigError(
            f"{path!r}: cannot import {module_name!r} ({error}); is its folder on PYTHONPATH?"
        ) from None
    except Exception as error:
        if isinstance(error, AttributeError) and module is not None:
            hint = did_you_mean(name, vars(module))
            raise ConfigError(f"{path!r}: {module_name} has no {name!r}{hint}") from None
        # a user's module that fails while it is imported
        text = f"{path!r}: {type(error).__name__}: {error}"
        raise ConfigError(placed(text, error)) from error
    if not isinstance(found, tuple | Mapping) and not callable(found):
        raise ConfigError(f"{path!r} is a {type(found).__name__}: it cannot be called")
    home = getattr(found, "__module__", None) or "builtins"  # methods of built-in types have none
    if (inspect.isroutine(found) or inspect.isclass(found)) and (
        home.partition(".")[0] in sys.stdlib_module_names or home in ENTRANCES
    ):
        raise ConfigError(f"{path!r} is no part of an experiment: a config does not call {home}")
    return found


def choose(module: ModuleType, name: str | Callable | tuple) -> Any:
    """A loss, penalty or activation by name: a public name of `module`, `"package.module:name"`, or
    itself.
    """
    if callable(name) or isinstance(name, tuple):
        return name
    if ":" in name:
        return resolve(name)
    found = getattr(module, name, None)
    if name.startswith("_") or isinstance(found, ModuleType) or found is None:
        hint = did_you_mean(name, _offered(module))
        raise ConfigError(f"{module.__name__} has no {name!r}{hint}; or give 'package.module:name'")
    return found


def read(path: str | Path) -> ConfigDict:
    """The config in a file of JSON; ConfigError for a file that holds none."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(found, dict) or CALL not in found:
            raise ValueError(f"it holds no object with {CALL!r}")
        return from_dict(found, str(path))
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path} is damaged ({error}): it holds the run's config") from None


def from_dict(plain: Mapping, where: str = "the config") -> ConfigDict:
    """The locked config of plain data, as `as_dict` gives it or gave it in an earlier version;
    ConfigError names `where` it is from.
    """
    return _plain(_completed(upgraded(plain)), where, _refused)


def as_dict(node: Any) -> Any:
    """The config as plain dicts and lists, as JSON has them."""
    if isinstance(node, ConfigDict | Mapping):
        return {name: as_dict(value) for name, value in node.items()}
    return [as_dict(value) for value in node] if isinstance(node, tuple | list) else node


def fingerprint(node: Any) -> str:
    """sha256 of the sorted JSON: equal for equal configs, in any process and on any machine."""
    text = json.dumps(live.compared(as_dict(node)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differences(old: Any, new: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """`{"a.b": (old, new)}` for every field in which two configs differ; a missing field reads as
    None, and NaN does not differ from itself.
    """
    old, new = live.compared(as_dict(old)), live.compared(as_dict(new))
    whole = live.is_marker(old) or live.is_marker(new)
    if whole or not (isinstance(old, dict) and isinstance(new, dict)):
        return {} if old == new or repr(old) == repr(new) else {path: (old, new)}
    if old.get(CALL) != new.get(CALL):
        return {path: (old.get(CALL), new.get(CALL))}
    found = {}
    for name in [*old, *(n for n in new if n not in old)]:
        inner = f"{path}.{name}" if path else name
        found |= differences(old.get(name), new.get(name), inner)
    return found


def path_of(fn: Callable) -> str:
    """The shortest importable path of `fn`: `"optax:adam"`, not `"optax._src.alias:adam"`."""
    module, name = fn.__module__, fn.__qualname__
    if "<" in name or module == "__main__" or module not in sys.modules:
        raise ConfigError(
            f"{module}:{name} cannot be imported by name: define it at the top of a module, which "
            "may lie beside the experiment file, and import it from there"
        )
    parts = module.split(".")
    for depth in range(1, len(parts)):
        package = ".".join(parts[:depth])
        if getattr(importlib.import_module(package), name, None) is fn:
            return f"{package}:{name}"
    return f"{module}:{name}"


def _parameters(fn: Callable) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(fn).parameters.values())
    except ValueError:  # some built-ins have no signature
        return []


def written(value: Any, where: str) -> Any:
    """A value as a config holds it, `where` it is given: data as they are, a dataclass as the spec
    of its fields, what can be imported by its path, and any other object as a marker.
    """
    return _plain(value, where, _held)


def _plain(value: Any, where: str, hold: Hold) -> Any:
    """Data as a config holds it: dicts as locked ConfigDicts, sequences as tuples."""
    if isinstance(value, ConfigDict | Mapping):
        fields = {name: _plain(inner, f"{where}.{name}", hold) for name, inner in value.items()}
        return Node(fields, convert_dict=False).lock()
    if isinstance(value, tuple | list):
        return _sequence(value, where, hold)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value) if f.name not in LINEN_FIELDS]
        return _written(type(value), (), {name: getattr(value, name) for name in names}, hold)
    value = scalar(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return hold(value, where)


def _sequence(value: tuple | list, where: str, hold: Hold) -> Any:
    """A tuple; of a named one that holds more than data the spec of its fields, or a marker."""
    fields = getattr(value, "_fields", None)
    try:
        return tuple(_plain(inner, where, hold if fields is None else _refused) for inner in value)
    except ConfigError:
        if fields is None or hold is _refused:
            raise
    with contextlib.suppress(ConfigError):
        return _named(value, where)
    with contextlib.suppress(ConfigError):
        return _written(type(value), (), dict(zip(fields, value, strict=True)), _named)
    return hold(value, where)


def _refused(value: Any, where: str) -> Any:
    raise ConfigError(f"{where} is a {type(value).__name__}, which is no data")


def _named(value: Any, where: str) -> Any:
    """The spec of what a module holds, which gives it back."""
    if path := importable(value):
        with contextlib.suppress(AttributeError):  # a tuple has no name, but a place
            path = path_of(value)
        if resolve(path) is value:
            return _written(resolve, (path,), {}, _refused)
    return _refused(value, where)


def _held(value: Any, where: str) -> Any:
    """What a module holds by its name, else a marker of an object of this process."""
    with contextlib.suppress(ConfigError):
        return _named(value, where)
    return Node(live.marker(value, where), convert_dict=False).lock()


def _call_of(fn: Callable, hold: Hold) -> Any:
    """The path of what is called, or a marker of it."""
    try:
        return path_of(fn)
    except (ConfigError, AttributeError):  # no function or class has no name
        return hold(fn, _name(fn))


def _name(fn: Callable) -> str:
    return getattr(fn, "__name__", type(fn).__name__)


def _explain(error: TypeError, fn: Callable, args: tuple, kwargs: Mapping) -> str:
    signature = inspect.signature(fn)
    unknown = [name for name in kwargs if name not in signature.parameters]
    if not unknown:
        return str(error)
    with contextlib.suppress(ConfigError):  # of what has no path, nothing moved
        if hint := moved(path_of(fn), unknown[0]):
            return f"no argument {unknown[0]!r}{hint}"
    with contextlib.suppress(TypeError):  # more positional arguments than it takes
        known = {name: value for name, value in kwargs.items() if name not in unknown}
        fields = _defaults(fn, signature) | signature.bind_partial(*args, **known).arguments
        hint = suggestion(unknown[0], list(signature.parameters), fields)
        return f"no argument {unknown[0]!r}{hint}"
    return f"no argument {unknown[0]!r}{did_you_mean(unknown[0], signature.parameters)}"


def _offered(module: ModuleType) -> list[str]:
    """For a suggestion: of a module of genlab's what it defines, of another all but modules."""
    ours = module.__name__.partition(".")[0] == __name__.partition(".")[0]

    def offered(value: Any) -> bool:
        if inspect.isfunction(value) or inspect.isclass(value):
            return not ours or value.__module__ == module.__name__
        return callable(value) or isinstance(value, tuple)

    return [n for n, value in vars(module).items() if not n.startswith("_") and offered(value)]
