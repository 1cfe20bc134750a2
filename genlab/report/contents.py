"""All that a report says, before it is laid out as a page or as Markdown."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from genlab.config import live
from genlab.report import code
from genlab.report.code import CodeDifference
from genlab.report.configs import (
    Difference,
    commands,
    compared,
    data_set,
    environment,
    known,
    strays,
    value_at,
)
from genlab.report.figures import interactive
from genlab.report.figures.calibration import Calibration, calibrations
from genlab.report.figures.drawing import Key, keys
from genlab.report.figures.panels import Panel, panels
from genlab.report.figures.pictures import Gallery, galleries, unpictured
from genlab.report.figures.rate_distortion import rate_distortion
from genlab.report.figures.unit_kl import unit_kls
from genlab.report.links import Link, links
from genlab.report.protocol import listed
from genlab.report.reading import Run, Sweep
from genlab.report.tables.cost import Cost, costs, hardware, traced
from genlab.report.tables.paired import LEGEND as PAIRING
from genlab.report.tables.table import Table, legend, tables


class Contents(NamedTuple):
    """One field per part of the report; empty parts are left out of it.

    pairing:   how to read the comparisons by seed
    drawn:     whether any number has its interval drawn beneath
    folders:   by variant, links to the folders of its runs
    curves:    what the page's own program draws: see `interactive.data`
    unlike:  why scores stand in several tables
    problems:  files that could not be read, runs that do not fit their variant
    unsettled: runs that did not finish
    code:      where the user's code differs between runs, or changed in one
    """

    title: str
    experiment: str
    summary: str
    seeds: tuple[int, ...]
    unlike: list[str]
    problems: list[str]
    tables: list[Table]
    legend: str
    pairing: str
    drawn: bool
    costs: list[Cost]
    hardware: str
    galleries: list[Gallery]
    keys: dict[str, Key]
    folders: dict[str, list[Link]]
    panels: dict[str, list[Panel]]
    curves: dict[str, Any]
    calibrations: dict[str, list[Calibration]]
    rate_distortion: list[Calibration]
    unit_kls: list[Calibration]
    unsettled: list[Run]
    configs: dict[str, str]
    differences: list[Difference]
    code: list[CodeDifference]
    environment: list[tuple[str, str]]
    commands: list[str]


def contents(sweep: Sweep) -> Contents:
    """The report of a sweep."""
    made, unlike = tables(sweep)
    configs, look, drawn = known(sweep), keys(sweep.variants), panels(sweep)
    return Contents(
        title=sweep.title,
        experiment=sweep.experiment,
        summary=summary(sweep),
        seeds=sweep.seeds,
        unlike=[str(reason) for reason in unlike],
        problems=_problems(sweep),
        tables=made,
        legend=legend(made),
        pairing=PAIRING if any(table.pairs for table in made) else "",
        drawn=any(cell.strip for table in made for row in table.rows for cell in row.cells),
        costs=costs(sweep),
        hardware=" ".join(filter(None, (hardware(sweep), traced(sweep)))),
        galleries=galleries(sweep),
        keys=look,
        folders=links(sweep),
        panels=drawn,
        curves=interactive.data(drawn, look, sweep),
        calibrations=calibrations(sweep),
        rate_distortion=rate_distortion(sweep),
        unit_kls=unit_kls(sweep),
        unsettled=[run for run in sweep.runs if run.status != "finished"],
        configs={variant: json.dumps(config, indent=2) for variant, config in configs.items()},
        differences=compared(configs),
        code=code.differences(sweep),
        environment=environment(sweep),
        commands=commands(sweep),
    )


def summary(sweep: Sweep) -> str:
    """What was compared, in a few sentences."""
    configs = list(known(sweep).values())
    data = _values(data_set(config) for config in configs)
    steps = _amounts(value_at(config, "loop.steps") for config in configs)
    batch = _amounts(value_at(config, "batch_size") for config in configs)
    trained = f"trained on {data}" if data else "trained"
    trained += f" for {steps} rounds" if steps else ""
    trained += f" on batches of {batch}" if batch else ""
    states = f"{_states(sweep)}{_live(configs)}"
    if sweep.single:
        return f"One run, {trained}, with seed {sweep.seeds[0]}. {states}"
    many = f"{len(sweep.variants)} variants" if len(sweep.variants) > 1 else "One variant"
    seeds = f"seeds {listed(map(str, sweep.seeds))}" if len(sweep.seeds) > 1 else "one seed"
    return f"{many} ({listed(sweep.variants)}), {trained}, with {seeds}. {states}"


def _live(configs: Iterable[dict]) -> str:
    """Which objects of a process runs were made with, in a sentence."""
    held = dict.fromkeys(filter(None, map(live.listed, configs)))
    told = "They cannot be made again from their folders alone; objects of a process are"
    return f" {told} {' | '.join(held)}." if held else ""


def _states(sweep: Sweep) -> str:
    counts, total = Counter(run.status for run in sweep.runs), len(sweep.runs)
    finished = counts.pop("finished", 0)
    if sweep.single:
        status = sweep.runs[0].status
        return f"It {status}." if status in ("finished", "failed") else f"It is {status}."
    if finished == total:
        return f"All {total} runs finished."
    rest = listed(f"{n} {status}" for status, n in counts.items())
    return f"{finished} of {total} runs finished; {rest}."


def _values(values: Iterable) -> str:
    """The different values that there are, as text."""
    return " or ".join(str(v) for v in dict.fromkeys(values) if v)


def _amounts(values: Iterable) -> str:
    """The same of numbers; of more than two, the least and the greatest."""
    found = list(dict.fromkeys(v for v in values if v))
    if len(found) > 2 and all(isinstance(v, int | float) for v in found):
        return f"{min(found)} to {max(found)}"
    return _values(found)


def _problems(sweep: Sweep) -> list[str]:
    unread = (f"{run.name}: {'; '.join(run.problems)}" for run in sweep.runs if run.problems)
    return [*sweep.problems, *unread, *_unshown(sweep), *unpictured(sweep), *strays(sweep)]


def _unshown(sweep: Sweep) -> Iterable[str]:
    for run in sweep.runs:
        splits = dict.fromkeys(str(row.protocol.get("split")) for row in run.evals)
        if odd := [split for split in splits if split not in ("test", "validation")]:
            yield f"{run.name}: scores on split {listed(odd)} are not shown; tables show `test`"
