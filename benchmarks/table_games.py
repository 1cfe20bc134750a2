"""The part of docs/speed.md that is about games (`table.py` writes it): against PyTorch, and where
the time of a round goes.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence

import record

GOALS = {"DCGAN 64x64, batch 32": 1.2}  # PyTorch's time over genlab's, in the worst run; others 1


MACHINE = (
    "What moves these numbers from run to run is the machine: its rates of products and of copies "
    "differ by more than twice between runs, and a process may be slower by a quarter for minutes, "
    "whatever it plays. Both sides have the same cores and as many threads, take turns within a "
    "run, and begin on a quiet machine; clocks and caches of a rented machine cannot be pinned."
)
PRODUCTS = (
    "Under a gradient penalty PyTorch also multiplies by the zeros that are ReLU's second "
    "derivative, up to a quarter more. FLOPs are those of the direct sums. genlab takes fewer "
    "products on CPU, with the same results but for rounding: a 3x3 convolution with a doubling "
    "before it or a mean over 2x2 after it, as in ResNets, is one of stride 2 with a 4x4 kernel, "
    "16 products for 36 (`genlab/nets/kernels/convolution.py`); kernels of many channels, from 64, "
    "128 or 256 by the map of the convolution, take 9 products for 16 where they are 4x4 of stride "
    "2, and from 96 on 16 for 36 where they are 3x3 (`genlab/nets/kernels/winograd.py`)."
)


def against_pytorch() -> list[str]:
    """A round of each game in genlab and in PyTorch, and the ratio of their times: times of the
    newest run, ratios of all.
    """
    whole = record.read("against_pytorch")
    runs = whole["runs"]
    worst = lowest(runs)
    versions = {f"jax {run['environment']['jax']}, torch {run['torch']}" for run in runs}
    return [
        "## Against PyTorch",
        "",
        "| a round of | genlab | PyTorch eager | compiled | better PyTorch / genlab | runs "
        "| worst run | GFLOP/s (of the peak) |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(of_game(name, runs, worst[name]) for name in runs[-1]["games"]),
        "",
        "Both have the same parameters and FLOPs, which is asserted, and take turns in one run, a "
        "block of rounds each. Ratios are medians and ranges of the blocks of all runs; the worst "
        "run is the one with the least median. Times are medians of the newest run "
        f"({'; '.join(sorted(versions))}; `python benchmarks/against_pytorch.py`).",
        "",
        goals(worst),
        "",
        *(room(name, goal, runs) for name, goal in GOALS.items()),
        "",
        *of_before(whole.get("superseded", ())),
        "",
        "| run | started | processor, cores | blocks | load before | matmul peak, GFLOP/s "
        "| copied, GB/s | commit |",
        "| ---: | --- | --- | ---: | ---: | ---: | ---: | --- |",
        *(of_run(number, run) for number, run in enumerate(runs, 1)),
        "",
        MACHINE,
        "",
        PRODUCTS,
        "",
        f"The matrix products of the 3 x 512 toy, called one by one: {products()} GFLOP/s in "
        "PyTorch (`python benchmarks/products.py`).",
    ]


def lowest(runs: Sequence[dict]) -> dict[str, float]:
    """The median ratio of each game of the newest run, in the run in which it is lowest."""
    return {
        name: min(run["games"][name]["ratio"]["median"] for run in runs if name in run["games"])
        for name in runs[-1]["games"]
    }


def of_game(name: str, runs: Sequence[dict], worst: float) -> str:
    """A game's row."""
    newest = runs[-1]
    game = newest["games"][name]
    times = game["seconds_per_round"]
    ratios = [run["games"][name]["ratio"] for run in runs if name in run["games"]]
    blocks = [ratio for run in ratios for ratio in run["all"]]
    rate = game["flops_per_round"] / times["genlab"]["median"]
    cells = [
        name,
        *(
            f"{1e3 * times[who]['median']:.4g} ms" if who in times else "does not run"
            for who in ("genlab", "eager", "compiled")
        ),
        f"**{statistics.median(blocks):.2f}** ({min(blocks):.2f} to {max(blocks):.2f})",
        str(len(ratios)),
        f"{worst:.2f}",
        f"{rate / 1e9:.0f} ({100 * rate / newest['matmul_peak']:.0f} %)",
    ]
    return f"| {' | '.join(cells)} |"


def missed(worst: Mapping[str, float]) -> dict[str, float]:
    """The goals that are missed in the worst run, by game."""
    every = {name: GOALS.get(name, 1.0) for name in worst}
    return {name: goal for name, goal in every.items() if worst[name] < goal}


def goals(worst: Mapping[str, float]) -> str:
    """Which goals are met in the worst run, and which are missed."""
    wanted = ", ".join(f"{least} for {name}" for name, least in GOALS.items())
    found = [f"{name} ({worst[name]:.2f})" for name in missed(worst)]
    told = f"missed: {', '.join(found)}" if found else "all are met"
    return f"Goals, which count in the worst run: {wanted}, 1.0 for every other game; {told}."


def in_short() -> str:
    """What README says: the range over games of the ratio in each game's worst run."""
    runs = record.read("against_pytorch")["runs"]
    ratios: dict[str, list[float]] = {}
    for run in runs:
        for name, game in run["games"].items():
            ratios.setdefault(name, []).append(game["ratio"]["median"])
    low, high = span(min(found) for found in ratios.values())
    cores = runs[-1]["environment"]["cpus"]
    return (
        f"{low:.2f} to {high:.2f} times as fast as PyTorch on {cores} CPU cores, over "
        f"{len(ratios)} games, each in the worst of its runs"
    )


def room(name: str, goal: float, runs: Sequence[dict]) -> str:
    """What a goal asks of the machine: the share of a matrix product's rate that PyTorch reaches,
    and the one that a program so much faster would have to.
    """
    shares = []
    for run in runs:
        times = run["games"][name]["seconds_per_round"]
        best = min(times[who]["median"] for who in times if who != "genlab")
        shares.append(run["games"][name]["flops_per_round"] / best / run["matmul_peak"])
    reached, wanted = (
        "{:.0f} to {:.0f} %".format(*span(100 * factor * share for share in shares))
        for factor in (1.0, goal)
    )
    return (
        f"{name.split(',')[0]} in PyTorch reaches {reached} of the rate of a large matrix product "
        f"in the same run; {goal:g} times as fast would be {wanted}, of the operations of direct "
        "sums. What genlab gains there it gains by taking fewer products."
    )


def of_before(rows: Sequence[dict]) -> list[str]:
    """Medians of the runs that count no longer, by game."""
    found: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: row["started"]):
        found.setdefault(row["game"], []).append(f"{row['median']:.2f}")
    return [
        "A game begins anew when genlab computes it in another way, and its runs of before count "
        "no longer. Their medians, oldest first:",
        "",
        "| a round of | better PyTorch / genlab, before |",
        "| --- | --- |",
        *(f"| {game} | {', '.join(medians)} |" for game, medians in found.items()),
    ]


def of_run(number: int, run: dict) -> str:
    """What a run was measured under."""
    where, machine = run["environment"], run.get("machine") or {}
    copied = machine.get("copied_bytes_per_second")
    cells = (
        where["started"],
        f"{machine.get('cpu', 'not recorded')}, {where['cpus']}",
        run["blocks"],
        f"{run['load_before']:.2f}",
        f"{run['matmul_peak'] / 1e9:.0f}",
        f"{copied / 1e9:.1f}" if copied else "",
        where["commit"],
    )
    return f"| {number} | {' | '.join(map(str, cells))} |"


def products() -> str:
    """The rates of single products: least and largest median, here and in PyTorch."""
    rates = record.read("products")["gflops_per_second"]
    return " here and ".join(
        "{:.0f} to {:.0f}".format(*span(kind["median"] for kind in rates[who].values()))
        for who in ("genlab", "torch")
    )


def span(values: Iterable[float]) -> tuple[float, float]:
    """The least and the largest."""
    values = list(values)
    return min(values), max(values)


def operations() -> list[str]:
    """Where the time of a round goes."""
    found, worst = record.read("operations"), lowest(record.read("against_pytorch")["runs"])
    peak = found["matmul_peak"]
    kinds = ("convolutions", "products", "sums", "passes", "layout")
    rows = []
    for name, game in found["games"].items():
        seconds, whole = game["seconds_per_round"], sum(game["seconds_per_round"].values())
        shares = " | ".join(f"{100 * seconds.get(kind, 0) / whole:.0f} %" for kind in kinds)
        least = game["flops_per_round"] / peak
        rows.append(f"| {name} | {1e3 * whole:.4g} | {shares} | {1e3 * least:.4g} |")
    return [
        "## Where the time of a round goes",
        "",
        "Milliseconds of a round's operations on one core, where each takes as long as its own "
        "work, by kind: *passes* over numbers are norms, activations, losses, optimisers; "
        "*layout* only moves numbers. Beside them what its convolutions and products would take as "
        f"direct sums at the rate of a large matrix product on that core, {peak / 1e9:.0f} "
        f"GFLOP/s. Load {found['load_before']:.2f} before (`python benchmarks/operations.py`).",
        "",
        "| a round of | ms | convolutions | products | sums | passes | layout | at the peak, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
        "",
        *(
            f"* {beyond(name, goal, worst[name], found['games'][name], peak)}"
            for name, goal in missed(worst).items()
        ),
    ]


def beyond(name: str, goal: float, worst: float, game: Mapping, peak: float) -> str:
    """What a game would have to save to reach its goal in the worst run."""
    seconds = game["seconds_per_round"]
    sums = 1e3 * (seconds.get("convolutions", 0) + seconds.get("products", 0))
    whole = 1e3 * sum(seconds.values())
    told = (
        f"{name.split(',')[0]}: {sums:.0f} ms of convolutions and products, where direct sums at "
        f"that rate would take {1e3 * game['flops_per_round'] / peak:.0f}, and "
        f"{whole - sums:.0f} ms of all else."
    )
    saved = whole * (1 - worst / goal)
    if saved <= 0:
        return told
    return (
        f"{told} {goal:g} in the worst run, {worst:.2f} now, asks for {saved:.0f} ms less: "
        f"{100 * saved / sums:.0f} % of the convolutions and products, or "
        f"{100 * saved / (whole - sums):.0f} % of all else."
    )
