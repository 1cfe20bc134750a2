"""What goes wrong in a run's life, done for real: killed at any moment, a damaged or full disk, NaN
in every term, two runs at once, a clock that jumps; the run ends in one line or goes on, bit for
bit.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optax
import pytest
from helpers import faulty, tiny
from helpers.shared import leaves, like, logged, state

from genlab import fit, spec
from genlab.cli import main
from genlab.config import ConfigError, override
from genlab.runs.checkpoint import Checkpoints
from genlab.runs.files import NotWritten
from genlab.runs.folder import RunFolder
from genlab.train.log import NotFinite
from genlab.train.program import prepare

pytestmark = pytest.mark.usefixtures("kept")
ROOT = Path(__file__).parents[1]
FAULTY = f"--config={ROOT / 'tests' / 'helpers' / 'faulty.py'}"


def killed(kills, folder):
    """The record of `benchmarks/faults.py`: so many lives of one run, each ended by SIGKILL."""
    command = [sys.executable, "benchmarks/faults.py", f"--kills={kills}", f"--out={folder}/out"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads((folder / "out").read_text())["killed"]


@pytest.mark.slow
@pytest.mark.parametrize("kills", [2, 50])
def test_killed_while_saving_and_deleting_and_resumed_equals_uninterrupted(kills, tmp_path):
    """State and log rows, bit for bit, after every kill and at the end."""
    record = killed(kills, tmp_path)
    assert record["equal"] == record["kills"] == kills and record["end_equal"]
    assert record["leaves"] > 40 and record["most_rounds_lost"] <= 3
    last = record["rounds"]
    assert record["left_at_the_end"] == sorted([str(last - 1), str(last)])


KINDS = ("state/_METADATA", "state/manifest.ocdbt", "state/d/*", "sums/metadata")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Checkpoints of rounds 1 to 3, the second with the best score."""
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    with Checkpoints(folder, keep=3, best="fd") as checkpoints:
        for step, score in ((1, 3.0), (2, 1.0), (3, 2.0)):
            checkpoints.save(step, state(step), score)
    return folder


@pytest.mark.parametrize("how", ["cut", "gone"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_of_the_newest_checkpoint_gives_way_to_the_next(kind, how, saved, tmp_path):
    folder = Path(shutil.copytree(saved, tmp_path / "checkpoints"))
    (file,) = (folder / "3").glob(kind)
    kept = file.read_bytes()[: file.stat().st_size // 2]
    file.unlink() if how == "gone" else file.write_bytes(kept)
    with Checkpoints(folder, keep=3, best="fd") as checkpoints:
        with pytest.warns(UserWarning, match=r"damaged checkpoint .*: 3 .*using round 2 instead"):
            step, found = checkpoints.restore(like(state(0)))
        assert step == 2 and (found.params["net"]["w"] == 2).all() and checkpoints.best == 2
        checkpoints.set_aside(newer_than=step)
    assert len(list((tmp_path / "damaged").iterdir())) == 1


def test_a_half_deleted_checkpoint_and_one_half_written_harm_nothing(saved, tmp_path):
    """At every point of the deletion: resumed from the newest, then deleted to the end."""
    names = [p.relative_to(saved) for p in (saved / "1").rglob("*") if p.is_file()]
    folder = Path(shutil.copytree(saved, tmp_path / "checkpoints"))
    for name in names:
        (folder / name).unlink()
        with Checkpoints(folder, keep=3, best="fd") as checkpoints:
            assert checkpoints.restore(like(state(0)))[0] == 3 and checkpoints.best == 2
    (folder / "4.orbax-checkpoint-tmp" / "state").mkdir(parents=True)
    with Checkpoints(folder, keep=1, best="fd") as checkpoints:
        checkpoints.set_aside(newer_than=3)
        checkpoints.save(4, state(4))
        checkpoints.save(5, state(5))
    assert sorted(p.name for p in folder.iterdir()) == ["2", "5"]


@contextlib.contextmanager
def disk(folder, size):
    """A file system of that size; what is in it goes with it."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems may not be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def train(folder, **loop):
    """`genlab train` of the small GAN in this process: its exit code."""
    given = [f"--config.loop.{name}={value}" for name, value in {"devices": 1, **loop}.items()]
    return main.main(["train", FAULTY, f"--workdir={folder}", *given])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The uninterrupted run of 8 rounds."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, leaves(fit(config(steps=8), folder))


def config(**loop):
    found = faulty.config()
    for name, value in {"devices": 1, **loop}.items():
        override(found, f"loop.{name}", value)
    return found


def same(folder, whole):
    """Whether the run in `folder` ended as the uninterrupted one did."""
    with Checkpoints(folder / "checkpoints") as checkpoints:
        step, found = checkpoints.restore(prepare(config()).like())
    pairs = zip(leaves(found), whole[1], strict=True)
    return (
        step == 8
        and all(np.array_equal(a, b) for a, b in pairs)
        and logged(folder) == logged(whole[0])
    )


def fill(folder, left):
    """Leaves `left` bytes on the disk."""
    free = shutil.disk_usage(folder).free
    (folder / "filler").write_bytes(b"\0" * max(free - left, 0))


@pytest.mark.parametrize(
    "what", [pytest.param(w, marks=pytest.mark.slow) for w in ("checkpoint", "log", "status")]
)
def test_a_full_disk_ends_the_run_in_a_line_and_room_lets_it_go_on(what, whole, tmp_path, capsys):
    """While a checkpoint is written, a row of the log, or the status at the start."""
    with disk(tmp_path / "disk", "8m") as mounted:
        run, room = mounted / "run", {"checkpoint": 40_000, "log": 0, "status": 0}
        assert train(run, steps=3) == 0
        fill(mounted, room[what])
        if what == "log":  # the files of the start exist; a row needs a page of its own
            row = '{"step": 99, "x": "' + "x" * 4096 * 4
            with contextlib.suppress(OSError), (run / "metrics.jsonl").open("a") as file:
                file.write(row)
        capsys.readouterr()
        assert train(run, steps=8) == 1
        told = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
        assert len(told) == 1 and "No space left on device" in told[0] and "make room" in told[0]
        with Checkpoints(run / "checkpoints") as checkpoints:
            assert checkpoints.restore(prepare(config()).like())[0] >= 3
        (mounted / "filler").unlink()
        assert train(run, steps=8) == 0
        assert same(run, whole) and not list(run.glob(".*.json.*"))


def test_a_folder_that_may_not_be_written_is_told_in_a_line(tmp_path, capsys):
    file = tmp_path / "experiment.py"
    file.write_text("from helpers.tiny import vae as config")

    def train(folder, steps):
        given = [f"--config={file}", f"--workdir={folder}", f"--config.loop.steps={steps}"]
        return main.main(["train", *given])

    with disk(tmp_path / "disk", "8m") as mounted:
        assert train(mounted / "run", 2) == 0
        capsys.readouterr()
        subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
        for folder in ("run", "new"):
            assert train(mounted / folder, 9) == 1
            told = capsys.readouterr().err.strip()
            assert "\n" not in told and "Read-only file system" in told
        with Checkpoints(mounted / "run" / "checkpoints") as checkpoints:  # reading needs no more
            assert checkpoints.restore(prepare(tiny.vae()).like())[0] == 2


def test_a_second_run_or_sweep_in_the_same_folder_is_refused(tmp_path, capsys):
    """Both folders are held, as by a sweep that runs."""
    run = tmp_path / "base" / "seed0"
    with RunFolder(tmp_path).locked(), RunFolder(run).locked():
        assert train(run) == 2
        assert "another process is running in" in capsys.readouterr().err
        assert main.main(["sweep", FAULTY, f"--workdir={tmp_path}", "--seeds=0"]) == 2
        assert "another process is running in" in capsys.readouterr().err


@pytest.mark.slow  # the test above has the same locks in one process
def test_a_sweep_of_another_process_holds_its_folders_until_it_is_killed(tmp_path, capsys):
    paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    sweep = ["sweep", FAULTY, f"--workdir={tmp_path}", "--seeds=0", "--config.loop.steps=1000"]
    run = tmp_path / "base" / "seed0"
    first = subprocess.Popen(
        [sys.executable, "-m", "genlab", *sweep, "--config.loop.devices=1"],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
    )
    try:
        while not (run / "status.json").is_file():
            assert first.poll() is None
            time.sleep(0.05)
        assert train(run) == 2
        assert "another process is running in" in capsys.readouterr().err
        assert main.main(sweep) == 2
        assert "another process is running in" in capsys.readouterr().err
        assert first.poll() is None and RunFolder(run).status == {"status": "running"}
    finally:
        first.kill()
        first.wait()
    assert train(run, steps=2) == 0


@pytest.mark.slow
def test_a_clock_set_back_changes_nothing(whole, tmp_path, monkeypatch):
    """Resumed under a clock set back twenty years, in another zone, from files dated 1980 and 2100
    in the wrong order: the same bits, seconds that only grow.
    """
    run, now, nanoseconds = tmp_path / "run", time.time, time.time_ns
    assert train(run, steps=4) == 0
    for step, date in ((3, 4102444800), (4, 315532800)):
        for path in (run / "checkpoints" / str(step)).rglob("*"):
            os.utime(path, (date, date))
    monkeypatch.setattr(time, "time", lambda: now() - 631152000)
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() - 631152000 * 10**9)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        assert train(run, steps=8) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    seconds = [row["seconds"] for row in RunFolder(run).rows("metrics.jsonl")]
    assert same(run, whole) and seconds == sorted(seconds) and seconds[-1] < 600


TERMS = {  # the term a fault is put into, as the user reads it: how it is put there
    "disc/adversarial": ("gan", {"method.objective": "helpers.faulty:critic_fails"}),
    "gen/adversarial": ("gan", {"method.objective": "helpers.faulty:generator_fails"}),
    "disc/mine": (
        "gan",
        {"method.penalties": {"mine": {"fn": "helpers.faulty:penalty", "weight": 0.1}}},
    ),
    "disc/ours": (
        "gan",
        {
            "method.regularisers": {
                "disc": {"ours": {"fn": "helpers.faulty:regulariser", "weight": 0.1}}
            }
        },
    ),
    "gen/ours": (
        "gan",
        {
            "method.regularisers": {
                "gen": {"ours": {"fn": "helpers.faulty:regulariser", "weight": 0.1}}
            }
        },
    ),
    "disc/gradient_norm": (
        "gan",
        {"method.penalties": {"mine": {"fn": "helpers.faulty:rootless", "weight": 0.1}}},
    ),
    "disc/gradient_penalty": (
        "gan",
        {"method.penalties": {"gradient_penalty": spec(faulty.schedule)}},
    ),
    "vae/distortion": ("vae", {"method.likelihood": spec(faulty.marked)}),
    "vae/kl": ("vae", {"method.beta": spec(faulty.schedule)}),
}


@pytest.mark.slow  # each compiles a game; `test_loop.py` has a VAE's in the default tier
@pytest.mark.parametrize("culprit", TERMS)
def test_nan_in_any_term_stops_the_run_and_is_named(culprit, tmp_path):
    """With two moves of the critic in a round: what began in the first is not blamed on another
    term of the second, nor on the generator.
    """
    name, fault = TERMS[culprit]
    loop, data = {"steps": 40, "checkpoint_every": 2}, spec(faulty.pictures)
    found = getattr(tiny, name)(optim=spec(optax.adam, 1e-3), loop=loop, data=data)
    if name == "gan":
        override(found, "method.critic_moves", 2)
    for field, value in fault.items():
        override(found, field, value)
    with pytest.raises(NotFinite, match=rf"round \d+: {culprit} is nan .* is intact"):
        fit(found, tmp_path)
    assert culprit in RunFolder(tmp_path).status["error"]
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        _, last = checkpoints.restore(prepare(found).like())
    assert all(np.isfinite(leaf).all() for leaf in leaves(last))


@pytest.mark.slow  # `test_launch.py` has it in a sweep, the tests of folders and disks a line each
def test_nan_is_told_in_one_line_with_exit_code_1(tmp_path, capsys):
    rate = "--config.optim.disc.learning_rate=1e38"
    assert main.main(["train", FAULTY, f"--workdir={tmp_path}", rate]) == 1
    told = capsys.readouterr().err.strip()
    assert "\n" not in told and "finite; stopped" in told
    assert RunFolder(tmp_path).status["status"] == "failed"


def test_a_damaged_config_is_told_and_a_torn_row_costs_no_other(tmp_path):
    run = RunFolder.start(tmp_path, tiny.vae())
    run.append("evals.jsonl", {"step": 1})
    with (tmp_path / "evals.jsonl").open("a") as file:
        file.write('{"step": 2, "sc')
    run.append("evals.jsonl", {"step": 3})
    assert [row["step"] for row in run.rows("evals.jsonl")] == [1, 3]
    whole = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match=r"config.json is damaged"):
        RunFolder.start(tmp_path, tiny.vae())
    assert issubclass(NotWritten, OSError)
