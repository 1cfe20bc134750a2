"""The README's tables of performance, from the benchmarks' records.

Run:    python benchmarks/table.py
Writes: README.md, between `<!-- performance -->` and `<!-- end -->`
"""

import re
from collections.abc import Iterable
from pathlib import Path

import record

README = Path(__file__).parents[1] / "README.md"
PLACE = re.compile(r"(<!-- performance -->\n).*?(<!-- end -->)", re.DOTALL)


def against_pytorch() -> list[str]:
    """Seconds of a round beside PyTorch's, and the ratio."""
    found = record.read("against_pytorch")
    where = found["environment"]
    lines = [
        "| a round of | genlab | PyTorch eager | compiled | better PyTorch / genlab | GFLOP/s |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, game in found["games"].items():
        times = game["seconds_per_round"]
        cells = [
            f"{1e3 * times[who]['median']:.4g} ms" if who in times else "does not run"
            for who in ("genlab", "eager", "compiled")
        ]
        ratio, rate = game["ratio"], game["flops_per_round"] / times["genlab"]["median"] / 1e9
        told = f"**{ratio['median']:.2f}** ({ratio['min']:.2f} to {ratio['max']:.2f})"
        lines.append(f"| {name} | {' | '.join(cells)} | {told} | {rate:.0f} |")
    return [
        *lines,
        "",
        "Same parameters and FLOPs (asserted), taking turns in one run: medians and ranges of "
        f"{found['blocks']} blocks;",
        f"{where['cpus']} CPU cores, load {found['load_before']:.2f} before, matmul peak "
        f"{found['matmul_peak'] / 1e9:.0f} GFLOP/s, jax {where['jax']}, torch {found['torch']},",
        f"commit {where['commit']} (`python benchmarks/against_pytorch.py`). Under a gradient "
        "penalty PyTorch also multiplies by",
        "the zeros that are ReLU's second derivative, up to a quarter more. FLOPs are those of the "
        "direct sums; wide",
        "convolutions take 9 products for 16 of them, or 16 for 36 (`genlab/nets/winograd.py`).",
    ]


def more() -> list[str]:
    """Dispatch, shared programs, start."""
    rounds, start = record.read("dispatch")["seconds_per_round"], record.read("start")
    together, products = record.read("together"), record.read("products")["gflops_per_second"]
    alone = " here and ".join(
        "{:.0f} to {:.0f}".format(*span(kind["median"] for kind in products[who].values()))
        for who in ("genlab", "torch")
    )
    shared = together["cases"]
    micro = {
        place: {k: f"{1e6 * times[k]['median']:.0f}" for k in ("K=1", "K=50")}
        for place, times in rounds.items()
        if place in ("jit 1", "jit 8", "pmap 1", "pmap 8")
    }
    told = "; ".join(f"{p} {t['K=1']} and {t['K=50']}" for p, t in micro.items())
    ratios = ", ".join(
        f"{case['ratio']['median']:.2f} ({name}, {case['runs']} runs)"
        for name, case in shared.items()
    )
    return [
        "",
        f"* The products of the 3 x 512 toy alone, called one by one: {alone} GFLOP/s in PyTorch "
        "(`benchmarks/products.py`): that game",
        "  gains the least, and what would gain more is XLA's product at this size.",
        "* Dispatch: µs a round of a game of almost no arithmetic, with 1 and with 50 rounds a "
        "dispatch, by placement and",
        f"  (virtual) devices: {told} (`benchmarks/dispatch.py`).",
        "* `sweep --together`, separate programs' time over the shared one's on CPU: "
        f"{ratios} (`benchmarks/together.py`,",
        f"  load {together['load_before']:.2f} before).",
        f"* Start: `genlab --help` {start['help_seconds']:.2f} s; the first round of the digits "
        f"{start['first_round_cold_seconds']:.1f} s, {start['first_round_cached_seconds']:.1f} s "
        "with compiled programs cached;",
        f"  importing JAX, flax, optax and orbax and adding two numbers takes "
        f"{start['libraries_alone_seconds']:.1f} s of that there (`benchmarks/start.py`).",
        *waiting(),
        "* All records: `benchmarks/results/`. `python benchmarks/gpu.py` is for an accelerator "
        "(none was there yet).",
        "  [`docs/scaling.md`](docs/scaling.md): what many devices exchange and hold, and a "
        "prediction.",
    ]


def span(values: Iterable[float]) -> tuple[float, float]:
    """The least and the largest."""
    values = list(values)
    return min(values), max(values)


def waiting() -> list[str]:
    """The share of a run's time that goes by without its data."""
    found = record.read("data")
    told = ", ".join(
        f"{name} {max(0, 100 * row['share_of_time_waiting']['median']):.0f} % "
        f"({row['images_per_second']:,.0f} images/s for {row['images_per_second_eaten']:,.0f})"
        for name, row in found["sources"].items()
        if "share_of_time_waiting" in row
    )
    return [
        f"* Data, the share of a DCGAN's time (width {found['width']}, batch {found['batch']}) "
        "that is lost to reading, and what the source alone",
        f"  delivers for what the game eats: {told} (`benchmarks/data.py`).",
        "  Resident sets wait for nothing, their share is the noise of the measurement; files are "
        "decoded here by the cores that also compute.",
    ]


def main() -> None:
    """Rewrites the place in the README."""
    text = "\n".join([*against_pytorch(), *more()]) + "\n"
    README.write_text(PLACE.sub(lambda m: m[1] + text + m[2], README.read_text()))


if __name__ == "__main__":
    main()
