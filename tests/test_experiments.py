"""Every experiment file, shrunk: every variant built, one of a folder traced and as many as have
all that no other tests compile, which are played; one from config to report. The slow tier plays
every variant and reports every file. An experiment that no test runs does not exist.
"""

import importlib
from copy import deepcopy
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.smoke import made_from, shrink
from genlab.config import ConfigError, build
from genlab.config.files import load
from genlab.report import write
from genlab.runs.folder import RunFolder
from genlab.runtime import compiler
from genlab.runtime.progress import Silent
from genlab.sampling import previews
from genlab.sweep import plan, run
from genlab.train import program
from genlab.train.cost import cost

ROOT = Path(__file__).parents[1]
FILES = sorted(p for p in (ROOT / "experiments").rglob("*.py") if "def config(" in p.read_text())
OURS = ("nets", "augment", "losses", "game.optim", "methods.gan.options", "methods.gan.codes")
OURS += (
    "methods.adversaries",
    "methods.regression",
    "methods.style",
    "methods.translation",
    "methods.tryon",
    "methods:Comparison",
    "methods:Regression",
)
ELSEWHERE = (*(f"genlab.{room}" for room in OURS), "optax", "jax")  # compiled in tests of their own
DEAR = {"gold"}  # deep networks: compiled in the slow tier alone
# Other runs are trained, and the deepest networks, heads and three games without pairs traced, in
# the slow tier alone: heads and games have tests of their own.
MADE_FROM = {"editing", "fine_tuning", "second_stage", "style", "vae_zoo"}
DEEPEST = {"biggan", "cgan-projection", "r3gan", "sagan", "sngan", "upsampling"}
DEEPEST |= {"nvae-mnist", "vdvae-cifar10", "vq-gan-imagenet"}
HEADED = {"adc-gan", "contragan", "reacgan", "concatenation", "plain-cut", "plain-unit", "stargan"}
# Runs of equal arithmetic, and within which share of it: what these files say of themselves.
EQUAL = {"gan_vs_vae/digits": 0.02, "gan_vs_vae/glyphs": 0.01}
EQUAL |= {"control/control": 0.01, "control/small": 0.01}
REPORTED = {"dirac_gan/dirac"}  # `test_launch.py` and the tutorial report images

loaded = cache(load)
variants = cache(lambda file: plan.variants(loaded(file)))
VARIANTS = [(file, variant) for file in FILES for variant in variants(file)]
ALONE = [each for each in VARIANTS if each[0].parent.name not in MADE_FROM]


def name(file, variant=None):
    """How a test of it is called."""
    return f"{file.parent.name}/{file.stem}" + (f":{variant}" if variant else "")


@cache
def written(file, variant):
    """The config of a variant, which nobody changes."""
    return plan.configure(loaded(file), variant, {"loop.devices": 1}, variants(file))


def configured(file, variant):
    """The config of a variant, to be changed."""
    return deepcopy(written(file, variant))


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Where the runs that variants are made from are trained."""
    return tmp_path_factory.mktemp("others")


def prepared(file, variant, others):
    """A variant, shrunk and traced."""
    config = made_from(file, configured(file, variant), others / file.parent.name / file.stem)
    return program.prepare(shrink(config))


def names(node) -> set[str]:
    """All that a config says by name: what it calls, fields, losses, columns."""
    if isinstance(node, (dict, ConfigDict)):
        return {str(key) for key in node}.union(*(names(value) for value in node.values()))
    if isinstance(node, (tuple, list)):
        return set().union(*(names(value) for value in node))
    return {node} if isinstance(node, str) else set()


@cache
def called_elsewhere(file, variant) -> tuple[set[str], int]:
    """The functions and classes that a variant calls and that no other tests compile; and how long
    its method is, written down.
    """
    config = written(file, variant)
    called = {name for name in names([config.method, config.optim]) if "." in name}
    found = {name for name in called if not name.startswith(ELSEWHERE)}
    return found, len(str(config.method))


def cover(found: dict[tuple, set[str]]) -> list[tuple]:
    """A few of these that have between them every name that any has."""
    chosen, missing = [], set().union(*found.values())
    while missing:
        chosen.append(max(found, key=lambda each: len(found[each] & missing)))
        missing -= found[chosen[-1]]
    return chosen


@cache
def traced() -> set[tuple[Path, str]]:
    """One variant at least of every folder, the one written most shortly, and all that no other
    tests compile in one of them.
    """
    found, length = {}, {}
    for file, variant in sorted(ALONE, key=lambda each: each[0].parent.name in DEAR):
        if variant not in DEEPEST | HEADED:
            found[file, variant], length[file, variant] = called_elsewhere(file, variant)
    chosen = cover(found)
    for folder in {file.parent for file, _ in found} - {file.parent for file, _ in chosen}:
        chosen.append(min((each for each in found if each[0].parent == folder), key=length.get))
    return set(chosen)


@cache
def played() -> set[tuple[Path, str]]:
    """A few of the traced that have between them all that no other tests compile."""
    found = {}
    for file, variant in sorted(traced()):
        if file.parent.name not in DEAR:
            found[file, variant], _ = called_elsewhere(file, variant)
    return set(cover(found))


def play(training):
    """A round, compiled: every parameter and metric is finite."""
    state, held = training.init(), training.fetch(0, 1)
    state, metrics = training.compile(state, held, 1).run(state, held, training.data_key)
    for leaf in jax.tree.leaves((state.params, metrics)):
        assert np.isfinite(leaf).all()
    return state


@pytest.mark.parametrize(("file", "variant"), ALONE, ids=[name(*each) for each in ALONE])
def test_every_variant_is_built_a_few_are_traced_and_fewer_played(file, variant):
    config = shrink(configured(file, variant))
    build(config)
    if (file, variant) in traced():
        training = program.prepare(config)
        if (file, variant) in played():
            play(training)


def test_every_model_of_the_zoo_is_built_and_each_cost_is_of_one():
    """All but those that are made from another run, which the slow tier trains."""
    (file,) = (each for each in FILES if name(each) == "vae_zoo/digits")
    known = variants(file)
    for variant in known:
        method = written(file, variant).method
        if "genlab:trained" not in names(method):
            build(method)
    costs = importlib.import_module("zoo_costs").COST
    assert set().union(*costs.values()) <= set(known)


@pytest.mark.slow
@pytest.mark.parametrize(("file", "variant"), VARIANTS, ids=[name(*each) for each in VARIANTS])
def test_every_variant_plays_a_round_and_draws_its_pictures(file, variant, others, tmp_path):
    training = prepared(file, variant, others)
    previews.stages(training.experiment, RunFolder(tmp_path))(1, play(training))


@pytest.mark.slow
@pytest.mark.parametrize(("file", "variant"), ALONE, ids=[name(*each) for each in ALONE])
def test_every_variant_is_written_for_two_devices_under_pmap(file, variant, monkeypatch):
    """Data and all, up to what XLA compiles: what varies between devices is known everywhere."""
    lowered = []
    monkeypatch.setattr(compiler, "compiled", lambda one, mesh: lowered.append(one))
    config = shrink(configured(file, variant))
    config.loop.placement, config.loop.devices = "pmap", 2
    config.batch_size += config.batch_size % 2
    try:
        training = program.prepare(config)
    except ConfigError as error:
        assert "loop.placement='jit'" in str(error)
        return
    training.compile(training.like(), training.held_like(1), 1)
    assert len(lowered) == 1


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(
            file, id=name(file), marks=[] if name(file) in REPORTED else [pytest.mark.slow]
        )
        for file in FILES
    ],
)
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


def flops(config) -> float:
    """Of a whole run, by XLA's count; a penalty of one round in several is counted in that one."""
    rounds, penalties = config.loop.steps, config.method.get("penalties", {})
    whole = cost(program.prepare(config))["flops_per_round"]
    lazy = {n: p.every for n, p in penalties.items() if isinstance(p, ConfigDict) and "every" in p}
    if not lazy:
        return rounds * whole
    (every,) = set(lazy.values())
    with config.unlocked():
        for penalty in lazy:
            del penalties[penalty]
    without = cost(program.prepare(config))["flops_per_round"]
    return rounds * (without + (whole - without) / every)


@pytest.mark.slow
@pytest.mark.parametrize("file", [f for f in FILES if name(f) in EQUAL], ids=name)
def test_runs_of_equal_arithmetic_have_it(file):
    found = {v: flops(configured(file, v)) for v in plan.variants(load(file))}
    middle = (max(found.values()) + min(found.values())) / 2
    np.testing.assert_allclose(list(found.values()), middle, rtol=EQUAL[name(file)], err_msg=found)


def test_every_experiment_file_says_how_to_run_it():
    assert FILES
    for file in FILES:
        assert f"--config={file.relative_to(ROOT)}" in file.read_text()
