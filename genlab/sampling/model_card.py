"""The model card of an exported sampler."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genlab.report import markdown, reading
from genlab.report.contents import contents
from genlab.sampling.load import TrainedRun


def card(run: TrainedRun, about: Mapping[str, Any]) -> str:
    """The model card: what it is, how it was made and scored, what it is for and what not."""
    read = contents(reading.read(run.folder.path))
    data = json.dumps(json.loads(run.config.data.to_json_best_effort()), indent=2)
    given = [f"* `{n}`: {_said(kind)}" for n, kind in about["given"].items()]
    method = type(run.method).__name__
    head = f"""\
        # {read.title}

        A {method} trained with genlab {about["genlab"]} for {run.step} rounds ({run.chosen}
        checkpoint). It makes `{run.method.makes}`, {about["batch"]} at a time, of a seed.

        ## Use

            from load import Sampler
            Sampler().sample({example(about["given"])})

        `load.py` needs jax, numpy and flatbuffers, with which jax reads programs. The
        program is lowered for {", ".join(about["platforms"])}."""
    parts = [textwrap.dedent(head), "\n".join(given) and "Given:\n\n" + "\n".join(given)]
    parts += ["## Data", f"```json\n{data}\n```", markdown.results(read)]
    parts += [_over_seeds(run.folder.path), markdown.cost(read)]
    parts += [
        "## Intended use and limits",
        "Research, and uses that its scores support: they are of one run, of the data above, under "
        "the protocol that stands beneath each table. It knows nothing outside of these data and "
        "repeats their faults and imbalances; whether it repeats examples is for the scores to say "
        "(authenticity, distances to the nearest). What it makes is synthetic: say so where it is "
        "shown.",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def example(given: Mapping[str, Any]) -> str:
    """What a sampler may be asked, as arguments of a call."""
    return ", ".join(["seed=0", *(f"{name}={_one(kind)!r}" for name, kind in given.items())])


def _one(kind: Mapping[str, Any]) -> Any:
    if kind["kind"] == "label":
        return kind["names"][0]
    return kind["low"] if kind["shape"] else kind["low"][0]


def _over_seeds(path: Path) -> str:
    """The scores of all seeds, with intervals, where the run is one of several of a sweep."""
    folder = path.resolve().parents[1]
    if not (folder / "sweep.json").is_file():
        return ""
    read = reading.read(folder)
    own = [run.variant for run in read.runs if run.folder.resolve() == path.resolve()]
    runs = tuple(run for run in read.runs if run.variant in own and run.evals)
    if len(runs) < 2:
        return ""
    seeds = tuple(run.seed for run in runs)
    found = contents(read._replace(variants=(own[0],), seeds=seeds, runs=runs))
    told = f"The same with seeds {', '.join(map(str, seeds))}, of which this run is one:"
    return "\n\n".join([told, found.legend, *map(markdown.table, found.tables)])


def _said(kind: Mapping[str, Any]) -> str:
    if kind["kind"] == "label":
        return f"one of {', '.join(kind['names'])}"
    return "; ".join(f"{a:g} to {b:g}" for a, b in zip(kind["low"], kind["high"], strict=True))
