"""PacGAN's Table 1: our numbers and the paper's.

Run:    python experiments/mode_collapse/table.py runs/pacgan
Writes: experiments/mode_collapse/results/pacgan.md, with the rounds each row was trained for
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

from genlab.runs.folder import RunFolder

RESULTS = Path(__file__).parent / "results"
PAPER = {  # mean +- standard error of 10 trials: modes, high quality %, reverse KL
    "gan-ring": "6.3 ± 0.5, 98.2 ± 0.2, 0.45 ± 0.09",
    "pacgan-2-ring": "7.9 ± 0.1, 95.6 ± 2.0, 0.07 ± 0.03",
    "pacgan-3-ring": "7.8 ± 0.1, 97.7 ± 0.3, 0.10 ± 0.02",
    "pacgan-4-ring": "7.8 ± 0.1, 95.9 ± 1.4, 0.07 ± 0.02",
    "gan-grid": "17.3 ± 0.8, 94.8 ± 0.7, 0.70 ± 0.07",
    "pacgan-2-grid": "23.8 ± 0.7, 91.3 ± 0.8, 0.13 ± 0.04",
    "pacgan-3-grid": "24.6 ± 0.4, 94.2 ± 0.4, 0.06 ± 0.02",
    "pacgan-4-grid": "24.8 ± 0.2, 93.6 ± 0.6, 0.04 ± 0.01",
}


def shown(values: list[float], scale: float = 1.0) -> str:
    """Mean and standard error; the value itself for a single trial."""
    values = [scale * value for value in values if value is not None]
    if not values:
        return "undefined"
    error = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else None
    return f"{np.mean(values):.3g}" + (f" ± {error:.2g}" if error is not None else "")


def main(sweep: Path) -> None:
    """Reads every finished run."""
    lines, where, found = [], {}, {}
    for folder in sorted(sweep.glob("*/seed*")):
        rows = [
            r for r in RunFolder(folder).rows("evals.jsonl") if r["protocol"]["split"] == "test"
        ]
        if rows:
            found.setdefault(folder.parent.name, []).append(rows[-1])
            where = json.loads((folder / "env.json").read_text())
    for variant in [*PAPER, *(v for v in found if v not in PAPER)]:
        rows = found.get(variant, [])
        scores = [row["scores"] for row in rows]
        ours = ", ".join(
            (
                shown([s["modes"] for s in scores]),
                shown([s["high_quality"] for s in scores], 100),
                shown([s["reverse_kl"] for s in scores]),
            )
        )
        rounds = ", ".join(sorted({f"{row['step']:,}" for row in rows}))
        cells = f"{ours} | {len(rows)} | {rounds}" if rows else "not run | 0 | -"
        lines.append(f"| {variant} | {PAPER.get(variant, '-')} | {cells} |")
    head = [
        "# Modes kept on a ring and a grid",
        "",
        "Made by `genlab sweep --config=experiments/mode_collapse/pacgan.py --workdir=runs/pacgan` "
        "and `python experiments/mode_collapse/table.py runs/pacgan`. Modes, share of high-quality "
        "samples in per cent, reverse KL in nats, of 2,500 samples; mean ± standard error over "
        "trials. The paper's rows are ten trials of 400,000 rounds; rows of fewer rounds are still "
        "moving and do not compare with them. Real points score 98.889 % high quality.",
        "",
        "| method, set | paper | ours | trials | rounds |",
        "|---|---|---|---|---|",
    ]
    tail = []
    if where:
        tail = [
            "",
            f"{where['cpus']} CPU cores, {where['platform']}, Python {where['python']}, jax "
            f"{where['jax']}, commit {where['commit']}.",
        ]
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "pacgan.md"
    path.write_text("\n".join([*head, *lines, *tail]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
