"""Pages of reference as Markdown for mkdocstrings: the names at the top of genlab, then a page of
each room. Needs no mkdocs.
"""

import ast
from collections.abc import Mapping

from modules import ROOT, defined, definition, dotted, named, public_names, split, tree

TOP = "genlab"
UNDER_A_HEADING = {"show_root_heading": "false", "show_root_toc_entry": "false"}


def pages() -> dict[str, str]:
    """By name: that of the top, then those of the rooms and of the modules at the top."""
    return {TOP: top(), **{room: page(room) for room in rooms()}}


def rooms() -> list[str]:
    """The rooms of genlab, and its modules at the top."""
    found = sorted(p for p in (ROOT / TOP).iterdir() if not p.name.startswith("_"))
    return [p.stem for p in found if p.suffix == ".py" or (p / "__init__.py").is_file()]


def top() -> str:
    """A page of what `import genlab` gives, in full; of its packages, where they are described."""
    parts = [f"# {TOP}", _about(TOP), _listed(TOP)]
    for name in public_names(TOP):
        path = f"{TOP}.{name}"
        if defined(path) in named():
            more = f"All of it: [`{path}`]({name}.md)."
            parts.append(f"## {path}\n\n{_about(path)}\n\n{more}")
        else:
            options = {"heading_level": 2, "heading": path, "toc_label": path}
            parts += [_shown(defined(path), options), _returned(path)]
    return "\n\n".join(filter(None, parts)) + "\n"


def page(room: str) -> str:
    """A page of everything public in a room."""
    place = ROOT / TOP / room
    paths = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    modules = [dotted(path) for path in paths]
    parts = [f"# {TOP}.{room}", _about(modules[0]) if place.is_dir() else ""]
    parts += [_listed(module) for module in modules]
    for module in filter(described, modules):
        parts += [f"## {module}", _shown(module, UNDER_A_HEADING)]
    return "\n\n".join(filter(None, parts)) + "\n"


def described(module: str) -> bool:
    """Whether a module defines something that is public."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    body = tree(module).body
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in body)


def place(path: str) -> str | None:
    """Where on the site what a dotted path of genlab names is described: "losses.md#ANCHOR" within
    reference/; None where nothing describes it.
    """
    module, rest = split(defined(path))
    if not module:
        return None
    room = module.split(".")[1] if "." in module else TOP
    if not rest:
        return _of_module(module, room)
    found = definition(module, rest[0])
    shown = found and found[1] and not rest[0].startswith("_") and described(module)
    return f"{room}.md#{module}.{rest[0]}" if shown else None


def _of_module(module: str, room: str) -> str | None:
    within = [name for name in named() if name == module or name.startswith(f"{module}.")]
    if module == f"{TOP}.{room}":
        return f"{room}.md"
    first = next(filter(described, within), None)
    return f"{room}.md#{first.replace('.', '')}" if first else None


def _shown(path: str, options: Mapping[str, str | int]) -> str:
    lines = (f"  {name}: {value}" for name, value in options.items())
    return "\n    ".join([f"::: {path}", "options:", *lines])


def _about(module: str) -> str:
    return ast.get_docstring(tree(module)) or ""


def _listed(module: str) -> str:
    """The names that a package gives, with links to where they are described."""
    names = {name: place(f"{module}.{name}") for name in public_names(module)}
    linked = [f"[`{name}`]({at})" if at else f"`{name}`" for name, at in names.items()]
    return f"`from {module} import`: {', '.join(linked)}" if linked else ""


def _returned(path: str) -> str:
    """What a function returns, where that is a class of genlab."""
    module, names = split(defined(path))
    found = definition(module, names[0]) if names else None
    returns = getattr(found[0], "returns", None) if found else None
    given = getattr(returns, "id", getattr(returns, "value", ""))
    at = place(f"{module}.{given}") if isinstance(given, str) and given.isidentifier() else None
    return f"It returns a [`{given}`]({at})." if at else ""
