"""The rooms of the house: a room imports only from rooms below it, and no modules form a circle."""

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import genlab

ROOT = Path(genlab.__file__).parent
ROOMS = (
    "cli", "client", "web", "sweep", "api", "evaluation", "feedback", "metrics", "features",
    "sampling", "editing", "train", "methods", "report", "game", "data", "losses", "nets",
    "augment", "runs", "runtime", "config", "schedules",
)  # fmt: skip
"""From the top down."""


def modules() -> dict[str, Path]:
    """Every module of genlab by its name."""
    found = {}
    for file in ROOT.rglob("*.py"):
        parts = file.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = file
    return found


MODULES = modules()


@cache
def imports(module: str) -> set[str]:
    """The modules that a module imports, anywhere in it; packages count as themselves."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
    return found - {module}


def room(module: str) -> str:
    """The room a module is in; "" for the package itself."""
    return [*module.split("."), ""][1]


def test_every_module_is_in_a_room_that_is_named():
    assert {room(module) for module in MODULES} - {"", "__main__"} == set(ROOMS)


def test_a_room_imports_only_from_rooms_below_it():
    wrong = [
        f"{module} imports {target}"
        for module in MODULES
        if room(module) in ROOMS
        for target in sorted(imports(module))
        if room(target) != room(module)
        and (room(target) == "" or ROOMS.index(room(target)) <= ROOMS.index(room(module)))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_form_a_circle():
    """Within a room too. A package's `__init__` offers names to those outside of it."""
    graph = {module: imports(module) for module in MODULES if room(module) != ""}
    TopologicalSorter(graph).prepare()  # CycleError names the circle


@pytest.mark.parametrize("package", [m for m, file in MODULES.items() if file.stem == "__init__"])
def test_a_folder_says_what_it_is_for(package):
    assert ast.get_docstring(ast.parse(MODULES[package].read_text()))


def test_what_tests_share_is_in_their_helpers():
    """No test file imports another: what it held would be run and changed for two reasons."""
    importing = re.compile(r"^\s*(from|import) ([\w.]+\.)?test_", re.MULTILINE)
    files = (ROOT.parent / "tests").rglob("*.py")
    assert not [str(file) for file in files if importing.search(file.read_text())]
