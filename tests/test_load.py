"""A trained run read back from its folder alone."""

import json
import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import given_pictures, tiny
from jax import random

import genlab
from genlab import fit, spec
from genlab.cli.main import main
from genlab.config import ConfigError
from genlab.data import digits
from genlab.runs.log import Log
from genlab.sampling.batch_norm import evaluation_variables
from genlab.sampling.draw import SampleRequest, generate
from genlab.sampling.sampler import Sampler, as_batch
from genlab.train import restore
from genlab.web.runs import Served

CALLS = []


def counted():
    """The digits, and a note that they were asked for."""
    CALLS.append("digits")
    return digits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A VAE given a label; its data are counted."""
    path = tmp_path_factory.mktemp("load") / "vae"
    loop = {"checkpoint_every": 2}
    config = tiny.vae(given=("label",), ema={"decoder": 0.5}, data=spec(counted), loop=loop)
    fit(config, path)
    return path


@pytest.fixture(scope="module")
def run(folder):
    """It, read back."""
    return genlab.load(folder)


def test_samples_are_those_of_the_state_that_is_evaluated(folder, run):
    _, training, step, state = restore.trained(folder)
    method, source = training.experiment.method, training.experiment.data
    params, stats = evaluation_variables(training.experiment, state)
    key = random.fold_in(random.key(5), 79)
    label = np.arange(12) % 10
    made = Sampler(method, source)(
        params, stats, method.latents(key, 12), {"label": jnp.eye(10)[label]}
    )
    np.testing.assert_array_equal(run.sample(12, seed=5), made)
    assert (run.step, run.chosen) == (step, "last") == (4, "last")
    sevens = run.sample(12, label=7, seed=5)
    np.testing.assert_array_equal(sevens[7], made[7])
    np.testing.assert_array_equal(sevens, run.sample(12, label="7", seed=5))
    assert made.dtype == np.uint8 and (sevens[1] != made[1]).any()


def test_codes_and_reconstructions_are_the_methods_own(folder, run):
    _, training, _, state = restore.trained(folder)
    method, source = training.experiment.method, training.experiment.data
    stored = source.read("test", 6)
    x, cond = as_batch(stored, method, source)
    codes = method.encode(*state.averaged, x, cond)
    np.testing.assert_allclose(run.encode(stored["image"], label=stored["label"]), codes, atol=1e-5)
    np.testing.assert_array_equal(
        run.encode(x, label=stored["label"]), run.encode(stored["image"], label=stored["label"])
    )
    again = run.reconstruct(stored["image"], label=stored["label"])
    whole = np.asarray(method.reconstruct(*state.averaged, x, cond))
    assert again.dtype == np.uint8
    np.testing.assert_allclose(again / 127.5 - 1, whole, atol=1.01 / 127.5)


def test_neither_data_nor_devices_are_needed(folder, tmp_path):
    folder = shutil.copytree(folder, tmp_path / "run")
    config = json.loads((folder / "config.json").read_text())
    config["loop"]["devices"] = 16  # more than there are here
    (folder / "config.json").write_text(json.dumps(config))
    CALLS.clear()
    run = genlab.load(folder)
    run.sample(2, label=3)
    run.encode(np.zeros((2, *tiny.SHAPE), np.uint8), label="3")
    generate(folder, SampleRequest(2))
    assert not CALLS
    assert run.source.columns["label"].names == tuple("0123456789")
    (folder / "columns.json").rename(folder / "columns")
    genlab.load(folder).sample(2)  # the folder of an older run
    (folder / "columns").rename(folder / "columns.json")
    assert CALLS


def test_the_log_has_columns_by_name_and_rows_by_number(run):
    log = run.metrics
    np.testing.assert_array_equal(log["step"], [2, 4])
    assert log["step"].dtype.kind == "i"
    np.testing.assert_array_equal(log["vae/loss"], [row["vae/loss"] for row in log])
    assert log[-1]["step"] == 4 and len(log) == 2 and "vae/loss" in log and "vae/los" not in log
    assert "<2 rows, rounds 2 to 4: step, " in repr(log) and list(log[1:]["step"]) == [4]
    assert list(dict(log)) == log.keys()
    with pytest.raises(ConfigError, match=r"no column 'vae/los'; did you mean 'vae/loss'\?"):
        log["vae/los"]


def test_a_column_that_some_rows_lack_is_nan_there():
    log = Log([{"step": 2, "gen/loss": 1.5}, {"step": 4, "disc/loss": None, "gen/loss": 2}])
    np.testing.assert_array_equal(log["gen/loss"], [1.5, 2])
    np.testing.assert_array_equal(log["disc/loss"], [np.nan, np.nan])
    assert log["gen/loss"].dtype == log["disc/loss"].dtype == np.float64
    with pytest.raises(ConfigError, match="'gen/loss': it has no rows yet"):
        Log([])["gen/loss"]


def test_a_log_is_a_frame():
    pandas = pytest.importorskip("pandas", reason="pip install 'genlab[frames]'")
    frame = pandas.DataFrame(Log([{"step": 2, "a": 1.0}, {"step": 4, "b": 2.0}]))
    assert list(frame.columns) == ["step", "a", "b"] and list(frame["step"]) == [2, 4]


def test_a_run_that_trains_is_its_newest_checkpoint_and_one_that_has_ended_its_best(
    folder, tmp_path, capsys
):
    folder = shutil.copytree(folder, tmp_path / "run")
    config = json.loads((folder / "config.json").read_text())
    config["loop"]["best"] = "reconstruction/mse"
    (folder / "config.json").write_text(json.dumps(config))
    for step, mse in ((2, 0.1), (4, 0.2)):
        scores = folder / "checkpoints" / str(step) / "sums/metadata"
        scores.write_text(
            json.dumps(json.loads(scores.read_text()) | {"scores": {"reconstruction/mse": mse}})
        )
    (folder / "status.json").write_text('{"status": "running"}')
    run, served = genlab.load(folder), Served("run", "run", folder)
    assert (run.step, run.chosen) == (4, "last so far") and "round 4 (last so far)" in repr(run)
    assert served.run().step == 4 and served.run() is served.run()
    for status in ("interrupted", "failed", "finished"):
        (folder / "status.json").write_text(json.dumps({"status": status}))
        run = genlab.load(folder)
        assert (run.step, run.chosen) == (2, "best validation reconstruction/mse")
    assert served.run().step == 2
    run = genlab.load(folder, step="last")
    assert (run.step, run.chosen) == (4, "last")
    for asked, step in (("--step=last", 4), ("--step=2", 2), ("--seed=0", 2)):
        assert main(["sample", f"--workdir={folder}", "--n=1", asked]) == 0
        (name,) = {path.parent.name for path in map(Path, capsys.readouterr().out.split())}
        assert name.startswith(f"round{step:06d}")
    shutil.rmtree(folder / "checkpoints")
    with pytest.raises(ConfigError, match="no checkpoint yet: train it first"):
        genlab.load(folder)
    (folder / "status.json").write_text('{"status": "running"}')
    with pytest.raises(
        ConfigError, match="no checkpoint yet: the first comes with round 2, unless"
    ):
        genlab.load(folder)


def test_what_the_folder_holds(folder, run):
    assert run.scores == []
    assert set(run.params) == {"encoder", "decoder"} and "batch_stats" in run.stats["encoder"]
    assert genlab.load(folder, step=2).step == 2
    assert "round 4 (last)" in repr(run)


def test_what_cannot_be_is_refused(folder, run, tmp_path):
    with pytest.raises(ConfigError, match="no checkpoint of round 3"):
        genlab.load(folder, step=3)
    with pytest.raises(ConfigError, match="is no run folder"):
        genlab.load(tmp_path)
    with pytest.raises(ConfigError, match="no label '12'"):
        run.sample(2, label=12)
    with pytest.raises(ConfigError, match="not conditioned on 'hue'"):
        run.sample(2, hue=0.5)


def test_a_notebook_shows_samples_as_pictures_and_the_run_as_a_page(run):
    made = run.sample(4, label="3")
    assert made._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
    assert made[:2]._repr_png_() != made._repr_png_()
    assert int.from_bytes(made._repr_png_()[16:20]) >= 160  # pictures of 8x8 can be seen
    assert made.mean(axis=0)._repr_png_() is None and made[0]._repr_png_() is None
    assert run.reconstruct(made, label="3")._repr_png_()
    page = run._repr_html_()
    assert "data:image/png;base64," in page and "round 4 (last)" in page
    assert "data:image/svg+xml;base64," in page and "vae/loss" in page


def test_pictures_are_made_of_pictures_and_only_holes_are_filled():
    run = given_pictures.run(given_pictures.Filler())
    x = np.full((2, 4, 4, 3), 200, np.uint8)
    mask = np.zeros((2, 4, 4, 1), bool)
    mask[1, :2] = True
    made = run.translate(x, mask=mask)
    assert [(w.of, w.to) for w in run.translator.ways] == [("masked", "image")]
    np.testing.assert_array_equal(made[0], x[0])
    np.testing.assert_array_equal(made[1, 2:], x[1, 2:])
    np.testing.assert_array_equal(made[1, :2], 127)  # of grey, which is all that it sees there
    with pytest.raises(ConfigError, match="given mask with each example: give mask too"):
        run.translate(x)


def test_translations_are_chosen_by_their_columns():
    run = given_pictures.run(given_pictures.Turner())
    x = np.full((1, 4, 4, 3), 255, np.uint8)
    assert run.translate(x)[0, 0, 0, 0] == 0 and run.translate(x, to="image")[0, 0, 0, 0] == 191
    assert run.translate(x, of="style")[0, 0, 0, 0] == 191
    with pytest.raises(ConfigError, match="no way from label to anything: there is image to style"):
        run.translate(x, of="label")
    labelled = given_pictures.run(given_pictures.Turner(("label",)))
    assert labelled.translate(x, label="dark").max() == 0
    assert labelled.translate(x, label="light").min() == 255
    styled = given_pictures.run(given_pictures.Turner(("style",)))
    np.testing.assert_array_equal(styled.translate(x, style=x // 3), x // 3)


def test_a_run_that_makes_nothing_of_pictures_says_so(run):
    with pytest.raises(ConfigError, match="VAE makes nothing of pictures: it is given label"):
        run.translate(np.zeros((1, *tiny.SHAPE), np.uint8))
