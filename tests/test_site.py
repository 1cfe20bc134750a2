"""The site of documentation: built offline, without a dead link; every public object has a page;
its tutorials are notebooks that run.
"""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.py"))
LINKCHECKER = """
from linkcheck.command import linkchecker
linkchecker.drop_privileges = lambda: None
linkchecker.linkchecker()
"""  # as root it would become nobody, who may not read pytest's folders
each_tutorial = pytest.mark.parametrize("source", TUTORIALS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, as it is built."""
    for package in ("mkdocs", "mkdocstrings", "material", "nbconvert"):
        pytest.importorskip(package, reason="pip install 'genlab[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q"]
    command += ["-f", "docs/generate/mkdocs.yml", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_has_references_papers_and_pictures(site):
    losses = (site / "reference" / "losses.html").read_text()
    assert "genlab.losses.penalties.gradient_penalty" in losses
    papers = (site / "papers.html").read_text()
    row = next(row for row in papers.split("<tr>") if "abs/1704.00028" in row)
    assert "reference/losses.html#genlab.losses.penalties.gradient_penalty" in row
    assert "losses/test_penalties.py" in row or "and " in row
    for source in TUTORIALS:
        page = (site / "tutorials" / f"{source.stem}.html").read_text()
        assert re.search(rf'<img[^>]* src="{source.stem}/[^"]+.png"', page)


@pytest.mark.slow
def test_every_public_name_is_shown_with_its_arguments(site):
    sys.path.insert(0, str(ROOT / "docs" / "generate"))
    try:
        import modules
        import reference
    finally:
        sys.path.pop(0)
    pages = {path.name: path.read_text() for path in (site / "reference").glob("*.html")}
    for module in modules.named():
        for name in modules.public_names(module):
            page, _, anchor = reference.place(f"{module}.{name}").partition("#")
            assert not anchor or f'id="{anchor}"' in pages[page.replace(".md", ".html")], anchor
    top = re.sub(r"<[^>]+>", "", pages["genlab.html"])
    assert re.search(r"Experiment\(\s*method: Any,\s*data: Any,", top)
    assert re.search(r"\sPlayer\(\s*loss: ", top)  # a named tuple
    assert "<li><code>optim</code>: by player</li>" in pages["genlab.html"].replace("\n", "")
    assert re.search(r"Down\(\s*hidden: ", re.sub(r"<[^>]+>", "", pages["nets.html"]))  # of flax


@pytest.mark.slow
def test_no_link_of_the_site_is_dead_and_no_page_fetches_anything(site):
    pytest.importorskip("linkcheck", reason="pip install 'genlab[docs]'")
    command = [sys.executable, "-c", LINKCHECKER, "--no-status", "--no-warnings"]
    done = subprocess.run([*command, str(site / "index.html")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    checked = re.search(r"(\d+) links in (\d+) URLs checked", done.stdout)
    pages = list(site.rglob("*.html"))
    assert checked and int(checked[2]) >= len(pages), done.stdout
    fetched = r"<(?:script|img|iframe)[^>]* src=[\"']?https?:|<link[^>]*stylesheet[^>]*https?:"
    for page in pages:
        assert not re.search(fetched, page.read_text()), page


def cells(notebook):
    """(kind, text) of each."""
    return [(cell["cell_type"], "".join(cell["source"]).strip()) for cell in notebook["cells"]]


@each_tutorial
def test_a_notebook_is_its_source_executed(source):
    """`python docs/generate/tutorials.py` writes it anew."""
    made = json.loads(source.with_suffix(".ipynb").read_text())
    assert cells(made) == cells(jupytext.read(source))
    code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@each_tutorial
def test_what_a_tutorial_imports_from_genlab_is_there(source):
    for kind, text in cells(jupytext.read(source)):
        if kind == "code":
            plain = re.sub(r"^(%%writefile|!).*$", "", text, flags=re.MULTILINE)
            for node in ast.walk(ast.parse(plain)):
                if isinstance(node, ast.ImportFrom) and node.module.startswith("genlab"):
                    module = importlib.import_module(node.module)
                    for one in node.names:
                        path = f"{node.module}.{one.name}"
                        assert hasattr(module, one.name) or importlib.util.find_spec(path), path


def test_every_link_of_a_tutorial_is_there():
    for source in TUTORIALS:
        for target in re.findall(r"\]\(([^)#\s]+)", source.read_text()):
            assert "://" in target or (source.parent / target).is_file(), (source.name, target)


@pytest.mark.slow
@each_tutorial
def test_a_tutorial_runs(source, tmp_path):
    for package in ("nbclient", "ipykernel", "pandas", "submitit"):
        pytest.importorskip(package, reason="pip install 'genlab[tutorials]'")
    command = [sys.executable, "docs/generate/tutorials.py", source.stem, "--rounds=100"]
    done = subprocess.run([*command, f"--out={tmp_path}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "image/png" in (tmp_path / f"{source.stem}.ipynb").read_text()
