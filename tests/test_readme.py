"""What the README shows is what runs."""

import re
import subprocess
import sys
from pathlib import Path

from genlab.launch import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(name):
    """The Python block that begins with `# name`."""
    return re.search(rf"```python\n(# {name}\n.*?)```", README, re.DOTALL)[1]


def test_the_tutorial_runs(tmp_path, monkeypatch, capsys):
    for name in ("mine.py", "experiment.py"):
        (tmp_path / name).write_text(block(name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    shrunk = ["--config.loop.steps=20", "--config.evaluate.fidelity.features.steps=20"]
    command = ["sweep", "--config=experiment.py", "--workdir=runs/mine", "--seeds=0", *shrunk]
    assert main(command) == 0
    assert "| penalised |" in capsys.readouterr().out
    sample = re.search(r"^genlab (sample .*)$", README, re.MULTILINE)[1]
    assert main(sample.split()) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()


def test_the_tutorial_is_short():
    tutorial = README.split("## Tutorial")[1].split("\n## ")[0]
    assert tutorial.count("\n") < 60


def test_ci_runs_the_readmes_own_test_command():
    (command,) = re.findall(r"grep -m1 -E \"(.*)\" README.md", (ROOT / ".ci" / "run").read_text())
    found = subprocess.run(
        ["grep", "-m1", "-E", command, "README.md"], cwd=ROOT, capture_output=True, text=True
    )
    assert found.stdout == "pip install -e '.[test]' && pytest\n"


def test_every_file_on_the_map_exists_and_public_names_resolve():
    for folder in re.findall(r"^  (\w+/)", README.split("## Map")[1], re.MULTILINE):
        assert (ROOT / "genlab" / folder).is_dir()
    code = "import genlab; print(len([getattr(genlab, name) for name in genlab.__all__]))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert told.stdout.strip() == "12", told.stderr
