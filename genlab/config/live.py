"""Objects of this process in a config: arrays in memory, functions and classes of a notebook,
optimisers and data sets that are built.

A config holds a marker in their place, what they are and their sha256; the objects are kept here,
for as long as the process runs, and `build` takes them by it. So what is described is a run that
cannot be made again from its folder alone.
"""

import hashlib
import re
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from ml_collections import ConfigDict

from genlab.config.descriptions import array_sha256, described, is_array
from genlab.config.errors import ConfigError
from genlab.config.node import CALL

LIVE, ARRAY = "live", "array"
FOLDER = "__live__"  # of the sources, among the modules that a run keeps
SHOWN = 6  # objects named in a line
AGAIN = (
    "give the experiment that holds it: genlab.fit(experiment, workdir), "
    "genlab.load(workdir, experiment=experiment), or --config=FILE of the file that makes it"
)


class Held(NamedTuple):
    """An object, its text (see `descriptions`), and whether that is alike in another process."""

    value: Any
    text: str
    alike: bool


HELD: dict[str, Held] = {}
"""By the sha256 of their markers."""


def marker(value: Any, where: str) -> dict[str, Any]:
    """What a config, at `where`, holds in place of an object, which is kept.

    Raises ConfigError for a tracer, which is no value.
    """
    if "jax" in sys.modules and isinstance(value, sys.modules["jax"].core.Tracer):
        raise ConfigError(f"{where} is a tracer of JAX: give the value, outside of what is traced")
    names = re.findall(r"[A-Za-z_]\w*", where) or ["value"]
    name = names[-1]
    if is_array(value) and (sha256 := array_sha256(value)):
        HELD[sha256] = Held(value, "", True)
        shape = tuple(map(int, value.shape))
        kind = {LIVE: ARRAY, "name": name, "dtype": str(value.dtype), "shape": shape}
        return {**kind, "sha256": sha256}
    kind = "class" if isinstance(value, type) else "function"
    if isinstance(value, type | types.FunctionType):
        name = value.__name__ if value.__name__.isidentifier() else "lambda_"
    else:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
    found = described(value, name)
    sha256 = hashlib.sha256(found.text.encode()).hexdigest()
    HELD[sha256] = Held(value, found.text, found.alike)
    line = {"line": found.line} if found.line else {}
    return {LIVE: kind, "name": name, **line, "sha256": sha256}


def is_marker(node: Any) -> bool:
    """Whether a node of a config stands for an object of a process."""
    if not isinstance(node, ConfigDict | Mapping) or CALL in node:
        return False
    return isinstance(node.get(LIVE), str) and isinstance(node.get("sha256"), str)


def taken(node: Mapping) -> Any:
    """The object that a marker stands for.

    Raises ConfigError for one that this process does not have, and for an array that is no longer
    what it was.
    """
    held = HELD.get(node["sha256"])
    if held is None:
        raise ConfigError(
            f"{shown(node)} was an object of the process that made this config, which holds its "
            f"sha256 alone ({node['sha256'][:12]}): {AGAIN}"
        )
    if isinstance(held.value, np.ndarray) and array_sha256(held.value) != node["sha256"]:
        raise ConfigError(
            f"{shown(node)} was changed in place after it was put into the config: describe the "
            "experiment anew, or give a copy"
        )
    return held.value


def here(node: Mapping) -> bool:
    """Whether this process has the object of a marker."""
    return node["sha256"] in HELD


def shown(node: Mapping) -> str:
    """A marker for people: "function pulled (cell:3)", "image, an array uint8 [4, 8, 8, 1]"."""
    line = f" ({node['line']})" if node.get("line") else ""
    if node[LIVE] == ARRAY:
        return f"{node.get('name')}, an array {node.get('dtype')} {list(node.get('shape', ()))}"
    if node[LIVE] in ("function", "class"):
        return f"{node[LIVE]} {node.get('name')}{line}"
    return f"{node.get('name')}, a {node[LIVE]}{line}"


def found(node: Any, at: str = "") -> Iterator[tuple[str, Mapping]]:
    """Every marker in a config, by its path; that of what is called by the path of the call."""
    if is_marker(node):
        yield at, node
        return
    if isinstance(node, ConfigDict | Mapping):
        items = node.items()
    else:
        items = enumerate(node) if isinstance(node, tuple | list) else ()
    for name, value in items:
        inner = f"{at}.{name}" if at else str(name)
        yield from found(value, at if name == CALL else inner)


def listed(config: Any) -> str:
    """The objects of a config in a line, by path, the first few; "" where there are none."""
    every = [f"{path}: {shown(node)}" for path, node in found(config)]
    more = f"; {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return "; ".join(every[:SHOWN]) + more


def texts(config: Any) -> dict[str, tuple[str, str]]:
    """The sources of a config's objects that this process has, and the lines they are from, by the
    name of a file; those of one name share it.
    """
    made: dict[str, dict[str, str]] = {}
    for _, node in found(config):
        if text := HELD[node["sha256"]].text if here(node) else "":
            made.setdefault(file_of(node), {})[text] = str(node.get("line", ""))
    return {
        file: ("\n\n".join(of), ", ".join(filter(None, of.values()))) for file, of in made.items()
    }


def compared(node: Any) -> Any:
    """Plain data of a config without the lines that objects are from, which make no difference."""
    if is_marker(node):
        return {name: value for name, value in node.items() if name != "line"}
    if isinstance(node, Mapping):
        return {name: compared(value) for name, value in node.items()}
    return [compared(value) for value in node] if isinstance(node, list) else node


def unlike(config: Any) -> set[str]:
    """The files of objects of this process that can be compared with none of another."""
    return {file_of(n) for _, n in found(config) if here(n) and not HELD[n["sha256"]].alike}


def defining(node: Any) -> Any:
    """Plain data of a config with the names alone of objects whose source is compared apart."""
    if is_marker(node) and node[LIVE] != ARRAY:
        return {LIVE: node[LIVE], "name": node.get("name")}
    if isinstance(node, Mapping):
        return {name: defining(value) for name, value in node.items()}
    return [defining(value) for value in node] if isinstance(node, list) else node


def lend(config: Any, given: Any) -> list[str]:
    """Gives a run's `config` those objects that this process lacks of another experiment, `given`,
    at the same places, whose texts somebody has compared; returns which can be compared with none.

    Raises ConfigError for one that is not there or is another by what a config says of it.
    """
    others, taken_so = dict(found(given)), []
    for path, node in found(config):
        other = others.get(path)
        if here(node):
            continue
        if other is None or defining(other) != defining(node):
            has = f"has {shown(other)} there" if other else "has none there"
            raise ConfigError(f"{path}: the run was made with {shown(node)}; the experiment {has}")
        HELD[node["sha256"]] = HELD[other["sha256"]]
        taken_so += [] if HELD[other["sha256"]].alike else [f"{path}: {shown(other)}"]
    return taken_so


def file_of(node: Mapping) -> str:
    """Under which name a run keeps the source of an object."""
    return f"{FOLDER}/{node['name']}.py"
