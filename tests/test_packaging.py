"""The wheel: all of genlab and nothing else, and it works without the checkout."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
STRAY = ("runs/mine/config.json", "genlab_runs/gan/mine.py", "genlab_notes.py")  # beside genlab
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built, without a network, of a checkout in which a person has worked."""
    if int(version("setuptools").partition(".")[0]) < 77:
        pytest.skip("setuptools is older than pyproject.toml asks for: pip install 'genlab[test]'")
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    shutil.copytree(ROOT / "genlab", tree / "genlab", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests", "experiments", "benchmarks", "docs"):
        (tree / name).symlink_to(ROOT / name)
    for name in STRAY:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(out)], cwd=tree, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (made,) = out.glob("genlab-*.whl")
    with zipfile.ZipFile(made) as file:
        file.extractall(out / "unpacked")
    return out / "unpacked"


def files(folder):
    """The files below a folder, by their paths within it."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(folder)): path for path in found}


def test_the_wheel_is_all_of_genlab_and_nothing_else(wheel):
    made, own = files(wheel), files(ROOT / "genlab")
    about = {name for name in made if re.match(r"genlab-[^/]+\.dist-info/", name)}
    assert set(made) - about == {f"genlab/{name}" for name in own}
    for name, path in own.items():
        assert made[f"genlab/{name}"].read_bytes() == path.read_bytes(), name
    kinds = {Path(name).suffix for name in own}
    assert {".html", ".css", ".js"} <= kinds and "py.typed" in own


def test_the_wheel_says_what_it_is(wheel):
    (about,) = wheel.glob("genlab-*.dist-info")
    said = (about / "METADATA").read_text()
    assert "License-Expression: MIT" in said and (about / "licenses" / "LICENSE").is_file()
    for extra in ("page", "export", "frames", "tutorials", "docs"):
        assert f"Provides-Extra: {extra}\n" in said
    assert "genlab = genlab.cli.main:main" in (about / "entry_points.txt").read_text()


def elsewhere(wheel, tmp_path, *arguments):
    """What Python prints, run away from the checkout, with the unpacked wheel before all else."""
    kept = {**os.environ, "PYTHONPATH": str(wheel), "GENLAB_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, env=kept, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


PUBLIC = """
import genlab
for name in genlab.__all__:
    getattr(genlab, name)
print(genlab.__file__)
"""
PAGE = """
import re
from fastapi.testclient import TestClient
from genlab.web.app import application
with TestClient(application({}), base_url="http://localhost") as client:
    found = ["/", "/docs"]
    for name in found:
        got = client.get(name)
        assert got.status_code == 200, name
        linked = re.findall(r'(?:src=|href=|from )"(/static/[^"]+)"', got.text)
        found += [one for one in dict.fromkeys(linked) if one not in found]
print(*found)
"""


def test_it_works_from_the_wheel(wheel, tmp_path):
    assert elsewhere(wheel, tmp_path, "-c", PUBLIC).strip() == str(wheel / "genlab/__init__.py")
    assert "--port" in elsewhere(wheel, tmp_path, "-m", "genlab", "serve", "--help")
    served = set(elsewhere(wheel, tmp_path, "-c", PAGE).split())
    scripts = {f"/static/{path.name}" for path in (ROOT / "genlab/web/static").glob("*.[jc]s*")}
    assert served == {"/", "/docs", *scripts}
