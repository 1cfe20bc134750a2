"""Hooks of mkdocs: the start page out of README.md, the tutorials out of their notebooks, the
experiments with their results, a page of reference for each room of `genlab`, an index of papers.
Nothing of it is written into `docs/`.
"""

import ast
import os
import re
import sys
from pathlib import Path

import nbconvert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(nbconvert.__file__).parents[4] / "share" / "jupyter" / "nbconvert" / "templates"
sys.path.insert(0, str(ROOT / "docs" / "generate"))

import papers  # noqa: E402


def on_config(config):
    """Adds the pages of reference to the navigation."""
    (reference,) = (part["Reference"] for part in config.nav if "Reference" in part)
    reference += [{room: f"reference/{room}.md"} for room in rooms()]
    (experiments,) = (part["Experiments"] for part in config.nav if "Experiments" in part)
    experiments += [f"{folder}/README.md" for folder in experiments_of()]
    return config


def on_files(files: Files, config) -> Files:
    """Adds the pages that are made."""
    made: dict[str, str | bytes] = {"index.md": start(), "papers.md": of_papers()}
    made |= {f"reference/{room}.md": reference(room) for room in rooms()}
    for notebook in sorted((ROOT / "docs" / "tutorials").glob("*.ipynb")):
        made |= tutorial(notebook)
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    for path in results():
        name = str(path.relative_to(ROOT))
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page, config, files: Files) -> str:
    """Links as they are in the repository, to the same pages on the site; to other files, names."""
    here, here_name = Path(page.file.src_uri).parent, Path(page.file.src_uri).stem
    known = {file.src_uri for file in files}

    def link(match: re.Match) -> str:
        mark, words, target = match.groups()
        path, _, part = target.partition("#")
        if not path or "://" in target:
            return match[0]
        at = Path(os.path.normpath(here / path))
        where = Path(*[p for p in at.parts if p not in ("..", "docs")])
        if where.suffix == ".ipynb" and where.stem != here_name:  # but for the notebook of a page
            where = where.with_suffix(".md")
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


def tutorial(notebook: Path) -> dict[str, str | bytes]:
    """The page of an executed notebook, with its pictures."""
    exporter = nbconvert.MarkdownExporter(extra_template_basedirs=[str(TEMPLATES)])
    text, resources = exporter.from_filename(str(notebook), {"output_files_dir": notebook.stem})
    source = f"[Notebook]({notebook.name}), executed by `docs/generate/tutorials.py`."
    heading, _, rest = text.strip().partition("\n")
    pictures = {f"tutorials/{name}": data for name, data in resources["outputs"].items()}
    return {f"tutorials/{notebook.stem}.md": f"{heading}\n\n{source}\n{rest}\n", **pictures}


def of_papers() -> str:
    """The index of papers; the build fails where it lacks something."""
    try:
        return papers.page()
    except ValueError as error:
        raise PluginError(str(error)) from None


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
            name = papers.dotted(path)
            parts.append(f"## {name}\n\n::: {name}\n    options:\n      show_root_heading: false")
    return "\n\n".join(filter(None, parts)) + "\n"


def public(path: Path) -> bool:
    """Whether a module defines something that is public."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    body = ast.parse(path.read_text()).body
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in body)
