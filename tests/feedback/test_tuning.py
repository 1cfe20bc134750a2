"""A generator fine-tuned by a reward, from choices to samples; and the experiment, shrunk."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import tiny

import genlab
from experiments.smoke import shrink
from genlab.cli.main import main
from genlab.config import ConfigError, spec
from genlab.config.files import load
from genlab.features import Domain, Pixels, RandomConv
from genlab.feedback import reward
from genlab.feedback.tuning import check, tuned
from genlab.feedback.verdicts import Verdict, Verdicts
from genlab.methods import GAN
from genlab.nets import mlp
from genlab.sweep.plan import configure

FOLDER = Path(__file__).parents[2] / "experiments" / "feedback"


def choices(run):
    """The brighter of two samples is chosen."""
    ask = {"n": 60, "seed": 5}
    light = run.sample(60, seed=5).reshape(60, -1).mean(1)
    pairs = np.arange(60).reshape(-1, 2).tolist()
    names = ("second", "first")
    return Verdicts([Verdict(ask, a, b, names[int(light[a] > light[b])]) for a, b in pairs], {})


@pytest.mark.slow
def test_a_generator_moves_to_what_is_liked_and_stays_near_where_it_was(tmp_path):
    loop = {"steps": 200, "checkpoint_every": 200, "log_every": 10}
    genlab.fit(tiny.gan(loop=loop), tmp_path / "first")
    run = genlab.load(tmp_path / "first")
    found = reward.fit(run, spec(Domain, spec(mlp.Down, (16,)), steps=200), choices(run))
    genlab.fit(tuned(run, found, 200, weight=5.0, budget=0.02), tmp_path / "tuned")
    after = genlab.load(tmp_path / "tuned")
    assert 0.3 < after.metrics[-1]["gen/distance"] < 2  # of the budget
    before, now = (np.asarray(one.sample(100, seed=9)) for one in (run, after))
    assert found(now).mean() > found(before).mean() + 0.5
    moved = np.square((now.astype(float) - before) / 127.5).mean()
    assert 0.005 < moved < 0.04  # the budget, twice at most
    again = genlab.fit(tuned(run, found, 200, weight=5.0, budget=0.02), tmp_path / "tuned")
    assert int(again.step) == 200  # the same run, and finished
    twice = tuned(after, found, 10)
    assert len(twice.method.options) == 1  # the reward is not added to itself


def test_features_that_cannot_tune_are_refused_with_those_that_can():
    domain = spec(Domain, spec(mlp.Down, (16,)))
    evaluators = {"fidelity": {"features": domain}, "cheap": {"features": spec(RandomConv)}}
    run = SimpleNamespace(
        method=object.__new__(GAN),
        folder=SimpleNamespace(path="runs/x", config={"evaluate": evaluators}),
    )
    check(run, domain)
    with pytest.raises(ConfigError, match=r"RandomConv is no .* set: give --features=fidelity$"):
        check(run, spec(RandomConv))
    del evaluators["fidelity"]
    with pytest.raises(ConfigError, match="in Python"):
        check(run, spec(RandomConv))


@pytest.mark.slow
def test_the_command_refuses_before_it_fits_a_reward(tmp_path, capsys):
    genlab.fit(tiny.gan(), tmp_path / "gan")
    (tmp_path / "some.csv").write_text("picture,verdict\n")
    asked = ["feedback", f"--workdir={tmp_path}/gan", f"--tune={tmp_path}/on"]
    assert main([*asked, "--features=random", f"--add={tmp_path}/some.csv"]) != 0
    assert "RandomConv is no network" in capsys.readouterr().err
    assert not (tmp_path / "gan" / "reward.json").exists()


@pytest.mark.slow
def test_what_cannot_be_tuned_is_refused(tmp_path):
    genlab.fit(tiny.vae(), tmp_path / "vae")
    genlab.fit(tiny.gan(), tmp_path / "gan")
    vae, gan = (genlab.load(tmp_path / name) for name in ("vae", "gan"))
    found = reward.fit(gan, spec(Pixels), choices(gan))
    with pytest.raises(ConfigError, match=r"of a GAN.*--best-of"):
        tuned(vae, found)
    with pytest.raises(ConfigError, match="Pixels is no network trained on the set"):
        tuned(gan, found)


@pytest.mark.slow
def test_the_table_of_the_experiment_is_written(tmp_path):
    config = shrink(configure(load(FOLDER / "feedback.py"), "gan", {"loop.devices": 1}))
    config.evaluate.fidelity.features.steps = 20
    genlab.fit(config, tmp_path / "gan" / "seed0")
    command = [sys.executable, str(FOLDER / "table.py"), f"--runs={tmp_path}", "--choices=6,12"]
    command += [f"--out={tmp_path}", "--tuned=12", "--search=3", "--samples=20", "--steps=2"]
    done = subprocess.run([*command, "--reader-steps=20"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "feedback.md").read_text()
    for use in ("best of 8", "rejection, beta 0.5", "fine-tuned", "search"):
        assert page.count(f"| {use} |") == 3
    assert (tmp_path / "feedback.png").is_file()
