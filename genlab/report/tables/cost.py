"""What each variant cost: parameters, images, arithmetic and time."""

import math
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import NamedTuple

from genlab.report.numbers import number
from genlab.report.reading import Run, Sweep
from genlab.report.statistics import decimals, estimate
from genlab.report.tables.table import NOTHING
from genlab.runs.files import object_in
from genlab.runs.folder import RunFolder
from genlab.runs.goodput import start_to_end
from genlab.runtime.profiling import one_line

UNITS = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
HEADINGS = (
    "runs", "rounds", "images", "parameters", "arithmetic", "training [s]",
    "compiling [s]", "start to end [s]",
)  # fmt: skip
LEGEND = (
    "Means per finished run, or per run where none finished: rounds trained, real images consumed, "
    "floating-point operations, seconds without compilation; from start to end, with evaluation, "
    "pictures and scoring, seconds by the clock; of seconds, in brackets, the least and the "
    "greatest of the runs."
)


class Cost(NamedTuple):
    """A variant's cells under `HEADINGS`."""

    variant: str
    cells: tuple[str, ...]


def costs(sweep: Sweep) -> list[Cost]:
    """A row per variant, over its finished runs, or over what there is where none has finished."""
    chosen = {variant: _counted(sweep.of(variant)) for variant in sweep.variants}
    columns = zip(
        (str(len(runs)) for runs in chosen.values()),
        _amounts(chosen.values(), lambda run: run.step),
        _amounts(chosen.values(), lambda run: run.step * number(run.cost.get("images_per_round"))),
        (_parameters(runs) for runs in chosen.values()),
        _amounts(chosen.values(), flops, "FLOP"),
        _times(chosen.values(), lambda run: number(run.last("seconds"))),
        _times(chosen.values(), lambda run: number(run.cost.get("compile_seconds"))),
        _times(chosen.values(), lambda run: start_to_end(RunFolder(run.folder))),
        strict=True,
    )
    return [Cost(variant, cells) for variant, cells in zip(chosen, columns, strict=True)]


def flops(run: Run) -> float:
    """Floating-point operations of a run so far; NaN where they were not counted."""
    return run.step * number(run.cost.get("flops_per_round"))


def hardware(sweep: Sweep) -> str:
    """One line on what the times were taken on, and their sum; it says so when runs used unlike
    machines.
    """
    machines = dict.fromkeys(_machine(run) for run in sweep.runs if run.env)
    if len(machines) > 1:
        return f"Times were taken on unlike machines and do not compare: {'; '.join(machines)}."
    return f"Times were taken on {next(iter(machines))}.{_in_all(sweep)}" if machines else ""


def _in_all(sweep: Sweep) -> str:
    """From start to end, of runs that were trained one by one."""
    seconds = sum(start_to_end(RunFolder(run.folder)) for run in sweep.runs)
    if not math.isfinite(seconds) or any(run.cost.get("sharing", 1) != 1 for run in sweep.runs):
        return ""
    return f" All {len(sweep.runs)} runs took {seconds / 60:.1f} minutes from start to end."


def traced(sweep: Sweep) -> str:
    """What rounds that were traced (`--profile`) spent their time on, run by run; "" of none."""
    found = [(run.name, _profile(run)) for run in sweep.runs]
    told = [f"{name}: {one_line(profile)}" for name, profile in found if "seconds" in profile]
    return f"Traced: {'; '.join(told)}." if told else ""


def _profile(run: Run) -> dict:
    """The seconds of traced rounds; runs from before they were in the cost have them apart."""
    found = run.cost.get("profile")
    return found if isinstance(found, dict) else object_in(run.folder / "profile.json", [])


def amount(value: float, unit: str = "") -> str:
    """Three figures and a prefix: `1.28 M`, `3.4 TFLOP`; plain counts below 10,000 have none."""
    if value < 1e4 and not unit:
        return f"{value:g}"
    value = float(f"{value:.3g}")
    scale, prefix = next((u for u in UNITS if value >= u[0]), (1.0, ""))
    return f"{value / scale:.3g}\N{NO-BREAK SPACE}{prefix}{unit}".strip()


def _counted(runs: Sequence[Run]) -> list[Run]:
    finished = [run for run in runs if run.status == "finished"]
    return finished or [run for run in runs if run.step]


def _amounts(groups, of: Callable[[Run], float], unit: str = "") -> list[str]:
    means = [estimate(map(of, runs)) for runs in groups]
    return [amount(e.mean, unit) if e else NOTHING for e in means]


def _times(groups, of: Callable[[Run], float]) -> list[str]:
    """Seconds: a t-interval of so few runs, of which one was disturbed, would reach below 0."""
    groups = [[x for x in map(of, runs) if math.isfinite(x)] for runs in groups]
    places = decimals([e._replace(half=None) for values in groups if (e := estimate(values))])
    return [_ranged(values, places) if values else NOTHING for values in groups]


def _ranged(values: Sequence[float], places: int) -> str:
    """`122 (38 to 290)`; the mean by itself where all are equal."""
    low, mean, high = (f"{x:.{places}f}" for x in (min(values), fmean(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _parameters(runs: Sequence[Run]) -> str:
    counted = next((run.cost["parameters"] for run in runs if run.cost.get("parameters")), None)
    if not isinstance(counted, dict):
        return NOTHING
    parts = [f"{name}\N{NO-BREAK SPACE}{amount(number(count))}" for name, count in counted.items()]
    total = amount(sum(map(number, counted.values())))
    return total if len(parts) == 1 else f"{total} ({', '.join(parts)})"


def _machine(run: Run) -> str:
    devices, device = run.env.get("devices", "?"), run.env.get("device", "an unknown device")
    return f"{devices} × {device} with {run.env.get('cpus', '?')} processor cores"
