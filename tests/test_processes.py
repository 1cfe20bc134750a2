"""Several processes as a user starts them, on one machine: alike, stopped, killed, taken up."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.shared import leaves, logged

from genlab import fit
from genlab.cli.main import main
from genlab.config import ConfigError, build
from genlab.data import Image, Label
from genlab.data.sources import Streamed
from genlab.runs.checkpoint import Checkpoints
from genlab.runs.folder import RunFolder
from genlab.runtime import processes, signals
from genlab.runtime.processes import Flags
from genlab.runtime.progress import Silent
from genlab.runtime.signals import Interrupted
from genlab.train.program import reopened

pytestmark = pytest.mark.usefixtures("kept")
ROOT = Path(__file__).parents[1]
FILE = """
import optax
from helpers import tiny
from genlab import spec
from genlab.evaluation.evaluators import Reconstruction

ADAM = spec(optax.adam, 1e-3, b1=0.5)
LOOP = {"steps": 40, "checkpoint_every": 10, "keep": 9, "log_every": 5, "devices": None}

def config():
    return tiny.gan(critic_norm="BatchNorm", ema={"gen": 0.9}, optim=ADAM, loop=LOOP)

def short(**loop):
    return tiny.gan(critic_norm="BatchNorm", loop={"steps": 6, "devices": None, **loop})

def whole():
    made = config()
    made.data = spec(tiny.streamed)
    return made

def begun(**loop):
    return tiny.vae(loop={"steps": 6, "devices": None, "sharding": "full", **loop})

def pmap():
    return short(placement="pmap")

def judged():
    scored, every = {"rec": spec(Reconstruction)}, {"evaluate_every": 2, "checkpoint_every": 2}
    loop = {"steps": 4, "sample_every": 4, "best": "rec/mse", "sharding": "full", "devices": None}
    return tiny.vae(evaluate=scored, loop={**every, **loop})

def sweep():
    return {"plain": {}, "streamed": {"data": spec(tiny.streamed)}}
"""
PAIR = """
import sys
from genlab import fit
from genlab.runtime import processes
from genlab.runtime.cache import start_jax
start_jax()
folder, coordinator, index, *names = sys.argv[1:]
processes.start(processes.Flags(coordinator, 2, int(index)))
sys.path.insert(0, folder)
import experiment
from helpers import tiny
with processes.all_or_none():
    for name in names:
        fit(getattr(experiment, name)(), folder + "/" + name)
"""


def started(command, devices=2, **env):
    """A program of its own, which compiles as the suite does."""
    paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    env = {**os.environ, "PYTHONPATH": paths, "JAX_NUM_CPU_DEVICES": str(devices), **env}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def train(file, workdir, *more):
    """`genlab train` in two processes of two devices each."""
    address = f"--coordinator=127.0.0.1:{free_port()}"
    command = ["-m", "genlab", "train", f"--config={file}", f"--workdir={workdir}", *more]
    return [started([*command, address, "--processes=2", f"--process={i}"]) for i in (0, 1)]


def ended(pair, statuses):
    """What they said, once both have ended as expected."""
    said = [process.communicate(timeout=240)[1] for process in pair]
    assert [process.returncode for process in pair] == list(statuses), said
    return said


def reached(workdir, step, pair=()):
    """Waits for the log row of a round."""
    run = RunFolder(workdir)
    while not any(row["step"] >= step for row in run.rows("metrics.jsonl")):
        assert all(process.poll() is None for process in pair), pair[0].communicate()
        time.sleep(0.01)


def saved(folder, devices=1, step=None):
    """The newest checkpoint, or that of a round, restored onto so many devices of this process."""
    config = RunFolder(folder).config
    with config.unlocked():
        config.loop.update(devices=devices)
    training = reopened(config, build(config.data))
    with Checkpoints(Path(folder) / "checkpoints") as checkpoints:
        step, state = checkpoints.restore(training.like(), step)
    return step, leaves(state)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "experiment.py"
    path.write_text(FILE)
    return path


def experiment(file):
    from genlab.config.files import load

    return load(str(file))


def assert_close(a, b, atol=2e-6):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A folder in which two processes have played `begun` from round 4 on, and one process all of
    it, `alone`.
    """
    folder = tmp_path_factory.mktemp("pair")
    (folder / "experiment.py").write_text(FILE)
    made = experiment(folder / "experiment.py")
    settings = {"devices": 4, "sharding": "replicated", "checkpoint_every": 2}
    fit(made.begun(**settings), folder / "alone")
    shutil.copytree(folder / "alone", folder / "begun")
    shutil.rmtree(folder / "begun" / "checkpoints" / "6")
    together(folder, "begun")
    return folder


@pytest.fixture(scope="module")
def uninterrupted(pair):
    """The same folder, in which they have played `whole` too."""
    together(pair, "whole")
    return pair


def together(folder, *names):
    address = f"127.0.0.1:{free_port()}"
    ended([started(["-c", PAIR, folder, address, i, *names]) for i in (0, 1)], (0, 0))


def test_two_processes_play_what_one_does_and_share_its_checkpoints(pair):
    """Two times two devices, fully sharded, against four, with BatchNorm: a state of four devices
    goes on in two processes, and comes back to one or eight.
    """
    alone = saved(pair / "alone", 4, 6)[1]
    for devices in (1, 8):
        step, state = saved(pair / "begun", devices)
        assert step == 6
        assert_close(state, alone)
    for one, other in zip(logged(pair / "begun"), logged(pair / "alone"), strict=True):
        assert one["step"] == other["step"]
        np.testing.assert_allclose(one["vae/loss"], other["vae/loss"], rtol=1e-5)
    starts = RunFolder(pair / "begun").rows("env.jsonl")  # the first process alone writes
    assert [row["processes"] for row in starts] == [1, 2]


@pytest.mark.slow
def test_two_processes_are_stopped_by_one_signal_and_end_when_one_is_killed(
    uninterrupted, tmp_path
):
    """SIGTERM to one stops both after the same round. Taken up, one is killed, and the other leaves
    with a line; the checkpoint on the way is that of the uninterrupted run, bit for bit, and so are
    the log rows. Streamed data.
    """
    file, folder, streamed = uninterrupted / "experiment.py", tmp_path / "run", "--variant=streamed"
    two = train(file, folder, streamed)
    reached(folder, 5, two)
    two[1].send_signal(signal.SIGTERM)
    said = ended(two, (143, 143))
    assert RunFolder(folder).status == {"status": "interrupted"}
    stopped = saved(folder)[0]
    assert 5 <= stopped < 40
    assert all(f"after round {stopped}, which is saved; the same command" in s for s in said)

    two = train(file, folder, streamed, "--config.loop.steps=100000")
    while not any(int(p.name) > stopped for p in (folder / "checkpoints").glob("*[0-9]")):
        assert all(process.poll() is None for process in two)
        time.sleep(0.01)
    two[1].kill()
    said = ended(two, (1, -signal.SIGKILL))
    (line,) = [line for line in said[0].splitlines() if line.startswith("genlab: ")]
    assert "process 1 of 2 ended before the run did" in line and "the same command" in line
    assert RunFolder(folder).status == {"status": "running"}
    step, state = saved(folder)
    if step <= 40:
        for a, b in zip(saved(uninterrupted / "whole", step=step)[1], state, strict=True):
            np.testing.assert_array_equal(a, b)
    whole, rows = logged(uninterrupted / "whole"), logged(folder)
    assert rows and rows[: len(whole)] == whole[: len(rows)]


@pytest.mark.slow
def test_a_killed_pair_resumes_to_the_end_bit_for_bit(uninterrupted, tmp_path):
    two = train(uninterrupted / "experiment.py", tmp_path, "--variant=streamed")
    reached(tmp_path, 25, two)
    two[0].kill()
    ended(two, (-signal.SIGKILL, 1))
    ended(train(uninterrupted / "experiment.py", tmp_path, "--variant=streamed"), (0, 0))
    for a, b in zip(saved(uninterrupted / "whole")[1], saved(tmp_path)[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert logged(tmp_path) == logged(uninterrupted / "whole")


@pytest.mark.slow
def test_two_processes_under_pmap_and_with_evaluation(file, tmp_path):
    """The first process draws and judges, with a fully sharded state gathered for it."""
    together(tmp_path, "pmap", "judged")
    alone = fit(experiment(file).short(devices=4, placement="pmap"), tmp_path / "alone")
    assert_close(saved(tmp_path / "pmap")[1], leaves(alone))
    run = RunFolder(tmp_path / "judged")
    assert [row["step"] for row in run.rows("evals.jsonl")] == [2, 4]
    drawn = [p.name for p in (run.path / "samples").iterdir()]
    assert sorted(drawn) == ["000004.png", "reconstructions_000004.png"]


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_whichever_process_is_killed_or_interrupted_both_end(victim, number, file, tmp_path):
    pair = train(file, tmp_path / "run")
    reached(tmp_path / "run", 25, pair)
    pair[victim].send_signal(number)
    killed = number == signal.SIGKILL
    said = ended(pair, [-9 if killed and i == victim else 1 if killed else 130 for i in (0, 1)])
    assert "the same command" in said[1 - victim]
    ended(train(file, tmp_path / "run"), (0, 0))
    assert [row["step"] for row in logged(tmp_path / "run")] == list(range(5, 41, 5))


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 1])
def test_processes_that_do_not_find_one_another_end_with_a_line(index):
    code = """if True:
        import sys
        from genlab.runtime import processes
        from genlab.cli.main import main
        processes.CONNECT = 2
        sys.exit(main(sys.argv[1:]))
    """
    flags = f"--coordinator=127.0.0.1:{free_port()}", "--processes=2", f"--process={index}"
    (said,) = ended([started(["-c", code, "train", "--workdir=none", *flags])], [2])
    assert said.count("\n") == 1 and "did not find one another within 2 s" in said


@pytest.mark.slow
def test_what_one_process_meets_ends_both(file, tmp_path):
    """Two different configs; a folder in use, which the first process alone notices."""
    address = f"--coordinator=127.0.0.1:{free_port()}"
    command = ["-m", "genlab", "train", f"--config={file}", f"--workdir={tmp_path / 'a'}"]
    pair = [
        started([*command, address, "--processes=2", f"--process={i}", f"--config.seed={i}"])
        for i in (0, 1)
    ]
    assert all("were given different configs" in said for said in ended(pair, (2, 2)))
    with RunFolder(tmp_path / "b").locked():
        said = ended(train(file, tmp_path / "b"), (2, 2))
    assert all("another process is running" in each for each in said)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (Flags("127.0.0.1", 2, 0), "--coordinator=127.0.0.1; expected HOST:PORT"),
        (Flags("127.0.0.1:70000", 2, 0), "expected HOST:PORT"),
        (Flags("127.0.0.1:9000"), "needs --processes=N and --process=I"),
        (Flags("127.0.0.1:9000", 2, 2), "--process=2 of --processes=2; expected 0 to 1"),
        (Flags(None, 2, 0), "need --coordinator=HOST:PORT"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(flags, told):
    with pytest.raises(ConfigError, match=told):
        processes.start(flags)
    assert processes.count() == 1 and processes.is_main()


def test_several_tasks_of_one_step_are_found_and_nothing_else():
    job = {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}
    assert processes.launched({}) is None
    assert processes.launched(job) is None  # a batch script, or the shell of an allocation
    assert processes.launched({**job, "SLURM_STEP_NUM_TASKS": "1"}) is None
    assert processes.launched({**job, "SLURM_STEP_NUM_TASKS": "4"}) == "Slurm"
    assert processes.launched({"OMPI_COMM_WORLD_SIZE": "2"}) == "Open MPI"
    assert processes.launched({"TPU_WORKER_HOSTNAMES": "localhost"}) is None
    assert processes.launched({"TPU_WORKER_HOSTNAMES": "a,b"}) == "TPU"


class Told(Silent):
    """Signals this process when a round is read."""

    def __init__(self, step, number):
        self.step, self.number = step, number

    def advance(self, step, row=None):
        if step >= self.step and not signals.requested():
            os.kill(os.getpid(), self.number)


def test_a_run_stopped_at_odd_rounds_resumes_bit_for_bit_log_rows_included(file, tmp_path):
    """Ctrl-C, then SIGTERM, neither at a checkpoint nor at a log row."""
    config = experiment(file).begun(
        devices=1, sharding="replicated", steps=20, log_every=5, checkpoint_every=10
    )
    whole = fit(config, tmp_path / "whole")
    before = [signal.getsignal(number) for number in signals.SIGNALS]
    folder, rounds = tmp_path / "parts", []
    for step, number in ((2, signal.SIGINT), (12, signal.SIGTERM)):
        with pytest.raises(Interrupted, match="which is saved; the same command") as stop:
            fit(config, folder, Told(step, number))
        assert stop.value.number == number
        assert RunFolder(folder).status == {"status": "interrupted"}
        rounds.append(saved(folder)[0])
    assert all(step % 5 for step in rounds) and rounds[0] < 10 < rounds[1] < 20
    assert [signal.getsignal(number) for number in signals.SIGNALS] == before
    for a, b in zip(leaves(whole), leaves(fit(config, folder)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert logged(folder) == logged(tmp_path / "whole")
    assert [row["step"] for row in logged(folder)] == [5, 10, 15, 20]
    seconds = [row["seconds"] for row in RunFolder(folder).rows("metrics.jsonl")]
    assert seconds == sorted(seconds)


def test_a_sweep_stops_too_and_says_how_to_go_on(file, tmp_path, capsys):
    def stop():
        reached(tmp_path / "sweep/plain/seed0", 5)
        os.kill(os.getpid(), signal.SIGTERM)

    file.write_text(f"{FILE}\nconfig = begun\n")  # the game of the test above
    command = ["sweep", f"--config={file}", f"--workdir={tmp_path / 'sweep'}"]
    loop = {"devices": 1, "sharding": "replicated", "steps": 100_000, "log_every": 5}
    many = [f"--config.loop.{name}={value}" for name, value in loop.items()]
    threading.Thread(target=stop).start()
    assert main([*command, *many]) == 143
    told = capsys.readouterr().err.strip()
    assert told.count("\n") == 0 and "the same command goes on from there" in told
    assert RunFolder(tmp_path / "sweep/plain/seed0").status == {"status": "interrupted"}
    assert not (tmp_path / "sweep/streamed").exists()


def test_a_second_signal_ends_the_process_at_once():
    code = """if True:
        import os, signal
        from genlab.runtime import signals
        with signals.watched():
            os.kill(os.getpid(), signal.SIGINT)
            print(signals.requested(), flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
            print("still here", flush=True)
    """
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert told.returncode == -signal.SIGTERM and told.stdout == "2\n"


def test_each_process_reads_its_own_rows_of_a_streamed_batch_and_no_others():
    """From any batch on; what other processes train on is never read here."""

    class Numbered:
        def __init__(self):
            self.read = set()

        def __len__(self):
            return 50

        def __getitem__(self, i):
            self.read.add(i)
            return {"image": np.full((1, 1, 1), i, np.uint8), "label": i}

    columns = {"image": Image((1, 1, 1)), "label": Label(tuple(map(str, range(12))))}
    whole = Streamed({"train": Numbered()}, columns, threads=1).fetch("train", 3, 0, 12, 8)
    for rows in ([0, 1, 2, 3], [4, 5, 6, 7], [1, 6]):
        reader = Numbered()
        share = Streamed({"train": reader}, columns, threads=1)
        reader.read.clear()  # the first example tells the shape
        for first in (0, 2, 5):
            got = share.fetch("train", 3, first, 2, 8, rows=rows)
            np.testing.assert_array_equal(got["label"], whole["label"][first : first + 2, rows])
            assert got["image"].shape == (2, len(rows), 1, 1, 1)
        assert reader.read <= set(whole["label"][:, rows].ravel().tolist())
