"""Sweeps in other hands: real subprocesses in the default suite, a real Slurm under `-m slurm`."""

import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
from helpers import slurm
from helpers.slurm import told, until

from genlab.cli.main import main
from genlab.config import ConfigError
from genlab.config.files import load
from genlab.runs.checkpoint import Checkpoints
from genlab.runs.folder import RunFolder
from genlab.runtime.progress import Plain
from genlab.sweep import plan, run
from genlab.sweep.executors import executor, slurm_options
from genlab.sweep.launcher import submit
from genlab.sweep.ledger import Ledger
from genlab.train.program import prepare

import pytest  # isort: skip

ROOT = Path(__file__).parents[1]
FILE = """
from helpers import tiny
from genlab import spec
from genlab.evaluation.evaluators import Reconstruction

def config():
    loop = {{"steps": {steps}, "checkpoint_every": {every}, "log_every": {every}}}
    loop["devices"] = {devices}
    return tiny.vae(evaluate={{"reconstruction": spec(Reconstruction)}}, loop=loop)

def sweep():
    return {{"good": {{}}, {more}"bad": {{"optim.vae.learning_rate": 1e38}}}}
"""


def written(tmp_path, steps=4, every=2, more="", devices=1):
    path = tmp_path / "experiment.py"
    path.write_text(FILE.format(steps=steps, every=every, more=more, devices=devices))
    return path


def launcher(file, workdir, *options):
    """`genlab sweep` in a process of its own."""
    command = [sys.executable, "-m", "genlab", "sweep", f"--config={file}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    with workdir.with_suffix(".log").open("a") as log:
        return subprocess.Popen(
            [*command, f"--workdir={workdir}", *options],
            cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip


def killed_once_all_are_handed_over(process, workdir, runs):
    """The launcher, with SIGKILL; what is on record then."""
    book = Ledger(workdir)
    until(lambda: process.poll() is not None or len(book.read()) == runs, 60)
    assert process.poll() is None, workdir.with_suffix(".log").read_text()
    process.kill()
    process.wait()
    return book.read()


@pytest.mark.slow
def test_local_jobs_outlive_their_launcher_and_the_next_one_comes_back_to_them(tmp_path, capsys):
    file, workdir = written(tmp_path), tmp_path / "sweep"
    first = launcher(file, workdir, "--executor=local", "--jobs=2")
    ids = killed_once_all_are_handed_over(first, workdir, 2)
    jobs = plan.plan(load(file), workdir, {}, (0,))
    with pytest.raises(ConfigError, match=r"2 of these runs are local jobs.*--executor=local"):
        run.run(jobs, workdir, "title", Plain())
    by = partial(submit, executor("local", 2, {}))
    good, bad = run.run(jobs, workdir, "title", Plain(), by)
    out = capsys.readouterr().out
    for _, number in ids.values():
        assert f"running, job {number}" in out
    assert good.status == "done" and bad.status == "failed"
    assert "NotFinite: round 2" in bad.error and Path(bad.error.split("log: ")[1][:-1]).is_file()
    assert "Traceback" in (workdir / "bad/seed0/error.txt").read_text()
    for job in jobs:
        assert len(RunFolder(job.workdir).rows("env.jsonl")) == 1  # started once
    assert run.run(jobs[:1], workdir, "title", Plain(), by)[0].status == "skipped"
    assert Ledger(workdir).read() == {} and not list((workdir / "cluster").glob("*.pkl"))


@pytest.mark.parametrize(
    "options, message",
    [
        ("--executor=slum", "did you mean 'slurm'"),
        ("--executor=local --jobs=0", "at least one"),
        ("--executor=local --slurm.time=9", "needs --executor=slurm"),
        ("--jobs=2", "need --executor=local or"),
        ("--executor=slurm --slurm.partition=gpu", "needs sbatch on the PATH"),
    ],
)
def test_mistakes_are_told_before_anything_runs(tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.setenv("PATH", str(tmp_path))
    file, workdir = written(tmp_path), f"--workdir={tmp_path / 'sweep'}"
    assert main(["sweep", f"--config={file}", workdir, *options.split()]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_options_of_a_slurm_job_are_checked_before_it_is_queued():
    found = slurm_options({"partition": "gpu", "time": "600", "mem": "32GB", "nodes": 2})
    assert found == {
        "partition": "gpu",
        "time": 600,
        "mem": "32GB",
        "nodes": 2,
        "signal_delay_s": 90,
    }
    for wrong, message in [
        ({"tme": 1}, "did you mean 'time'"),
        ({"time": "1h"}, "whole number of minutes"),
        ({"nodes": -1}, "positive"),
        ({"time": 1}, "nothing before the signal"),
    ]:
        with pytest.raises(ConfigError, match=message):
            slurm_options(wrong)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores are divided on Linux only")
def test_local_jobs_have_cores_of_their_own(tmp_path, monkeypatch):
    mine = os.sched_getaffinity(0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    where = tmp_path / "cores"
    where.mkdir()

    def cores(name):
        (where / name).write_text(json.dumps(sorted(os.sched_getaffinity(0))))

    local = executor("local", 2, {})
    ids = local.submit([partial(cores, "a"), partial(cores, "b")], tmp_path)
    until(lambda: not local.states(ids), 60)
    a, b = (set(json.loads((where / name).read_text())) for name in "ab")
    assert a | b == mine and (not a & b or len(mine) == 1)


def test_without_submitit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ConfigError, match=r"pip install 'genlab\[cluster\]'"):
        executor("local", 1, {})


@pytest.fixture(scope="module")
def real_slurm(tmp_path_factory):
    if lacking := slurm.missing():
        pytest.skip(f"no {', '.join(lacking)} here: apt-get install slurm-wlm munge")
    with slurm.cluster(tmp_path_factory.mktemp("slurm")):
        yield


def last_state(run):
    training = prepare(run.config)
    with Checkpoints(run.checkpoints) as checkpoints:
        step, state = checkpoints.restore(training.like())
    return step, [np.asarray(x) for x in jax.tree.leaves(state.replace(key=0))]


def rounds(run):
    saved = [int(p.name) for p in run.checkpoints.glob("*") if p.name.isdecimal()]
    return max(saved, default=0)


@pytest.mark.slurm
def test_an_array_whose_jobs_are_requeued_and_whose_launcher_is_killed(tmp_path, real_slurm):
    """The run that was put back into the queue twice equals its twin, bit for bit."""
    file = written(tmp_path, steps=400, every=2, more='"twin": {}, ')
    workdir = tmp_path / "sweep"
    options = ("--executor=slurm", "--jobs=3", "--slurm.cpus_per_task=1", "--slurm.time=5")
    ids = killed_once_all_are_handed_over(launcher(file, workdir, *options), workdir, 3)
    assert len({number.partition("_")[0] for _, number in ids.values()}) == 1  # an array
    second = launcher(file, workdir, *options)
    run, number = RunFolder(workdir / "twin/seed0"), ids["twin/seed0"][1]
    until(lambda: rounds(run) >= 20, 120)
    subprocess.run(["scontrol", "requeue", number], check=True)  # as preemption does
    until(lambda: len(run.rows("env.jsonl")) == 2, 120)
    before = rounds(run)
    until(lambda: rounds(run) > before + 10, 120)
    subprocess.run(["scancel", "--signal=USR2", number], check=True)  # as before the time limit
    assert second.wait(300) == 1  # one failed
    out = workdir.with_suffix(".log").read_text()
    assert f"twin seed 0: queued again, job {number}" in out
    assert re.search(r"bad seed 0: failed: NotFinite: round 2.*\(log: .*\)", out)
    assert len(told("squeue", "--noheader", "--array", "--states=all").splitlines()) == 3
    assert len(run.rows("env.jsonl")) == 3
    step, state = last_state(run)
    twin_step, twin = last_state(RunFolder(workdir / "good/seed0"))
    assert step == twin_step == 400
    for a, b in zip(state, twin, strict=True):
        np.testing.assert_array_equal(a, b)
    assert launcher(file, workdir, "--only=good,twin", *options).wait() == 0
    assert "good seed 0: finished before" in workdir.with_suffix(".log").read_text()


@pytest.mark.slurm
def test_two_tasks_train_one_run_and_the_first_judges_it(tmp_path, real_slurm):
    file, workdir = written(tmp_path, devices=None), tmp_path / "sweep"
    tasks = ("--executor=slurm", "--slurm.ntasks_per_node=2", "--slurm.cpus_per_task=1")
    assert launcher(file, workdir, "--only=good", *tasks).wait(300) == 0
    run = RunFolder(workdir / "good/seed0")
    (start,) = run.rows("env.jsonl")
    assert start["processes"] == 2 and run.status["status"] == "finished"
    assert len(run.rows("evals.jsonl")) == 1


@pytest.mark.slurm
def test_a_run_longer_than_its_job_goes_on_in_the_next(tmp_path, real_slurm):
    """Slurm's own signal ahead of the time limit, which it looks at every half minute or so."""
    forever = 10**8  # rounds: hours
    file, workdir = written(tmp_path, steps=forever, every=forever), tmp_path / "sweep"
    options = ("--executor=slurm", "--slurm.time=2", "--slurm.signal_delay_s=80")
    process = launcher(file, workdir, "--only=good", *options)
    run = RunFolder(workdir / "good/seed0")
    until(lambda: len(run.rows("env.jsonl")) == 2, 300)
    assert 0 < rounds(run) < forever  # saved on the signal alone
    until(lambda: run.status["status"] == "running", 60)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    out = workdir.with_suffix(".log").read_text()
    assert "queued again" in out and "1 runs go on in the cluster" in out
    (number,) = re.findall(r"`scancel (\S+)`", out)
    subprocess.run(["scancel", number], check=True)
    until(lambda: run.status["status"] == "interrupted", 60)
