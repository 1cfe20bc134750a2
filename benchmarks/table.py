"""Writes docs/speed.md from the benchmarks' records.

Run:    python benchmarks/table.py
Reads:  benchmarks/results/{against_peers,against_pytorch,data,disentanglement,dispatch,operations,
        products,products_rate,serve,start,together}.json
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import record

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
GOALS = {"DCGAN 64x64, batch 32": 1.2}  # PyTorch's time over genlab's, in the worst run; others 1


def against_pytorch() -> list[str]:
    """A round of each game in genlab and in PyTorch, and the ratio of their times: times of the
    newest run, ratios of all.
    """
    runs = record.read("against_pytorch")["runs"]
    newest = runs[-1]
    lines = [
        "| a round of | genlab | PyTorch eager | compiled | better PyTorch / genlab | worst run "
        "| GFLOP/s (of the peak) |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    worst = {}
    for name, game in newest["games"].items():
        times = game["seconds_per_round"]
        cells = [
            f"{1e3 * times[who]['median']:.4g} ms" if who in times else "does not run"
            for who in ("genlab", "eager", "compiled")
        ]
        ratios = [run["games"][name]["ratio"] for run in runs if name in run["games"]]
        blocks = [ratio for run in ratios for ratio in run["all"]]
        spread = f"**{statistics.median(blocks):.2f}** ({min(blocks):.2f} to {max(blocks):.2f})"
        worst[name] = min(ratio["median"] for ratio in ratios)
        rate = game["flops_per_round"] / times["genlab"]["median"]
        reached = f"{rate / 1e9:.0f} ({100 * rate / newest['matmul_peak']:.0f} %)"
        lines.append(f"| {name} | {' | '.join(cells)} | {spread} | {worst[name]:.2f} | {reached} |")
    versions = {f"jax {run['environment']['jax']}, torch {run['torch']}" for run in runs}
    return [
        "## Against PyTorch",
        "",
        *lines,
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
        "| run | blocks | CPU cores | load before | matmul peak, GFLOP/s | copied, GB/s | commit |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        *(of_run(number, run) for number, run in enumerate(runs, 1)),
        "",
        "Under a gradient penalty PyTorch also multiplies by the zeros that are ReLU's second "
        "derivative, up to a quarter more. FLOPs are those of the direct sums. genlab takes fewer "
        "products on CPU, with the same results but for rounding: a 3x3 convolution with a "
        "doubling before it or a mean over 2x2 after it, as in ResNets, is one of stride 2 with a "
        "4x4 kernel, 16 products for 36 (`genlab/nets/kernels/convolution.py`); kernels of many "
        "channels, from 64, 128 or 256 by the map of the convolution, take 9 products for 16 where "
        "they are 4x4 of stride 2, and from 96 on 16 for 36 where they are 3x3 "
        "(`genlab/nets/kernels/winograd.py`).",
        "",
        f"The matrix products of the 3 x 512 toy, called one by one: {products()} GFLOP/s in "
        "PyTorch (`python benchmarks/products.py`). Of the two toys this one gains less; the limit "
        "is XLA's matmul at this size.",
    ]


def goals(worst: dict[str, float]) -> str:
    """Which goals are met in the worst run, and which are missed."""
    wanted = ", ".join(f"{least} for {name}" for name, least in GOALS.items())
    missed = [
        f"{name} ({ratio:.2f})" for name, ratio in worst.items() if ratio < GOALS.get(name, 1.0)
    ]
    told = f"missed: {', '.join(missed)}" if missed else "all are met"
    return f"Goals, which count in the worst run: {wanted}, 1.0 for every other game; {told}."


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


def of_run(number: int, run: dict) -> str:
    """What a run was measured under."""
    where, copied = run["environment"], run.get("machine", {}).get("copied_bytes_per_second")
    return (
        f"| {number} | {run['blocks']} | {where['cpus']} | {run['load_before']:.2f} | "
        f"{run['matmul_peak'] / 1e9:.0f} | {f'{copied / 1e9:.1f}' if copied else ''} | "
        f"{where['commit']} |"
    )


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


def dispatch() -> list[str]:
    """What a round costs where there is almost nothing to compute."""
    rounds = record.read("dispatch")["seconds_per_round"]
    rows = [
        f"| `{place.split()[0]}` | {place.split()[1]} | {1e6 * times['K=1']['median']:.0f} | "
        f"{1e6 * times['K=50']['median']:.0f} |"
        for place, times in rounds.items()
        if place in ("jit 1", "jit 8", "pmap 1", "pmap 8")
    ]
    return [
        "## Dispatch",
        "",
        "Microseconds a round of a game with almost no arithmetic, with 1 and with 50 rounds in a "
        "dispatch (`python benchmarks/dispatch.py`):",
        "",
        "| placement | (virtual) devices | 1 round | 50 rounds |",
        "| --- | ---: | ---: | ---: |",
        *rows,
    ]


def operations() -> list[str]:
    """Where the time of a round goes."""
    found = record.read("operations")
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
        *(beyond(name, found["games"][name]["seconds_per_round"]) for name in GOALS),
    ]


def beyond(name: str, seconds: Mapping[str, float]) -> str:
    """What is left to gain in a game whose goal is far."""
    sums = 1e3 * (seconds["convolutions"] + seconds["products"])
    others = 1e3 * sum(seconds.values()) - sums
    return (
        f"{name.split(',')[0]}: {sums:.0f} ms of convolutions and products, less than direct sums "
        f"would take at that rate, and {others:.0f} ms of all else, which fewer products add to."
    )


def together() -> list[str]:
    """What `sweep --together` gains."""
    found = record.read("together")
    rows = [
        f"| {name} | {case['runs']} | {case['ratio']['median']:.2f} |"
        for name, case in found["cases"].items()
    ]
    return [
        "## Runs that share a program",
        "",
        "Time of separate programs over that of the one program of `sweep --together`, on CPU, "
        f"load {found['load_before']:.2f} before (`python benchmarks/together.py`):",
        "",
        "| game | runs | ratio |",
        "| --- | ---: | ---: |",
        *rows,
    ]


def start() -> list[str]:
    """Seconds to the first round."""
    found = record.read("start")
    return [
        "## Start",
        "",
        f"`genlab --help` takes {found['help_seconds']:.2f} s. The first round of the digits is "
        f"played after {found['first_round_cold_seconds']:.1f} s, or "
        f"{found['first_round_cached_seconds']:.1f} s where compiled programs are cached; of these "
        f"{found['libraries_alone_seconds']:.1f} s are importing JAX, flax, optax and orbax and "
        "adding two numbers (`python benchmarks/start.py`).",
    ]


def waiting() -> list[str]:
    """The share of a run's time that goes by without its data."""
    found = record.read("data")
    rows = [
        f"| {name} | {max(0, 100 * row['share_of_time_waiting']['median']):.0f} % | "
        f"{row['images_per_second']:,.0f} | {row['images_per_second_eaten']:,.0f} |"
        for name, row in found["sources"].items()
        if "share_of_time_waiting" in row
    ]
    return [
        "## Data",
        "",
        f"A DCGAN of width {found['width']}, batch {found['batch']}: the share of its time spent "
        "waiting for data, what the source delivers by itself, and what the game takes "
        "(`python benchmarks/data.py`). Resident sets wait for nothing: their share is the noise "
        "of the measurement. Files are decoded by the same cores that compute.",
        "",
        "| source | time waiting | images/s delivered | images/s taken |",
        "| --- | ---: | ---: | ---: |",
        *rows,
    ]


def drawn() -> list[str]:
    """What the endless set of products delivers."""
    found = record.read("products_rate")
    rows = [
        f"| {size}x{size} | {row['pictures_per_second']['median']:,.0f} |"
        for size, row in found["sizes"].items()
    ]
    return [
        "## Drawn products",
        "",
        f"Pictures a second that `data.products` draws, in batches of {found['batch']} inside a "
        f"scan, load {found['load_before']:.2f} before (`python benchmarks/products_rate.py`):",
        "",
        "| size | pictures/s |",
        "| --- | ---: |",
        *rows,
    ]


def served() -> list[str]:
    """What `genlab serve` takes for a sample, and bears."""
    found = record.read("serve")
    one, many, memory = found["one_sample_ms"], found["together_ms"], found["memory_mib"]
    return [
        "## Serving",
        "",
        f"One 32x32 sample of a conditional GAN over HTTP takes {one['median']:.1f} ms (median; "
        f"{one['p95']:.1f} at the 95th percentile), the first request {found['first_request_s']} "
        f"s. {found['requests']:,} requests of {found['clients']} clients at once: {found['lost']} "
        f"lost, {found['sent_away_429']} refused, {found['requests_per_s']:.0f} a second, "
        f"{many['median'] / 1e3:.1f} s each (median); memory {memory['one_client']} MiB before "
        f"and {memory['after_all']} after. The clients share the two cores; load "
        f"{found['load_before']:.2f} before (`python benchmarks/serve.py`).",
        *beside_gradio(found),
    ]


def beside_gradio(found: dict) -> list[str]:
    """The same of a plain page of Gradio with the same sampler; nothing if it was not measured."""
    if "gradio" not in found:
        return []
    rows = [
        f"| {name} | {one['one_sample_ms']['median']:.1f} ({one['one_sample_ms']['p95']:.1f}) "
        f"| {one['requests_per_s']:.0f} | {one['together_ms']['median'] / 1e3:.1f} "
        f"| {one['lost']} of {one['requests']:,} "
        f"| {one['memory_mib']['one_client']} / {one['memory_mib']['after_all']} |"
        for name, one in (("genlab serve", found), (found["gradio"]["said"], found["gradio"]))
    ]
    return [
        "",
        f"A plain page of Gradio with the same sampler, on the same machine, {found['clients']} "
        "clients at once:",
        "",
        "| | one sample, ms (95th percentile) | requests/s | s each | lost | MiB before / after |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *rows,
    ]


def peers() -> list[str]:
    """VAEs against pythae, scores of codes against disentanglement_lib."""
    runs, scores = record.read("against_peers")["runs"], record.read("disentanglement")
    newest, worst = runs[-1], lowest(runs)
    lines = [
        "## Against VAE libraries",
        "",
        "The same networks, numbers of parameters, batches (64) and optimiser in pythae 0.1.2: an "
        f"epoch of 4,096 images of 28x28, taking turns, load {newest['load_before']:.2f} before "
        "(`python benchmarks/against_peers.py`). *Small* networks are 784-32-16-4, the others "
        "784-512-256-16; *planar* has sixteen flows. Ratios are medians of five turns: those of "
        f"the newest run, and the worst of {len(runs)} on different days and machines.",
        "",
        "| model | genlab, s | pythae, s | ratio (range of turns) | worst run | MiB, genlab / it |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in newest["games"].values():
        seconds, ratio, peak = row["seconds"], row["ratio"], row["peak_mib"]
        lines.append(
            f"| {row['game']} | {seconds['genlab']:.3f} | {seconds['pythae']:.3f} | "
            f"**{ratio['median']:.2f}** ({ratio['low']:.2f} to {ratio['high']:.2f}) | "
            f"{worst[row['game']]:.2f} | {peak['genlab']:.0f} / {peak['pythae']:.0f} |"
        )
    lines += [
        "",
        f"Goals: 1.8 for vae, 3 for small networks and for planar; {missed(worst)}.",
    ]
    lines += [
        "",
        "Scores of disentanglement of the same 2,400 codes "
        "(`python benchmarks/disentanglement.py`); "
        "FactorVAE's and beta-VAE's draw votes of their own, all others are equal:",
        "",
        "| score | genlab | disentanglement_lib 1.5 | ms, genlab / it |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in scores["scores"]:
        own, other = row["genlab"], row["disentanglement_lib"]
        lines.append(
            f"| {row['score']} | {own['value']:.4f} | {other['value']:.4f} | "
            f"{1e3 * own['seconds']:.1f} / {1e3 * other['seconds']:.1f} |"
        )
    return lines


def lowest(runs: Sequence[dict]) -> dict[str, float]:
    """The median ratio of each game of the newest run, in the run in which it is lowest."""
    return {
        name: min(run["games"][name]["ratio"]["median"] for run in runs if name in run["games"])
        for name in runs[-1]["games"]
    }


def missed(ratios: Mapping[str, float]) -> str:
    """Which goals against pythae are missed."""
    goals = {"vae": 1.8, "planar": 3.0}
    found = [
        f"{game} ({ratio:.2f})"
        for game, ratio in ratios.items()
        if ratio < goals.get(game, 3.0 if game.endswith("-small") else 1.0)
    ]
    return f"missed: {', '.join(found)}" if found else "all met"


def page() -> str:
    """The whole page."""
    top = [
        "# Speed",
        "",
        "Written by `python benchmarks/table.py` from the records in "
        "[`benchmarks/results/`](../benchmarks/results); do not edit. All of it was measured on "
        "CPU: `python benchmarks/gpu.py` is for an accelerator, and has not been run on one. "
        "What many devices exchange and hold is in [scaling](scaling.md).",
    ]
    sections = (
        top, against_pytorch(), operations(), peers(), dispatch(), together(), start(), waiting(),
        drawn(), served(),
    )  # fmt: skip
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
