"""What the fields of a call were before: configs of older run folders are read as today's.

Where the arguments of something public change, a function here takes the plain fields of such a
call and returns today's. Every folder is upgraded whenever it is read, so a function leaves today's
fields as they are; and as identities are compared after it, an upgraded run stays the same run.
"""

from collections.abc import Callable
from typing import Any

from genlab.config.paths import current

Fields = dict[str, Any]


def upgraded(node: Any) -> Any:
    """Plain data of a config as today's code takes it: every path where it is today, then the
    fields of every call, an outer call before those in it.
    """
    return _refitted(_renewed(node))


def _gan(fields: Fields) -> Fields:
    """`views` is called `augment`."""
    return {"augment" if name == "views" else name: value for name, value in fields.items()}


UPGRADES: dict[str, Callable[[Fields], Fields]] = {"genlab.methods:GAN": _gan}
"""By what is called, today's path: the fields that it had, `call` among them, to those it has."""


def _renewed(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _renewed(value) for name, value in node.items()}
    if isinstance(node, list | tuple):
        return [_renewed(value) for value in node]
    return current(node) if isinstance(node, str) and node.startswith("genlab.") else node


def _refitted(node: Any) -> Any:
    if isinstance(node, dict):
        call = node.get("call")
        upgrade = UPGRADES.get(call) if isinstance(call, str) else None
        fields = upgrade(node) if upgrade else node
        return {name: _refitted(value) for name, value in fields.items()}
    return [_refitted(value) for value in node] if isinstance(node, list) else node
