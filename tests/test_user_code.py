"""A user's code is part of the run: kept in its folder, compared, and used where the original is
gone.
"""

import importlib
import json
import sys
import warnings
from types import SimpleNamespace

import pytest

from genlab import api
from genlab.cli import report as report_command
from genlab.cli.main import main
from genlab.config import ConfigError, override, resolve
from genlab.config.files import load
from genlab.data import digits
from genlab.report import write
from genlab.runs import code_changes, kept_code, user_code
from genlab.runs.folder import RunFolder
from genlab.runtime.progress import Silent
from genlab.sweep import run as sweep
from genlab.sweep.plan import Job, plan
from genlab.train.folders import claimed

MINE = '''
"""Losses of our own."""
import jax.numpy as jnp
from genlab import Objective
from lab.parts import scale

WEIGHT = 2.0


def pulled(real, fake):
    """What the critic minimises."""
    return scale(jnp.exp(-real / 2)) + WEIGHT * jnp.exp(fake / 2)


def pushed(real, fake):
    return jnp.exp(-fake / 2)


exponential = Objective(critic=pulled, generator=pushed)


class Other:
    def first(self):
        return WEIGHT

    def second(self):
        return 1
'''
PARTS = "def scale(x):\n    return x\n"
EXPERIMENT = """
from helpers import tiny

def config():
    return tiny.gan(method={"objective": "mine:exponential"})

def sweep():
    return {"exponential": {}, "minimax": {"method.objective": "minimax"}}
"""


def forget():
    """As in a new process: nothing of the user's is imported."""
    for name in [n for n in sys.modules if n.partition(".")[0] in ("mine", "lab")]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with an experiment file, a module and a package of the user's."""
    folder = tmp_path / "experiment"
    (folder / "lab").mkdir(parents=True)
    (folder / "lab" / "__init__.py").write_text("")
    (folder / "lab" / "parts.py").write_text(PARTS)
    (folder / "mine.py").write_text(MINE)
    (folder / "file.py").write_text(EXPERIMENT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # edits within a second are seen
    yield folder
    forget()


@pytest.fixture
def run(place, tmp_path):
    """A run of it that has a checkpoint of round 2."""
    config = load(place / "file.py").config()
    resolve(config.method.objective)
    run = RunFolder.start(tmp_path / "run", config)
    (run.path / "checkpoints" / "2").mkdir(parents=True)
    forget()
    return run


def test_modules_are_copied_with_those_they_import(run, place):
    kept = json.loads((run.path / "code.json").read_text())["modules"]
    assert kept.keys() == {"mine.py", "lab/__init__.py", "lab/parts.py"}
    assert (run.path / "code/mine.py").read_text() == MINE
    assert kept["mine.py"]["sha256"] == user_code.sha256(MINE)
    assert kept["lab/parts.py"]["from"] == str(place / "lab/parts.py")


SAME = {
    "a comment": ("return jnp.exp(-fake / 2)", "return jnp.exp(-fake / 2)  # of the samples"),
    "a docstring": ("What the critic minimises", "A loss"),
    "what is not reached": ("return WEIGHT\n", "return 3\n"),
    "a new function": ("class Other", "def new(real):\n    return real\n\n\nclass Other"),
    "a new import": ("import jax.numpy as jnp", "import math\nimport jax.numpy as jnp"),
}


@pytest.mark.parametrize("what", SAME)
def test_what_is_no_change_of_code_is_none(what, run, place):
    text = MINE.replace(*SAME[what])
    assert text != MINE
    (place / "mine.py").write_text(text)
    RunFolder.start(run.path, run.config)
    assert (run.path / "code/mine.py").read_text() == text


CHANGED = {
    "mine.py: pulled (line 10) differs": ("fake / 2)\n", "fake / 3)\n"),
    "mine.py: WEIGHT (line 7) differs": ("WEIGHT = 2.0", "WEIGHT = 3.0"),
    "mine.py: scale (line 5) differs": ("from lab.parts", "from lab.parts2"),
    "what the module does when imported": ("WEIGHT = 2.0", "WEIGHT = 2.0\nprint('on')"),
}


@pytest.mark.parametrize("said", CHANGED)
def test_a_resume_with_other_code_is_refused_by_file_and_function(said, run, place):
    before = (run.path / "code.json").read_text()
    (place / "mine.py").write_text(MINE.replace(*CHANGED[said]))
    with pytest.raises(ConfigError, match="for 2 rounds") as refused:
        RunFolder.start(run.path, RunFolder.at(run.path, resuming=True).config)
    assert said in str(refused.value) and "--accept-code-change" in str(refused.value)
    assert (run.path / "code.json").read_text() == before


def test_a_change_in_what_is_imported_is_found_and_accepted_on_request(run, place):
    (place / "lab/parts.py").write_text(PARTS.replace("return x", "return 2 * x"))
    with pytest.raises(ConfigError, match=r"lab/parts\.py: scale \(line 1\) differs"):
        RunFolder.start(run.path, run.config)
    api.accept_code(run.config, run.path)
    RunFolder.start(run.path, run.config)
    (accepted,) = kept_code.read(run.path).accepted
    assert accepted["round"] == 2 and accepted["changes"] == [
        "lab/parts.py: scale (line 1) differs"
    ]
    assert "-    return x" in accepted["diff"] and "+    return 2 * x" in accepted["diff"]


def test_before_the_first_checkpoint_code_may_change(run, place):
    (run.path / "checkpoints" / "2").rmdir()
    (place / "mine.py").write_text(MINE.replace("WEIGHT = 2.0", "WEIGHT = 3.0"))
    RunFolder.start(run.path, run.config)
    assert "WEIGHT = 3.0" in (run.path / "code/mine.py").read_text()


def test_of_an_older_run_it_is_said_once_that_there_is_nothing_to_compare(run):
    (run.path / "code.json").unlink()
    with pytest.warns(UserWarning, match="kept no copy of its code"):
        RunFolder.start(run.path, run.config)
    RunFolder.start(run.path, run.config)


def test_a_run_is_read_with_its_own_copy_where_the_original_is_gone_or_changed(run, place):
    (place / "mine.py").write_text(MINE.replace("return jnp.exp(-fake / 2)", "return fake"))
    with pytest.warns(UserWarning, match=r"pushed \(line 15\) differs: using the run's own copy"):
        RunFolder.at(run.path)
    assert resolve("mine:pushed").__code__.co_filename == str(run.path / "code/mine.py")
    forget()
    sys.path[:] = [p for p in sys.path if not p.startswith(str(place.parent))]
    place.rename(place.with_name("moved"))
    with pytest.warns(UserWarning, match="is gone: using the run's own copy"):
        found = RunFolder.at(run.path, resuming=True)
    assert resolve("mine:pushed").__code__.co_filename == str(run.path / "code/mine.py")
    RunFolder.start(run.path, found.config)  # the same code
    folders = json.loads((run.path / "modules.json").read_text())
    assert str(run.path / "code") not in folders.values()


def test_a_copy_that_no_run_here_had_is_not_imported(run, place, monkeypatch, tmp_path):
    place.rename(place.with_name("moved"))
    sys.path[:] = [p for p in sys.path if not p.startswith(str(place.parent))]
    text = MINE + "\nraise SystemExit\n"
    (run.path / "code/mine.py").write_text(text)
    with pytest.raises(ConfigError, match="is damaged or missing"):
        RunFolder.at(run.path)
    record = json.loads((run.path / "code.json").read_text())
    record["modules"]["mine.py"]["sha256"] = user_code.sha256(text)
    (run.path / "code.json").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match=r"if you trust it, PYTHONPATH=.*/run/code genlab"):
        RunFolder.at(run.path)


def test_a_process_that_has_imported_other_code_is_told_to_start_anew(run, place):
    (place / "mine.py").write_text(MINE.replace("WEIGHT = 2.0", "WEIGHT = 3.0"))
    resolve("mine:pulled")
    with pytest.raises(ConfigError, match="read the run in a new process"):
        RunFolder.at(run.path)


def test_code_edited_after_its_import_is_taken_as_it_was_imported(run, place):
    resolve("mine:pulled")
    user_code.modules(run.config)
    (place / "mine.py").write_text(MINE.replace("WEIGHT = 2.0", "WEIGHT = 3.0"))
    with pytest.warns(UserWarning, match=r"mine\.py was edited after it was imported"):
        RunFolder.start(run.path, run.config)
    assert (run.path / "code/mine.py").read_text() == MINE


def test_names_made_at_run_time_reach_everything():
    was = "def f(x):\n    return globals()[x]\n\n\ndef g():\n    return 1\n"
    now = was.replace("1", "2")
    (change,) = code_changes.changes({"m.py": was}, {"m.py": now}, {"f"})
    assert str(change) == "m.py: g (line 5) differs"
    still = was.replace("globals()[x]", "x")
    assert not code_changes.changes({"m.py": still}, {"m.py": still.replace("1", "2")}, {"f"})


@pytest.fixture
def job(place, tmp_path):
    """A finished run of a sweep."""
    (job,) = plan(load(place / "file.py"), tmp_path / "sweep", {}, (0,), ("exponential",))
    folder = RunFolder.start(job.workdir, job.config)
    (folder.path / "checkpoints" / "4").mkdir(parents=True)
    folder.write("status.json", {"status": "finished", "evaluated": sweep._evaluation(job.config)})
    return job


def test_a_finished_run_with_other_code_is_not_shown_as_finished(job, place, tmp_path):
    assert sweep.finished(job) and not sweep.outdated(job)
    (place / "mine.py").write_text(MINE.replace("WEIGHT = 2.0", "WEIGHT = 3.0"))
    assert sweep.outdated(job)
    (result,) = sweep.run([job], tmp_path / "sweep", "", Silent())
    assert result.status == "failed" and "WEIGHT (line 7) differs" in result.error
    assert RunFolder(job.workdir).status["status"] == "finished"


def test_an_evaluator_that_changed_scores_again_and_stops_no_run(place, tmp_path):
    (place / "mine.py").write_text(MINE + "\n\ndef judged():\n    return 1\n")
    config = load(place / "file.py").config()
    override(config, "method.objective", "minimax")
    override(config, "evaluate", {"own": {"call": "mine:judged"}})
    run = RunFolder.start(tmp_path / "run", config)
    (run.path / "checkpoints" / "2").mkdir(parents=True)
    before = kept_code.scoring_digest(config)
    (place / "mine.py").write_text(MINE + "\n\ndef judged():\n    return 2\n")
    forget()
    RunFolder.start(run.path, config)
    assert before and kept_code.scoring_digest(config) != before
    assert kept_code.code_digest({"call": "optax:adam"}) == ""  # nothing of the user's


def test_the_commands_refuse_and_accept_and_the_report_shows_it(job, place, tmp_path, capsys):
    (place / "mine.py").write_text(MINE.replace("WEIGHT = 2.0", "WEIGHT = 3.0"))
    file = f"--config={place / 'file.py'}"
    assert main(["train", file, f"--workdir={job.workdir}"]) == 2
    assert "mine.py: WEIGHT (line 7) differs" in capsys.readouterr().err
    command = ["sweep", file, f"--workdir={tmp_path / 'sweep'}", "--only=exponential"]
    assert main([*command, "--accept-code-change"]) == 0
    assert "finished before" in capsys.readouterr().out
    for report in ("report.md", "report.html"):
        said = (tmp_path / "sweep" / report).read_text()
        assert "went on after round 4 with other code: mine.py: WEIGHT (line 7) differs" in said
        assert "+WEIGHT = 3.0" in said


def test_a_report_shows_where_variants_differ_in_code(place, tmp_path):
    for name, weight in (("a", "2.0"), ("b", "3.0")):
        (place / "mine.py").write_text(MINE.replace("WEIGHT = 2.0", f"WEIGHT = {weight}"))
        RunFolder.start(tmp_path / "sweep" / name / "seed0", load(place / "file.py").config())
    said = write(tmp_path / "sweep").markdown
    assert "b/seed0 has code unlike that of a/seed0: mine.py" in said
    assert "-WEIGHT = 2.0" in said and "+WEIGHT = 3.0" in said


def test_nothing_is_accepted_for_a_run_that_is_refused_or_running(run, place):
    before = (run.path / "code.json").read_text()
    (place / "mine.py").write_text(MINE.replace("WEIGHT = 2.0", "WEIGHT = 3.0"))
    other = run.config
    override(other, "batch_size", 8)
    with pytest.raises(ConfigError, match="another config"):
        api.accept_code(other, run.path)
    jobs = [Job("refused", 0, other, run.path), Job("same", 0, run.config, run.path)]
    with run.locked():
        sweep.accept_code_changes(jobs)
    sweep.accept_code_changes(jobs[:1])
    experiment = SimpleNamespace(data=digits(), method=SimpleNamespace(given=()))
    training = SimpleNamespace(experiment=experiment, place=None)
    with (
        pytest.raises(ConfigError, match="another config"),
        claimed(run.path, other, training, True),
    ):
        pass
    assert (run.path / "code.json").read_text() == before
    with claimed(run.path, run.config, training, accept_code_change=True):
        assert kept_code.read(run.path).accepted[0]["round"] == 2


def test_a_command_says_a_warning_in_one_line(monkeypatch, capsys):
    def command(arguments):
        for kind in (UserWarning, RuntimeWarning):
            text = "the run's own\ncopy is used"
            print(warnings.formatwarning(kind(text), kind, kept_code.__file__, 1), end="")

    monkeypatch.setattr(report_command, "run", command)
    assert main(["report", "--workdir=."]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "warning: the run's own copy is used" and "kept_code.py:1: " in second
