"""The site of documentation: built offline, without a dead link; every public object has a page."""

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
