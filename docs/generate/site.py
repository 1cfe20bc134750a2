"""Hooks of mkdocs: the start page out of README.md, the tutorials out of their notebooks, the
experiments with their results, a reference of the names at the top and of each room of `genlab`, an
index of papers. Nothing of it is written into `docs/`.
"""

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
import reference  # noqa: E402


def on_config(config):
    """Adds the pages of reference to the navigation."""
    (references,) = (part["Reference"] for part in config.nav if "Reference" in part)
    references += [{name: f"reference/{name}.md"} for name in reference.pages()]
    (experiments,) = (part["Experiments"] for part in config.nav if "Experiments" in part)
    experiments += [f"{folder}/README.md" for folder in experiments_of()]
    return config


def on_files(files: Files, config) -> Files:
    """Adds the pages that are made."""
    made: dict[str, str | bytes] = {"index.md": start(), "papers.md": of_papers()}
    made |= {f"reference/{name}.md": text for name, text in reference.pages().items()}
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
