"""Configs of runs: compared, written as calls, turned into commands."""

import json

import pytest

from genlab.report.configs import call_text, commands, compared, environment, strays
from genlab.report.contents import summary
from genlab.report.reading import read


def test_configs_are_compared_with_the_first():
    first = {"method": {"call": "a:GAN", "r1": 1.0}, "lr": 0.1}
    net = {"call": "b:MLP", "width": 3}
    second = {"method": {"call": "a:GAN", "r1": 1.0, "net": net}, "lr": 0.2}
    found = {d.field: (d.values, d.changed) for d in compared({"x": first, "y": second})}
    assert found == {
        "method.net": (("–", "MLP(width=3)"), (False, True)), "lr": (("0.1", "0.2"), (False, True)),
    }  # fmt: skip


def test_what_changed_inside_a_part_hides_the_part():
    def config(**optim):
        return {"optim": optim, "ema": {}}

    def adam(b2):
        return {"call": "optax:adam", "b2": b2}

    configs = {"a": config(disc=adam(0.9)), "b": config(disc=adam(0.5)), "c": config(vae=adam(0.1))}
    assert [(d.field, d.values) for d in compared(configs)] == [
        ("optim.disc.b2", ("0.9", "0.5", "–")), ("optim.vae", ("–", "–", "adam(b2=0.1)")),
    ]  # fmt: skip


def test_calls_are_written_as_calls():
    node = {"call": "optax:adam", "learning_rate": 0.1, "betas": [0.5, None], "more": {"on": True}}
    assert call_text(node) == "adam(learning_rate=0.1, betas=(0.5, null), more=dict(on=true))"


def test_a_seed_with_another_config_is_reported(make, tmp_path):
    configs = [make.config, make.config | {"seed": 1, "batch_size": 32}]
    folder = make.sweep(tmp_path, {"a": [{"config": c} for c in configs]})
    assert strays(read(folder)) == ["a/seed1 has a config unlike its variant's: batch_size"]


def test_commands_are_those_that_were_used(make, tmp_path):
    folder = make.sweep(tmp_path / "losses", {"a": [{}, {"env": {"command": "genlab train x"}}]})
    assert commands(read(folder)) == [
        "git checkout abc123", "python -m pip install --editable .",
        "genlab sweep --config=gan.py --workdir=losses", "genlab train x",
        "genlab report --workdir=losses",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("used", "of_sweep", "of_run"),
    [
        ("sweep --workdir=runs/losses --only=a", "runs/losses", "runs/losses/a/seed0"),
        ("sweep '--workdir=my losses'", "'my losses'", "'my losses/a/seed0'"),
        ("sweep --workdir old --workdir=runs/losses", "runs/losses", "runs/losses/a/seed0"),
        ("train --workdir runs/losses/a/seed0", "runs/losses", "runs/losses/a/seed0"),
        ("train --workdir=seed0", "losses", "seed0"),  # from within
        ("sweep --config=gan.py", "losses", "seed0"),  # it does not say where
        ("sweep --workdir", "losses", "seed0"),
        ("sweep --workdir='", "losses", "seed0"),
    ],
)
def test_the_report_is_of_the_folder_that_the_commands_made(make, tmp_path, used, of_sweep, of_run):
    env = make.env | {"command": f"genlab {used}"}
    folder = make.sweep(tmp_path / "losses", {"a": [{"env": env}]})
    for read_from, told in ((folder, of_sweep), (folder / "a/seed0", of_run)):
        lines = commands(read(read_from))
        assert lines[2:] == [f"genlab {used}", f"genlab report --workdir={told}"]


def test_commands_of_unlike_folders_say_nothing_of_the_reports(make, tmp_path):
    envs = [{"command": f"genlab sweep --workdir={name}"} for name in ("one", "two")]
    folder = make.sweep(tmp_path / "losses", {"a": [{"env": env} for env in envs]})
    assert commands(read(folder))[-1] == "genlab report --workdir=losses"


def test_a_sweep_of_subprocesses_has_the_line_that_it_was_started_with(make, tmp_path):
    folder = make.sweep(tmp_path / "losses", {"a": [{"env": {"command": ""}}]})
    line = "genlab sweep --config=gan.py --workdir=runs/losses --executor=local --jobs=2"
    told = json.loads((folder / "sweep.json").read_text())
    (folder / "sweep.json").write_text(json.dumps(told | {"commands": [line]}))
    assert commands(read(folder))[-2:] == [line, "genlab report --workdir=runs/losses"]


@pytest.mark.parametrize(
    ("commit", "line"),
    [
        ("abc", "git checkout abc"),
        ("abc+", "git checkout abc  # with changes that the commit does not hold"),
        (None, "python -m pip install --editable ."),
    ],
)
def test_the_commit_is_checked_out(make, tmp_path, commit, line):
    run = make.run(tmp_path / "run", env=make.env | {"commit": commit})
    assert commands(read(run))[0] == line


def test_without_a_recorded_command_the_config_is_enough(make, tmp_path):
    folder = make.sweep(tmp_path / "runs", {"a b": [{"env": {}}]})
    lines = commands(read(folder))
    assert lines[1] == "mkdir again && cp 'a b/seed0/config.json' again/"
    assert lines[2].startswith("genlab train --workdir=again")


def test_the_environment_names_the_runs_that_differ(make, tmp_path):
    envs = [{"jax": "0.10.2", "cpus": 2, "started": "now"}, {"jax": "0.11.0", "cpus": 2}]
    folder = make.sweep(tmp_path, {"a": [{"env": env} for env in envs]})
    assert environment(read(folder)) == [
        ("jax", "0.10.2 (a/seed0); 0.11.0 (a/seed1)"), ("cpus", "2"),
    ]  # fmt: skip


def test_many_lengths_are_a_range(make, tmp_path):
    def told(*steps):
        configs = [make.config | {"loop": {"steps": n}} for n in steps]
        runs = {f"v{i}": [{"config": config}] for i, config in enumerate(configs)}
        return summary(read(make.sweep(tmp_path / str(len(steps)), runs)))

    assert "for 300 or 200 rounds on" in told(300, 200)
    assert "for 200 to 400 rounds on batches of 64" in told(300, 200, 400, 300)
