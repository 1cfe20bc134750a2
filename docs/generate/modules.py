"""The modules of genlab as they are written: parsed, not imported. Where names are defined, and
which are public.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def dotted(path: Path) -> str:
    """The name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def parsed(path: Path) -> ast.Module:
    """A file of Python."""
    return ast.parse(path.read_text())


def trees(folder: str) -> dict[Path, ast.Module]:
    """The Python files of a folder, parsed."""
    return {path: parsed(path) for path in sorted((ROOT / folder).rglob("*.py"))}


@cache
def named() -> dict[str, Path]:
    """The modules of genlab by name."""
    return {dotted(path): path for path in sorted((ROOT / "genlab").rglob("*.py"))}


def tree(module: str) -> ast.Module:
    """A module of genlab, parsed."""
    return parsed(named()[module])


@cache
def exports(module: str) -> dict[str, str]:
    """What the names of a module are imported from."""
    return dict(_imported(_top(tree(module).body)))


@cache
def used() -> dict[str, set[str]]:
    """By module of genlab: what it imports, within functions too."""
    return {module: {path for _, path in imports(tree(module))} for module in named()}


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(name in the file, dotted path) of what it imports from genlab, anywhere in it."""
    yield from _imported(ast.walk(tree))


def _top(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those under `if TYPE_CHECKING`."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _top(node.body)


def _imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "genlab":
            for one in node.names:
                yield one.asname or one.name, f"{node.module}.{one.name}"
        elif isinstance(node, ast.Import):
            for one in node.names:
                if one.name.split(".")[0] == "genlab":
                    yield one.asname or "genlab", one.name if one.asname else "genlab"


def split(path: str) -> tuple[str, list[str]]:
    """(module, the names within it) of a dotted path; ("", all of them) outside genlab."""
    parts = path.split(".")
    for n in range(len(parts), 0, -1):
        if ".".join(parts[:n]) in named():
            return ".".join(parts[:n]), parts[n:]
    return "", parts


def defined(path: str, depth: int = 0) -> str:
    """Where what a dotted path names is defined: through re-exports. A name that a package imports
    is that, and not its module of the same name.
    """
    parent, _, name = path.rpartition(".")
    module, rest = (parent, [name]) if name in _of(parent) else split(path)
    target = _of(module).get(rest[0]) if rest else None
    if target is None or depth > 5 or target == path:
        return path
    return defined(".".join([target, *rest[1:]]), depth + 1)


def _of(module: str) -> dict[str, str]:
    return exports(module) if module in named() else {}


def public_names(module: str) -> list[str]:
    """What `__all__` of a module lists; of `sorted(_HOME)`, the keys of that table."""
    values = {
        target.id: node.value
        for node in tree(module).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    listed, home = values.get("__all__"), values.get("_HOME")
    if isinstance(listed, ast.List):
        return ast.literal_eval(listed)
    return sorted(ast.literal_eval(home)) if listed is not None and home is not None else []


def definition(module: str, name: str) -> tuple[ast.stmt, str] | None:
    """The statement that defines a name at the top of a module, and its docstring ("" for none)."""
    body = tree(module).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node, ast.get_docstring(node) or ""
        if name in _assigned(node):
            return node, _text(following)
    return None


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _text(node: ast.stmt | None) -> str:
    """What stands under a constant, as its docstring."""
    value = node.value if isinstance(node, ast.Expr) else None
    found = value.value if isinstance(value, ast.Constant) else ""
    return found if isinstance(found, str) else ""
