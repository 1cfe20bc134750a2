"""Trackers: what they are told of a run, and what they keep of it."""

import json
import math
import struct
from pathlib import Path

import pytest
from helpers import tiny
from PIL import Image

from genlab import Loop, spec
from genlab.config import ConfigError, as_dict
from genlab.runs.folder import RunFolder
from genlab.train import hooks
from genlab.train.trackers import About, MLflow, MLPerf, TensorBoard, WandB
from genlab.train.trackers.following import Followers, looking
from genlab.train.trackers.protocol import settings

SETTINGS = {"method": "GAN", "optim.gen.learning_rate": 0.0002, "loop.keep": 2, "on": True}
ROW = {"step": 10, "seconds": 1.5, "disc/loss": 0.5, "gen/loss": 2.0}


class Notes:
    """A tracker that notes what it is told, and fails where it is asked to."""

    def __init__(self, fails=""):
        self.fails, self.told = fails, []

    def open(self, about):
        return self

    def numbers(self, step, values):
        if self.fails:
            raise OSError(self.fails)
        self.told.append((step, dict(values)))

    def picture(self, step, name, file):
        self.told.append((step, name, file.name))

    def close(self, failed):
        self.told.append(failed)


@pytest.fixture
def about(tmp_path):
    (tmp_path / "hinge/seed0/samples").mkdir(parents=True)
    return About(RunFolder(tmp_path / "hinge/seed0"), "hinge/seed0", SETTINGS, 0)


def drawn(about, name):
    path = about.run.path / "samples" / name
    Image.new("L", (8, 6), 90).save(path)
    return path


def scored(about, step=10, **scores):
    row = {"step": step, "name": "fidelity", "scores": scores, "protocol": {"split": "validation"}}
    about.run.append("evals.jsonl", row)


def test_trackers_are_told_of_rows_pictures_and_scores_once(about):
    drawn(about, "000000.png")  # of before
    followers, notes = Followers(about.run, 0), Notes()
    followers.begin("notes", notes, about)
    followers.row(10, ROW)
    drawn(about, "000010.png")
    drawn(about, "reconstructions_000010.png")
    scored(about, fd=2.5, odd=math.nan)
    made = looking(lambda *_: [hooks.every(5, lambda step, state: 0.25)], followers)(None, None)
    assert [hook.fn(10, None) for hook in made] == [0.25]
    followers.look(10)
    followers.close(False)
    values = {name: value for name, value in ROW.items() if name != "step"}
    assert notes.told == [
        (10, values), (10, "samples", "000010.png"),
        (10, "reconstructions", "reconstructions_000010.png"),
        (10, {"validation/fidelity/fd": 2.5}), False,
    ]  # fmt: skip


def test_a_tracker_that_fails_is_left_out_and_the_others_go_on(about):
    followers, good = Followers(about.run, 0), Notes()
    followers.begin("bad", Notes("no route to host"), about)
    followers.begin("good", good, about)
    with pytest.warns(UserWarning, match="tracker bad: OSError: no route to host; the run goes on"):
        followers.row(10, ROW)
    followers.row(20, ROW)
    assert [step for step, _ in good.told] == [10, 20] and list(followers.sinks) == ["good"]


def test_settings_are_every_field_by_its_path():
    found = settings(as_dict(tiny.vae()))
    assert found["method"] == "VAE" and found["method.encoder.latent"] == 4
    assert (
        found["method.encoder.trunk.hidden"] == "(16)" and found["optim.vae.learning_rate"] == 0.05
    )
    assert found["seed"] == 0 and all(isinstance(x, str | int | float) for x in found.values())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: Loop(trackers=["mlflow"]), "maps names to specs"),
        (lambda: Loop(trackers={"mlflow": "sqlite:///x.db"}), "loop.trackers.mlflow is"),
        (lambda: MLflow("runs/mlflow.db"), "as sqlite:///mlflow.db"),
        (lambda: WandB(mode="ofline"), "did you mean 'offline'"),
        (lambda: MLPerf(submission={"orgs": "x"}), "no 'orgs'; did you mean 'org'"),
        (lambda: MLPerf(submission="x"), "it maps names to texts"),
    ],
)
def test_what_is_no_tracker_is_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        wrong()
    Loop(trackers={"mlflow": MLflow(), "wandb": spec(WandB), "mlperf": MLPerf()})


def events(folder):
    """The summaries in event files, by tag."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for file in folder.glob("events.out.tfevents.*"):
        data, at = file.read_bytes(), 0
        while at < len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12 : at + 12 + size])
            found |= {value.tag: (event.step, value) for value in event.summary.value}
            at += 16 + size
    return found


def test_tensorboard_has_scalars_by_player_pictures_and_settings(about):
    sink = TensorBoard().open(about)
    sink.numbers(10, {"seconds": 1.5, "disc/loss": 0.5, "gen/loss": 2.0})
    sink.picture(10, "samples", drawn(about, "000010.png"))
    sink.close(False)
    found = events(about.run.path / "tensorboard")
    step, loss = found["disc/loss"]
    assert step == 10 and loss.simple_value == 0.5
    assert (found["samples"][1].image.width, found["samples"][1].image.height) == (8, 6)
    told = found["_hparams_/session_start_info"][1].metadata.plugin_data.content
    assert b"optim.gen.learning_rate" in told
    shown = found["_hparams_/experiment"][1].metadata.plugin_data.content
    assert b"disc/loss" in shown and b"seconds" not in shown


SUBMITTED = {"org": "somebody", "platform": "a CPU", "division": "open"}
ABOUT = {
    "optim.gen": "adam", "optim.gen.b1": 0.5, "optim.disc": "sgd",
    "optim.disc.learning_rate": "cosine_decay_schedule", "seed": 3, "batch_size": 64,
    "loop.steps": 20, "loop.best": "+fidelity/fd",
}  # fmt: skip


def submitted(about, submission, failed=False):
    """The file of a start that trains 20 rounds and is scored after 10 and 20, and its events."""
    about = about._replace(
        settings={**SETTINGS, **ABOUT}, images=128, examples={"train": 1000, "validation": 50}
    )
    followers = Followers(about.run, 0)
    followers.begin("mlperf", MLPerf(submission=submission), about)
    followers.stage(0, "training", True)
    score = hooks.Hook(10, lambda step, _: scored(about, step, fd=2.5, n=step), "evaluation")
    made = looking(lambda *_: [score], followers)(None, None)
    for step in (10, 20):
        followers.row(step, ROW)
        made[0].fn(step, None)
    followers.close(failed)
    file = max((about.run.path / "mlperf").iterdir())
    lines = [line.partition(":::MLLOG ")[2] for line in file.read_text().splitlines()]
    return file, [json.loads(line) for line in lines]


def test_mlperf_has_a_file_of_events_for_each_start(about):
    _, events = submitted(about, {})
    block = ["block_start", "tracked_stats", "block_stop", "eval_start", "eval_accuracy",
             "eval_score", "eval_stop"]  # fmt: skip
    begun = ["init_start", "seed", "global_batch_size", "train_samples", "eval_samples", "opt_name",
             "opt_base_learning_rate", "opt_adam_beta_1", "opt_name",
             "opt_learning_rate_decay_schedule", "init_stop", "run_start"]  # fmt: skip
    assert [e["key"] for e in events] == [*begun, *block, *block, "run_stop"]
    fields = ["namespace", "time_ms", "event_type", "key", "value", "metadata"]
    assert all([*e] == fields and e["metadata"]["lineno"] > 0 for e in events)
    times = [e["time_ms"] for e in events]
    assert times == sorted(times)
    found = {e["key"]: e for e in events}
    assert {e["value"] for e in events if e["key"] == "opt_name"} == {"adam", "sgd"}
    assert [found[k]["value"] for k in ("seed", "global_batch_size", "train_samples")] == [
        3, 64, 1000,
    ]  # fmt: skip
    accuracy = found["eval_accuracy"]
    assert (accuracy["value"], accuracy["metadata"]["samples_count"]) == (2.5, 20 * 128)
    assert accuracy["metadata"]["score"] == "validation/fidelity/fd"
    assert found["tracked_stats"]["value"]["disc/loss"] == 0.5
    kinds = {"start": "INTERVAL_START", "stop": "INTERVAL_END"}
    assert all(
        e["event_type"] == kinds.get(e["key"].rpartition("_")[2], "POINT_IN_TIME") for e in events
    )
    assert found["run_stop"]["metadata"]["status"] == "success"
    file, events = submitted(about, SUBMITTED, failed=True)
    assert file.name == "result_1.txt" and events[-1]["metadata"]["status"] == "aborted"
    assert {"submission_org", "submission_platform"} <= {e["key"] for e in events}


def test_mlperfs_own_checker_reads_the_events(about):
    """All that its rules ask of every benchmark, but that caches are cleared, which nobody did."""
    needed = pytest.importorskip("mlperf_logging", reason="pip install 'genlab[mlperf]'")
    from mlperf_logging.compliance_checker import mlp_compliance, mlp_parser

    file, events = submitted(about, SUBMITTED | {"benchmark": "none of theirs"})
    lines, errors = mlp_parser.parse_file(file, "5.1.0")
    assert not errors and [one.key for one in lines] == [e["key"] for e in events]
    check = mlp_compliance.ComplianceChecker("training", "5.1.0", quiet=False, werror=True)
    rules = Path(needed.__file__).parent / "compliance_checker/training_5.1.0/common.yaml"
    check.configured_checks(lines, rules)
    assert set(check.overwritable) == {"cache_clear"} and not check.not_overwritable


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of MLflow's own libraries
def test_mlflow_keeps_a_run_in_sqlite_and_goes_on_with_it(about, tmp_path):
    pytest.importorskip("mlflow", reason="pip install 'genlab[mlflow]'")
    pytest.importorskip("sqlalchemy", reason="pip install 'genlab[mlflow]'")
    from mlflow import MlflowClient

    tracker = MLflow(f"sqlite:///{tmp_path}/mlflow.db")
    sink = tracker.open(about)
    sink.numbers(10, {"disc/loss": 0.5, "gen/odd: name": 1.0, "gen/loss": math.inf})
    sink.picture(10, "samples", drawn(about, "000010.png"))
    sink.close(True)
    again = tracker.open(about._replace(step=10))
    again.numbers(20, {"disc/loss": 0.25})
    again.close(False)
    client = MlflowClient(tracker.uri)
    (run,) = client.search_runs([client.get_experiment_by_name("genlab").experiment_id])
    assert run.info.run_name == "hinge/seed0" and run.info.status == "FINISHED"
    assert run.data.params["optim.gen.learning_rate"] == "0.0002"
    history = client.get_metric_history(run.info.run_id, "disc/loss")
    assert [(m.step, m.value) for m in history] == [(10, 0.5), (20, 0.25)]
    assert set(run.data.metrics) == {"disc/loss", "gen/odd_ name"}
    assert [f.path for f in client.list_artifacts(run.info.run_id, "samples")] == [
        "samples/000010.png"
    ]
    assert (tmp_path / "mlflow").is_dir()  # beside the database


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_wandb_keeps_a_run_offline(about):
    pytest.importorskip("wandb", reason="pip install 'genlab[wandb]'")
    sink = WandB().open(about)
    sink.numbers(10, {"disc/loss": 0.5})
    sink.picture(10, "samples", drawn(about, "000010.png"))
    sink.close(False)
    (kept,) = (about.run.path / "wandb").glob("offline-run-*/*.wandb")
    whole = kept.read_bytes()
    assert b"disc/loss" in whole and b"optim.gen.learning_rate" in whole
    assert list((about.run.path / "wandb").rglob("samples*.png"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_training_is_followed_by_mlflow(tmp_path):
    pytest.importorskip("mlflow", reason="pip install 'genlab[mlflow]'")
    pytest.importorskip("sqlalchemy", reason="pip install 'genlab[mlflow]'")
    from mlflow import MlflowClient

    from genlab import fit

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    loop = {"trackers": {"mlflow": spec(MLflow, uri)}, "sample_every": 2}
    fit(tiny.vae(loop=loop), tmp_path / "runs/vae")
    run = json.loads((tmp_path / "runs/vae/mlflow.json").read_text())["run_id"]
    client = MlflowClient(uri)
    assert [m.step for m in client.get_metric_history(run, "vae/loss")] == [2, 4]
    assert {f.path for f in client.list_artifacts(run)} >= {"samples", "reconstructions"}
    assert client.get_run(run).data.params["method"] == "VAE"
