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


OPTIONS = "genlab.methods.gan.options"
FLAGS = {  # of a GAN: the value for none, and what is now called, with which argument
    "generator_batch": (1, "generator_batch", "factor"),
    "pool": (0, "pooled", "size"),
    "pack": (1, "packed", "m"),
    "smoothing": (None, "smoothed", "share"),
    "top": (None, "top", "share"),
}


def _gan(fields: Fields) -> Fields:
    """`views` is called `augment`; the label was given to networks that had `classes`; what the
    losses do besides is a tuple of `options`.
    """
    renamed = {"augment" if name == "views" else name: value for name, value in fields.items()}
    return _given(_optional(renamed), ("generator", "discriminator"))


def _optional(fields: Fields) -> Fields:
    """The flags of a GAN as its `options`."""
    if "options" in fields:
        return fields
    found = []
    for flag, (none, name, argument) in FLAGS.items():
        if fields.get(flag, none) != none:
            found.append({"call": f"{OPTIONS}:{name}", argument: fields[flag]})
    if step := fields.get("latent_step"):
        own = isinstance(step, dict) and step.get("call") == f"{OPTIONS}:latent_step"
        found.append(step if own else {"call": f"{OPTIONS}:improved", "by": step})
    gone = {*FLAGS, "latent_step"}
    return {**{n: value for n, value in fields.items() if n not in gone}, "options": found}


def _vae(fields: Fields) -> Fields:
    """The label was given to networks that had `classes`."""
    return _given(fields, ("encoder", "decoder"))


def _given(fields: Fields, networks: tuple[str, ...]) -> Fields:
    """Networks without `classes`: whether they had any is whether the method is given the label."""
    labelled = any(_classes(fields.get(name)) for name in networks)
    plain = {n: _unclassed(x) if n in networks else x for n, x in fields.items()}
    return {"given": ["label"] if labelled else [], **plain}


def _classes(node: Any) -> bool:
    """Whether a network, or one inside it, was told a number of classes."""
    if not isinstance(node, dict):
        return False
    return bool(node.get("classes")) or any(map(_classes, node.values()))


def _unclassed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    ours = str(node.get("call", "")).startswith("genlab.nets")
    return {n: _unclassed(x) for n, x in node.items() if not (ours and n == "classes")}


def _experiment(fields: Fields) -> Fields:
    """`standing` is called `recalibrate`."""
    return {"recalibrate" if name == "standing" else name: x for name, x in fields.items()}


DATA = "genlab.data"
GROUPS = {  # of a folder: the call that holds them, and by what they were its name there
    "table": (
        "Table",
        {"attributes": "file", "label": "label", "columns": "columns", "missing": "missing"},
    ),
    "split": (
        "Split",
        {"validation": "validation", "test": "test", "seed": "seed", "split_by": "by"},
    ),
    "faults": ("Faults", {"problems": "problems", "duplicates": "duplicates"}),
}


def _folder(fields: Fields) -> Fields:
    """Fourteen fields were in a row. The images of a split were drawn by their place in the sorted
    list, and rows of a table with an empty cell were left out.
    """
    if any(group in fields for group in GROUPS):
        return fields
    rule = "drop" if fields.get("attributes") is not None else None
    found = {"split_by": "position", "missing": rule, **fields}
    for group, (name, names) in GROUPS.items():
        own = {new: found.pop(old) for old, new in names.items() if old in found}
        found[group] = {"call": f"{DATA}:{name}", **own}
    return found


def moved(call: str, name: str) -> str:
    """Where an argument of a call is now that was its own before; "" for any other."""
    for group, (holder, names) in (GROUPS if call == f"{DATA}:folder" else {}).items():
        if name in names:
            return f"; it is an argument of {holder} now: {group}=spec({holder}, {names[name]}=...)"
    return ""


def in_a_row(node: Any) -> Any:
    """Plain data of a config with the fields of every folder as they were before they had groups:
    what fingerprints of data that are in files are of.
    """
    if isinstance(node, list | tuple):
        return type(node)(in_a_row(value) for value in node)
    if not isinstance(node, dict):
        return node
    found = {name: in_a_row(value) for name, value in node.items()}
    if found.get("call") == f"{DATA}:folder":
        for group, (_, names) in GROUPS.items():
            own = found.pop(group, {})
            found |= {old: own[new] for old, new in names.items() if new in own}
    return found


UPGRADES: dict[str, Callable[[Fields], Fields]] = {
    "genlab:Experiment": _experiment,
    "genlab.data:folder": _folder,
    "genlab.methods:GAN": _gan,
    "genlab.methods:VAE": _vae,
}
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
