"""The critics of the sweep and the published ones, in one table.

Run:    python experiments/wasserstein1/table.py runs/wasserstein1
Writes: experiments/wasserstein1/results/critics.md
"""

import json
import re
import sys
from pathlib import Path

from genlab.runs.folder import RunFolder

RESULTS = Path(__file__).parent / "results"
KINDS = ("clip", "sn", "sn-through", "gp", "lp")
PUBLISHED = {  # (dimension, funnels): W1, then cosine / W1 of clip, SN, GP, LP
    (2, 4): (0.817, "0.072 / 0.031", "0.213 / 0.152", "0.845 / 0.857", "0.818 / 0.885"),
    (2, 16): (0.466, "0.070 / 0.044", "0.156 / 0.079", "0.681 / 0.422", "0.810 / 0.479"),
    (2, 64): (0.230, "0.065 / -0.005", "0.075 / 0.003", "0.355 / 0.127", "0.676 / 0.224"),
    (4, 4): (1.385, "0.267 / 0.406", "0.360 / 0.442", "0.949 / 1.447", "0.949 / 1.482"),
    (8, 4): (1.882, "0.341 / 1.109", "0.354 / 0.591", "0.961 / 1.998", "0.961 / 1.984"),
    (16, 4): (1.941, "0.333 / 1.723", "0.352 / 0.633", "0.964 / 2.071", "0.964 / 2.122"),
    (16, 64): (1.554, "0.154 / 0.520", "0.163 / 0.195", "0.785 / 1.356", "0.783 / 1.348"),
    (64, 4): (1.411, "0.387 / 3.31", "0.433 / 0.654", "0.918 / 1.378", "0.922 / 1.460"),
    (128, 4): (1.142, "0.362 / 9.44", "0.370 / 0.369", "0.923 / 1.136", "0.926 / 1.144"),
}


def main(sweep: Path) -> None:
    """Reads every finished run of the sweep."""
    found, where = {}, {}
    for folder in sorted(sweep.glob("*/seed0")):
        kind, dimension, funnels = re.fullmatch(r"(.+)-(\d+)d-(\d+)", folder.parent.name).groups()
        run = RunFolder(folder)
        rows = [row for row in run.rows("evals.jsonl") if row["protocol"]["split"] == "test"]
        if rows:
            found[int(dimension), int(funnels), kind] = rows[-1]
            where = json.loads((folder / "env.json").read_text())
    pairs = sorted({key[:2] for key in found})
    lines = [
        "# Critics against a known Wasserstein-1 distance",
        "",
        "Made by `genlab sweep --config=experiments/wasserstein1/critics.py "
        "--workdir=runs/wasserstein1` and `python experiments/wasserstein1/table.py "
        "runs/wasserstein1`: one seed, rounds as published, 4,096 points. Each cell is the mean "
        "cosine of the critic's gradient with the optimal one, and the critic's estimate of W1. "
        "Our funnels are drawn with our own seed, so that the true distances differ and the "
        "rows compare in kind. `sn` is the published variant, without a gradient through sigma.",
        "",
        "| D, N | whose | true W1 | " + " | ".join(KINDS) + " |",
        "|---" * (3 + len(KINDS)) + "|",
    ]
    for pair in pairs:
        published = dict(zip(("w1", "clip", "sn", "gp", "lp"), PUBLISHED[pair], strict=True))
        cells = [published.get(kind, "-") for kind in KINDS]
        name = f"{pair[0]}, {pair[1]}"
        lines.append(f"| {name} | published | {published['w1']:.3f} | " + " | ".join(cells) + " |")
        rows = {kind: found.get((*pair, kind)) for kind in KINDS}
        true = next(row["scores"]["true_w1"] for row in rows.values() if row)
        cells = [
            f"{row['scores']['cosine']:.3f} / {row['scores']['w1']:.3f}" if row else "not run"
            for row in rows.values()
        ]
        lines.append(f"| {name} | ours | {true:.3f} | " + " | ".join(cells) + " |")
    lines += ["", machine(where)]
    (RESULTS / "critics.md").write_text("\n".join(lines) + "\n")


def machine(where: dict) -> str:
    """Hardware and versions of a run."""
    return (
        f"{where['cpus']} CPU cores, {where['platform']}, Python {where['python']}, jax "
        f"{where['jax']}, flax {where['flax']}, optax {where['optax']}, commit {where['commit']}."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
