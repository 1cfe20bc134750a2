"""What the README shows is what runs."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import genlab

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(name):
    """The Python block that begins with `# name`."""
    return re.search(rf"```python\n(# {name}\n.*?)```", README, re.DOTALL)[1]


@pytest.mark.slow  # `test_launch.py` trains, sweeps, samples and reports by command
def test_the_tutorial_runs_as_typed(tmp_path):
    """Each command in a shell of its own, in a folder of its own, with nothing on PYTHONPATH."""
    for name in ("mine.py", "experiment.py"):
        (tmp_path / name).write_text(block(name))
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def typed(line, *more):
        program = Path(sys.executable).parent / "genlab"
        command = [str(program), *shlex.split(line, comments=True)[1:], *more]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    shell = README.split("## Tutorial")[1].split("```sh\n")[1].split("```")[0]
    sweep, sample = shell.strip().splitlines()
    scored = {"features.steps": 20, "samples": 50, "draws": 2}
    shrunk = [f"--config.evaluate.fidelity.{name}={few}" for name, few in scored.items()]
    shrunk += ["--config.loop.steps=20", "--seeds=0"]
    assert "| penalised |" in typed(sweep, *shrunk)
    assert (tmp_path / typed(sample).strip()).is_file()
    pytest.importorskip("pandas", reason="pip install 'genlab[frames]'")
    lines = re.search(r"```python\n(import genlab\n.*?)```", README, re.DOTALL)[1]
    made = f'"{tmp_path}/runs/mine'
    exec(lines.replace('"runs/glyphs/gan', f"{made}/plain").replace('"runs/glyphs', made), {})


def test_the_tutorial_is_short():
    tutorial = README.split("## Tutorial")[1].split("\n## ")[0]
    assert tutorial.count("\n") < 60


def test_ci_runs_the_readmes_own_test_command():
    (command,) = re.findall(r"grep -m1 -E \"(.*)\" README.md", (ROOT / ".ci" / "run").read_text())
    found = subprocess.run(
        ["grep", "-m1", "-E", command, "README.md"], cwd=ROOT, capture_output=True, text=True
    )
    assert found.stdout == "pip install -e '.[test]' && pytest\n"


FOLDERS = (".", "docs", "experiments/*", "experiments/products/*")
PAGES = [page for folder in FOLDERS for page in ROOT.glob(f"{folder}/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_of_a_page_is_there(page):
    text = page.read_text()
    found = re.findall(r"\]\(([^)#\s]+)\)|src=\"([^\"]+)\"", text)
    targets = [link or picture for link, picture in found]
    gone = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not gone


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_tests_that_a_page_names_are_there(page):
    text = page.read_text()
    paths = re.findall(r"`((?:tests|benchmarks|genlab|experiments|docs)/[\w./-]*)`", text)
    assert not [p for p in paths if "NAME" not in p and not (ROOT / p).exists()]
    tests = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert not [name for name in re.findall(r"`(test_\w+)`", text) if f"def {name}(" not in tests]


def test_every_file_on_the_map_exists_and_public_names_resolve():
    for folder in re.findall(r"^  (\w+/)", README.split("## Map")[1], re.MULTILINE):
        assert (ROOT / "genlab" / folder).is_dir()
    for name in genlab.__all__:
        getattr(genlab, name)


def test_a_public_name_is_no_modules_name():
    """Importing a module sets its name in the package: the function would be gone."""
    modules = {path.stem for path in (ROOT / "genlab").iterdir()}
    assert modules & set(genlab.__all__) == {"report", "sweep"}  # the modules themselves are meant
    assert callable(importlib.import_module("genlab.sweep.plan") and genlab.sweep)
