"""The source of functions and classes, also of notebook cells and of lambdas within a line."""

import ast
import functools
import linecache
import textwrap
import types
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Source(NamedTuple):
    """The source of a definition.

    line:     "file:12"
    code:     it, compiled
    constant: whether all defaults of its arguments are constants
    """

    text: str
    line: str
    code: types.CodeType
    constant: bool = False


def source_of_code(code: types.CodeType) -> Source | None:
    """Of a function's code; None where there is no text or the function is not found in it."""
    text = _text(code.co_filename)
    if code.co_name == "<lambda>":
        spans = [node for node in _nodes(text) if isinstance(node, ast.Lambda)]
        spans = [node for node in spans if _holds(node, code)]
        node = max(spans, key=lambda n: _positions(n)[0], default=None)  # the innermost
    else:
        found = (n for n in _nodes(text) if isinstance(n, FUNCTIONS) and n.name == code.co_name)
        node = next((n for n in found if _first(n) == code.co_firstlineno), None)
    return None if node is None else _source(text, node, code.co_filename)


def source_of_class(name: str, methods: Iterable[types.FunctionType]) -> Source | None:
    """Of a class with these methods; None where they say nothing of its text."""
    for method in methods:
        code = method.__code__
        text = _text(code.co_filename)
        for node in _nodes(text):
            if isinstance(node, ast.ClassDef) and node.name == name:
                if node.lineno <= code.co_firstlineno <= (node.end_lineno or 0):
                    return _source(text, node, code.co_filename)
    return None


def _text(file: str) -> str:
    linecache.checkcache(file)
    return "".join(linecache.getlines(file))


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> tuple[ast.AST, ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):  # magics of a notebook
        return ()


def _nodes(text: str) -> Iterator[ast.AST]:
    return iter(_parsed(text))


def _source(text: str, node: ast.AST, file: str) -> Source | None:
    if isinstance(node, ast.Lambda):
        own = ast.get_source_segment(text, node) or ""
        own = f"lambda_ = ({own})" if "\n" in own else f"lambda_ = {own}"
    else:
        first, last = _first(node), getattr(node, "end_lineno", 0)
        own = textwrap.dedent("\n".join(text.splitlines()[first - 1 : last]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(own, file, "exec", dont_inherit=True)
    except SyntaxError:
        return None
    arguments = getattr(node, "args", None)
    given = [*arguments.defaults, *arguments.kw_defaults] if arguments else []
    constant = all(one is None or isinstance(one, ast.Constant) for one in given)
    return Source(own, f"{file}:{_first(node)}", code, constant)


def _first(node: ast.AST) -> int:
    """The line of a definition's first decorator, or its own."""
    lines = [one.lineno for one in getattr(node, "decorator_list", ())]
    return min([*lines, getattr(node, "lineno", 0)])


def _holds(node: ast.Lambda, code: types.CodeType) -> bool:
    """Whether a function's code lies within a lambda."""
    first, last = _positions(node)
    found = [(line, at) for line, _, at, _ in code.co_positions() if line and at is not None]
    inside = [place for place in found if place != (code.co_firstlineno, 0)]
    return bool(inside) and all(first <= place <= last for place in inside)


def _positions(node: ast.Lambda) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
