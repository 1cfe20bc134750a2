"""What a finished sweep of `sprites.py` says: scores of each setting, the shares of method,
strength and seed in their variance, what a choice without labels (UDR) would have been, a figure.

Run:    python experiments/disentanglement/table.py runs/disentanglement
Writes: experiments/disentanglement/results/: sprites.md, sprites.png
"""

import json
import sys
from pathlib import Path

import jax
import matplotlib
import numpy as np
from scipy import stats

from genlab.metrics.agreement import udr
from genlab.report.statistics import estimate, written
from genlab.report.variance import Shares, shares
from genlab.runs.folder import RunFolder
from genlab.train.restore import trained

matplotlib.use("Agg")
from matplotlib import pyplot as plt

RESULTS = Path(__file__).parent / "results"
SCORES = {  # as evaluators call them, and as people do
    "mig": "MIG",
    "disentanglement": "DCI disentanglement",
    "sap": "SAP",
    "factor_vae_score": "FactorVAE score",
}
LABELS = {"beta": "β-VAE", "tc": "β-TC-VAE", "factor": "FactorVAE", "dip": "DIP-VAE-II"}
COLOURS = {"beta": "#0072b2", "tc": "#009e73", "factor": "#d55e00", "dip": "#cc79a7"}
MARKS = "os^Dv"  # by strength, weakest first
CODED = 1_000  # examples whose codes the models are compared by


def spread(values: dict[str, list[float]]) -> tuple[float, float]:
    """Standard deviations: of the settings' means, and over seeds, pooled over settings."""
    means = [np.mean(x) for x in values.values()]
    return float(np.std(means, ddof=1)), float(
        np.sqrt(np.mean([np.var(x, ddof=1) for x in values.values()]))
    )


def scored(sweep: Path) -> dict[str, dict[int, dict[str, float]]]:
    """Test scores by setting and seed, in the order of the sweep's folders."""
    found: dict[str, dict[int, dict[str, float]]] = {}
    for folder in sorted(sweep.glob("*/seed*"), key=_place):
        rows = RunFolder(folder).rows("evals.jsonl")
        rows = [row["scores"] for row in rows if row["protocol"]["split"] == "test"]
        if rows:
            merged = {name: value for row in rows for name, value in row.items()}
            found.setdefault(folder.parent.name, {})[int(folder.name.removeprefix("seed"))] = merged
    return found


def agreement(sweep: Path, found: dict[str, dict[int, dict]]) -> dict[str, list[float]]:
    """UDR of each run, by setting: how alike its codes are to those of the other seeds."""
    x, agreed = None, {}
    for setting, seeds in found.items():
        codes, kls = [], []
        for seed in seeds:
            _, training, _, state = trained(sweep / setting / f"seed{seed}")
            method = training.experiment.method
            if x is None:
                stored = training.experiment.data.read("test", CODED)["image"]
                x = stored.astype(np.float32) / 127.5 - 1
            held = (state.params, state.stats)
            codes.append(np.asarray(jax.jit(method.encode)(*held, x)))
            kls.append(np.asarray(jax.jit(method.unit_kl)(*held, x)).mean(axis=0))
        agreed[setting] = udr(codes, kls).tolist() if len(codes) > 1 else [float("nan")]
    return agreed


def of(found: dict[str, dict[int, dict]], score: str) -> dict[str, list[float]]:
    """One score by setting, of all seeds."""
    return {name: [row[score] for row in seeds.values()] for name, seeds in found.items()}


def nested(values: dict[str, list[float]]) -> dict[str, dict[str, list[float]]]:
    """By method, then by strength."""
    made: dict[str, dict[str, list[float]]] = {}
    for name, each in values.items():
        made.setdefault(name.partition("=")[0], {})[name] = each
    return made


def settings_table(found: dict, agreed: dict[str, list[float]]) -> list[str]:
    """A row for each setting: means and 95 % intervals over seeds."""
    columns = {"distortion": ("distortion, nats ↓", 1), "rate": ("rate, nats", 1)}
    columns |= {name: (f"{label} ↑", 3) for name, label in SCORES.items()}
    lines = [
        "| setting | " + " | ".join(label for label, _ in columns.values()) + " | UDR ↑ |",
        "| --- " * (len(columns) + 2) + "|",
    ]
    for name in found:
        cells = [_shown(of(found, score)[name], d) for score, (_, d) in columns.items()]
        lines.append(f"| {name} | " + " | ".join([*cells, _shown(agreed[name], 3)]) + " |")
    return lines


def variance_table(found: dict) -> list[str]:
    """A row for each score: whose the variance between runs is."""
    lines = [
        "| score | method | strength | seed | deviation of settings' means | over seeds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for score, label in (SCORES | {"distortion": "distortion, nats"}).items():
        part, (means, seeds) = shares(nested(of(found, score))), spread(of(found, score))
        percent = " | ".join(f"{100 * value:.0f} %" for value in part)
        lines.append(f"| {label} | {percent} | {means:.3g} | {seeds:.3g} |")
    return lines


def choice_table(found: dict, agreed: dict[str, list[float]]) -> list[str]:
    """A row for each score: what the run with the highest UDR, and the one with the lowest
    distortion, have of it, beside the best, the mean and the worst run.
    """
    lines = [
        "| score | rank correlation with UDR | with distortion | chosen by UDR | least distortion "
        "| best run | mean | worst run |",
        "| --- " * 8 + "|",
    ]
    by = np.concatenate([agreed[name] for name in found])
    distortion = np.concatenate(list(of(found, "distortion").values()))
    for score, label in SCORES.items():
        values = np.concatenate(list(of(found, score).values()))
        cells = [
            f"{stats.spearmanr(by, values).statistic:.2f}",
            f"{stats.spearmanr(distortion, values).statistic:.2f}",
            *(f"{v:.3f}" for v in (values[np.argmax(by)], values[np.argmin(distortion)])),
            *(f"{v:.3f}" for v in (values.max(), values.mean(), values.min())),
        ]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return lines


def figure(found: dict) -> None:
    """Each score against the distortion, every run a mark; whose the variance is."""
    drawing, axes = plt.subplots(1, 5, figsize=(16, 3.7), width_ratios=[1, 1, 1, 1, 0.9])
    distortion = of(found, "distortion")
    for axis, (score, label) in zip(axes, SCORES.items(), strict=False):
        for method in LABELS:
            names = [name for name in found if name.partition("=")[0] == method]
            values = of(found, score)
            means = [(np.mean(distortion[name]), np.mean(values[name])) for name in names]
            if means:
                axis.plot(*zip(*means, strict=True), color=COLOURS[method], linewidth=1)
            for name, mark in zip(names, MARKS, strict=False):
                look = {"color": COLOURS[method], "alpha": 0.75, "markersize": 5}
                legend = f"{LABELS[method]}, {name.partition('=')[2]}"
                axis.plot(distortion[name], values[name], mark, label=legend, **look)
        axis.set_xlabel("distortion, nats per image", fontsize=9)
        axis.set_title(label, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    _bars(axes[4], {label: shares(nested(of(found, score))) for score, label in SCORES.items()})
    handles, labels = axes[0].get_legend_handles_labels()
    look = {"fontsize": 8, "frameon": False}
    drawing.legend(handles, labels, loc="lower center", ncols=len(labels), **look)
    drawing.tight_layout(rect=(0, 0.08, 1, 1))
    drawing.savefig(RESULTS / "sprites.png", dpi=110)


def _bars(axis, parts: dict[str, Shares]) -> None:
    grey = ("#33393f", "#8d97a3", "#d5dae0")
    left = np.zeros(len(parts))
    for field, colour in zip(Shares._fields, grey, strict=True):
        widths = np.array([100 * getattr(part, field) for part in parts.values()])
        axis.barh(range(len(parts)), widths, left=left, color=colour, label=field)
        left += widths
    axis.set_yticks(range(len(parts)), [name.replace(" ", "\n") for name in parts], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("share of the variance, %", fontsize=9)
    axis.set_title("method, strength or seed?", fontsize=10, pad=18)
    axis.legend(fontsize=8, ncols=3, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 0.98))
    axis.spines[["top", "right"]].set_visible(False)


def _shown(values: list[float], places: int) -> str:
    found = estimate(values)
    return "-" if found is None else written(found, places)


def _place(folder: Path) -> tuple:
    """Methods in the order of `LABELS`, strengths and seeds as numbers."""
    method, _, strength = folder.parent.name.partition("=")
    order = list(LABELS).index(method) if method in LABELS else len(LABELS)
    return order, float(strength or 0), int(folder.name.removeprefix("seed"))


def main(sweep: Path) -> None:
    """Writes both files."""
    found = scored(sweep)
    agreed = agreement(sweep, found)
    first = next(iter(sweep.glob("*/seed*")))
    where = json.loads((first / "env.json").read_text())
    rounds = json.loads((first / "config.json").read_text())["loop"]["steps"]
    counts = sorted({len(seeds) for seeds in found.values()})
    lines = [
        "# Disentanglement on sprites",
        "",
        "Made by `genlab sweep --config=experiments/disentanglement/sprites.py "
        "--workdir=runs/disentanglement` and `python experiments/disentanglement/table.py "
        f"runs/disentanglement`: {rounds:,} rounds of 64, {' or '.join(map(str, counts))} seeds; "
        f"means and 95 % t-intervals over seeds. {where['cpus']} CPU cores, jax {where['jax']}, "
        f"commit {where['commit']}.",
        "",
        *settings_table(found, agreed),
        "",
        "Whose the variance between runs is (ω² of a nested analysis of variance):",
        "",
        *variance_table(found),
        "",
        "Choosing a run without labels:",
        "",
        *choice_table(found, agreed),
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "sprites.md").write_text("\n".join(lines) + "\n")
    figure(found)
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
