"""Wrong inputs by the dozen, none of which is worth compiling for; `benchmarks/inputs.py` runs a
thousand, those that train included. Below them, what it found.
"""

import json
import os
import shutil
import tempfile

import pytest

from benchmarks.input_cases import Bench, Case, cases
from benchmarks.inputs import outcome
from genlab import config as config_lib
from genlab.config import ConfigError
from genlab.features.weights import files
from genlab.runs.folder import RunFolder
from genlab.train.kept_data import KeptData

DEAR = ("bench", "sweep")  # to run


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Experiment files, and a run folder without a checkpoint for each: nothing to restore."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    made = Bench(tmp_path)
    from genlab.config.files import described, load

    for name, file in made.files.items():
        RunFolder.start(made.runs[name], described(load(file)))
    return made


def test_sixty_wrong_inputs_are_each_told_in_one_line(bench, tmp_path):
    counts = {"path of a field": 30, "command line": 30, "run folder": 25, "set of images": 20}
    seen = 0
    for case in cases(bench, 1, counts):
        trains = case.kind in ("set of images", "run folder") and "train" in case.arguments
        if case.arguments and case.arguments[0] not in DEAR and not trains:
            found = outcome(case, tmp_path / "temporary")
            assert found.name in ("refused", "worked"), (found, case.arguments)
            seen += 1
    assert seen >= 60


WRONG = {
    "--config.method.generator.call=1_000": "names nothing: give 'package.module:name'",
    "--config.method.generator.call=:b": "names nothing",
    "--config.method.generator.call=genlab.nets:mlp": "is a module: it cannot be called",
    "--config.method.generator.call=os:system": "is no part of an experiment",
    "--config.method.generator.call=genlab.runs.environment:subprocess.run": "is no part of an",
    "--config.method.generator.call=genlab.runs.code:sys.path.append": "is no part of an",
    "--config.method.generator.call=genlab.runs.code:trust": "is no part of an experiment",
    "--config.method.generator.call=genlab.runs.files:write_text": "is no part of an experiment",
    "--config.method.generator.call=builtins:eval": "is no part of an experiment",
    "--config.method.generator.call=genlab.config.files:load": "is no part of an experiment",
    "--config.optim.disc.mu_dtype=nan": "optax:adam: TypeError",
    "--config.batch_size={'a': 1}": "batch_size is int (4); {'a': 1} is ConfigDict",
    "--config.batch_size=" + "x" * 5000: "...",
    "--config.seed=-1": "seed is -1; it must be 0 ..",
    "--config.method.call=genlab:Loop": "Loop",
    "--step=1": "no option '--step'",
    "--variant": "expected one argument; see genlab train --help",
}


@pytest.mark.parametrize("option", WRONG, ids=lambda option: option[:60])
def test_each_defect_that_was_found_stays_mended(option, bench, tmp_path):
    arguments = ["train", f"--config={bench.files['gan']}", f"--workdir={tmp_path / 'x'}", option]
    found = outcome(Case("", arguments), tmp_path / "temporary")
    assert found.name == "refused" and WRONG[option] in found.told


FILES = {
    "raise SystemExit(3)": "SystemExit: 3",
    "class config: pass": "it should return spec(Experiment, ...)",
    "def config(): return 3": "config() returned 3",
    "from fuzz_gan import config\ndef sweep(): return {'../out': {}}": "is no name of a folder",
    "from fuzz_gan import config\ndef sweep(): return {}": "names no variant",
    "from fuzz_gan import config\ndef sweep(): return {'a': {3: 1}}": "sets 3, no field",
    "from fuzz_gan import config\nSEEDS = ('x',)": "SEEDS is ('x',)",
}


@pytest.mark.parametrize("text", FILES)
def test_an_experiment_file_that_is_none(text, bench, tmp_path):
    (tmp_path / "odd.py").write_text(text)
    arguments = ["sweep", f"--config={tmp_path / 'odd.py'}", f"--workdir={tmp_path / 'x'}"]
    found = outcome(Case("", arguments), tmp_path / "temporary")
    assert found.name == "refused" and FILES[text] in found.told


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "[" * 5000, "\x00", '{"a": "\\ud800"'])
def test_a_damaged_config_of_a_run_is_told(text, bench):
    run = bench.runs["gan"]
    (run / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=r"config\.json is damaged"):
        _ = RunFolder.at(run).config
    report = outcome(Case("", ["report", f"--workdir={run}"]), bench.root / "temporary")
    assert report.name in ("refused", "worked")


@pytest.mark.parametrize("text", ["", "[3]", '{"a": 3, "..": "/", "b.c": "x"}', "[" * 5000])
def test_what_else_is_damaged_in_a_run_is_as_if_absent(text, bench):
    run = bench.runs["gan"]
    for name in ("status.json", "modules.json", "metrics.jsonl"):
        (run / name).write_text(text)
    found = RunFolder.at(run)
    assert isinstance(found.status, dict) and found.rows("metrics.jsonl") in (
        [],
        [json.loads(text)] if text[:1] == "{" else [],
    )
    found.rewind(0)


def test_a_run_folder_from_elsewhere_runs_no_code_of_its_own(bench, tmp_path, monkeypatch):
    """Its modules.json names a folder that no run here was started with: refused, not imported."""
    code = tmp_path / "sent"
    code.mkdir()
    (code / "hostile.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'trap')!r})\n")
    run = bench.runs["gan"]
    config = json.loads((run / "config.json").read_text())
    config["method"]["objective"] = "hostile:loss"
    (run / "config.json").write_text(json.dumps(config))
    (run / "modules.json").write_text(json.dumps({"hostile": str(code)}))
    for command in ("train", "evaluate", "sample"):
        found = outcome(Case("", [command, f"--workdir={run}"]), tmp_path / "temporary")
        assert found.name == "refused" and f"PYTHONPATH={code}" in found.told
    assert not (tmp_path / "trap").exists()
    monkeypatch.syspath_prepend(str(code))  # who says so runs it
    with pytest.raises(ConfigError, match="no part of an experiment"):
        config_lib.resolve("hostile:os.system")
    assert (tmp_path / "trap").exists()


def test_a_run_started_here_finds_its_modules_again(bench, tmp_path, monkeypatch):
    code = tmp_path / "mine"
    code.mkdir()
    (code / "own_losses.py").write_text("from genlab.losses.adversarial import minimax as mine\n")
    with monkeypatch.context() as during:
        during.syspath_prepend(str(code))
        during.setitem(os.sys.modules, "own_losses", __import__("own_losses"))
        config = RunFolder(bench.runs["gan"]).config
        config_lib.override(config, "method.objective", "own_losses:mine")
        RunFolder.start(tmp_path / "run", config)
    os.sys.modules.pop("own_losses", None)
    monkeypatch.setattr("sys.path", list(os.sys.path))
    RunFolder.at(tmp_path / "run")
    assert str(code) in os.sys.path


def test_weights_are_not_read_from_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "w.pth")
    with pytest.raises(files.WeightsError, match="no regular file"):
        files.read(tmp_path / "w.pth")
    shutil.rmtree(tmp_path)


def test_a_run_whose_data_became_a_number_is_refused_by_name(bench):
    folder = RunFolder.at(next(iter(bench.runs.values())))
    (folder.path / "config.json").write_text(json.dumps({**folder.written, "data": 7}))
    with pytest.raises(ConfigError, match="data is 7; give the spec of a source"):
        _ = KeptData(RunFolder.at(folder.path)).columns
