"""A sweep as rows of a table."""

import math

import pytest

import genlab
from genlab.config import ConfigError
from genlab.report import frames
from genlab.report.reading import read


def test_a_run_has_a_row_for_each_scored_checkpoint(make, tmp_path):
    rows = [
        make.eval({"fd": 1.0}, step=200, checkpoint="best validation fidelity/fd"),
        make.eval({"fd": 2.0}, step=300, checkpoint="last"),
        make.eval({"elbo": -9.0}, name="bound", step=300, checkpoint="last"),
        make.eval({"fd": 7.0}, step=300, split="validation"),
    ]
    other = {**make.config, "batch_size": 32, "method": {**make.config["method"], "penalties": {}}}
    runs = {"a": [{"evals": rows}], "b": [{"config": other, "status": "failed", "step": 120}]}
    best, last, failed = frames.scores(read(make.sweep(tmp_path, runs)))
    assert {key: best[key] for key in frames.KEYS} == {
        "variant": "a", "seed": 0, "status": "finished", "checkpoint": "best", "round": 200,
    }  # fmt: skip
    assert best["fidelity/fd"] == 1.0 and "bound/elbo" not in best
    assert last["fidelity/fd"] == 2.0 and last["bound/elbo"] == -9.0 and last["batch_size"] == 64
    assert (failed["status"], failed["round"], failed["batch_size"]) == ("failed", 120, 32)
    assert last["method.penalties.r1"] == 1.0 and math.isnan(failed["method.penalties.r1"])
    assert [row["fidelity/fd"] for row in frames.scores(read(tmp_path), "validation")[:1]] == [7.0]


def test_curves_are_the_rows_of_the_logs(sweep):
    rows = frames.curves(read(sweep))
    assert len(rows) == 18
    assert rows[0].keys() >= {"variant", "seed", "round", "seconds", "disc/loss", "gen/loss"}
    assert [row["round"] for row in rows[:3]] == [100, 200, 300]


def test_a_run_that_is_not_there_is_named(sweep):
    loaded = genlab.sweep(sweep)
    assert (loaded.variants, loaded.seeds) == (("hinge", "wgan"), (0, 1, 2))
    with pytest.raises(ConfigError, match="did you mean 'hinge'"):
        loaded.run("hings")
    with pytest.raises(ConfigError, match="with seed 7"):
        loaded.run("hinge", 7)
    assert "2 variants, 3 seeds (hinge, wgan)" in repr(loaded)


@pytest.mark.slow
def test_a_table_is_a_pandas_frame(sweep):
    pytest.importorskip("pandas", reason="pip install 'genlab[frames]'")
    frame = genlab.sweep(sweep).table()
    means = frame.groupby("variant")["fidelity/fd"].mean()
    assert means["hinge"] == 4.0 and means["wgan"] == 7.5
    assert set(frame["method.objective"]) == {"hinge", "wasserstein"}
    assert len(genlab.sweep(sweep).curves()) == 18
