"""A run as a user lives it: killed, resumed, changed, broken by NaN; each time on the real loop."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest
from helpers import tiny
from helpers.shared import leaves, logged
from PIL import Image

import genlab
from genlab import fit, nets, spec
from genlab.config import ConfigError, as_dict, build, override
from genlab.data import products
from genlab.evaluation.evaluate import evaluate
from genlab.evaluation.evaluators import Reconstruction
from genlab.methods import Comparison, Regression
from genlab.nets import dcgan, dncnn
from genlab.runs.checkpoint import Checkpoints
from genlab.runs.folder import RunFolder
from genlab.runs.goodput import goodput, one_line
from genlab.runtime.progress import Silent
from genlab.sampling.draw import SampleRequest, generate
from genlab.train import loop
from genlab.train.cost import cost
from genlab.train.log import NotFinite
from genlab.train.program import prepare, reopened
from genlab.train.trackers import MLPerf

pytestmark = pytest.mark.usefixtures("kept")
ROOT = Path(__file__).parents[1]
KILL = textwrap.dedent(
    """
    import os, pathlib, signal, sys
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax
    from helpers import tiny
    from jax import random
    from genlab import fit, spec
    from genlab.runtime.progress import Silent

    class Killer(Silent):
        def advance(self, step, row=None):
            if step >= kill:
                while not list((folder / "checkpoints").glob("6/_CHECKPOINT_METADATA")):
                    pass  # the asynchronous save of round 6 has to be on disk
                os.kill(os.getpid(), signal.SIGKILL)

    def run(steps):
        adam = spec(optax.adam, 1e-3, b1=0.5)
        loop = {"steps": steps, "checkpoint_every": 6, "log_every": 1}
        state = fit(tiny.vae(optim=adam, loop=loop), folder, Killer())
        leaves = jax.tree.leaves(state.replace(key=random.key_data(state.key)))
        np.savez(folder / "final.npz", *[np.asarray(x) for x in leaves])

    folder, kill = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    run(12)
    """
)


def process(folder, kill=10**9):
    """A fresh interpreter that trains 12 rounds in `folder`, perhaps killed on the way."""
    paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", KILL, str(folder), str(kill)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow  # a GAN is killed in test_faults.py
def test_killed_and_resumed_in_a_new_process_equals_uninterrupted_bit_for_bit(tmp_path):
    """A VAE: 12 rounds against 8, kill -9, and on from the checkpoint of 6. A GAN with BatchNorm
    and EMA is killed in `test_faults.py`, more often.
    """
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = process(whole)
    assert done.returncode == 0, done.stderr
    assert process(broken, kill=8).returncode == -9
    assert RunFolder(broken).status == {"status": "running"}
    done = process(broken)
    assert done.returncode == 0, done.stderr
    with np.load(whole / "final.npz") as a, np.load(broken / "final.npz") as b:
        assert len(a.files) == len(b.files) > 10
        for leaf in a.files:
            np.testing.assert_array_equal(a[leaf], b[leaf])
    assert logged(whole) == logged(broken) and len(logged(whole)) == 12
    assert RunFolder(broken).status["status"] == "finished"


@pytest.fixture(scope="module")
def trained(tmp_path_factory, emitting):
    """A run of 6 rounds with checkpoints of 2, 4 and 6."""
    folder = tmp_path_factory.mktemp("trained")
    loop = {"steps": 6, "checkpoint_every": 2, "keep": 3}
    with emitting():
        state = fit(tiny.vae(optim=spec(optax.adam, 1e-3), loop=loop), folder)
    return folder, leaves(state)


def copied(folder, to):
    return Path(shutil.copytree(folder, to))


def vae(**loop):
    return tiny.vae(optim=spec(optax.adam, 1e-3), loop={"checkpoint_every": 2, "keep": 3, **loop})


@pytest.fixture(scope="module")
def resumed(trained, tmp_path_factory, emitting):
    """That run gone on to 8 rounds, each dispatched and logged by itself."""
    folder = copied(trained[0], tmp_path_factory.mktemp("resumed") / "run")
    with emitting():
        state = fit(vae(steps=8, log_every=1, rounds_per_call=1), folder)
    return folder, leaves(state)


@pytest.fixture(scope="module")
def straight(tmp_path_factory, emitting):
    """A run of 8 rounds, never interrupted."""
    folder = tmp_path_factory.mktemp("straight")
    with emitting():
        state = fit(vae(steps=8), folder)
    return folder, leaves(state)


def test_a_damaged_checkpoint_gives_way_to_the_next_and_the_user_is_told(
    trained, tmp_path, emitters
):
    folder = copied(trained[0], tmp_path / "run")
    for file in (folder / "checkpoints" / "6").rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.warns(UserWarning, match=r"damaged checkpoint .*6.*using round 4 instead"):
        state = fit(vae(steps=6), folder)
    for a, b in zip(leaves(state), trained[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert list((folder / "damaged").iterdir())  # set aside, not deleted
    with Checkpoints(folder / "checkpoints", keep=3) as checkpoints:
        assert checkpoints.steps == [2, 4, 6]


def test_when_every_checkpoint_is_damaged_nothing_is_overwritten(trained, tmp_path):
    folder = copied(trained[0], tmp_path / "run")
    for metadata in (folder / "checkpoints").glob("*/state/*"):
        if metadata.is_file():
            metadata.unlink()
    with pytest.raises(RuntimeError, match=r"no checkpoint in .* can be read"):
        fit(vae(steps=8), folder)
    assert RunFolder(folder).status["status"] == "failed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("batch_size", "32"),
        ("seed", "1"),
        ("method.decoder.trunk.hidden", "(8,)"),
        ("loop.placement", "pmap"),
    ],
)
def test_a_changed_config_is_refused_with_the_field_that_differs(field, value, trained, tmp_path):
    folder = copied(trained[0], tmp_path / "run")
    config = vae(steps=6)
    override(config, field, value)
    with pytest.raises(ConfigError, match=f"another config .*{field} was"):
        fit(config, folder)
    assert RunFolder(folder).status["status"] == "finished"


def test_under_pmap_another_number_of_devices_is_refused_for_it_draws_otherwise(trained, tmp_path):
    run = RunFolder(copied(trained[0], tmp_path / "run"))
    started = vae(steps=6, placement="pmap", devices=None)
    run.write("config.json", as_dict(started))
    run.append("env.jsonl", {"devices": 8})
    with pytest.raises(ConfigError, match=r"on 8 devices under .*pmap.*now there are 2.*devices=8"):
        fit(vae(steps=8, placement="pmap", devices=2), run.path)
    assert run.config.loop.devices is None


def test_what_cannot_alter_the_past_may_change(resumed, straight):
    assert [row["step"] for row in logged(resumed[0])] == [2, 4, 6, 7, 8]
    for a, b in zip(resumed[1], straight[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow  # `resumed` is dispatched otherwise than `straight`, and so are its rows made
@pytest.mark.parametrize("rounds", [1, 3])
def test_log_rows_do_not_depend_on_rounds_per_dispatch(rounds, trained, tmp_path, emitters):
    """Dispatches of 1 and of 3, across the rows and with two rows in one, against 2."""
    fit(vae(steps=6, rounds_per_call=rounds, checkpoint_every=0), tmp_path)
    assert logged(tmp_path) == logged(trained[0])
    assert [row["step"] for row in logged(tmp_path)] == [2, 4, 6]


def test_a_log_row_is_the_mean_since_the_last(resumed, straight):
    *_, seventh, eighth = logged(resumed[0])
    assert (seventh["step"], eighth["step"]) == (7, 8)
    pair = logged(straight[0])[-1]
    np.testing.assert_allclose(pair["vae/loss"], (seventh["vae/loss"] + eighth["vae/loss"]) / 2)


def test_nan_stops_with_the_culprit_named_and_the_last_checkpoint_intact(tmp_path):
    config = vae(steps=40)
    explosion = spec(optax.linear_schedule, 1e-3, 1e30, 1, transition_begin=5)
    override(config, "optim.vae.learning_rate", explosion)
    with pytest.raises(
        NotFinite, match=r"round 8: vae/(distortion|kl) is .* checkpoint of round 6 is intact"
    ):
        fit(config, tmp_path)
    status = RunFolder(tmp_path).status
    assert status["status"] == "failed" and "NotFinite: round 8" in status["error"]
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        step, state = checkpoints.restore(prepare(config).like())
    assert step == 6
    assert all(np.isfinite(leaf).all() for leaf in leaves(state))


def test_a_state_that_is_not_finite_is_never_saved(tmp_path):
    """The update of round 6 overflows: its metrics were still finite, its parameters are not."""
    config = vae(steps=40)
    explosion = spec(optax.linear_schedule, 1e-3, 3e38, 1, transition_begin=4)
    override(config, "optim", {"vae": spec(optax.sgd, explosion)})
    with pytest.raises(
        NotFinite, match=r"round 6: network (encoder|decoder) .*checkpoint of round 4"
    ):
        fit(config, tmp_path)
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.steps[-1] == 4


@pytest.mark.filterwarnings("ignore:loop.best=.* keeps the worst")
def test_evaluation_and_samples_take_the_best_checkpoint_by_validation(tmp_path):
    """With "+" the highest error is the best, so that the first checkpoint wins over the newest,
    which is taken where no score chooses.
    """
    loop = {"steps": 8, "checkpoint_every": 2, "evaluate_every": 2, "keep": 1}
    config = tiny.vae(
        optim=spec(optax.adam, 1e-2),
        evaluate={"reconstruction": spec(Reconstruction)},
        loop={**loop, "best": "+reconstruction/mse", "trackers": {"mlperf": spec(MLPerf)}},
    )
    fit(config, tmp_path)
    run, file = RunFolder(tmp_path), tmp_path / "mlperf/result_0.txt"
    events = [json.loads(line[len(":::MLLOG") :]) for line in file.read_text().splitlines()]
    scored = [e["value"] for e in events if e["key"] == "eval_accuracy"]
    assert scored == [row["scores"]["mse"] for row in run.rows("evals.jsonl")]
    began, ended = [e["key"] for e in events].index("run_start"), events[-1]
    assert events[began + 1]["key"] == "block_start" and ended["metadata"]["status"] == "success"
    mse = {row["step"]: row["scores"]["mse"] for row in run.rows("evals.jsonl")}
    assert list(mse) == [2, 4, 6, 8] and mse[2] > 1.02 * mse[8]
    read = genlab.load(tmp_path)
    assert (read.step, read.chosen) == (2, "best validation reconstruction/mse")
    assert {row["step"]: row["scores"]["mse"] for row in read.scores} == mse
    for best, expected in (("+reconstruction/mse", 2), ("", 8)):
        override(config, "loop.best", best)
        run.write("config.json", as_dict(config))
        (row,) = evaluate(tmp_path)
        assert row["step"] == expected and row["protocol"]["split"] == "test"
        (written,) = generate(tmp_path, SampleRequest(n=4))
        assert written.name.startswith(f"round{expected:06d}_")


def test_moving_averages_are_what_is_sampled_and_judged(tmp_path):
    """With a decay of 1 the averages stay what they were at the start, whatever is learnt; and
    every stage draws the same latents.
    """
    config = tiny.vae(
        optim=spec(optax.adam, 1e-2),
        ema={"encoder": 1.0, "decoder": 1.0},
        evaluate={"reconstruction": spec(Reconstruction)},
        loop={"steps": 6, "checkpoint_every": 2, "keep": 3, "sample_every": 2},
    )
    before = prepare(config).init().params["decoder"]
    after = fit(config, tmp_path).params["decoder"]
    assert not np.array_equal(jax.tree.leaves(before)[-1], jax.tree.leaves(after)[-1])
    stages = [tmp_path / "samples" / f"{n:06d}.png" for n in (2, 6)]
    stages = [np.asarray(Image.open(file)).tobytes() for file in stages]
    drawn = [genlab.load(tmp_path, step=n).sample(9) for n in (2, 6)]
    scores = [evaluate(tmp_path, step=n)[0]["scores"] for n in (2, 6)]
    np.testing.assert_array_equal(*drawn)
    assert stages[0] == stages[1] and scores[0] == scores[1]


def test_labels_the_networks_do_not_know_are_refused():
    with pytest.raises(
        ConfigError, match="names 'labl', no column of the data; did you mean 'label'"
    ):
        prepare(tiny.vae(given=("labl",)))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("loop.sample_every", -5, "sample_every is -5; 0 turns it off"),
        ("loop.best", "reconstruction/mse", "needs a score at checkpoints"),
        ("ema", {"decoder": 1.5}, "ema.decoder is 1.5; a decay lies between 0 and 1"),
        ("method.decoder.trunk.dtype", "bfloat", "this game cannot be played: TypeError"),
        ("method.decoder.trunk.hidden", (8, 0), r"hidden is \(8, 0\); a hidden layer has at least"),
    ],
)
def test_what_cannot_work_is_refused_before_compiling(field, value, told):
    config = tiny.vae()
    override(config, field, value)
    with pytest.raises(ConfigError, match=told):
        prepare(config)


class Watcher(Silent):
    """Notes what the loop tells of."""

    def __init__(self):
        self.seen = []

    def advance(self, step, row=None):
        self.seen.append((step, row and row["step"]))


@pytest.fixture(scope="module")
def watched(tmp_path_factory, emitting):
    """A run of 5 rounds without checkpoints on the way, with TensorBoard, and what it told of."""
    folder, watcher = tmp_path_factory.mktemp("watched"), Watcher()
    with emitting():
        fit(vae(steps=5, checkpoint_every=0, log_every=2, tensorboard=True), folder, watcher)
    return folder, watcher.seen


def test_a_run_without_checkpoints_on_the_way_has_one_at_the_end(watched):
    with Checkpoints(watched[0] / "checkpoints") as checkpoints:
        assert checkpoints.steps == [5]
    assert [row["step"] for row in logged(watched[0])] == [2, 4, 5]


def test_progress_is_told_of_every_dispatch_and_row(watched):
    assert watched[1] == [(2, 2), (4, 4), (5, None), (5, 5)]  # an unfinished row at the end


def test_tensorboard_event_files_hold_the_rows(watched):
    (file,) = (watched[0] / "tensorboard").glob("events.out.tfevents.*")
    assert b"vae/loss" in file.read_bytes()
    assert "tensorflow" not in sys.modules


def test_the_clock_goes_on_where_a_resumed_run_left_off(trained, resumed):
    before = RunFolder(trained[0]).rows("metrics.jsonl")[-1]["seconds"]
    after = [row["seconds"] for row in RunFolder(resumed[0]).rows("metrics.jsonl")]
    assert after == sorted(after) and after[-1] > before > 0


@pytest.mark.parametrize("placement", [pytest.param("jit", marks=pytest.mark.slow), "pmap"])
def test_streamed_data_resume_bit_for_bit_under_both_placements(placement, tmp_path):
    """From the checkpoint of 2, by the same program; `resumed` is dispatched otherwise."""
    loop = {"placement": placement, "devices": 2, "checkpoint_every": 2, "keep": 2}
    config, ends = tiny.vae(data=spec(tiny.streamed), loop=loop), []
    for _ in range(2):
        ends.append(leaves(fit(config, tmp_path)))
        shutil.rmtree(tmp_path / "checkpoints" / "4")
    for a, b in zip(*ends, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_second_run_in_the_same_folder_is_refused(trained, tmp_path):
    run = RunFolder(copied(trained[0], tmp_path / "run"))
    with run.locked(), pytest.raises(ConfigError, match="another process is running"):
        fit(vae(steps=6), run.path)
    assert fit(vae(steps=6), run.path).step == 6


def test_the_run_folder_rebuilds_the_run_without_the_experiment_file(trained, tmp_path, emitters):
    folder = copied(trained[0], tmp_path / "run")
    config = RunFolder.at(folder).config
    override(config, "loop.steps", 8)
    assert fit(config, folder).step == 8
    assert (
        json.loads((folder / "config.json").read_text())["optim"]["vae"]["b2"] == 0.999
    )  # a default


def test_cost_counts_every_move():
    counted = []
    for moves in (1, 3):
        config = tiny.wgan_gp()
        override(config, "method.critic_moves", moves)
        counted.append(cost(reopened(config, build(config.data))))  # built, and no round traced
    a, b = counted
    assert a["images_per_round"] == 32 and b["images_per_round"] == 64
    ratio = b["flops_per_round"] / a["flops_per_round"]
    assert 2.0 < ratio < 3.0  # the generator moves once in both
    assert a["parameters"] == b["parameters"] and set(a["parameters"]) == {"gen", "disc"}


def test_features_that_nobody_trains_are_not_counted_as_trained():
    """A regression's network is its player's; the random network it is compared by is nobody's."""
    features = spec(nets.Maps, spec(dcgan.Down, 4), ("Conv_0", "Conv_1"))
    compared = spec(Comparison, {}, features, {"content_l1": 1.0})
    config = spec(
        genlab.Experiment,
        method=spec(
            Regression,
            spec(nets.Translator, spec(dncnn.DnCNN, 3, 2, 3)),
            compared,
            given=("noisy",),
        ),
        data=spec(products, 16, ("image", "noisy")),
        optim={"gen": spec(optax.sgd, 0.1)},
        batch_size=8,
    )
    training = prepare(config)
    counted, params = cost(training), training.shape().params
    sizes = {name: sum(x.size for x in jax.tree.leaves(tree)) for name, tree in params.items()}
    assert min(sizes.values()) > 0 and {*sizes} == {"gen", "features"}
    assert counted["parameters"] == {"gen": sizes["gen"]}
    assert counted["frozen"] == {"features": sizes["features"]}


def test_what_a_round_costs_is_in_the_run_folder(trained):
    written = json.loads((trained[0] / "cost.json").read_text())
    counted = cost(prepare(vae(steps=6)))
    assert {name: written[name] for name in counted} == counted
    spent = goodput(RunFolder(trained[0]))["compiling"]
    assert 0 < written["compile_seconds"] <= spent


def test_a_resumed_run_logs_what_an_uninterrupted_one_does_whatever_the_intervals(
    tmp_path, emitters
):
    loop = {"log_every": 3, "checkpoint_every": 4, "rounds_per_call": 1}
    fit(vae(steps=9, **loop), tmp_path / "whole")
    fit(vae(steps=8, **loop), tmp_path / "parts")
    fit(vae(steps=9, **loop), tmp_path / "parts")
    assert logged(tmp_path / "whole") == logged(tmp_path / "parts")


def test_goodput_is_the_share_of_all_starts_that_rounds_in_the_run_took(trained, tmp_path):
    """A start counts to its last row; rounds that a kill took back are lost."""
    found = goodput(RunFolder(trained[0]))
    assert found["starts"] == 1 and 0 < found["share"] < 1 and found["compiling"] > 0
    parts = ("productive", "compiling", "evaluation", "saving", "rest")
    assert sum(found[name] for name in parts) == pytest.approx(found["wall"], abs=0.01)
    run = RunFolder(tmp_path)
    assert goodput(run) is None
    for start, wall, saving in (("a", 5.0, 1.0), ("a", 10.0, 2.0), ("b", 10.0, 1.0)):
        clock = {"start": start, "wall": wall, "saving": saving, "compiling": 1, "evaluation": 0}
        run.append("clock.jsonl", clock)
    run.append("metrics.jsonl", {"step": 4, "seconds": 12.0})
    found = goodput(run)
    assert (found["share"], found["saving"], found["rest"]) == pytest.approx((0.6, 3, 3))
    assert one_line(found).startswith("60.0 %: 12.0 s of rounds in 20.0 s of 2 starts; compiling")


def test_the_seconds_of_a_trace_are_in_the_cost_and_stay_there(tmp_path, monkeypatch):
    """A trace may end before the cost is counted, and in a run taken up again, after."""
    monkeypatch.setattr(loop, "cost", lambda training: {"flops_per_round": 7})
    log = SimpleNamespace(drain=lambda: None, pause=lambda: None, go_on=lambda: None)
    context = SimpleNamespace(run=RunFolder(tmp_path), log=log, training=None)
    seconds = {"compute": 1.0, "collectives": 0.0, "idle": 0.5, "host": 0.1}
    found = {"rounds": [2, 6], "devices": 1, "seconds": seconds, "longest": [], "trace": "x"}
    loop._note_profile(context.run, found)
    loop._note_cost([context], 3.0)
    again = {**found, "rounds": [8, 9]}
    loop._note_profile(context.run, again)
    loop._note_cost([context], 5.0)  # what the first start measured stands
    written = json.loads((tmp_path / "cost.json").read_text())
    assert written["profile"] == {"rounds": [8, 9], "devices": 1, "seconds": seconds}
    assert (written["flops_per_round"], written["compile_seconds"]) == (7, 3.0)
    assert json.loads((tmp_path / "profile.json").read_text()) == again


def test_flops_that_nothing_counted_are_counted_when_a_run_is_taken_up_again(tmp_path, monkeypatch):
    found = {"flops_per_round": None, "parameters": {"vae": 3}}
    monkeypatch.setattr(loop, "cost", lambda training: found)
    log = SimpleNamespace(drain=lambda: None, pause=lambda: None, go_on=lambda: None)
    context = SimpleNamespace(run=RunFolder(tmp_path), log=log, training=None)
    loop._note_cost([context], 3.0)
    found = found | {"flops_per_round": 7}
    for _ in range(2):
        loop._note_cost([context], 5.0)
        found = found | {"flops_per_round": 8}  # and then no more
    written = json.loads((tmp_path / "cost.json").read_text())
    assert (written["flops_per_round"], written["compile_seconds"]) == (7, 3.0)
