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

from genlab.config.errors import ConfigError, check_seed, did_you_mean, placed
from genlab.config.node import CALL, scalar
from genlab.config.node import ConfigDict as Node
from genlab.config.paths import current
from genlab.config.suggestions import suggestion
from genlab.config.upgrades import upgraded

NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")  # "package.module:name"
ENTRANCES = {  # these run files and commands, write files, and say what code is trusted
    "genlab.cli.main", "genlab.config.files", "genlab.runs.code", "genlab.runs.files",
    "genlab.runs.kept_code",
}  # fmt: skip
KNOWN = {"genlab", "optax", "flax"}  # packages whose defaults complete a config that is read
LINEN_FIELDS = {"parent", "name"}  # every linen module has them; neither is a hyper-parameter


def spec(fn: Callable, *args, **kwargs) -> ConfigDict:
    """The call `fn(*args, **kwargs)`, written down: positional arguments under their names,
    defaults filled in.

    Raises ConfigError for an argument that `fn` does not have, a missing one, or one that is no
    plain data.
    """
    signature = inspect.signature(fn)
    try:
        bound = signature.bind_partial(*args, **kwargs)
    except TypeError as error:
        raise ConfigError(f"{fn.__name__}: {_explain(error, fn, args, kwargs)}") from None
    fields, defaults = {CALL: path_of(fn)}, _defaults(fn, signature)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            fields |= {n: _plain(v, n) for n, v in bound.arguments.get(name, {}).items()}
        elif name in bound.arguments:
            value = _plain(bound.arguments[name], f"{fn.__name__}({name}=...)")
            fields[name] = _whole(value, parameter)
        elif parameter.default is not inspect.Parameter.empty:
            fields |= {name: defaults[name]} if name in defaults else {}
        elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and (
            name not in LINEN_FIELDS
        ):
            raise ConfigError(f"{fn.__name__} needs `{name}`, which was not given")
    return Node(fields, convert_dict=False).lock()


def _whole(value: Any, parameter: inspect.Parameter) -> Any:
    """1e3 as 1000, where an argument is declared a whole number."""
    declared = parameter.annotation in (int, "int")
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
                found[name] = _plain(made, name)
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
    if isinstance(node, ConfigDict | Mapping):
        fields = {name: build(value) for name, value in node.items() if name != CALL}
        if "seed" in fields:
            check_seed(fields["seed"], str(node.get(CALL, "")))
        if CALL not in node:
            return fields
        fn = resolve(node[CALL])
        star = next((p.name for p in _parameters(fn) if p.kind is p.VAR_POSITIONAL), None)
        try:
            return fn(*fields.pop(star, ()), **fields)
        except ConfigError:
            raise
        except Exception as error:
            text = f"{node[CALL]}: {type(error).__name__}: {error}"
            raise ConfigError(placed(text, error)) from error
    if isinstance(node, tuple | list):
        return tuple(build(value) for value in node)
    return node


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
    return _plain(_completed(upgraded(plain)), where)


def as_dict(node: Any) -> Any:
    """The config as plain dicts and lists, as JSON has them."""
    if isinstance(node, ConfigDict | Mapping):
        return {name: as_dict(value) for name, value in node.items()}
    return [as_dict(value) for value in node] if isinstance(node, tuple | list) else node


def fingerprint(node: Any) -> str:
    """sha256 of the sorted JSON: equal for equal configs, in any process and on any machine."""
    text = json.dumps(as_dict(node), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differences(old: Any, new: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """`{"a.b": (old, new)}` for every field in which two configs differ; a missing field reads as
    None, and NaN does not differ from itself.
    """
    old, new = as_dict(old), as_dict(new)
    if not (isinstance(old, dict) and isinstance(new, dict)):
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


def _plain(value: Any, where: str) -> Any:
    """Data as a config holds it: dicts as locked ConfigDicts, sequences as tuples."""
    if isinstance(value, ConfigDict | Mapping):
        fields = {name: _plain(inner, f"{where}.{name}") for name, inner in value.items()}
        return Node(fields, convert_dict=False).lock()
    if isinstance(value, tuple | list):
        return tuple(_plain(inner, where) for inner in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value) if f.name not in LINEN_FIELDS]
        return spec(type(value), **{name: getattr(value, name) for name in names})
    value = scalar(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    advice = "write spec(fn, ...) for a call, 'package.module:name' for a function"
    if hasattr(value, "tolist"):
        advice = "write its numbers, as x.tolist(), or read it from a file in the data"
    raise ConfigError(
        f"{where} is a {type(value).__name__}; a config holds numbers, text, tuples, dicts and "
        f"specs: {advice}"
    )


def _explain(error: TypeError, fn: Callable, args: tuple, kwargs: dict) -> str:
    signature = inspect.signature(fn)
    unknown = [name for name in kwargs if name not in signature.parameters]
    if not unknown:
        return str(error)
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
