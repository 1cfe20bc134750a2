import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings
from PIL import Image

from genlab.report import write

settings.register_profile(
    "report", deadline=None
)  # how long one takes says how busy the machine is
settings.load_profile("report")

PROTOCOL = {
    "split": "test", "weights": "ema", "samples": 500, "real": 500, "features": "domain",
    "features_sha256": "0123456789abcdef" * 4, "k": 5,
}  # fmt: skip
CONFIG = {
    "call": "genlab.config.experiment:Experiment",
    "method": {
        "call": "genlab.methods.gan.method:GAN",
        "objective": "hinge",
        "penalties": {"r1": 1.0},
    },
    "data": {"call": "genlab.data.sets.digits:digits"},
    "optim": {"gen": {"call": "optax:adam", "learning_rate": 0.0002}},
    "batch_size": 64,
    "seed": 0,
    "loop": {"steps": 300},
}
ENV = {
    "genlab": "0.1.0", "commit": "abc123", "jax": "0.10.2", "device": "cpu", "devices": 1,
    "cpus": 2, "started": "2025-01-01T00:00:00Z",
    "command": "genlab sweep --config=gan.py --workdir=losses",
}  # fmt: skip
COST = {
    "flops_per_round": 2e9, "images_per_round": 128,
    "parameters": {"gen": 1_000_000, "disc": 500_000}, "compile_seconds": 4.0,
}  # fmt: skip


def _json(path: Path, value) -> None:
    path.write_text(json.dumps(value))


def _lines(path: Path, rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _eval(scores, *, name="fidelity", step=300, baselines=None, **protocol) -> dict:
    """A row of `evals.jsonl`; a field given as None is left out of the protocol."""
    told = {k: v for k, v in (PROTOCOL | protocol).items() if v is not None}
    return {
        "step": step, "name": name, "scores": scores, "baselines": baselines or {}, "protocol": told
    }  # fmt: skip


def _metrics(steps=(100, 200, 300), offset=0.0) -> list[dict]:
    return [
        {"step": s, "seconds": s / 10, "rounds_per_second": 10.0, "images": 128 * s,
         "disc/loss": 1.0 + offset + s / 1000, "gen/loss": 2.0 - offset}
        for s in steps
    ]  # fmt: skip


def _run(
    folder: Path, *, evals=(), config=CONFIG, env=ENV, cost=COST, metrics=None, status="finished",
    step=300, error=None, images=("000100.png", "000300.png"),
) -> Path:  # fmt: skip
    """A run folder as training leaves it."""
    (folder / "samples").mkdir(parents=True)
    for name, value in {"config": config, "env": env, "cost": cost}.items():
        _json(folder / f"{name}.json", value)
    _json(folder / "status.json", {"status": status, "step": step, "error": error})
    _lines(folder / "metrics.jsonl", _metrics() if metrics is None else metrics)
    _lines(folder / "evals.jsonl", evals)
    for name in images:
        Image.new("L", (12, 12), 90).save(folder / "samples" / name)
    return folder


def _sweep(folder: Path, variants: dict[str, list[dict]], **listed) -> Path:
    """A sweep folder of `variants`: for each the keyword arguments of its runs, by seed."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = list(range(max(len(runs) for runs in variants.values())))
    about = {"experiment": "experiments/gan", "title": "A title", "variants": list(variants)}
    _json(folder / "sweep.json", about | {"seeds": seeds} | listed)
    for name, runs in variants.items():
        for seed, run in enumerate(runs):
            _run(folder / name / f"seed{seed}", **run)
    return folder


@pytest.fixture(scope="session")
def make():
    """Writers of the files that a report reads."""
    return SimpleNamespace(
        run=_run, sweep=_sweep, eval=_eval, metrics=_metrics, config=CONFIG, env=ENV, cost=COST
    )


def _losses(folder: Path) -> Path:
    """Two variants by three seeds; the last run failed and was cut off while it wrote."""

    def runs(values, **config):
        return [
            {"evals": [_eval({"fd": v, "precision": 0.9}, baselines={"fd": 0.5})],
             "metrics": _metrics(offset=v / 10),
             "config": CONFIG | {"seed": seed} | config}
            for seed, v in enumerate(values)
        ]  # fmt: skip

    hinge = runs([3.0, 4.0, 5.0])
    wgan = runs([7.0, 8.0, 9.0], method={**CONFIG["method"], "objective": "wasserstein"})
    wgan[2] |= {"status": "failed", "step": 120, "error": "disc/loss is NaN", "evals": []}
    _sweep(folder, {"hinge": hinge, "wgan": wgan})
    with open(folder / "wgan/seed2/metrics.jsonl", "a") as file:
        file.write('{"step": 400, "disc/lo')
    return folder


@pytest.fixture
def sweep(tmp_path) -> Path:
    """Two variants by three seeds; the last run failed and was cut off while it wrote."""
    return _losses(tmp_path / "losses")


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Path:
    """Every section: pictures of all kinds besides what `sweep` has. Its page is written."""
    folder = _losses(tmp_path_factory.mktemp("full") / "losses")
    kinds = "reconstructions", "traversals", "nearest", "restored"
    for name in (f"{kind}_000300" for kind in kinds):
        Image.new("RGB", (40, 20)).save(folder / f"hinge/seed0/samples/{name}.png")
    rows = [_eval({"fd": 1.0}, step=s, split="validation") for s in (100, 200)]
    with open(folder / "hinge/seed0/evals.jsonl", "a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    write(folder)
    return folder
