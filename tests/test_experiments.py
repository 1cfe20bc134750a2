"""Every experiment file: every variant played, shrunk; one variant of each from config to report.
An experiment that no test runs does not exist.
"""

from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.smoke import made_from, shrink
from genlab.config.files import load
from genlab.report import write
from genlab.runs.folder import RunFolder
from genlab.runtime.progress import Silent
from genlab.sweep import plan, run
from genlab.train import program

ROOT = Path(__file__).parents[1]
FILES = sorted(p for p in (ROOT / "experiments").glob("*/*.py") if "def config(" in p.read_text())
SEEN = {"more.py"}  # variants of a neighbour at other sizes: traced, not compiled again


def variants():
    for file in FILES:
        for variant in plan.variants(load(file)):
            yield pytest.param(file, variant, id=f"{file.parent.name}/{file.stem}:{variant}")


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Where the runs that variants are made from are trained."""
    return tmp_path_factory.mktemp("others")


@pytest.mark.parametrize(("file", "variant"), list(variants()))
def test_every_variant_plays_a_round(file, variant, others):
    """Built, traced, compiled, played: every parameter and metric is finite."""
    config = plan.configure(load(file), variant, {"loop.devices": 1})
    config = shrink(made_from(file, config, others / file.parent.name))
    prepared = program.prepare(config)
    if file.name in SEEN:
        return
    state, held = prepared.init(), prepared.fetch(0, 1)
    state, metrics = prepared.compile(state, held, 1).run(state, held, prepared.data_key)
    for leaf in jax.tree.leaves((state.params, metrics)):
        assert np.isfinite(leaf).all()


@pytest.mark.parametrize("file", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_first_variant_trains_is_judged_and_reported(file, tmp_path):
    experiment = load(file)
    first = next(iter(plan.variants(experiment)))
    jobs = plan.plan(experiment, tmp_path, {"loop.devices": 1}, seeds=(0,), only=[first])
    job = jobs[0]
    shrink(job.config)
    results = run.run(jobs, tmp_path, experiment.config().title, Silent())
    assert [(r.status, r.error) for r in results] == [("done", "")]
    made, folder = write(tmp_path), RunFolder(job.workdir)
    assert job.variant in made.markdown
    assert folder.rows("metrics.jsonl")[-1]["step"] == 4
    assert {r["name"] for r in folder.rows("evals.jsonl")} == set(job.config.evaluate)
    assert bool(list((job.workdir / "samples").glob("000004.png"))) == (
        job.config.loop.sample_every > 0
    )
    assert made.html.stat().st_size > 10_000


def test_every_experiment_file_says_how_to_run_it():
    assert FILES
    for file in FILES:
        assert f"--config={file.relative_to(ROOT)}" in file.read_text()
