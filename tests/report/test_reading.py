import json

import pytest

from genlab.config import ConfigError
from genlab.report.reading import read


def test_a_sweep_is_read_in_the_order_it_lists(make, tmp_path):
    folder = make.sweep(tmp_path, {"z": [{}, {}], "a": [{}, {}]})
    found = read(folder)
    assert found.variants == ("z", "a") and found.seeds == (0, 1)
    assert [run.name for run in found.runs] == ["z/seed0", "z/seed1", "a/seed0", "a/seed1"]
    assert {run.status for run in found.runs} == {"finished"}
    assert not any(run.problems for run in found.runs)


def test_a_line_cut_off_costs_that_line_only(sweep):
    run = read(sweep).runs[-1]
    assert [row["step"] for row in run.metrics] == [100, 200, 300]
    assert run.problems == ("metrics.jsonl: 1 of 4 lines cannot be read",)


def test_steps_logged_again_after_a_resume_count_once(make, tmp_path):
    rows = [*make.metrics([100, 200]), *make.metrics([200, 300], offset=1.0)]
    run = read(make.run(tmp_path / "run", metrics=rows)).runs[0]
    assert [row["step"] for row in run.metrics] == [100, 200, 300]
    assert run.metrics[1]["gen/loss"] == 1.0


def test_steps_are_in_order(make, tmp_path):
    run = read(make.run(tmp_path / "run", metrics=make.metrics([300, 100, 200]))).runs[0]
    assert [row["step"] for row in run.metrics] == [100, 200, 300]
    assert run.last("seconds") == 30.0


@pytest.mark.parametrize(
    "name", ["config.json", "env.json", "cost.json", "metrics.jsonl", "evals.jsonl"]
)
def test_a_missing_file_is_a_problem_and_not_an_error(make, tmp_path, name):
    folder = make.run(tmp_path / "run")
    (folder / name).unlink()
    assert read(folder).runs[0].problems == (f"{name} is missing",)


def test_a_json_file_cut_off_is_a_problem(make, tmp_path):
    folder = make.run(tmp_path / "run")
    (folder / "config.json").write_text('{"call": "genlab.exp')
    run = read(folder).runs[0]
    assert run.config == {} and run.status == "finished"
    assert run.problems[0].startswith("config.json cannot be read")


@pytest.mark.parametrize("text", ["[1, 2]", "null", '"words"'])
def test_json_that_is_no_object_is_a_problem(make, tmp_path, text):
    folder = make.run(tmp_path / "run")
    (folder / "cost.json").write_text(text)
    assert read(folder).runs[0].problems == ("cost.json holds no JSON object",)


def test_status_of_runs_killed_failed_and_never_started(make, tmp_path):
    runs = [{"status": "running", "step": 40}, {"status": "failed", "error": "out of memory"}]
    folder = make.sweep(tmp_path, {"a": runs}, seeds=[0, 1, 2, 3])
    killed = make.run(folder / "a/seed2")
    (killed / "status.json").unlink()
    found = read(folder).runs
    assert [r.status for r in found] == ["unfinished", "failed", "unfinished", "not started"]
    assert [r.step for r in found] == [40, 300, 300, 0]  # without a status the metrics tell
    assert found[1].error == "out of memory"


def test_null_scores_read_as_nan(make, tmp_path):
    run = read(make.run(tmp_path / "run", evals=[make.eval({"fd": None, "recall": 0.5})])).runs[0]
    assert run.evals[0].scores["fd"] != run.evals[0].scores["fd"]
    assert run.evals[0].scores["recall"] == 0.5


def test_a_damaged_listing_falls_back_on_the_folders(make, tmp_path):
    folder = make.sweep(tmp_path, {"b": [{}, {}], "a": [{}]})
    (folder / "sweep.json").write_text('{"experiment": ')
    found = read(folder)
    assert found.variants == ("a", "b") and found.seeds == (0, 1)
    assert found.problems[0].startswith("sweep.json cannot be read")


def test_a_single_run_takes_its_seed_from_its_config(make, tmp_path):
    found = read(make.run(tmp_path / "mine", config=make.config | {"seed": 7}))
    assert found.single and found.variants == ("mine",) and found.seeds == (7,)


def test_a_single_run_of_a_sweep_is_called_by_its_variant(sweep):
    found = read(sweep / "hinge/seed1")
    assert found.variants == ("hinge",) and found.seeds == (1,) and found.title == "hinge"


def test_a_single_run_is_titled_by_its_config(make, tmp_path):
    folder = make.run(tmp_path / "run", config=make.config | {"title": "Does r1 help?"})
    assert read(folder).title == "Does r1 help?"


def test_a_folder_without_runs_is_refused(tmp_path):
    (tmp_path / "notes.json").write_text(json.dumps({}))
    with pytest.raises(ConfigError, match=r"neither sweep\.json nor a run"):
        read(tmp_path)


def test_rows_of_older_runs_are_read_under_today_s_names(make, tmp_path):
    """Baselines were called floors, in a row and in its protocol."""
    row = make.eval({"fd": 2.0}, baselines={"fd": 0.5}, floor="halves", floor_kid_size=30)
    row["floors"] = row.pop("baselines")
    found = read(make.run(tmp_path / "run", evals=[row])).runs[0].evals[0]
    assert found.baselines == {"fd": 0.5}
    assert found.protocol["baseline"] == "halves" and found.protocol["baseline_kid_size"] == 30
