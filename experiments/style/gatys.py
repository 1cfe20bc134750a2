"""Gatys' optimisation of pixels beside the networks of `style.py`: the same pictures, features,
weights and score.

Run:    python experiments/style/gatys.py runs/style
Writes: experiments/style/results/: gatys.md, gatys_one.png, gatys_any.png
"""

import sys
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jax import random

from genlab.config import build
from genlab.data.pictures import grid, write_png
from genlab.editing.style import Stylisation, stylised
from genlab.evaluation.context import EvaluationContext
from genlab.evaluation.outputs import outputs
from genlab.game import apply
from genlab.report.statistics import decimals, estimate, written
from genlab.runs.environment import environment
from genlab.sampling.load import TrainedRun, load

RESULTS = Path(__file__).parent / "results"
SETTINGS = Stylisation(content=1.0, style=100.0, steps=100)
SMOOTHNESS = (1e-6, 0.01, 0.03, 0.1, 0.3, 1.0)  # weights tried on validation; the first: Johnson's
NETWORKS = {"one": "johnson", "any": "adain"}  # by how many styles there are
FEATURES = {"": "the classifier", "-random": "random"}  # by the end of a variant's name
SHOWN = 15
SCORES = ("content", "style")


@dataclass(frozen=True)
class Gatys:
    """A method that nobody trains: each picture is optimised by itself, from itself."""

    run: TrainedRun
    smoothness: float
    makes: str = "image"
    given: tuple[str, ...] = ("style",)

    def translations(self):
        """From a picture to the same picture in a style that is given."""
        return ((self.makes, self.makes),)

    def translate(self, params, stats, x, to):
        """As `Translates`."""
        net = self.run.method.networks["features"]

        def maps(y):
            return apply(net, "features", params, stats, y, None, train=False)[0]

        settings = replace(SETTINGS, smoothness=self.smoothness)
        return stylised(x, to["style"], maps, settings, x).pictures


class Row(NamedTuple):
    """A row of the table: scores of each seed, by name."""

    styles: str
    features: str
    by: str
    scores: list[dict[str, float]]


def context(run: TrainedRun, smoothness: float, split: str = "test") -> EvaluationContext:
    """What an evaluator is given of the run, with the optimisation in its network's place."""
    method, source = Gatys(run, smoothness), build(run.config.data)
    return EvaluationContext({}, method, source, run.params, run.stats, split, random.key(0))


def scores(run: TrainedRun, smoothness: float, split: str) -> dict[str, float]:
    """Of the optimisation, by the run's evaluator, on its pictures and with its features."""
    (evaluator,) = build(run.config.evaluate).values()
    result, known = evaluator(context(run, smoothness, split)), tested(run)["protocol"]
    assert all(known[name] == value for name, value in result.protocol.items()), known
    return result.scores


def tested(run: TrainedRun) -> dict:
    """The run's own scores on the test split, and their protocol."""
    return [row for row in run.scores if row["protocol"]["split"] == "test"][-1]


def chosen(run: TrainedRun) -> float:
    """The weight of smoothness whose sum of both distances is least on validation pictures."""
    found = {one: sum(scores(run, one, "validation").values()) for one in SMOOTHNESS}
    print(f"{run.folder.path}: content + style by smoothness {found}", flush=True)
    return min(found, key=found.__getitem__)


def strip(run: TrainedRun, smoothness: float) -> np.ndarray:
    """Rows: content, style, output."""
    made_for = context(run, smoothness)
    real = made_for.source.read("test", SHOWN)
    made = outputs(made_for, "image", real)
    return grid(np.concatenate([real["image"], real["style"], made]), SHOWN)


def main(sweep: Path) -> None:
    """Reads every finished run of `style.py`."""
    rows, seconds = [], []
    for (styles, network), (end, features) in product(NETWORKS.items(), FEATURES.items()):
        runs = [load(folder) for folder in sorted((sweep / (network + end)).glob("seed*"))]
        if not runs:
            sys.exit(f"no runs of {network + end} in {sweep}: give the folder of style.py's sweep")
        best = chosen(runs[0])
        for by, weight in (("optimisation", SMOOTHNESS[0]), ("optimisation, smoothed", best)):
            started = time.perf_counter()
            made = [scores(run, weight, "test") for run in runs]
            seconds.append((time.perf_counter() - started) / len(runs))
            rows.append(Row(styles, features, f"{by} {weight:g}", made))
        rows.append(Row(styles, features, network, [tested(run)["scores"] for run in runs]))
        if not end:
            write_png(RESULTS / f"gatys_{styles}.png", strip(runs[0], best))
    (RESULTS / "gatys.md").write_text("\n".join(page(rows, float(np.mean(seconds)))) + "\n")


def page(rows: list[Row], seconds: float) -> list[str]:
    """The table and its protocol."""
    columns = [[estimate(one[score] for one in row.scores) for row in rows] for score in SCORES]
    cells = [[written(cell, decimals(column)) for cell in column] for column in columns]
    where = environment()
    return [
        "# Optimisation beside networks",
        "",
        "Mean ± half-width of the 95 % t-interval over the seeds. Pictures, features and score are "
        "those of [style.md](style.md).",
        "",
        "| styles | features | by | content ↓ | style ↓ |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {row.styles} | {row.features} | {row.by} | {' | '.join(found)} |"
            for row, *found in zip(rows, *cells, strict=True)
        ),
        "",
        f"Optimisation: L-BFGS, {SETTINGS.steps} steps from the content, weights "
        f"{SETTINGS.content:g} of content, {SETTINGS.style:g} of style and, of smoothness, that in "
        f"the row: Johnson's {SMOOTHNESS[0]:g}, or the one of {len(SMOOTHNESS)} whose sum of both "
        f"distances is least on 100 validation pictures of the first seed. {seconds:.0f} s for the "
        f"100 pictures of a run, compilation and scoring included, on {where['cpus']} CPU cores; "
        f"jax {where['jax']}, commit {where['commit'][:9]}.",
        "",
        "Written by `python experiments/style/gatys.py runs/style`.",
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/style"))
