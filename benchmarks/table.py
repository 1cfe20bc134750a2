"""Writes docs/speed.md and docs/scaling.md from the benchmarks' records.

Run:    python benchmarks/table.py
Reads:  benchmarks/results/{against_peers,against_pytorch,data,disentanglement,dispatch,gpu,
        operations,products,products_rate,serve,start,together}.json, and what `table_scaling` does
"""

from collections.abc import Mapping
from pathlib import Path

import record
import table_scaling
from table_games import against_pytorch, lowest, operations
from table_gpu import on_gpu

READ = (
    "against_pytorch", "operations", "products", "against_peers", "disentanglement", "dispatch",
    "together", "start", "data", "products_rate", "serve",
)  # fmt: skip
PAGE = Path(__file__).parents[1] / "docs" / "speed.md"


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
        f"the newest run, and the worst of {len(runs)}.",
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


def taken() -> list[str]:
    """When and on what each record was taken: they are of different days, and do not compare."""
    rows = []
    for name in READ:
        found = record.read(name)
        newest = found["runs"][-1] if "runs" in found else found
        where = newest["environment"]
        load = newest.get("load_before")
        cells = (
            where["started"],
            where["commit"],
            where["jax"],
            "" if load is None else f"{load:.2f}",
        )
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return [
        "## The records",
        "",
        "When each was taken, or its newest run: machines differ from day to day, so that numbers "
        "of unlike records do not compare.",
        "",
        "| record | started | commit | jax | load before |",
        "| --- | --- | --- | --- | ---: |",
        *rows,
    ]


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
    """docs/speed.md."""
    top = [
        "# Speed",
        "",
        "Written by `python benchmarks/table.py` from the records in "
        "[`benchmarks/results/`](../benchmarks/results); do not edit. All of it was measured on "
        "CPU but for [one part](#on-an-accelerator). What many devices exchange and hold is in "
        "[scaling](scaling.md).",
    ]
    sections = (
        top, against_pytorch(), operations(), on_gpu(), peers(), dispatch(), together(), start(),
        waiting(), drawn(), served(), taken(),
    )  # fmt: skip
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    table_scaling.PAGE.write_text(table_scaling.page())
