"""A user's code: the modules outside installed packages that a config reaches.

They are found by their text, so nothing is imported here.
"""

import ast
import functools
import hashlib
import importlib.util
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from genlab import config as config_lib

NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")  # "package.module:name"
INSTALLED = {"site-packages", "dist-packages"}
LIBRARIES = {"genlab", "jax", "jaxlib", "flax", "optax", "orbax", "numpy"}  # env.json has versions


class Module(NamedTuple):
    """A module's file.

    file:   where it is
    inside: its path from the folder that it is imported from: "mine.py", "lab/__init__.py"
    """

    file: Path
    inside: str
    text: str

    @property
    def name(self) -> str:
        """As it is imported."""
        return self.inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def folder(self) -> str:
        """The folder that it is imported from."""
        return str(self.file)[: -len(self.inside) - 1]

    @property
    def sha256(self) -> str:
        """Of its text."""
        return sha256(self.text)


def sha256(text: str) -> str:
    """Of a module's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def modules(config: Any) -> dict[str, Module]:
    """The modules that a config names and that are neither installed nor genlab's, with all such
    that they import, by their path (`Module.inside`).
    """
    found: dict[str, Module | None] = live_modules(config)
    waiting = [text.partition(":")[0] for text in _texts(config_lib.as_dict(config)) if ":" in text]
    waiting += [name for module in found.values() if module for name in _imported(module)]
    while waiting:
        parts = waiting.pop().split(".")
        for name in (".".join(parts[:n]) for n in range(1, len(parts) + 1)):
            if name not in found:
                module = found[name] = located(name)
                waiting += _imported(module) if module else ()
    return {module.inside: module for module in found.values() if module}


def live_modules(config: Any) -> dict[str, Module | None]:
    """The sources of objects of this process that a config holds, as modules by their names, which
    none of them is imported by; `Module.file` says which lines they are from.
    """
    texts = config_lib.live.texts(config_lib.as_dict(config))
    made = (Module(Path(lines), inside, text) for inside, (text, lines) in texts.items())
    return {module.name: module for module in made}


def is_live(inside: str) -> bool:
    """Whether what a run keeps under this name is the source of an object, and no module's."""
    return inside.startswith(f"{config_lib.live.FOLDER}/")


def names(config: Any) -> set[str]:
    """The names in a config by which it may reach what is defined in a module."""
    texts = (text.partition(":")[2] or text for text in _texts(config_lib.as_dict(config)))
    return {part for text in texts for part in text.split(".")}


def parsed(text: str) -> ast.Module:
    """The syntax tree; of a text that is no Python, one statement that holds it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python says of odd escapes, it said at import
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        held = ast.List([ast.Constant(text)], ast.Load())
        return ast.Module([ast.Expr(held, lineno=1, col_offset=0)], [])


def _texts(node: Any) -> Iterator[str]:
    """Every text in plain data that is an identifier or names something in a module."""
    if isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _texts(value)
    elif isinstance(node, str) and (NAMED.fullmatch(node) or node.isidentifier()):
        yield node


def located(name: str) -> Module | None:
    """A module as this process has imported it, or else would import it; None for one that is
    installed, genlab's or not there.
    """
    top = name.partition(".")[0]
    if top in LIBRARIES or top == "__main__" or top in sys.stdlib_module_names:
        return None
    folder = _folder(name)
    if folder is None or _installed(folder):
        return None
    for inside in (f"{name.replace('.', '/')}/__init__.py", f"{name.replace('.', '/')}.py"):
        file = Path(folder) / inside
        if file.is_file():
            return Module(file, inside, _text(name, file))
    return None


def _text(name: str, file: Path) -> str:
    """Of a module that is imported, as it was when first asked for here; a warning says once that
    its file has been edited since.
    """
    text = file.read_text("utf-8", errors="replace")
    found = getattr(sys.modules.get(name), "__spec__", None)  # another one after a reload
    if found is None:
        return text
    known, as_imported = _imported_as.setdefault(name, (found, text))
    if known is not found:
        _imported_as[name] = found, text
        return text
    if as_imported != text and (file, text) not in _edited:
        _edited.add((file, text))
        warnings.warn(
            f"{file} was edited after it was imported: what runs in this process is the code as "
            "it was; reload the module, or start a new process, for the edited one",
            stacklevel=2,
        )
    return as_imported


_imported_as: dict[str, tuple[Any, str]] = {}
_edited: set[tuple[Path, str]] = set()


def _folder(name: str) -> str | None:
    """The folder from which a module is imported, or would be; None where that is none."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        name = name.partition(".")[0]
        try:
            found = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None
        if found is None:
            return None
        if not found.has_location:
            places = list(found.submodule_search_locations or ())
            return os.path.dirname(os.path.abspath(places[0])) if places else None
        file = found.origin or ""
    path = Path(os.path.abspath(file))
    return str(path.parents[name.count(".") + (path.stem == "__init__")])


@functools.lru_cache(maxsize=256)
def _installed(folder: str) -> bool:
    """Whether what is imported from there was installed, by pip to wherever."""
    if INSTALLED.intersection(Path(folder).parts):
        return True
    try:
        return any(name.endswith(".dist-info") for name in os.listdir(folder))
    except OSError:  # a zip file
        return True


def _imported(module: Module) -> set[str]:
    """The names of modules that a module may import, those that its texts name among them."""
    found, own = set(), module.name.split(".")
    package = module.inside.endswith("__init__.py")
    for node in ast.walk(parsed(module.text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = own[: len(own) + package - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if NAMED.fullmatch(node.value):
                found.add(node.value.partition(":")[0])
    return {name for name in found if all(part.isidentifier() for part in name.split("."))}
