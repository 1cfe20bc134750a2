"""What a type checker and an editor see of genlab."""

import ast
import importlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import genlab

ROOT = Path(genlab.__file__).parents[1]
LAZY = ("genlab", "genlab.metrics", "genlab.evaluation")
"""Packages whose public names are imported when first used."""


@pytest.mark.parametrize("package", LAZY)
def test_editors_see_the_names_that_are_imported_when_first_used(package):
    module = importlib.import_module(package)
    tree = ast.parse(Path(module.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname: (node.module, alias.name) for node in imports for alias in node.names}
    assert set(seen) == set(module.__all__) <= set(dir(module))
    for name, (home, original) in seen.items():
        shown = getattr(module, name)
        if not (isinstance(shown, ModuleType) and callable(shown)):  # genlab.sweep is such a one
            assert getattr(importlib.import_module(home), original) is shown


def test_the_package_says_that_it_is_typed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert (ROOT / "genlab" / "py.typed").exists()
    assert "py.typed" in project["setuptools"]["package-data"]["genlab"]
    assert project["pyright"]["include"] == ["genlab"]


@pytest.mark.slow
def test_pyright_finds_nothing_to_say():
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = json.loads(result.stdout)["generalDiagnostics"]
    assert not found, "\n".join(
        f"{one['file']}:{one['range']['start']['line'] + 1}: {one['message']}" for one in found
    )
