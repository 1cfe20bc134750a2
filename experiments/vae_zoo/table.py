"""One table of a finished sweep of autoencoders: the bound and its kind, samples, reconstructions,
cost; a model that is made from another run has the cost of both. Rows of variants that the folder
does not hold stay as the last table has them: a row names the commit whose code trained it.

Run:    python experiments/vae_zoo/table.py digits runs/vae_zoo
        python experiments/vae_zoo/table.py products runs/vae_zoo_products
        python experiments/vae_zoo/table.py small runs/vae_zoo_small
Writes: experiments/vae_zoo/results/NAME.md
"""

import json
import math
import sys
from pathlib import Path

from genlab.config.files import load
from genlab.report.numbers import number
from genlab.report.reading import Run, Sweep, read
from genlab.report.statistics import Estimate, decimals, estimate, written
from genlab.report.tables.cost import amount, flops
from genlab.runs.files import object_in
from genlab.sweep import plan

HERE = Path(__file__).parent
RESULTS = HERE / "results"
COLUMNS = {  # score: its heading
    "iwae": "bound, nats ↑", "fd": "FD ↓", "precision": "precision ↑", "recall": "recall ↑",
    "mse": "MSE of reconstructions ↓", "used": "codes used ↑",
}  # fmt: skip
CODED, DENSITY = "log p(x, codes)", "density, IWAE"
RANDOM = "features"  # a network of `methods.Comparison` whose weights stay as they were drawn


def scores(run: Run) -> dict[str, float]:
    """Of the test split."""
    rows = [row.scores for row in run.evals if row.protocol.get("split") == "test"]
    return {name: value for row in rows for name, value in row.items()}


def kind(run: Run) -> str:
    """What its bound is; "-" for a method that has none."""
    drawn = [row.protocol["draws"] for row in run.evals if row.name == "bound"]
    if not drawn:
        return "-"
    method = run.config["method"]
    if "CodePrior" in method["call"]:
        return CODED
    bound = DENSITY if "learned_gaussian" in json.dumps(method["likelihood"]) else "IWAE"
    given = f" given {' and '.join(method['given'])}" if method["given"] else ""
    return f"{bound}{given}, {drawn[-1]} draws"


def bases(run: Run) -> set[Path]:
    """The runs that its networks are from."""
    held = object_in(run.folder / "ingredients.json")
    return {Path(one["run"]).resolve() for one in held.values()}


def costs(run: Run, runs: dict[Path, Run]) -> tuple[float, float, float]:
    """(parameters trained, floating-point operations, seconds of training), with those of the runs
    it is made from.
    """
    both = [run, *(runs[path] for path in bases(run) if path in runs)]
    each = [(_parameters(one), flops(one), number(one.last("seconds"))) for one in both]
    return tuple(math.fsum(values) for values in zip(*each, strict=True))


def table(sweep: Sweep, earlier: dict[str, str], order: list[str]) -> list[str]:
    """A row for each variant in `order`; an earlier one of those that are not in this sweep."""
    runs = {run.folder.resolve(): run for run in sweep.runs}
    done = {v: [r for r in sweep.of(v) if r.status == "finished"] for v in sweep.variants}
    done = {variant: of for variant, of in done.items() if of}
    found = {
        name: {v: estimate([scores(r).get(name, math.nan) for r in of]) for v, of in done.items()}
        for name in COLUMNS
    }
    places = {name: decimals([e for e in of.values() if e]) for name, of in found.items()}
    head = [
        "| variant | " + " | ".join(COLUMNS.values()) + " | kind of bound | parameters "
        "| arithmetic | training, s | seeds | commit |",
        "| --- " * (len(COLUMNS) + 7) + "|",
    ]
    lines = dict(earlier)
    for variant, of in done.items():
        cells = [_cell(found[name][variant], places[name]) for name in COLUMNS]
        parameters, operations, seconds = costs(of[0], runs)
        more = [amount(parameters), amount(operations, "FLOP"), f"{seconds:.0f}", str(len(of))]
        more.append(of[0].env.get("commit", "")[:7])
        lines[variant] = f"| {variant} | " + " | ".join([*cells, kind(of[0]), *more]) + " |"
    real = next((e.baselines for r in sweep.runs for e in r.evals if e.name == "fidelity"), {})
    held = [f"*{real[name]:.{places[name]}f}*" if name in real else "" for name in COLUMNS]
    last = "| *real data* | " + " | ".join([*held, *[""] * 6]) + " |"
    return [*head, *(lines[variant] for variant in order if variant in lines), last]


def rows(page: Path) -> dict[str, str]:
    """The rows of a table that was written before, by variant."""
    lines = page.read_text().splitlines() if page.exists() else []
    held = [line for line in lines if line.startswith("| ")][2:-1]  # no heading, no real data
    return {line.split(" | ")[0].removeprefix("| "): line for line in held}


def _parameters(run: Run) -> float:
    """Trained ones."""
    held = run.cost.get("parameters", {})
    if not isinstance(held, dict):
        return number(held)
    return math.fsum(size for name, size in held.items() if name != RANDOM)


def _cell(value: Estimate | None, places: int) -> str:
    return "-" if value is None else written(value, places)


def main(name: str, folder: Path) -> None:
    """Writes the table."""
    sweep, page = read(folder), RESULTS / f"{name}.md"
    order = list(plan.variants(load(HERE / f"{name}.py")))
    where = next(run.env for run in sweep.runs if run.env)
    lines = [
        f"# {sweep.title}",
        "",
        f"Made by `genlab sweep --config=experiments/vae_zoo/{name}.py --workdir={folder}` and "
        f"`python experiments/vae_zoo/table.py {name} {folder}`: means and 95 % t-intervals over "
        "seeds, test split. Bounds of one kind are comparable with each other. Parameters, commit, "
        "arithmetic and seconds are of seed 0 and of all runs that a model is made of. "
        f"{where.get('cpus')} CPU cores, jax {where.get('jax')}.",
        "",
        *table(sweep, rows(page), order),
    ]
    page.parent.mkdir(exist_ok=True)
    page.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
