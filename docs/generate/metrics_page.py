"""Writes docs/metrics.md: every metric with its definition, its reference and the difference seen.

    python docs/generate/metrics_page.py

Definitions' sources are read from the code, differences and times are measured while it runs
against the golden numbers of the tests. It fails where a public function of a metric's module
is in no section here, or has neither a golden number nor a test of a known answer.
"""

import importlib
import inspect
import os
import pkgutil
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the golden numbers of the tests

import jax  # noqa: E402
import numpy as np  # noqa: E402
import scipy  # noqa: E402
from metrics import golden  # noqa: E402
from metrics.golden.case import Case, compare  # noqa: E402
from metrics_sections import PARTS, SECTIONS, Entry, Section  # noqa: E402

PAGE = ROOT / "docs" / "metrics.md"
ROUNDING = 1e-15
CITATION = re.compile(
    r"[A-Z][\w-]+(?:, [A-Z][\w-]+)*(?: & [A-Z][\w-]+| et al\.)? \d{4}"
    r"(?:,? \(?arXiv:\d{4}\.\d{4,5}(?:v\d+)?\)?)?"
)


def topics() -> Iterator:
    """The modules of golden numbers."""
    for found in pkgutil.iter_modules(golden.__path__):
        if found.name != "case":
            yield importlib.import_module(f"metrics.golden.{found.name}")


def cases() -> dict[str, list[tuple[str, Case]]]:
    """By metric, (file of the topic, case)."""
    found: dict[str, list[tuple[str, Case]]] = {}
    for topic in topics():
        for case in topic.CASES:
            found.setdefault(case.metric, []).append((topic.__file__, case))
    return found


def imported(module: str) -> ModuleType:
    """A module of genlab.metrics, or of another room by "room.module"."""
    return importlib.import_module(f"genlab.{module if '.' in module else 'metrics.' + module}")


def resolve(name: str) -> FunctionType:
    """The function "module.function"."""
    module, function = name.rsplit(".", 1)
    return getattr(imported(module), function)


def public(entries: dict[str, Entry]) -> set[str]:
    """Every public function of the modules that the entries are in."""
    modules = {name.rsplit(".", 1)[0] for name in entries}
    found = set()
    for name in modules:
        module = imported(name)
        for function, value in vars(module).items():
            if isinstance(value, FunctionType) and value.__module__ == module.__name__:
                if not function.startswith("_"):
                    found.add(f"{name}.{function}")
    return found


def check(golden_cases: dict[str, list]) -> None:
    """Every public function in a section; each with a golden number or a test that exists."""
    entries = {name: entry for section in SECTIONS for name, entry in section.entries.items()}
    assert not (stray := public(entries) - entries.keys() - PARTS), f"in no section: {stray}"
    for name, entry in entries.items():
        assert name in golden_cases or entry.known, f"{name} has neither reference nor test"
        for test in entry.known:
            file, _, function = test.partition("::")
            text = (ROOT / "tests" / "metrics" / file).read_text()
            assert f"def {function or 'test_'}" in text, f"{name}: no {test}"


def definition(function: FunctionType) -> str:
    """The first paragraph of the docstring, on one line, with a capital and a full stop."""
    text = " ".join(inspect.getdoc(function).split("\n\n")[0].split())
    return text.replace("|", "\\|")


def shapes(function: FunctionType) -> str:
    """Of its arrays, as annotated: "x: n d, y: m d"."""
    arrays = inspect.get_annotations(function).items()
    told = [f"{name}: {of.dim_str}" for name, of in arrays if hasattr(of, "dim_str")]
    return ", ".join(one.replace("return:", "gives") for one in told)


def source(function: FunctionType) -> str:
    """The papers its docstring cites, or its module's."""
    texts = inspect.getdoc(function), inspect.getdoc(inspect.getmodule(function))
    for text in texts:
        if found := CITATION.findall(" ".join((text or "").split())):
            told = (re.sub(r",? \(?arXiv:", ", arXiv:", one).rstrip(")") for one in found)
            return "; ".join(dict.fromkeys(told))
    return "–"


def difference(value: float) -> str:
    """Two figures, or that it is in the last digit."""
    return "0" if value == 0 else f"< {ROUNDING:.0e}" if value < ROUNDING else f"{value:.1e}"


def rows(compared: list[tuple[Case, object]]) -> Iterator[str]:
    """A case on each line."""
    for case, found in compared:
        name = case.name.replace("|", "\\|")
        yield (
            f"| {name} | {found.reference} | {difference(found.difference)} | "
            f"{case.tolerance:.0e} | {1000 * found.seconds:.3g} |"
        )


def section(of: Section, golden_cases: dict[str, list]) -> Iterator[str]:
    """A heading, then each metric with its cases."""
    yield f"## {of.title}\n"
    for name, entry in of.entries.items():
        function = resolve(name)
        shown = shapes(function)
        yield f"### `{name}`\n"
        yield f"`{entry.formula}` {definition(function)}\n"
        yield f"Source: {source(function)}.{f' Shapes: `{shown}`.' if shown else ''}\n"
        if entry.note:
            yield f"{entry.note}\n"
        yield from measured(name, entry, golden_cases)


def measured(name: str, entry: Entry, golden_cases: dict[str, list]) -> Iterator[str]:
    """The table of a metric's cases, or the tests of its known answers."""
    compared = [(case, compare(file, case)) for file, case in golden_cases.get(name, [])]
    for case, found in compared:
        assert found.difference <= case.tolerance, (name, case.name, found)
    if compared:
        yield "| input | reference | largest difference | tolerance | ms |\n|---|---|---|---|---|"
        yield "\n".join(rows(compared)) + "\n"
    if entry.known:
        tests = ", ".join(f"`tests/metrics/{t.removesuffix('::')}`" for t in entry.known)
        kind = "Known answers also" if compared else "No reference on PyPI; known answers"
        yield f"{kind}: {tests}.\n"


def page() -> str:
    """The whole text."""
    golden_cases = cases()
    check(golden_cases)
    spaces = [name for name in golden_cases if name.startswith("features.")]
    versions = f"jax {jax.__version__}, numpy {np.__version__}, scipy {scipy.__version__}"
    parts = [
        "# Metrics\n",
        "Every metric of `genlab.metrics` with its definition, its reference implementation, and "
        "the largest difference seen between the two, relative to the reference's largest value. "
        "Generated by `python docs/generate/metrics_page.py`; the references' numbers are in "
        "`tests/metrics/golden/`, with the scripts that made them. Times are of this program on "
        f"the case's small input, first call included: {os.cpu_count()} CPU cores, Python "
        f"{platform.python_version()}, {versions}.\n",
        *(line for of in SECTIONS for line in section(of, golden_cases)),
        "## Feature spaces and preprocessing\n",
        "Networks are compared with random weights, which need no download and hide no mistake.\n",
    ]
    for name in spaces:
        parts.append(f"### `{name}`\n")
        parts.extend(measured(name, Entry(""), golden_cases))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
