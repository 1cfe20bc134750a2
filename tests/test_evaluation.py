"""A run judged: how its checkpoint was chosen, what the rows say, where its own modules lie."""

import dataclasses
import json
import os
import re
import shutil
import sys
import tempfile

import numpy as np
import pytest
from helpers import tiny
from PIL import Image

from genlab import spec
from genlab.api import fit
from genlab.cli.main import main
from genlab.config import ConfigError, as_dict, override, resolve
from genlab.config.files import load
from genlab.data import digits
from genlab.data.sets.arrays import from_arrays
from genlab.evaluation.evaluate import best_and_last, evaluate, lines, record, score
from genlab.evaluation.evaluators import (
    EvaluationResult,
    Fidelity,
    Modes,
    PathLength,
    Reconstruction,
)
from genlab.features import Domain, Pixels, RandomConv
from genlab.methods.classifier import Classifier, Logits
from genlab.metrics.path_length import Squared
from genlab.nets import mlp
from genlab.report import write
from genlab.report.reading import read
from genlab.report.tables.table import tables
from genlab.runs import environment
from genlab.runs.code import module_folders
from genlab.runs.files import NotWritten
from genlab.runs.folder import RunFolder
from genlab.train.program import prepare
from genlab.train.restore import trained


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Four rounds with the best of two checkpoints kept."""
    folder = tmp_path_factory.mktemp("evaluate") / "run"
    fidelity = spec(Fidelity, spec(Pixels), samples=50, draws=1, scores=("fd", "kid"))
    loop = {"checkpoint_every": 2, "evaluate_every": 2, "best": "fidelity/fd", "keep": 1}
    evaluators = {"fidelity": fidelity, "reconstruction": spec(Reconstruction)}
    fit(tiny.vae(evaluate=evaluators, loop=loop, seed=7), folder)
    return folder


@pytest.fixture(scope="module")
def judged(run):
    """The rows of its test scores."""
    return evaluate(run)


def test_a_row_says_all_that_its_numbers_depend_on(run, judged):
    fidelity, reconstruction = judged
    told = fidelity["protocol"]
    assert told["checkpoint"] == "best validation fidelity/fd" and told["split"] == "test"
    assert told["seed"] == 7 and told["genlab"] == environment.version()
    assert told["samples"] == 50 and told["kid_subsets"] == 100
    assert set(fidelity["scores"]) == {"fd", "kid", "kid_std"} == set(fidelity["baselines"])
    for name, (low, high) in reconstruction["intervals"].items():
        assert low < reconstruction["scores"][name] < high
    assert evaluate(run, step=4)[0]["protocol"]["checkpoint"] in ("last", "round 4")
    during = [row["protocol"] for row in RunFolder(run).rows("evals.jsonl") if row["step"] == 2]
    assert "checkpoint" not in during[0] and during[0]["split"] == "validation"


def test_best_and_last_are_both_scored_and_their_pictures_drawn(run, tmp_path):
    """What is shown is what was scored, whatever was drawn before."""
    place = shutil.copytree(run, tmp_path / "run")
    config = as_dict(RunFolder(run).config)
    config["loop"]["sample_every"] = 4
    RunFolder(place).write("config.json", config)
    rows = best_and_last(place)
    best = trained(place)[2]
    chosen = [(row["name"], row["step"], row["protocol"]["checkpoint"]) for row in rows]
    assert chosen == [
        ("fidelity", best, "best validation fidelity/fd"),
        ("reconstruction", best, "best validation fidelity/fd"),
        ("fidelity", 4, "last"), ("reconstruction", 4, "last"),
    ]  # fmt: skip
    for step in (best, 4):
        for name in ("", "reconstructions_"):
            assert (place / "samples" / f"{name}{step:06d}.png").is_file() or step == best == 4
    (fidelity, _), unlike = tables(read(place))[0][:2], tables(read(place))[1]
    assert not unlike and fidelity.title.startswith("fidelity, best by validation")
    assert fidelity.rows[0].rounds.startswith(str(best))


def test_pictures_of_one_name_by_two_evaluators_are_both_kept(tmp_path):
    drawn = {name: np.full((2, 2, 1), i, np.uint8) for i, name in enumerate(("there", "back"))}
    rows = [{"name": name, "step": 3, "_pictures": {"restored": x}} for name, x in drawn.items()]
    record(RunFolder(tmp_path), rows)
    for name, file in (("there", "restored_000003.png"), ("back", "back_restored_000003.png")):
        with Image.open(tmp_path / "samples" / file) as kept:
            np.testing.assert_array_equal(np.asarray(kept), drawn[name][..., 0])


def gone():
    """Data whose files are no longer there."""
    raise FileNotFoundError("the data are gone")


def test_data_are_opened_only_by_what_needs_them(run, tmp_path):
    place = shutil.copytree(run, tmp_path / "run")
    config = RunFolder(run).config
    override(config, "data", spec(gone))
    override(config, "loop.best", "")
    override(config, "loop.sample_every", 4)
    override(config, "evaluate", {"path": spec(PathLength, spec(Squared), samples=8)})
    RunFolder(place).write("config.json", as_dict(config))
    with pytest.warns(UserWarning, match="not every picture of round 4 .*the data are gone"):
        (row,) = evaluate(place)
    assert row["scores"]["ppl"] > 0 and (place / "samples" / "000004.png").is_file()
    assert "path" in write(place).markdown
    override(config, "evaluate", {"again": spec(Reconstruction)})
    RunFolder(place).write("config.json", as_dict(config))
    with pytest.raises(ConfigError, match=r"the data are gone .*of which this needs examples"):
        evaluate(place)
    both = {"again": spec(Reconstruction), "path": spec(PathLength, spec(Squared), samples=8)}
    override(config, "evaluate", both)
    override(config, "loop.sample_every", 0)
    RunFolder(place).write("config.json", as_dict(config))
    with pytest.warns(UserWarning, match="again was not scored: .*the data are gone"):
        assert main(["evaluate", f"--workdir={place}"]) == 1
    assert RunFolder(place).rows("evals.jsonl")[-1]["name"] == "path"


class Wanderer:
    """An evaluator that changes directory, to one that is gone afterwards."""

    def __call__(self, context):
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        os.rmdir(folder)
        return EvaluationResult({"score": 1.0}, {})


def test_devices_of_another_machine_and_an_evaluator_that_wanders_harm_nothing(
    run, tmp_path, monkeypatch
):
    """Trained on more devices than there are here, and named by a relative path."""
    shutil.copytree(run, tmp_path / "run")
    config = RunFolder(run).config
    override(config, "loop.devices", 64)
    override(config, "loop.best", "")
    override(config, "evaluate", {"a": spec(Wanderer), "b": spec(Reconstruction)})
    RunFolder(tmp_path / "run").write("config.json", as_dict(config))
    monkeypatch.chdir(tmp_path)
    before = len(RunFolder("run").rows("evals.jsonl"))
    (wandered, _) = evaluate("run")
    assert wandered["scores"] == {"score": 1.0} and os.getcwd() == str(tmp_path)
    assert len(RunFolder("run").rows("evals.jsonl")) == before + 2


def test_scores_are_printed_before_the_disk_may_refuse_them(run, tmp_path, monkeypatch, capsys):
    place = shutil.copytree(run, tmp_path / "run")

    def full(self, name, row):
        raise NotWritten("evals.jsonl could not be written")

    monkeypatch.setattr(RunFolder, "append", full)
    assert main(["evaluate", f"--workdir={place}"]) == 1
    told = capsys.readouterr()
    assert "ssim " in told.out and "could not be written" in told.err


def test_a_config_may_name_any_evaluator_and_any_score(run, tmp_path):
    """But for those of labels, of images of 16 x 16 and of a classifier's answers."""
    names = (
        "fd", "fd_infinity", "kid", "precision_recall", "density_coverage", "memorisation",
        "authenticity", "prd", "ndb", "vendi", "mmd", "neighbour_test", "wasserstein",
        "sliced_wasserstein", "ms_ssim_pairs",
    )  # fmt: skip
    settings = {
        "fd_infinity": {"smallest": 20, "points": 3}, "ndb": {"bins": 5}, "kid": {"subsets": 3},
        "prd": {"runs": 1}, "ms_ssim_pairs": {"scales": 1, "window": 7, "pairs": 3},
    }  # fmt: skip
    evaluators = {
        "fidelity": spec(
            Fidelity, spec(RandomConv, width=8), 50, draws=2, scores=names, settings=settings
        ),
        "smooth": spec(PathLength, spec(Squared), samples=20),
    }
    place = shutil.copytree(run, tmp_path / "run")
    asked = {name: as_dict(one) for name, one in evaluators.items()}
    RunFolder(place).write("config.json", as_dict(RunFolder(run).config) | {"evaluate": asked})
    full, smooth = evaluate(place)
    assert full["scores"].keys() == full["baselines"].keys() and len(full["scores"]) == 23
    assert None not in {*full["scores"].values(), *full["baselines"].values()}
    assert full["protocol"]["features"] == "random-conv" and full["protocol"]["ndb_bins"] == 5
    assert smooth["scores"]["ppl"] > 0 and smooth["protocol"]["distance"] == "squared, of pixels"


def test_scores_on_the_split_of_the_choice_are_called_flattered(run, judged):
    assert any("optimistic" in line for line in lines(evaluate(run, "validation")))
    assert not any("optimistic" in line for line in lines(judged))


def test_splits_share_no_draw_of_samples(run):
    """Or a score on test would be of the very samples that the checkpoint was chosen by."""
    _, training, step, state = trained(run)
    made = []

    def kept(subject):
        made.append(subject.samples(4))
        return EvaluationResult({}, {})

    experiment = dataclasses.replace(training.experiment, evaluate={"fidelity": kept})
    for split in ("validation", "test", "test"):
        score(training.config, experiment, state, split, step)
    assert not np.array_equal(made[0], made[1]) and np.array_equal(made[1], made[2])


def test_intervals_are_shown_and_old_rows_without_them_too(judged):
    rows = judged
    assert any("psnr" in line and "95 % over examples" in line for line in lines(rows))
    old = {k: v for k, v in rows[1].items() if k != "intervals"}
    assert not any("over examples" in line for line in lines([old]))


def test_rows_of_before_and_of_now_are_told_apart_and_shown(run, judged):
    rows = [json.loads(line) for line in (run / "evals.jsonl").read_text().splitlines()]
    new = ("checkpoint", "seed", "genlab")
    old = [
        row | {"protocol": {k: v for k, v in row["protocol"].items() if k not in new}}
        for row in rows
    ]
    (run / "evals.jsonl").write_text("".join(json.dumps(row) + "\n" for row in old))
    made, unlike = tables(read(run))
    assert {table.name for table in made} == {"fidelity", "reconstruction"} and not unlike


EXPERIMENT = """
from helpers import tiny
from genlab import spec
from beside_it import evaluator

def config():
    return tiny.vae(evaluate={"own": spec(evaluator)})
"""


def test_a_run_finds_the_modules_beside_its_experiment_file_again(tmp_path, monkeypatch):
    """In a process that never saw the file, with no PYTHONPATH of theirs."""
    place = tmp_path / "experiment"
    place.mkdir()
    (place / "beside_it.py").write_text("def evaluator():\n    return 1.0\n")
    (place / "file.py").write_text(EXPERIMENT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    run = RunFolder.start(tmp_path / "run", load(place / "file.py").config())
    assert json.loads((run.path / "modules.json").read_text())["beside_it"] == str(place)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(place)])
    monkeypatch.delitem(sys.modules, "beside_it")
    with pytest.raises(ConfigError, match="cannot import 'beside_it'"):
        resolve("beside_it:evaluator")
    assert resolve(RunFolder.at(run.path).config.evaluate.own.call)() == 1.0
    (place / "beside_it.py").unlink()
    place.rename(tmp_path / "gone")
    with pytest.warns(UserWarning, match="beside_it.py is gone: using the run's own copy"):
        RunFolder.at(run.path)


def test_modules_that_are_installed_are_not_remembered():
    import optax

    assert module_folders(spec(optax.adam, 1e-3)) == {} == module_folders(spec(digits))
    assert module_folders(
        {"a": ["helpers.tiny:gan", "tfds:cifar10", "not a name: at all"]}
    ).keys() == {"helpers"}


def colours(channels):
    """Noise of so many channels, without labels."""
    made = np.random.default_rng(0).integers(0, 256, (60, 8, 8, channels), np.uint8)
    return from_arrays(made, validation=10, test=10)


def refused(**fields):
    """What a small game with these fields is refused for, before anything is compiled."""
    with pytest.raises(ConfigError) as caught:
        prepare(tiny.gan(**fields))
    return str(caught.value)


def test_what_cannot_be_scored_is_refused_before_it_is_trained():
    def fidelity(features, *scores):
        return {"fidelity": spec(Fidelity, features, scores=scores)}

    best = {"evaluate_every": 4, "best": "fidelity/kidd"}
    told = refused(evaluate=fidelity(spec(Pixels), "fd", "kid"), loop=best)
    assert told == (
        "loop.best names 'fidelity/kidd', which no evaluator gives; did you mean 'fidelity/kid'?"
    )
    for asked, right in (("+reconstruction/mse", "reconstruction/mse"), ("r/psnr", "+r/psnr")):
        scored = {right.strip("+").partition("/")[0]: spec(Reconstruction)}
        loop = {"evaluate_every": 4, "checkpoint_every": 4, "best": asked}
        with pytest.warns(UserWarning, match=re.escape(f"write {right!r}")):
            prepare(tiny.vae(evaluate=scored, loop=loop))
    grey = spec(colours, 1)
    assert "no labels" in refused(evaluate=fidelity(spec(Pixels), "class_fd"), data=grey)
    domain = spec(Domain, spec(mlp.Down, (4,)))
    assert "the data have no labels" in refused(evaluate=fidelity(domain, "fd"), data=grey)
    clear = spec(colours, 4)
    told = refused(evaluate=fidelity(spec(RandomConv), "fd"), data=clear)
    assert "RandomConv takes images of 1 or 3 channels, and column 'image' has 4" in told
    assert "Modes needs a mixture" in refused(evaluate={"modes": spec(Modes)})


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((9, 8, 8, 2), "split the channels into columns of 1 or 3"),
        ((9, 8, 8, 5), "no format shows other than 1"),
        ((9, 3, 8, 8), r"channels come last: give x\.transpose\(0, 2, 3, 1\)"),
    ],
)
def test_images_that_no_picture_format_shows_are_refused(shape, told):
    with pytest.raises(ConfigError, match=told):
        from_arrays(np.zeros(shape, np.uint8))


def test_batch_norm_of_one_row_and_unlike_classes_are_refused():
    assert "BatchNorm over a batch of one row gives 0" in refused(batch_size=1)
    net = spec(Logits, spec(mlp.Down, (4,)), 12)
    config = tiny.experiment(spec(Classifier, net), ("classifier",))
    with pytest.raises(ConfigError, match="12 classes, and column 'label' of the data has 10"):
        prepare(config)


def test_scores_by_class_are_printed_by_name():
    table = {"samples": {"dress": {"class_fd": 1.25}, "hat": {"class_fd": None}},
             "real data": {"dress": {"class_fd": [0.5, 0.4, 0.6]}}}  # fmt: skip
    row = {"name": "a", "scores": {}, "baselines": {}, "protocol": {}, "tables": {"class": table}}
    assert list(lines([row]))[1:5] == [
        "  class_fd ↓ by class",
        "    class  samples    real data",
        "    dress  1.25       0.5 (0.4 to 0.6)",
        "    hat    undefined  –",
    ]
