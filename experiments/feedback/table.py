"""How many choices of a simulated user it takes until what the model gives is liked better by one
standard deviation, by each use of feedback, and what diversity that costs.

Run:    python experiments/feedback/table.py --runs=runs/feedback
Writes: experiments/feedback/results/: feedback.md, feedback.png; fine-tuned runs beside the sweep
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from user import BETA, User

import genlab
from genlab.config import override
from genlab.data.pictures import grid, write_png
from genlab.feedback import reward
from genlab.feedback.search import LatentSearch
from genlab.feedback.tuning import tuned
from genlab.feedback.verdicts import Verdicts
from genlab.metrics.control import pairwise_distance
from genlab.metrics.neighbours import precision_recall
from genlab.report.statistics import estimate, written
from genlab.sampling.load import TrainedRun
from genlab.sampling.request import SampleRequest
from genlab.sampling.selection import BestOf, Rejection

HERE = Path(__file__).parent
SEED = 30_000  # of the samples that are compared
RISE = 1.0  # standard deviations of the user's utility over the model's samples
SHOWN = 20  # of a use in the picture
ONE = {"category": "dress", "texture": "plain"}  # what one user searches for
SELECTED = {
    "best of 8": lambda found: BestOf(found, 8),
    "best of 32": lambda found: BestOf(found, 32),
    "rejection, beta 0.5": lambda found: Rejection(found, 0.5, 32),
}


class Cell(NamedTuple):
    """One use after some choices, of one seed.

    rise:      of the mean utility, in its standard deviations over the model's samples
    wins:      the share of samples that are liked better than the model's own under the same
               conditions
    diversity: the mean distance of two samples of a condition, over that of the model's own
    """

    use: str
    choices: int
    seed: int
    rise: float
    wins: float
    diversity: float = float("nan")
    precision: float = float("nan")
    recall: float = float("nan")


class Fit(NamedTuple):
    """How a reward foretells choices, of one seed: held out of those it was fitted to, and how its
    order agrees with the user's utility.
    """

    choices: int
    seed: int
    accuracy: float
    low: float
    high: float
    best: float
    correlation: float


class Compared:
    """A model's samples, and what a user thinks of others under the same conditions."""

    def __init__(self, run: TrainedRun, user: User, n: int):
        self.run, self.user, self.request = run, user, SampleRequest(n, SEED)
        self.own = run.drawn(self.request)["image"]
        self.u = user.utility(self.own)
        self.real = user.taps(run.source.read("test", 1_000)["image"])["features"]

    def cell(self, use: str, choices: int, seed: int, pictures: np.ndarray) -> Cell:
        """What is to be said of pictures in place of the model's own."""
        u = self.user.utility(pictures)
        wins = (u > self.u).mean() + (u == self.u).mean() / 2
        apart = self._apart(pictures) / self._apart(self.own)
        found = precision_recall(self.real, self.user.taps(pictures)["features"])
        return Cell(use, choices, seed, (u - self.u).mean(), wins, apart, *found)

    def _apart(self, pictures: np.ndarray) -> float:
        """The mean distance of two pictures of a category, in the user's features."""
        features = self.user.taps(pictures)["features"]
        categories = self.run.drawn(self.request)["category"]
        each = [features[categories == c] for c in np.unique(categories)]
        return float(np.mean([pairwise_distance(one[None])[0] for one in each if len(one) > 1]))


def main() -> None:
    """Every seed, then the table."""
    asked = arguments()
    cells, fits, sheets = [], [], {}
    for path in sorted((asked.runs / "gan").glob("seed*")):
        seed = int(path.name.removeprefix("seed"))
        run = genlab.load(path)
        user = User.drawn(run, seed, asked.reader_steps)
        compared = Compared(run, user, asked.samples)
        cells.append(compared.cell("model", 0, seed, compared.own))
        verdicts = user.verdicts(max(asked.choices), seed)
        features = reward.default_features(run)
        space = reward.space_of(features, path)
        for n in asked.choices:
            found = reward.fit(run, features, Verdicts(verdicts[:n], {}), space=space)
            fits.append(told(found, user, compared, n, seed))
            for use, pictures in pictures_by(run, found, compared.request, n, seed, asked):
                cells.append(compared.cell(use, n, seed, pictures))
                sheets.setdefault((use, n), pictures[:SHOWN])
                print(cells[-1], flush=True)
        sheets.setdefault(("model", 0), compared.own[:SHOWN])
        cells += searched(run, user, seed, asked.search)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "feedback.md").write_text(page(cells, fits, asked))
    most = max(asked.choices)
    shown = [("model", 0), *[(use, most) for use in SELECTED], ("fine-tuned", max(asked.tuned))]
    write_png(asked.out / "feedback.png", grid(np.concatenate([sheets[x] for x in shown]), SHOWN))


def arguments() -> argparse.Namespace:
    """What is asked for; the defaults are those of the results."""
    command = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    command.add_argument("--runs", type=Path, required=True)
    command.add_argument("--out", type=Path, default=HERE / "results")
    command.add_argument("--choices", type=numbers, default=(10, 25, 50, 100, 200))
    command.add_argument("--tuned", type=numbers, default=(50, 200))
    command.add_argument("--search", type=numbers, default=(5, 10, 20, 40))
    command.add_argument("--samples", type=int, default=160)
    command.add_argument("--steps", type=int, default=150)
    command.add_argument("--budget", type=float, default=0.1)
    command.add_argument("--reader-steps", type=int, default=1_500)
    return command.parse_args()


def numbers(text: str) -> tuple[int, ...]:
    """ "10,25" as numbers."""
    return tuple(map(int, text.split(",")))


def pictures_by(
    run: TrainedRun, found: reward.Reward, request: SampleRequest, n: int, seed: int, asked
) -> Iterator[tuple[str, np.ndarray]]:
    """The samples of each use of a reward."""
    for use, by in SELECTED.items():
        yield use, by(found)(run, request).drawn["image"]
    if n in asked.tuned:
        place = asked.runs / "tuned" / f"choices{n}" / f"seed{seed}"
        config = tuned(run, found, asked.steps, budget=asked.budget)
        override(config, "evaluate", {})
        genlab.fit(config, place)
        yield "fine-tuned", genlab.load(place).drawn(request)["image"]


def told(found: reward.Reward, user: User, compared: Compared, n: int, seed: int) -> Fit:
    """How well a reward foretells choices, and the accuracy of the user's own utility."""
    u = compared.u
    gap = np.abs(u[:, None] - u)[np.triu_indices(len(u), 1)]
    best = float((1 / (1 + np.exp(-BETA * gap))).mean())
    seen = found.record["held_out"]
    correlation = float(np.corrcoef(found(compared.own), u)[0, 1]) if u.std() > 0 else float("nan")
    return Fit(n, seed, seen["accuracy"], seen["low"], seen["high"], best, correlation)


def searched(run: TrainedRun, user: User, seed: int, at: Sequence[int]) -> Iterator[Cell]:
    """The best picture that a search has found after some choices, of one category."""
    draw = np.random.default_rng([13, seed])
    own = user.utility(np.asarray(run.sample(200, given=ONE, seed=SEED)))
    search = LatentSearch.of(run, ONE, seed=seed)
    for n in range(1, max(at) + 1):
        a, b = user.utility(np.asarray(search.pictures()))
        search = search.answered(user.prefers(a, b, draw))
        if n in at:
            u = user.utility(np.asarray(search.pictures(search.found[None])))[0]
            yield Cell("search", n, seed, u - own.mean(), float((u > own).mean()))


def page(cells: Sequence[Cell], fits: Sequence[Fit], asked) -> str:
    """The tables."""
    seeds = sorted({cell.seed for cell in cells})
    uses = list(dict.fromkeys(cell.use for cell in cells if cell.use != "model"))
    lines = [
        "Generated by `python experiments/feedback/table.py`: do not edit.",
        "",
        f"Seeds {', '.join(map(str, seeds))}; means with 95 % t-intervals over them. "
        f"{asked.samples} samples of each use.",
        "",
        f"Choices until the mean preference has risen by {RISE:g} standard deviation, and stays "
        "so; then what that costs.",
        "",
        *table(
            ["use", *[f"seed {seed}" for seed in seeds], "wins against the model", "diversity",
             "precision", "recall"],
            [reached(use, cells, seeds) for use in uses],
        ),
        "",
        "Rise of the mean preference, by choices.",
        "",
    ]  # fmt: skip
    counts = sorted({cell.choices for cell in cells if cell.choices})
    rises = [[use, *[over(cells, use, n, lambda cell: cell.rise) for n in counts]] for use in uses]
    lines += table(["use", *map(str, counts)], rises)
    spreads = [
        [use, *[over(cells, use, n, lambda cell: cell.diversity) for n in counts]] for use in uses
    ]
    lines += ["", "Diversity within a category, over that of the model's own samples.", ""]
    lines += table(["use", *map(str, counts)], spreads)
    own = [cell for cell in cells if cell.use == "model"]
    values = [mean([getattr(cell, name) for cell in own]) for name in ("precision", "recall")]
    lines += ["", f"The model itself: precision {values[0]}, recall {values[1]}.", ""]
    lines += ["How the fitted reward foretells choices that it was not fitted to.", ""]
    known = [
        [str(n), *[mean([getattr(f, name) for f in fits if f.choices == n]) for name in
                   ("accuracy", "best", "correlation")],
         "; ".join(f"{f.low:.2f} to {f.high:.2f}" for f in fits if f.choices == n)]
        for n in asked.choices
    ]  # fmt: skip
    heads = ["choices", "held-out accuracy", "of the user's own utility",
             "correlation with it", "95 % intervals (Wilson), by seed"]  # fmt: skip
    return "\n".join([*lines, *table(heads, known), ""])


def reached(use: str, cells: Sequence[Cell], seeds: Sequence[int]) -> list[str]:
    """The row of a use: its choices by seed, and its scores there (at the most choices of a seed in
    which it never rises so far).
    """
    row, there = [use], []
    for seed in seeds:
        own = sorted((c for c in cells if c.use == use and c.seed == seed), key=lambda c: c.choices)
        enough = [c for i, c in enumerate(own) if all(later.rise >= RISE for later in own[i:])]
        row.append(str(enough[0].choices) if enough else f"> {own[-1].choices}")
        there.append(enough[0] if enough else own[-1])
    return row + [mean([getattr(c, name) for c in there]) for name in Cell._fields[4:]]


def over(cells: Sequence[Cell], use: str, n: int, of: Callable[[Cell], float]) -> str:
    """The mean over seeds of a use after `n` choices."""
    return mean([of(cell) for cell in cells if (cell.use, cell.choices) == (use, n)])


def mean(values: Sequence[float]) -> str:
    """With its interval; nothing of nothing."""
    found = estimate(values)
    return "" if found is None else written(found, 2)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown."""
    return ["| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows]]


if __name__ == "__main__":
    main()
