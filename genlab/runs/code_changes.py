"""In what two states of a user's code differ, of what a run reaches.

A definition is reached if its name occurs in the config or in a definition that is reached,
whatever module it is in. So a function that is added for one variant leaves the runs of the others
as they were; a change of comments, docstrings or layout is no change of code.
"""

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from genlab.runs.user_code import parsed, sha256

AT_RUN_TIME = {"globals", "vars", "eval", "exec", "__import__", "import_module"}
DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
TOP = ""  # the name of the statements of a module that are run for what they do


class Change(NamedTuple):
    """A definition that is not what it was; `how` is "differs", "is new" or "is gone"."""

    file: str
    name: str
    line: int | None
    how: str

    def __str__(self) -> str:
        at = f" (line {self.line})" if self.line else ""
        return f"{self.file}: {self.name}{at} {self.how}"


def changes(was: Mapping[str, str], now: Mapping[str, str], names: Iterable[str]) -> list[Change]:
    """What differs of what is reached by `names` in two states: texts of modules by path."""
    if was == now:
        return []
    names = set(names)
    before, after = _reached(was, names), _reached(now, names)
    found = []
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old is None or new is None or old.code != new.code:
            found += _described(*key, old, new)
    return found


def digest(texts: Mapping[str, str], names: Iterable[str]) -> str:
    """Equal for states in which all that is reached by `names` is the same; "" for nothing."""
    found = _reached(texts, set(names))
    lines = [f"{file}: {name}\n{one.code}" for (file, name), one in sorted(found.items())]
    return sha256("\n".join(lines)) if lines else ""


def defined(text: str) -> set[str]:
    """The names that a module's text binds."""
    return set(_definitions(text)) - {TOP}


class _Definition(NamedTuple):
    """What the statements of a module bind to a name.

    code:   without comments and docstrings
    refers: names by which it may reach other definitions
    any:    whether it may reach others by names made at run time
    """

    code: str
    line: int
    refers: frozenset[str]
    any: bool


def _reached(texts: Mapping[str, str], names: set[str]) -> dict[tuple[str, str], _Definition]:
    """The definitions, by file and name, that `names` reach; all, where one of them finds others
    by names made at run time.
    """
    every = {
        (file, name): definition
        for file, text in texts.items()
        for name, definition in _definitions(text).items()
    }
    by_name: dict[str, list[tuple[str, str]]] = {}
    for key in every:
        by_name.setdefault(key[1], []).append(key)
    found: dict[tuple[str, str], _Definition] = {}
    seen = {*names, TOP}
    waiting = list(seen)
    while waiting:
        for key in by_name.get(waiting.pop(), ()):
            found[key] = every[key]
            if found[key].any:
                return every
            waiting += found[key].refers - seen
            seen |= found[key].refers
    return found


@functools.lru_cache(maxsize=512)
def _definitions(text: str) -> dict[str, _Definition]:
    bound: dict[str, list[ast.stmt]] = {}
    for whole in parsed(text).body:
        for name, statement in _bound_by(whole):
            bound.setdefault(name, []).append(statement)
    return {name: _definition(statements) for name, statements in bound.items()}


def _bound_by(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """The names that a statement of a module binds, each with what binds it; `TOP` for one that is
    run for what it does.
    """
    if isinstance(statement, DEFINES):
        yield statement.name, statement
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            one = ast.Import([alias])
            if isinstance(statement, ast.ImportFrom):
                one = ast.ImportFrom(statement.module, [alias], statement.level)
            yield TOP if name == "*" else name, ast.copy_location(one, statement)
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for part in (p for t in targets for p in (t.elts if isinstance(t, ast.Tuple) else [t])):
            yield part.id if isinstance(part, ast.Name) else TOP, statement
    elif not _idle(statement):
        yield TOP, statement


def _idle(statement: ast.stmt) -> bool:
    """Whether a statement does nothing when its module is imported: a docstring, a script."""
    if isinstance(statement, ast.If):
        return ast.unparse(statement.test).startswith("__name__ ==")
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _definition(statements: list[ast.stmt]) -> _Definition:
    refers: set[str] = set()
    found_at_run_time = False
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Name):
            refers.add(node.id)
        elif isinstance(node, ast.Attribute):
            refers.add(node.attr)
        elif isinstance(node, ast.alias):
            refers.update(node.name.split("."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            refers.update(node.value.rpartition(":")[2].split(".") if len(node.value) < 200 else ())
        elif isinstance(node, ast.Call):
            found_at_run_time |= _finds_names(node)
    code = "\n".join(_code(statement) for statement in statements)
    return _Definition(code, statements[0].lineno, frozenset(refers), found_at_run_time)


def _finds_names(call: ast.Call) -> bool:
    """Whether a call may reach a definition by a name that is made at run time."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name != "getattr":
        return name in AT_RUN_TIME
    of, what = [*call.args, None, None][:2]
    plain = isinstance(of, ast.Name) and of.id not in ("self", "cls")
    return plain and not isinstance(what, ast.Constant)


def _code(statement: ast.stmt) -> str:
    """Its code, without docstrings and comments."""
    (copy,) = ast.parse(ast.unparse(statement)).body
    for inner in ast.walk(copy):
        if isinstance(inner, DEFINES) and ast.get_docstring(inner, clean=False) is not None:
            inner.body = inner.body[1:] or [ast.Pass()]
    return ast.unparse(copy)


def _described(
    file: str, name: str, old: _Definition | None, new: _Definition | None
) -> Iterator[Change]:
    """The changes of one definition: those of a class by its methods."""
    what = name or "what the module does when imported"
    if not (old and new):
        yield Change(file, what, new.line if new else None, "is new" if new else "is gone")
        return
    was, now = _methods(old.code), _methods(new.code)
    for method in {**was, **now}:
        if was.get(method) != now.get(method):
            yield Change(file, f"{what}.{method}" if method else what, new.line, "differs")


def _methods(code: str) -> dict[str, str]:
    """The methods of a class by name and the rest of it under ""; of other code all of it."""
    first, *others = parsed(code).body
    if others or not isinstance(first, ast.ClassDef):
        return {"": code}
    found = {n.name: ast.unparse(n) for n in first.body if isinstance(n, DEFINES)}
    first.body = [n for n in first.body if not isinstance(n, DEFINES)] or [ast.Pass()]
    return {"": ast.unparse(first), **found}
