"""Every experiment file: every variant, shrunk, from config to report. An experiment that no test
runs does not exist.
"""

from pathlib import Path

import pytest

from experiments.smoke import shrink
from genlab import sweep
from genlab.files import load
from genlab.progress import Silent
from genlab.report import write
from genlab.runs import RunFolder

ROOT = Path(__file__).parents[1]
FILES = sorted(p for p in (ROOT / "experiments").glob("*/*.py") if "def config(" in p.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_variant_trains_is_judged_and_reported(file, tmp_path):
    experiment = load(file)
    jobs = sweep.plan(experiment, tmp_path, {"loop.devices": 1}, seeds=(0,))
    assert len(jobs) == len(sweep.variants(experiment))
    for job in jobs:
        shrink(job.config)
    results = sweep.run(jobs, tmp_path, experiment.config().title, Silent())
    assert [(r.status, r.error) for r in results] == [("done", "")] * len(jobs)
    made = write(tmp_path)
    for job in jobs:
        assert job.variant in made.markdown
        run = RunFolder(job.workdir)
        assert run.rows("metrics.jsonl")[-1]["step"] == 4
        assert {r["name"] for r in run.rows("evals.jsonl")} == set(job.config.evaluate)
        assert list((job.workdir / "samples").glob("000004.png"))
    assert made.html.stat().st_size > 10_000


def test_every_experiment_file_says_how_to_run_it():
    assert FILES
    for file in FILES:
        assert f"--config={file.relative_to(ROOT)}" in file.read_text()
