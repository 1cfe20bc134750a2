"""Hooks of mkdocs: the start page out of README.md, the experiments with their results, a page of
reference for each room of `genlab`, an index of papers. Nothing of it is written into `docs/`.
"""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
AUTHORS = re.compile(
    r"((?:[A-Z][\w'-]+(?:(?:, | & | and )[A-Z][\w'-]+)*(?: et al\.)?) \d{4}),?\s+arXiv:"
)


class Mention(NamedTuple):
    """A paper in a docstring: its id, its authors and year, and the object's module and name."""

    paper: str
    authors: str
    module: str
    name: str


def on_config(config):
    """Adds the pages of reference to the navigation."""
    (reference,) = (part["Reference"] for part in config.nav if "Reference" in part)
    reference += [{room: f"reference/{room}.md"} for room in rooms()]
    (experiments,) = (part["Experiments"] for part in config.nav if "Experiments" in part)
    experiments += [f"{folder}/README.md" for folder in experiments_of()]
    return config


def on_files(files: Files, config) -> Files:
    """Adds the pages that are made."""
    made = {"index.md": start(), "papers.md": papers()}
    made |= {f"reference/{room}.md": reference(room) for room in rooms()}
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    for path in results():
        name = str(path.relative_to(ROOT))
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page, config, files: Files) -> str:
    """Links as they are in the repository, to the same pages on the site; to other files, names."""
    here = Path(page.file.src_uri).parent
    known = {file.src_uri for file in files}

    def link(match: re.Match) -> str:
        mark, words, target = match.groups()
        path, _, part = target.partition("#")
        if not path or "://" in target:
            return match[0]
        at = Path(os.path.normpath(here / path))
        where = Path(*[p for p in at.parts if p not in ("..", "docs")])
        if str(where) not in known:
            return f"{words} (`{path.lstrip('./')}`)"
        to = os.path.relpath(where, here) + (f"#{part}" if part else "")
        return f"{mark}[{words}]({to})"

    return re.sub(r"(!?)\[([^]]*)\]\(([^)\s]+)\)", link, markdown)


def experiments_of() -> list[str]:
    """The folders of experiments that have a page."""
    pages = sorted((ROOT / "experiments").rglob("README.md"))
    return [str(page.parent.relative_to(ROOT)) for page in pages]


def results() -> list[Path]:
    """Pages and pictures of experiments and benchmarks."""
    folders = (ROOT / "experiments", ROOT / "benchmarks" / "results")
    found = [path for folder in folders for path in sorted(folder.rglob("*"))]
    return [path for path in found if path.suffix in (".md", ".png", ".svg", ".json")]


README = (ROOT / "README.md").read_text()


def start() -> str:
    """README as the first page."""
    return README.replace('src="docs/', 'src="')


def rooms() -> list[str]:
    """The rooms of genlab, and its modules at the top."""
    top = sorted(p for p in (ROOT / "genlab").iterdir() if not p.name.startswith("_"))
    return [p.stem for p in top if p.suffix == ".py" or (p / "__init__.py").is_file()]


def reference(room: str) -> str:
    """A page of everything public in a room."""
    place = ROOT / "genlab" / room
    modules = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    about = ast.get_docstring(ast.parse(modules[0].read_text())) or ""
    parts = [f"# genlab.{room}", about if place.is_dir() else ""]
    for path in modules:
        if public(path):
            name = dotted(path)
            parts.append(f"## {name}\n\n::: {name}\n    options:\n      show_root_heading: false")
    return "\n\n".join(filter(None, parts)) + "\n"


def dotted(path: Path) -> str:
    """The name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def public(path: Path) -> bool:
    """Whether a module defines something that is public."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    body = ast.parse(path.read_text()).body
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in body)


def mentions() -> Iterator[Mention]:
    """Every paper that a docstring of genlab names by its arXiv id."""
    for path in sorted((ROOT / "genlab").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in (tree, *ast.walk(tree)):
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
                text = " ".join((ast.get_docstring(node) or "").split())
                for found in ARXIV.finditer(text):
                    before = AUTHORS.findall(text[: found.end()])
                    name = getattr(node, "name", "")
                    yield Mention(found[1], before[-1] if before else "", dotted(path), name)


def papers() -> str:
    """The index: paper, where it is in the code, the tests and the experiments that name it."""
    found: dict[str, list[Mention]] = {}
    for one in mentions():
        found.setdefault(one.paper, []).append(one)
    tests = texts("tests", "test_*.py")
    experiments = texts("experiments", "*.py")
    rows = []
    for paper in sorted(found, key=lambda p: (-int(p[:2] < "91"), p)):
        of = list(dict.fromkeys(found[paper]))
        authors = next((one.authors for one in of if one.authors), "")
        names = [one.name or one.module.rpartition(".")[2] for one in of]
        code = ", ".join(f"`{one.module}{'.' * bool(one.name)}{one.name}`" for one in of)
        row = (f"[{authors or paper}](https://arxiv.org/abs/{paper})", code,
               using(names, tests), using(names, experiments))  # fmt: skip
        rows.append(f"| {' | '.join(row)} |")
    head = "| paper | code | tests that name it | experiments |\n| --- | --- | --- | --- |"
    about = (
        f"{len(found)} papers are named in docstrings by their arXiv ids. Older papers, and those "
        "of other publishers, are named in the docstrings alone."
    )
    return f"# Papers\n\n{about}\n\n{head}\n" + "\n".join(rows) + "\n"


def texts(folder: str, pattern: str) -> dict[str, str]:
    """The files of a folder that match, by their names."""
    files = sorted((ROOT / folder).rglob(pattern))
    return {str(path.relative_to(ROOT / folder)): path.read_text() for path in files}


def using(names: list[str], files: dict[str, str], most: int = 3) -> str:
    """The files that use any of the names, the first few."""
    words = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    found = [name for name, text in files.items() if words.search(text)]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(f"`{name}`" for name in found[:most]) + more
