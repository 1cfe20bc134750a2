"""The program as a person types it."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import genlab
from genlab.cli.main import main

pytestmark = pytest.mark.usefixtures("kept")
ROOT = Path(__file__).parents[1]
FILE = """
from helpers import tiny
from genlab import spec
from genlab.evaluation.evaluators import Reconstruction

def config():
    loop = {"steps": 4, "checkpoint_every": 2, "sample_every": 2}
    return tiny.vae(evaluate={"reconstruction": spec(Reconstruction)}, loop=loop)

def sweep():
    return {"plain": {}, "often": {"loop.log_every": 1}}  # of one program
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "experiment.py"
    path.write_text(FILE)
    return path


def test_help_is_readable(capsys):
    """That it comes within a second is measured in benchmarks/start.py."""
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    told = capsys.readouterr().out
    for word in (
        "train",
        "evaluate",
        "sample",
        "sweep",
        "bench",
        "report",
        "prepare",
        "--config.batch_size=128",
    ):
        assert word in told


def test_help_imports_nothing_heavy():
    code = """if True:
        import sys
        from genlab.cli.main import parser
        parser().format_help()
        print("jax" in sys.modules)
    """
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert told.stdout.strip() == "False"


def test_training_imports_no_library_before_it_is_needed():
    code = """if True:
        import sys
        import genlab.config.files, genlab.api
        genlab.config.files.load("experiments/gan_vs_vae/digits.py").config()
        slow = {"scipy.stats", "scipy.optimize", "scipy.ndimage", "scipy.spatial", "sklearn", "PIL"}
        print(sorted(slow & set(sys.modules)))
    """
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert told.stdout.strip() == "[]"


def test_train_evaluate_sample_report_and_resume(file, tmp_path, capsys):
    run = f"--workdir={tmp_path / 'run'}"
    assert (
        main(
            [
                "train",
                f"--config={file}",
                run,
                "--config.batch_size=8",
                "--config.loop.log_every",
                "1",
            ]
        )
        == 0
    )
    assert "genlab evaluate" in capsys.readouterr().out
    assert main(["evaluate", run]) == 0
    assert "psnr" in capsys.readouterr().out
    assert main(["sample", run, "--n=4", "--formats=grid,npz"]) == 0
    assert len(capsys.readouterr().out.split()) == 2
    assert main(["report", run]) == 0
    assert (tmp_path / "run" / "report.html").is_file() and "psnr" in capsys.readouterr().out
    file.unlink()  # the run folder alone is enough from here
    assert main(["train", run]) == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["batch_size"] == 8


def test_sweep_prints_the_table_and_reports(file, tmp_path, capsys):
    command = [
        "sweep",
        f"--config={file}",
        f"--workdir={tmp_path / 'sweep'}",
        "--seeds=1",
        "--config.loop.steps=2",
    ]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "| plain |" in told and "[2/2] often seed 1" in told and "report.html" in told
    assert main(command) == 0
    assert capsys.readouterr().out.count("finished before") == 2
    assert (tmp_path / "sweep" / "report.html").is_file()


def test_a_failed_run_makes_the_exit_status_1_and_is_listed(file, tmp_path, capsys):
    failing = '{"beta": {"optim.vae.learning_rate": 1e38}}'
    file.write_text(re.sub(r"return \{.*", f"return {failing}", FILE))
    assert main(["sweep", f"--config={file}", f"--workdir={tmp_path / 'sweep'}", "--seeds=0"]) == 1
    assert "failed: beta seed 0: NotFinite" in capsys.readouterr().err


def test_bench_tells_time_flops_memory_and_share_of_peak(file, tmp_path, capsys):
    out = tmp_path / "bench.json"
    asked = [f"--config={file}", "--seconds=0.1", f"--out={out}", "--config.loop.rounds_per_call=3"]
    traced = importlib.util.find_spec("libtpu") is None  # its tracer ends a process without a TPU
    assert main(["bench", *asked, *["--profile=1:3"] * traced]) == 0
    told, record = capsys.readouterr().out, json.loads(out.read_text())
    assert "% of it" in told
    if traced:
        profile = record["profile"]
        assert "rounds 2 to 3: compute" in told and len(profile["longest"]) == 10
        assert profile["seconds"]["compute"] > 0
        assert (tmp_path / "bench.profile" / profile["trace"]).is_file()
    assert (
        record["memory_bytes"] > 0
        and record["flops_per_round"] > 0
        and record["compile_seconds"] > 0
    )
    assert 0 < record["share_of_peak"] < 1 and record["environment"]["jax"]
    assert record["dtype"] == "float32" and record["dtypes"] == {"float32": 1.0}
    assert record["nominal_peak"] is None and record["mfu"] is None  # of a CPU none is known


def test_where_no_backend_counts_flops_they_are_unknown(file, tmp_path, monkeypatch, capsys):
    """JAX_PLATFORMS=cuda leaves out the one that does; runs, benchmarks and reports go on."""
    monkeypatch.setattr("genlab.train.cost.counter", lambda: None)
    out, run = tmp_path / "bench.json", tmp_path / "run"
    assert main(["bench", f"--config={file}", "--seconds=0.1", f"--out={out}"]) == 0
    record = json.loads(out.read_text())
    assert [record[n] for n in ("flops_per_round", "flops_per_second", "share_of_peak", "mfu")] == (
        [None] * 4
    )
    assert "FLOPs          unknown: JAX_PLATFORMS leaves out cpu" in capsys.readouterr().out
    assert main(["train", f"--config={file}", f"--workdir={run}"]) == 0
    assert json.loads((run / "cost.json").read_text())["flops_per_round"] is None
    assert main(["report", f"--workdir={run}"]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--config.method.decodr.classes=3"],
            "method has no field 'decodr'; did you mean 'decoder'?",
        ),
        (["--config.batch_size=many"], "batch_size is int (16); 'many' is str"),
        (["--config.batch_size"], "--config.batch_size has no value"),
        (["--wokdir=x"], "no option '--wokdir'; did you mean '--workdir'?"),
        (["--variant=ofen"], "no variant 'ofen'; did you mean 'often'?"),
        (["--config.loop.steps=0"], "loop.steps is 0; it must be at least 1"),
        ([f"--workdir={__file__}"], "is a file, or lies in one: give a folder"),
        ([f"--workdir={__file__}/run"], "is a file, or lies in one: give a folder"),
        (
            ["--config.loop.best=reconstruction/pnsr", "--config.loop.evaluate_every=2"],
            "did you mean 'reconstruction/psnr'",
        ),
        (["--config.method=VAE"], "method is VAE, not a value: set its fields"),
        (["--config.batch_size=none"], "batch_size is int (16); None is NoneType"),
        (["--config.data=digitz"], "no data called 'digitz'; did you mean 'digits'?"),
    ],
)
def test_mistakes_are_one_line_without_a_traceback(arguments, told, file, tmp_path, capsys):
    assert main(["train", f"--config={file}", f"--workdir={tmp_path / 'run'}", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and error.startswith("genlab: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--topology="], "no topology ''"),
        (["--topology=v5e:2x2", "--seconds=1"], "--topology measures nothing"),
        (["--topology=v5e:2x2", "--profile=1:2"], "--topology measures nothing"),
        (["--seconds=-1"], "--seconds is -1; it must be above 0"),
        (["--seconds=nan"], "it must be above 0"),
        (["--out=nowhere/x.json"], "there is no folder nowhere"),
        (["--out=/"], "is a folder; give a file"),
    ],
)
def test_bench_refuses_before_it_compiles(arguments, told, file, capsys):
    assert main(["bench", f"--config={file}", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error.splitlines()[-1] and "Traceback" not in error


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("from helpers import tiny", "import tinny", "experiment.py:2: ModuleNotFoundError"),
        ("def config():", "def config(:", "experiment.py:6: SyntaxError"),
        (
            "return tiny.vae(",
            "return tiny.vea(",
            "experiment.py:8: module 'helpers.tiny' has no attribute",
        ),
        ('return {"plain": {}', 'return ["plain"] and {"plain": []', "sweep() must return"),
    ],
)
def test_a_mistake_inside_an_experiment_file_is_one_line(old, new, told, file, tmp_path, capsys):
    file.write_text(FILE.replace(old, new))
    assert main(["sweep", f"--config={file}", f"--workdir={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def test_what_nobody_foresaw_is_one_line_too_with_the_traceback_kept(
    file, tmp_path, capsys, monkeypatch
):
    def unforeseen(*_):
        raise RuntimeError("two\nlines \ud800")  # no UTF-8 has a lone surrogate

    monkeypatch.setattr("genlab.api.fit", unforeseen)
    assert main(["train", f"--config={file}", f"--workdir={tmp_path / 'run'}"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "traceback in " in error
    kept = Path(error.split("traceback in ")[1].rstrip(")\n"))
    text = kept.read_text(encoding="utf-8")
    assert "Traceback" in text and r"lines \ud800" in text
    kept.unlink()


BROKEN = """
def activation(x):
    return outer(x)

def outer(x):
    return x["wings"]
"""


def test_an_error_in_a_users_network_names_its_line_and_keeps_the_traceback(
    file, tmp_path, capsys, monkeypatch
):
    (tmp_path / "of_a_user.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    field = "--config.method.encoder.trunk.activation=of_a_user:activation"
    command = ["train", f"--config={file}", f"--workdir={tmp_path / 'run'}", field]
    for more in ([], ["--traceback"]):
        assert main([*command, *more]) == 2
        error = capsys.readouterr().err
        line = error.splitlines()[-1]
        assert f"({tmp_path}/of_a_user.py:6)" in line and "traceback in " in line
        kept = Path(line.split("traceback in ")[1].rstrip(")"))
        assert "in outer" in kept.read_text() and ("in outer" in error) == bool(more)
        kept.unlink()


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"genlab {genlab.__version__}\n"
    assert set(dir(genlab)) == {"__doc__", "__version__", *genlab.__all__}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["evaluate", "--workdir=nowhere"], "nowhere is no run folder"),
        (["sample", "--workdir=nowhere"], "nowhere is no run folder"),
        (["train", "--workdir=nowhere"], "nowhere is no run folder"),
        (["train", "--workdir=nowhere", "--config.seed=1"], "needs --config=FILE"),
        (["report", "--workdir=nowhere"], "nowhere"),
        (["sweep", "--config=nowhere.py", "--workdir=x"], "no experiment file at nowhere.py"),
        (["evaluate"], "--workdir=... is needed"),
        (["bench"], "--config=... is needed"),
        (["train", "--wokdir=x"], "did you mean '--workdir'"),
        (["prepare"], "give one of: tfds:NAME"),
        (["prepare", "nothing"], "give tfds:NAME or folder:PATH"),
    ],
)
def test_wrong_folders_and_files_are_told(arguments, told, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def test_a_typo_inside_an_experiment_file_is_told_with_its_place(file, tmp_path, capsys):
    file.write_text(FILE.replace("spec(Reconstruction)", "spec(Reconstruction, windw=3)"))
    assert main(["train", f"--config={file}", f"--workdir={tmp_path / 'run'}"]) == 2
    assert "no argument 'windw'; did you mean 'window'?" in capsys.readouterr().err
    file.write_text(
        FILE.replace("    return tiny", "    c = tiny").replace(
            "loop=loop)", "loop=loop)\n    c.batch_sze = 3\n    return c"
        )
    )
    assert main(["train", f"--config={file}", f"--workdir={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert "batch_sze" in error and "batch_size" in error and error.count("\n") == 1
