"""Runs that share a program are the runs they would have been alone."""

import numpy as np
import optax
import pytest
from helpers import tiny
from helpers.shared import leaves, logged

from genlab import fit, spec
from genlab.api import fit_vmapped
from genlab.config import ConfigError, override
from genlab.evaluation.evaluators import Reconstruction
from genlab.runs.folder import RunFolder
from genlab.runtime.progress import Silent
from genlab.runtime.signals import Interrupted, request
from genlab.sweep import plan, run
from genlab.train.vmapped import differing, groups, obstacle

pytestmark = pytest.mark.usefixtures("kept")
LOOP = {"steps": 6, "checkpoint_every": 2}


def varied(seed, rate, beta):
    """A VAE with SGD, whose differences no rounding enlarges."""
    config = tiny.vae(seed=seed, ema={"decoder": 0.9}, loop=LOOP)
    override(config, "optim.vae.learning_rate", rate)
    override(config, "method.beta", beta)
    return config


def test_seeds_rates_and_weights_in_one_program_equal_separate_runs(tmp_path):
    """Parameters, statistics, averages and logs, after both were asked to stop and one of them had
    gone on alone.
    """
    configs = [varied(0, 1e-4, 1.0), varied(1, 2e-4, 4.0)]
    assert groups(configs) == [[0, 1]]
    alone = [fit(config, tmp_path / f"alone{n}") for n, config in enumerate(configs)]
    folders = [tmp_path / f"team{n}" for n in range(2)]
    stopping = Silent()
    stopping.advance = lambda step, row=None: request() if step == 2 else None
    with pytest.raises(Interrupted):
        fit_vmapped(configs, folders, stopping)
    assert {RunFolder(folder).status["status"] for folder in folders} == {"interrupted"}
    fit(configs[0], folders[0])  # one of them goes on alone, ahead of the others
    together = fit_vmapped(configs, folders)
    for number, (one, other) in enumerate(zip(alone, together, strict=True)):
        for a, b in zip(leaves(one), leaves(other), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        rows = logged(tmp_path / f"alone{number}"), logged(folders[number])
        assert len(rows[0]) == len(rows[1]) > 1
        for a, b in zip(*rows, strict=True):
            assert a == pytest.approx(b, rel=1e-4, abs=1e-5)
        assert RunFolder(folders[number]).status["status"] == "finished"


class File:
    """Two structures, a number swept, a run that fails."""

    SEEDS = (0,)
    __file__ = __file__

    @staticmethod
    def config():
        return tiny.vae(
            evaluate={"reconstruction": spec(Reconstruction)},
            loop={"steps": 4, "checkpoint_every": 2},
        )

    @staticmethod
    def sweep():
        return {
            "plain": {},
            "beta": {"method.beta": 4.0},
            "adam": {"optim.vae": spec(optax.adam, 1e-3)},
            "fast": {"optim.vae.learning_rate": 1e38},
        }


@pytest.mark.slow
def test_a_sweep_trains_what_it_can_together_and_one_that_fails_costs_the_others_nothing(tmp_path):
    told = []
    show = Silent()
    show.say = told.append
    jobs = plan.plan(File, tmp_path, {}, (0,))
    results = run.run(jobs, tmp_path, "", show, run.vmapped)
    assert [r.status for r in results] == ["done", "done", "done", "failed"]
    assert "finite" in results[3].error
    assert [line for line in told if "in one program" in line] == [
        "plain seed 0, beta seed 0, fast seed 0: in one program"
    ]
    assert all(RunFolder(job.workdir).rows("evals.jsonl") for job in jobs[:3])


def test_groups_differ_only_in_numbers():
    """Not in structure, not in whole numbers, not in the loop."""
    plain, other = tiny.vae(seed=1), tiny.vae()
    rounds, wider = tiny.vae(loop={"steps": 5}), tiny.gan(ema={"gen": 0.5})
    averaged = tiny.gan(ema={"gen": 0.9})
    assert groups([plain, rounds, other, wider, averaged]) == [[0, 2], [1], [3, 4]]
    assert "placement" in obstacle(tiny.vae(loop={"placement": "pmap"}))
    streamed = tiny.vae()
    with streamed.unlocked():
        streamed.data = spec(tiny.streamed)
    assert "streamed" in obstacle(streamed)


def test_what_differs_is_found_by_its_path():
    trees = [{"a": [1.0, {"b": 2.0}], "c": 3}, {"a": [1.0, {"b": 5.0}], "c": 3}]
    assert differing(trees) == {("a", 1, "b"): [2.0, 5.0]}
    with pytest.raises(ConfigError, match="c is no number"):
        differing([{"c": 3}, {"c": 4}])
