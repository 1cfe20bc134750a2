"""Fields of a config set by their path, as `--config.a.b=value` and a variant of a sweep do."""

import json
from ast import literal_eval
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from genlab.config.errors import ConfigError, did_you_mean
from genlab.config.live import is_marker
from genlab.config.node import CALL, converted
from genlab.config.spec import as_dict, written
from genlab.config.suggestions import suggestion


def override(config: ConfigDict, path: str, value: Any) -> None:
    """Sets `config.a.b = value` in place; text from a command line is read as the field's own kind
    of data.

    `value` may be a whole spec. A mapping by name, such as penalties, is replaced whole by another
    ('{"r1": 5}'), and an entry of it removed by None; tuples are read from "a,b". Raises
    ConfigError for a field that is not there ("did you mean", through all levels) or a value of
    another type; a number may widen (int to float), and narrow where nothing is lost (1e3 to 1000).
    """
    *parents, last = path.split(".")
    node = config
    for depth, part in enumerate(parents):
        node = _field(node, part, path.split("."), depth, config)
    if is_mapping(node) and (last not in node or _read(value) is None):
        _enter(node, last, _read(value), path)
        return
    current = _field(node, last, path.split("."), len(parents), config)
    value = _typed(value, current, path)
    if isinstance(node, ConfigDict):
        with node.ignore_type():
            node[last] = value
        return
    items = list(node)
    items[int(last)] = value
    override(config, ".".join(parents), tuple(items))


def is_mapping(node: Any) -> bool:
    """Whether a node of a config is a mapping by name, whose names its owner checks, and no call
    with fields of its own.
    """
    return isinstance(node, ConfigDict) and CALL not in node and not is_marker(node)


def literal(text: str) -> Any:
    """Text of a command line as the number, tuple, mapping, truth value or None it spells, in
    Python or JSON; else itself.
    """
    plain = {"true": "True", "false": "False", "none": "None", "null": "None"}
    try:
        return literal_eval(plain.get(text.lower(), text))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    try:
        return json.loads(text) if text[:1] in ("{", "[") else text
    except (ValueError, RecursionError):
        return text


def _read(value: Any) -> Any:
    return literal(value) if isinstance(value, str) else value


def _enter(node: ConfigDict, name: str, value: Any, path: str) -> None:
    """Sets an entry of a mapping that it does not have, or removes one (None)."""
    if value is None and name not in node:
        hint = did_you_mean(name, node) or f"; it has {', '.join(node) or 'none'}"
        raise ConfigError(f"{path}=None removes an entry, and there is no {name!r}{hint}")
    with node.unlocked():
        if value is None:
            del node[name]
        else:
            node[name] = written(value, path)


def _field(node: Any, name: str, path: list[str], depth: int, root: ConfigDict) -> Any:
    """The field `name` of `node`, which is at `path[:depth]` of the config `root`."""
    where = ".".join(path[:depth]) or "the config"
    if isinstance(node, ConfigDict):
        if name in node:
            return node[name]
        names = [n for n in node if n != CALL]
        hint = suggestion(name, names, root, ".".join(path[depth + 1 :]))
        raise ConfigError(f"{where} has no field {name!r}{hint or '; it has ' + ', '.join(names)}")
    if isinstance(node, tuple) and name.isdigit() and int(name) < len(node):
        return node[int(name)]
    raise ConfigError(f"{where} is {node!r}: it has no field {name!r}")


def _typed(value: Any, current: Any, path: str) -> Any:
    """`value` as the kind of data `current` is; text is read as a literal unless text is wanted."""
    typed = isinstance(value, str)
    if typed and not isinstance(current, str):
        value = _listed(value) if isinstance(current, tuple) else literal(value)
    if is_marker(current):
        return written(value, path)
    if isinstance(current, ConfigDict):
        return _replaced(value, current, path)
    if isinstance(value, ConfigDict | Mapping) and not typed:
        return written(value, path)  # a subtree is replaced whole: its fields belong to its call
    value = converted(written(value, path), current)
    if current is None or type(value) is type(current):
        return value
    if isinstance(value, ConfigDict) and not typed:  # in place of a function's name
        return value
    if isinstance(current, tuple) and isinstance(value, int | float | str):
        return (value,)
    raise ConfigError(
        f"{path} is {type(current).__name__} ({current!r}); {as_dict(value)!r} is "
        f"{type(value).__name__}"
    )


def _replaced(value: Any, current: ConfigDict, path: str) -> ConfigDict:
    """What takes the place of a subtree: another, or, of a mapping by name, none (None)."""
    if value is None and is_mapping(current):
        value = {}
    if value is None or not isinstance(written(value, path), ConfigDict):
        call = current.get(CALL, "a mapping")
        made = call.rpartition(":")[2] if isinstance(call, str) else call["name"]
        raise ConfigError(f"{path} is {made}, not a value: set its fields, {path}.NAME=...")
    if is_mapping(current) and isinstance(value, ConfigDict | Mapping):
        value = {name: converted(inner, current.get(name)) for name, inner in value.items()}
    return written(value, path)


def _listed(text: str) -> Any:
    """ "a,b" and "32,64" as tuples, whatever spells one as it is."""
    found = literal(text)
    if isinstance(found, str) and "," in text:
        return tuple(literal(part.strip()) for part in text.split(",") if part.strip())
    return found
