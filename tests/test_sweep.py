import shutil

import numpy as np
from helpers import tiny

from genlab import fit
from genlab.config import ConfigError, override, spec
from genlab.data import arrays
from genlab.evaluation.evaluators import Reconstruction
from genlab.runs.folder import RunFolder
from genlab.runs.goodput import start_to_end
from genlab.runtime.progress import Silent
from genlab.sweep import plan, run
from genlab.sweep.run import finished
from genlab.train.folders import claimed
from genlab.train.program import prepare

import pytest  # isort: skip


pytestmark = pytest.mark.usefixtures("kept")


class File:
    """Stands for an experiment file."""

    SEEDS = (0, 1)
    __file__ = __file__

    @staticmethod
    def config():
        return tiny.vae(
            evaluate={"reconstruction": spec(Reconstruction)},
            loop={"steps": 2, "checkpoint_every": 2},
        )

    @staticmethod
    def sweep():
        return {"plain": {}, "often": {"loop.log_every": 1}}  # of one program


def play(workdir, seeds=(0,), overrides=None, only=()):
    jobs = plan.plan(File, workdir, overrides or {}, seeds, only)
    return jobs, run.run(jobs, workdir, "title", Silent())


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The folder of a sweep whose `plain` has been played with seed 0."""
    folder = tmp_path_factory.mktemp("first") / "sweep"
    play(folder, only=("plain",))
    return folder


@pytest.fixture
def played(first, tmp_path):
    """A copy of it."""
    return shutil.copytree(first, tmp_path / "sweep")


def test_finished_runs_are_not_repeated_and_a_sweep_may_be_widened(played, monkeypatch):
    monkeypatch.setattr("sys.argv", ["bin/genlab", "sweep", "--workdir=a b"])
    _, results = play(played)
    assert [r.status for r in results] == ["skipped", "done"]
    before = (played / "plain/seed0/metrics.jsonl").stat().st_mtime_ns
    _, results = play(played, seeds=(0, 1), only=("plain",))
    assert [r.status for r in results] == ["skipped", "done"]
    assert (played / "plain/seed0/metrics.jsonl").stat().st_mtime_ns == before
    index = RunFolder(played).rows  # the folder itself is no run
    assert index("metrics.jsonl") == []
    import json

    told = json.loads((played / "sweep.json").read_text())
    assert told["variants"] == ["plain", "often"] and told["seeds"] == [0, 1]
    assert told["commands"] == ["genlab sweep '--workdir=a b'"]  # once; other programs are not told
    assert start_to_end(RunFolder(played / "plain/seed0")) > 0  # training and scoring were timed


def test_changed_evaluators_or_a_kill_before_evaluation_leave_no_stale_scores(played):
    """A finished run is one whose test scores are those that this config asks for; more rounds
    continue it.
    """
    run = RunFolder(played / "plain/seed0")
    _, (result,) = play(played, overrides={"evaluate.reconstruction.window": "5"}, only=("plain",))
    assert result.status == "done"
    assert run.rows("evals.jsonl")[-1]["protocol"]["window"] == 5
    longer = {"loop.steps": "4", "evaluate.reconstruction.window": "5"}
    (job,) = plan.plan(File, played, longer, (0,), ("plain",))
    fit(job.config, job.workdir)  # killed before it was evaluated
    assert not finished(job) and run.status["step"] == 4
    _, (result,) = play(played, overrides=longer, only=("plain",))
    assert result.status == "done"
    assert run.rows("evals.jsonl")[-1]["step"] == 4 and finished(job)


def test_a_run_on_other_files_is_not_finished(tmp_path):
    """It is not shown as if it were today's: resuming it names the files."""
    pixels = np.arange(20 * 64, dtype=np.uint32).reshape(20, 8, 8, 1).astype(np.uint8)
    np.savez(tmp_path / "set.npz", image=pixels)
    config = tiny.vae(data=spec(arrays, str(tmp_path / "set.npz")))
    job = plan.Job("plain", 0, config, tmp_path / "run")
    with claimed(job.workdir, config, prepare(config)) as folder:
        folder.write("status.json", {"status": "finished", "evaluated": run._evaluation(config)})
    assert finished(job)
    np.savez(tmp_path / "set.npz", image=pixels[::-1])
    run._source.cache_clear()
    assert not finished(job)
    with pytest.raises(ConfigError, match=r"was trained on other files of .*1 changed \(image\)"):
        with claimed(job.workdir, config, prepare(config)):
            pass
    (tmp_path / "set.npz").unlink()
    run._source.cache_clear()
    assert finished(job)


def test_a_variant_that_cannot_be_built_is_reported_too(tmp_path, monkeypatch):
    monkeypatch.setattr(
        File, "sweep", staticmethod(lambda: {"bad": {"method.beta": "much"}, "good": {}})
    )
    with pytest.raises(ConfigError, match="beta is float"):
        play(tmp_path)
    monkeypatch.setattr(
        File, "sweep", staticmethod(lambda: {"bad": {"batch_size": 2000}, "good": {}})
    )
    monkeypatch.setattr("genlab.runtime.placement.check_batch", refuse_large)
    _, results = play(tmp_path)
    assert [r.status for r in results] == ["failed", "done"]
    assert RunFolder(tmp_path / "bad/seed0").status["status"] == "failed"


def refuse_large(place, size):
    if size > 1000:
        raise ConfigError("too large")


def test_a_failed_run_is_listed_with_its_error_and_does_not_stop_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(
        File, "sweep", staticmethod(lambda: {"bad": {"optim.vae.learning_rate": 1e38}, "good": {}})
    )
    _, results = play(tmp_path)
    assert [r.status for r in results] == ["failed", "done"]
    assert "NotFinite: round 2" in results[0].error
    assert RunFolder(tmp_path / "bad/seed0").status["error"] == results[0].error
    assert "Traceback" in (tmp_path / "bad/seed0/error.txt").read_text()


def test_variants_come_before_the_command_line_and_mistakes_are_told():
    config = plan.configure(File, "often", {"loop.log_every": "3"})
    assert config.loop.log_every == 3
    with pytest.raises(ConfigError, match="did you mean 'often'"):
        plan.configure(File, "ofen", {})
    with pytest.raises(ConfigError, match="no data called 'digit'; did you mean 'digits'"):
        plan.configure(File, None, {"data": "digit"})
    assert plan.configure(File, None, {"data": "tfds:cifar10"}).data.name == "cifar10"


def test_a_file_is_asked_once_for_its_variants(monkeypatch, tmp_path):
    """To make all of them takes a third of a second where there are many."""
    asked = []
    monkeypatch.setattr(File, "sweep", staticmethod(lambda: asked.append(1) or {"a": {}, "b": {}}))
    assert len(plan.plan(File, tmp_path, {}, (0, 1))) == 4 and asked == [1]


def test_a_run_of_another_config_in_the_folder_is_left_as_it_was(played):
    _, (result,) = play(played, overrides={"batch_size": "32"}, only=("plain",))
    assert result.status == "failed" and "batch_size was 16, is 32" in result.error
    assert RunFolder(played / "plain/seed0").status["status"] == "finished"


def test_overriding_a_copy_leaves_the_file_alone():
    config = plan.configure(File, None, {})
    override(config, "batch_size", 32)
    assert File.config().batch_size == 16


def test_a_run_from_before_a_setting_had_its_default_is_that_run(played):
    """By `train --config` and in a sweep, which does not score it again either."""
    (job,) = plan.plan(File, played, {}, (0,), ("plain",))
    folder = RunFolder(job.workdir)
    before = folder.written
    del before["evaluate"]["reconstruction"]["window"], before["method"]["beta"]
    del before["method"]["decoder"]["trunk"]["norm"], before["loop"]["tensorboard"]
    folder.write("config.json", before)
    folder.write("status.json", {**folder.status, "evaluated": run._evaluation(before)})
    assert finished(job)
    _, (result,) = play(played, only=("plain",))
    assert result.status == "skipped"
    assert fit(job.config, job.workdir).step == 2
    changed = plan.configure(File, "plain", {"evaluate.reconstruction.window": "5"})
    assert not finished(job._replace(config=changed))


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "a\\b", "a\nb", "x" * 256, "report.html"])
def test_a_variant_is_the_name_of_a_folder(name, monkeypatch):
    monkeypatch.setattr(File, "sweep", staticmethod(lambda: {name: {}}))
    with pytest.raises(ConfigError, match="is no name of a folder"):
        plan.variants(File)


def test_a_variant_may_have_any_other_name():
    known = ["a", "b", "a,b", "[x] *", "~"]
    for name in known:
        assert plan.chosen(name, known) == [name]
    assert plan.chosen("b,a,b,~", known) == ["b", "a,b", "~"]
    assert plan.chosen("a,nothing", known) == ["a", "nothing"]
