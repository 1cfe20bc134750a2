import errno
import fcntl
import json
import os
import re
from types import SimpleNamespace

import jax
import pytest
from helpers import tiny

from genlab.config import ConfigError, spec
from genlab.data import Label, folder
from genlab.runs import data_files
from genlab.runs.environment import environment, topology
from genlab.runs.folder import RunFolder, work_folder
from genlab.runtime.progress import Plain
from genlab.train.hooks import due, every, next_stop


def test_a_line_cut_off_by_a_kill_does_not_count_and_is_dropped_on_resume(tmp_path):
    run = RunFolder.start(tmp_path, tiny.vae())
    for step in (1, 2, 3):
        run.append("metrics.jsonl", {"step": step})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    assert [row["step"] for row in run.rows("metrics.jsonl")] == [1, 2, 3]
    run.rewind(2)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 1}\n{"step": 2}\n'


def test_status_is_written_whole(tmp_path):
    run = RunFolder.start(tmp_path, tiny.vae())
    assert run.status == {}
    run.write("status.json", {"status": "finished", "step": 3})
    assert run.status["step"] == 3
    assert not list(tmp_path.glob(".status*"))


def test_the_environment_names_versions_commit_and_hardware():
    told = json.loads(json.dumps(environment()))
    for name in ("genlab", "jax", "flax", "optax", "python", "device", "devices", "cpus", "commit"):
        assert name in told
    assert told["devices"] == 8


def test_the_environment_says_how_accelerators_are_linked(monkeypatch):
    chips = [SimpleNamespace(coords=(2 + x, y, 0)) for x in range(2) for y in range(4)]
    assert topology(chips) == "2x4x1"
    gpus = [SimpleNamespace(platform="gpu")] * 2
    told = "\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \tNV18\t0-15\nGPU1\tNV18\t X \t0-15\n\nLegend:\n"
    monkeypatch.setattr("subprocess.run", lambda *a, **k: SimpleNamespace(stdout=told))
    assert topology(gpus) == "GPU0 X NV18 0-15; GPU1 NV18 X 0-15"
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")  # no nvidia-smi
    assert topology(gpus) == topology(jax.devices()) == ""


FILES = {"photos": {"a.png": "1", "b.png": "2", "c.png": "3"}}


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"a.png": "1", "b.png": "2", "c.png": "3", "d.png": "4"}, "1 added (d.png)"),
        ({"a.png": "1"}, "2 removed (b.png, c.png)"),
        ({"a.png": "1", "b.png": "5", "c.png": "3"}, "1 changed (b.png)"),
        ({"a.png": "2", "b.png": "1", "c.png": "3"}, "2 swapped (a.png, b.png)"),
        ({"x.png": "1", "b.png": "2", "c.png": "3"}, "1 renamed (a.png to x.png)"),
        (
            {"a.png": "6", "d.png": "2"},
            "1 removed (c.png), 1 renamed (b.png to d.png), 1 changed (a.png)",
        ),
    ],
)
def test_a_run_does_not_go_on_with_other_files(now, told, tmp_path):
    run = RunFolder.start(tmp_path, tiny.vae(), data=FILES)
    RunFolder.start(tmp_path, tiny.vae(), data=FILES)
    words = re.escape(f"was trained on other files of photos: {told}: ")
    with pytest.raises(ConfigError, match=words):
        RunFolder.start(tmp_path, tiny.vae(), data={"photos": now})
    assert data_files.recorded(run.path) == FILES


def test_a_folder_of_data_may_move_but_not_become_another(tmp_path):
    config = lambda path: tiny.vae(data=spec(folder, path))  # noqa: E731
    RunFolder.start(tmp_path, config("photos"), data=FILES)
    moved = {"elsewhere/photos": FILES["photos"]}
    run = RunFolder.start(tmp_path, config("elsewhere/photos"), data=moved)
    assert run.config.data.path == "elsewhere/photos"
    with pytest.raises(ConfigError, match=r"another config \(data.path was 'elsewhere/photos'"):
        RunFolder.start(tmp_path, config("drawings"), data={"drawings": {"a.png": "1"}})


def test_a_run_does_not_go_on_with_other_labels(tmp_path):
    run = RunFolder.start(tmp_path, tiny.vae())
    run.keep_columns({"label": Label(("cat", "dog"))})
    run.keep_columns({"label": Label(("cat", "dog"))})
    with pytest.raises(ConfigError, match=r"data of other columns \(label.names was .*'cow'"):
        run.keep_columns({"label": Label(("cat", "cow", "dog"))})


def test_a_run_from_before_files_were_recorded_goes_on_with_a_word(tmp_path, caplog):
    run = RunFolder.start(tmp_path, tiny.vae())
    run.checkpoints.mkdir()
    RunFolder.start(tmp_path, tiny.vae(), data=FILES)
    assert "has no record of the files it was trained on" in caplog.text
    with pytest.raises(ConfigError, match="1 removed"):
        RunFolder.start(tmp_path, tiny.vae(), data={"photos": {"a.png": "1", "b.png": "2"}})


def test_no_run_folder_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"no run folder: it has no config\.json"):
        RunFolder.at(tmp_path)


def test_hooks_are_due_at_multiples_and_at_the_end():
    hooks = [every(3, None), every(5, None), every(0, None)]
    assert [len(due(hooks, step, 10)) for step in (1, 3, 5, 6, 10)] == [0, 1, 1, 1, 2]
    assert [next_stop(hooks, step, 10) for step in (0, 3, 5, 9)] == [3, 5, 6, 10]


def test_plain_progress_tells_losses_rate_and_time_left(capsys):
    show = Plain(seconds=0.0)
    show.begin("a run", 0, 100)
    show.advance(50, {"step": 50, "disc/loss": 1.25, "disc/real": 3.0})
    told = capsys.readouterr().out
    assert "a run: round 0 of 100" in told
    assert (
        "round 50/100" in told and "rounds/s" in told and "s left" in told and "disc 1.25" in told
    )
    assert "real" not in told


def test_checkpoints_without_their_config_belong_to_no_run(tmp_path):
    """Another config would go on from them as if they were its own."""
    RunFolder.start(tmp_path, tiny.vae())
    (tmp_path / "checkpoints" / "6").mkdir(parents=True)
    (tmp_path / "config.json").unlink()
    for use in (lambda: RunFolder.start(tmp_path, tiny.vae()), lambda: RunFolder.at(tmp_path)):
        with pytest.raises(ConfigError, match=r"checkpoints, .*round 6.* no config\.json.*put it"):
            use()
    (tmp_path / "checkpoints").rename(tmp_path / "away")
    RunFolder.start(tmp_path, tiny.vae())


def test_a_run_stays_where_it_is_when_the_working_directory_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RunFolder.start("run", tiny.vae())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    run.append("metrics.jsonl", {"step": 1})
    assert (tmp_path / "run" / "metrics.jsonl").is_file()


def test_a_home_folder_is_meant_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert work_folder("~/runs/x") == tmp_path / "runs" / "x"
    assert work_folder("a~b").name == "a~b"


@pytest.mark.parametrize(("name", "told"), [("a\\b", "a backslash"), ("a\udcff", "no valid UTF-8")])
def test_a_name_that_no_checkpoint_can_be_kept_under_is_refused(name, told, tmp_path):
    with pytest.raises(ConfigError, match=f"{told}.*give another"):
        RunFolder.start(tmp_path / name, tiny.vae())


def test_a_file_system_without_locks_costs_a_warning(tmp_path, monkeypatch):
    def failing(code):
        def flock(file, how):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(fcntl, "flock", flock)

    for code in (errno.ENOSYS, errno.ENOLCK):
        failing(code)
        with pytest.warns(UserWarning, match="has no locks .*: start none"):
            with RunFolder(tmp_path / "run").locked():
                pass
    failing(errno.EIO)
    with pytest.raises(OSError, match="lock could not be locked: Input/output error"):
        with RunFolder(tmp_path / "run").locked():
            pass
