"""Where runs are carried out: terminals, pipes and signals, homes and caches, directories."""

import io
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers import tiny
from helpers.shared import LABELS, REAL

from genlab.cli.main import main
from genlab.config import places
from genlab.config.files import load
from genlab.runs import ingredients
from genlab.runs.folder import RunFolder
from genlab.runtime import cache, signals
from genlab.runtime.progress import Live, Plain, for_terminal
from genlab.runtime.terminal import Outlet, steady
from genlab.sweep.plan import configure


def test_a_reader_that_leaves_ends_nothing():
    """`genlab train | head -1`: what follows goes nowhere, at the end of the process too."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as out:
        show = Plain(seconds=0.0, out=out)
        os.close(reader)
        show.begin("a run", 0, 10)
        show.advance(5, {"disc/loss": 1.0})
        show.say("still here")


def test_a_stream_that_is_closed_or_none_ends_nothing(monkeypatch):
    """`genlab train >&-`."""
    monkeypatch.setattr(sys, "stdout", None)
    with steady():
        print("to nobody")
        assert isinstance(for_terminal(), Plain)
    closed = io.StringIO()
    closed.close()
    Plain(out=closed).say("to nobody")
    assert not Outlet(closed).isatty()


def test_a_character_that_a_terminal_lacks_is_shown_by_its_escape():
    held = io.BytesIO()
    with io.TextIOWrapper(held, encoding="ascii", write_through=True) as out:
        Plain(out=out).say("a → b")
        assert held.getvalue() == b"a \\u2192 b\n"


def test_brackets_are_printed_as_they_are():
    out = io.StringIO()
    show = Live(out=out)
    show.begin("runs/[exp1] [/b] [red]", 0, 2)
    show.say("[2/4] [bold]a[/x] :smile: seed 0")
    show.advance(2, {"[gen]/loss": 1.0})
    show.end()
    assert "[2/4] [bold]a[/x] :smile: seed 0" in out.getvalue()
    assert "runs/[exp1] [/b] [red]" in out.getvalue()


def test_the_program_works_with_its_output_closed():
    command = f"{sys.executable} -m genlab --help >&-"
    told = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True)
    assert (told.returncode, told.stderr) == (0, "")


def test_a_terminal_that_closes_is_a_request_to_stop_said_once_or_twice(request):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup has ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGHUP, before))
    with signals.watched():
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.requested() == signal.SIGHUP
    with pytest.raises(signals.Interrupted) as stop, signals.interruptible():
        os.kill(os.getpid(), signal.SIGHUP)
    assert stop.value.number == signal.SIGHUP


def test_under_nohup_a_terminal_may_close():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.interruptible(), signals.watched():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.requested() is None
    finally:
        signal.signal(signal.SIGHUP, before)


def nobody(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")


def test_without_a_home_or_with_one_that_cannot_be_written_nothing_is_kept(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match=r"file/cache cannot be written .*GENLAB_CACHE="):
        place = cache.cache()
    (place / "scores").mkdir(parents=True, exist_ok=True)
    assert cache.cache() == place and tmp_path not in place.parents
    monkeypatch.delenv("GENLAB_CACHE")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.warns(UserWarning, match="there is no home folder"):
        assert cache.cache() == place
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path / "made"))
    assert cache.cache() == tmp_path / "made"


def test_the_home_folder_in_any_path_of_a_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    for option in ("--workdir=~/none", "--real=~/none"):
        assert main(["evaluate", option, *(["--fake=~"] if "real" in option else [])]) == 2
        assert str(tmp_path / "none") in capsys.readouterr().err


def test_a_run_that_others_begin_from_may_have_a_colon_in_its_name(tmp_path):
    config = tiny.vae(begin={"decoder": f"{tmp_path}/lr:small"})
    (one,) = ingredients.named(config)
    assert (one.run, one.network) == (f"{tmp_path}/lr", "small")
    RunFolder.start(tmp_path / "lr:small", tiny.vae())
    (one,) = ingredients.named(config)
    assert (one.run, one.network) == (f"{tmp_path}/lr:small", "decoder")


EXPERIMENT = """
from helpers import tiny
from genlab import spec
from genlab.data import arrays
from genlab.evaluation.evaluators import Reconstruction

def config():
    loop = {"steps": 2, "checkpoint_every": 2}
    evaluate = {"reconstruction": spec(Reconstruction)}
    return tiny.vae(data=spec(arrays, "sets/own.npz"), evaluate=evaluate, loop=loop)
"""


@pytest.fixture
def project(tmp_path):
    """A folder with an experiment and its data, and another folder to stand in."""
    (tmp_path / "project" / "sets").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    np.savez(tmp_path / "project" / "sets" / "own.npz", image=REAL, label=LABELS)
    (tmp_path / "project" / "own.py").write_text(EXPERIMENT)
    return tmp_path / "project"


def test_a_run_is_trained_and_scored_from_any_directory(project, tmp_path, monkeypatch, capsys):
    """Its data lie beside the experiment file, wherever the command is given."""
    train = ["train", f"--config={project / 'own.py'}", f"--workdir={project / 'run'}"]
    monkeypatch.chdir(project)
    assert main(train) == 0
    assert json.loads((project / "run" / "config.json").read_text())["data"]["path"] == (
        "sets/own.npz"
    )
    monkeypatch.chdir(tmp_path / "elsewhere")
    for command in (["evaluate", f"--workdir={project / 'run'}"], train):
        assert main(command) == 0, capsys.readouterr().err
    monkeypatch.chdir(project)
    assert main(["evaluate", f"--workdir={project / 'run'}"]) == 0
    rows = RunFolder(project / "run").rows("evals.jsonl")
    assert (
        len({json.dumps(row["protocol"]) for row in rows if row["protocol"]["split"] == "test"})
        == 1
    )
    shutil.rmtree(project / "sets")  # samples do not need the data
    monkeypatch.chdir(tmp_path)
    assert main(["sample", f"--workdir={project / 'run'}", "--n=2"]) == 0
    assert main(["evaluate", f"--workdir={project / 'run'}"]) == 2
    assert "own.npz" in capsys.readouterr().err


def test_what_a_relative_path_of_data_names(project, tmp_path, monkeypatch):
    """What lies beside the experiment file; on the command line, what lies here."""
    here, own = tmp_path / "elsewhere", project / "own.py"
    (here / "sets").mkdir()
    shutil.copy(project / "sets" / "own.npz", here / "sets" / "own.npz")
    monkeypatch.chdir(here)
    experiment = load(own)
    assert configure(experiment, None, {}).data.path == str(project / "sets" / "own.npz")
    typed = configure(experiment, None, {"data.path": "sets/own.npz"})
    assert typed.data.path == "sets/own.npz"
    assert places.paths(typed) == {"sets/own.npz": str(here / "sets" / "own.npz")}
    monkeypatch.setenv("HOME", str(project))
    assert configure(experiment, None, {"data": "arrays:~/sets/own.npz"}).data.path == str(
        project / "sets" / "own.npz"
    )
    monkeypatch.chdir(project)
    assert configure(experiment, None, {}).data.path == "sets/own.npz"


@pytest.mark.parametrize("flags, kept", [("", True), ("--xla_gpu_deterministic_ops=true", False)])
def test_tuned_kernels_are_not_kept_where_deterministic_ones_are_asked_for(
    flags, kept, monkeypatch
):
    """What JAX keeps of them takes no note of flags: those of before would be used."""
    told = {}
    monkeypatch.setenv("XLA_FLAGS", flags)
    monkeypatch.setattr("jax.config.update", told.__setitem__)
    monkeypatch.setattr("gc.set_threshold", lambda count: None)
    cache.start_jax()
    assert (told.get("jax_persistent_cache_enable_xla_caches") != "none") is kept
    assert "jax_compilation_cache_dir" in told
