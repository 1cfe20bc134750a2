"""The site of documentation: built offline, without a dead link; every public object has a page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_site_is_built_without_a_dead_link(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q"]
    command += ["-f", "docs/generate/mkdocs.yml", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    losses = (tmp_path / "reference" / "losses.html").read_text()
    assert "genlab.losses.penalties.gradient_penalty" in losses
    assert "1704.00028" in (tmp_path / "papers.html").read_text()


TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.py"))


@pytest.mark.parametrize("source", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorials_page_has_its_code_as_it_is(source):
    """`python docs/generate/tutorials.py` writes it anew."""
    page = source.with_suffix(".md").read_text()
    shown = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    parts = re.split(r"^# %%.*\n", source.read_text(), flags=re.MULTILINE)[1:]
    cells = [part.strip() for part in parts if not part.startswith("# ")]
    assert [one.strip() for one in shown] == cells
    for picture in re.findall(r"!\[\w+\]\((.*?)\)", page):
        assert (source.parent / picture).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("source", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs(source, tmp_path):
    for package in ("jupytext", "nbclient", "nbconvert", "ipykernel"):
        pytest.importorskip(package, reason="pip install 'genlab[tutorials]'")
    command = [sys.executable, "docs/generate/tutorials.py", source.stem, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "```python" in (tmp_path / f"{source.stem}.md").read_text()
