"""Writes docs/scaling.md from the benchmarks' records (`table.py` runs it).

Reads:  benchmarks/results/{scaling,topologies,collectives,memory,memory_tpu,data,gpu}.json
"""

import math
from pathlib import Path
from string import Template

import record
import table_topologies
from scaling import PEAK

from genlab.runtime import accelerators

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
COLUMNS = ("weak, exposed", "weak, hidden", "strong, exposed", "strong, hidden")
HOST = {"chips": 8, "vcpus": 224}  # of v5e: https://docs.cloud.google.com/tpu/docs/v5e
STREAMED = {
    "uint8 arrays": "CIFAR-size, streamed",
    "PNG in array_record": "32x32 PNG in array_record (TFDS), streamed",
}

TOP = """# Many devices: what is exchanged, held and lost

Written by `python benchmarks/table.py` from the records in
[`benchmarks/results/`](../benchmarks/results); do not edit.

A round all-reduces the gradients of the networks that move, once a move, the statistics of
BatchNorm, and scalars. That is counted in programs compiled for TPU (`tests/test_topologies.py`)
and for 2, 4 and 8 virtual CPU devices (`tests/test_communication.py`). The state is updated in
place in both.

## Compiled for TPUs that are not there

XLA's compiler for TPU needs no TPU: `python benchmarks/topologies.py` compiles the gold configs
for slices of v5p, with the authors' batch on each chip, and reads from each executable what
follows; `genlab bench --topology` does it for any config ([devices](devices.md)). Everything is
per chip and round. *Memory* is arguments (the resident set among them), outputs, temporaries and
the program, less what is updated in place; *products* are FLOPs of matrix products and
convolutions; *main memory* is what kernels read and write there, of it *copies* changes of layout;
exchanges are operations and the bytes a chip has after them. *Compute* and *exchange* are the
predicted times of a round's two parts, and their sum is the round.

**Times are predicted, by two models of a chip.** *Roofline*: products at the published peak, or
main memory at its bandwidth, whichever takes longer; a bound. *Compiler*: the TPU compiler's own
cycles, which know of channels that do not fill the matrix unit, at the rate at which its product
of 4,096 x 4,096 in bfloat16 reaches the peak. Exchange: every byte over all links at once, 1 us a
hop, nothing overlapped. Efficiency is against one chip with the same batch, by either model.
float32 has the same peak as bfloat16: by default a TPU multiplies float32 arrays in one pass of
bfloat16. Figures of chips and their sources: `genlab/runtime/accelerators.py`.

$topologies
Where these programs differ from those for CPU, and what they showed:

* TPU's compiler adds the gradients of a network's uses (real images, generated ones) before it
  reduces them; CPU's reduces each. Statistics of one norm are reduced together, those of different
  layers one after the other, for each needs the one before.
* Under `jit` that has two exceptions. With spectral normalisation each use divides a kernel by a
  singular value of its own, which comes between the product that gives the gradient and the sum,
  and the partitioner reduces each use's. Of convolutions in groups under a gradient penalty
  (R3GAN) gradients come in two layouts, each of which is reduced. `pmap` reduces once whatever
  there is. What it saves is at most 2 % of a round (BigGAN), and where there is BatchNorm it may
  lose more by the compiler's estimate: Flax stacks the statistics to exchange them, in operations
  of a microsecond each. So `jit` stays the default, and nothing was changed. In float32 on 4 chips:

$placements
* In bfloat16 too a kernel's gradient is summed once and in float32, under `jit` as under `pmap`
  (a test). It was not: XLA's partitioner sums over the chips what a product gives, where it gives
  it, in bfloat16, and what follows, to convert it and to add that of the network's other use, came
  too late. Now kernels keep their float32 and the products of their gradients give it
  (`genlab/nets/kernels/product.py`). Of a small critic's first kernel on v5e:2x2, before and after:

      all-reduce (bf16[64,16], bf16[64,16])    real images, generated ones; then convert, then add
      all-reduce (f32[64,16], ...)             added before, once

  A network that is used once in a move sends twice the bytes for it, as float32 is twice as wide.
  Biases are summed in the layer's dtype still; `genlab bench --topology` says how many bytes are.
* On CPU alone the gradients of wide kernels are reduced in the form of fewer products
  (`genlab/nets/kernels/winograd.py`), 2.25 or 1.8 times as large; no such form is in a program for
  TPU (a test).
$gathered

$shares
$order
$resident

## Efficiency on GPUs: the assumptions

**The tables of efficiency are a prediction. Nothing in them was measured on a cluster.** FLOPs are
XLA's count for the whole round before it optimises, at the authors' widths and batch; bytes and
operations are those of the round traced for `pmap`. They do not compare with the table for TPUs:
other chips, other links, another model of what a chip reaches.

* A device achieves $share % of $peak TFLOP/s (H100, bfloat16 with float32 gradients), whatever its
  part of the batch: small parts achieve less, so strong scaling is flattered most. On one H200, of
  the same peak, two games were measured ([speed](speed.md#on-an-accelerator)): $measured of
  it, so that there is more time to hide transfers in than is said here.
* Within a host of $per_host devices each sends $inside GB/s, between hosts $across GB/s.
* An all-reduce over N devices moves 2 (N - 1) / N of its bytes through each device's slowest link
  and takes 2 log2(N) messages of $latency us.
* *weak*: every device has the authors' whole batch, so that the global batch grows N times. The
  papers' settings are not known to hold there. *strong*: the authors' batch is divided; "-" where
  it does not divide.
* *exposed*: nothing overlaps; *hidden*: transfers hide behind arithmetic as far as there is any,
  latency never does.
* Data, evaluation and checkpoints cost nothing; no device is slower than another.
"""


def page() -> str:
    """The whole page."""
    found = record.read("scaling")
    machine = found["machine"]
    told = Template(TOP).substitute(
        peak=f"{PEAK / 1e12:.0f}",
        share=f"{100 * machine['flops'] / PEAK:.0f}",
        inside=f"{machine['inside'] / 1e9:.0f}",
        across=f"{machine['across'] / 1e9:.0f}",
        per_host=machine["per_host"],
        latency=f"{1e6 * machine['latency']:.0f}",
        measured=measured(),
        **table_topologies.sections(record.read("topologies")),
    )
    lines = [
        told,
        *remat_lines(),
        *sharded_lines(found["sharded"], found["sharded_before"]),
        *data_lines(found["configs"]),
        *config_lines(found["configs"]),
    ]
    return "\n".join(lines) + "\n"


def config_lines(configs: dict) -> list[str]:
    """What each config exchanges, and the efficiencies predicted of it."""
    lines = ["## Config by config", ""]
    for name, row in configs.items():
        lines += [
            f"### {name}",
            "",
            f"Batch {row['batch']}, {row['moves']} moves a round; "
            f"{row['parameters'] / 1e6:.2f} M parameters; {row['flops'] / 1e9:,.0f} GFLOP and "
            f"{row['bytes'] / 2**20:.1f} MiB all-reduced a round "
            f"({row['gradient_bytes'] / 2**20:.1f} MiB of it gradients) in {row['calls']} "
            f"operations one after the other: "
            f"{row['flops'] / row['bytes']:,.0f} FLOPs a byte.",
            "",
            "| devices | " + " | ".join(COLUMNS) + " |",
            "|---:|" + "---:|" * len(COLUMNS),
        ]
        for n, cells in row["predicted"].items():
            told = [f"{100 * cells[c]:.0f} %" if c in cells else "-" for c in COLUMNS]
            lines.append(f"| {int(n):,} | " + " | ".join(told) + " |")
        lines.append("")
    return lines


def remat_lines() -> list[str]:
    """What rematerialisation saves, from the records of `benchmarks/memory.py` there are."""
    lines = [
        "## Memory: `remat=True` on a trunk",
        "",
        "The trunks of `nets.resnet`, `nets.biggan` and `nets.r3gan` keep what goes into a block "
        "and compute the block again for the gradient: temporaries and FLOPs of a network's "
        "gradient by XLA's analysis (`python benchmarks/memory.py`). On CPU nothing is saved "
        "(the largest moment probably lies inside one convolution's gradient). Programs for a "
        "TPU are compiled for one chip and not run.",
        "",
        "| network | compiled for | width | batch | kept | anew | FLOPs | time |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in ("memory", "memory_tpu"):
        if not (record.RESULTS / f"{name}.json").is_file():
            continue
        found = record.read(name)
        for row in found["rows"]:
            kept, anew = row["kept"], row["anew"]
            sizes = [f"{x['temporary_bytes'] / 2**20:,.0f} MiB" for x in (kept, anew)]
            flops = f"x {anew['flops'] / kept['flops']:.2f}"
            times = "-"
            if "seconds" in kept:
                times = f"x {anew['seconds']['median'] / kept['seconds']['median']:.2f}"
            cells = [row["network"], found["compiled for"], f"x {found['scale']:g}"]
            cells += [str(row["batch"]), *sizes, flops, times]
            lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def data_lines(configs: dict) -> list[str]:
    """What the hosts of a slice would have to read, against the rates of `benchmarks/data.py`."""
    found, gpu = record.read("data"), record.read("gpu")
    cpus = found["environment"]["cpus"]
    whole = {told: found["sources"][name]["images_per_second"] for told, name in STREAMED.items()}
    arrays, decoded = whole.values()
    rates = {"processes: uint8 arrays": arrays, "cores: PNG in array_record": decoded / cpus}
    there = gpu["data"]["CIFAR-size, streamed"]
    taken = there["images_per_second_eaten"] * there["seconds_per_round_at_hand"]
    peak = accelerators.TPUS["v5e"].flops["bfloat16"]
    lines = [
        "## Data: what a host has to read",
        "",
        "A prediction for v5e:16x16, 32 hosts of 8 chips and 224 vCPUs each, every chip with the "
        "authors' batch. *At most*: images a second that a host's chips take if products run at "
        "the published peak, which they do not reach: at a tenth of it a tenth is enough. What "
        "would stream so many: rows of memory are read by one thread of a *process*, "
        f"{arrays:,.0f} images/s, for threads wait for each other (four, as it was, delivered "
        f"{taken / there['seconds_per_round']:,.0f} on {gpu['environment']['cpus']} cores beside a "
        f"GPU); files are decoded on every *core*, {decoded / cpus:,.0f} images/s each (the rate "
        f"of {cpus} cores divided by {cpus}; that it grows with them was not measured; both "
        "`benchmarks/data.py`). JAX has one process a host unless it is started as several: where "
        "more are needed than the host has, the set has to be resident.",
        "",
        "| config | images a round and chip | images/s of a host, at most | "
        + " | ".join(rates) + " |",
        "|---|---:|---:|" + "---:|" * len(rates),
    ]  # fmt: skip
    for name, row in configs.items():
        images = row["batch"] * row["moves"]
        eaten = HOST["chips"] * images * peak / row["flops"]
        cores = (f"{math.ceil(eaten / rate):,}" for rate in rates.values())
        lines.append(f"| {name} | {images} | {eaten:,.0f} | {' | '.join(cores)} |")
    return [
        *lines,
        "",
        "Levers, the strongest first: a set that fits is *resident* and costs the host nothing "
        "(CIFAR-10 takes 146 MiB of a chip's 16 GiB, and a batch is gathered on the chip). What is "
        "streamed is best stored decoded (`genlab prepare`). Each process reads only the rows of "
        "its own chips, so that more hosts share the work; within a host Grain reads in "
        "background threads (one for arrays in memory, four for files), while the round before is "
        "played. Runs of `sweep --together` share one resident set, however many they are, and "
        "cost the host nothing more; a set that is streamed cannot be shared, and is refused "
        "there.",
        "",
    ]


def sharded_lines(rows: list[dict], before: list[dict]) -> list[str]:
    """The table of what fully sharded states exchange, and of what they did when XLA alone decided
    where parameters are gathered.
    """
    lines = [
        "## Fully sharded states, counted",
        "",
        "A DCGAN of width 16 on 32x32 images, batch 16, compiled for virtual CPU devices; bytes "
        "relative to those of all parameters. What is held from round to round divides by the "
        "devices; for a move the parameters are gathered once (both networks', in either player's "
        "move), its gradients reduced, and each device's optimiser updates its own part. *left to "
        "XLA*: as it was before that was asked for; XLA divided products by channels and exchanged "
        "activations.",
        "",
        "| devices | state | held per device | all-reduce | all-gather | all-to-all | other |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    names = {"replicated": "replicated", "full": "fully sharded"}
    marked = [(row, names[row["sharding"]]) for row in rows]
    marked += [(row, "fully sharded, left to XLA") for row in before if row["sharding"] == "full"]
    for row, state in sorted(marked, key=lambda one: one[0]["devices"]):
        cells, rest = [], dict(row["kinds"])
        for kind in ("all-reduce", "all-gather", "all-to-all"):
            cells.append(rest.pop(kind, [0, 0]))
        cells.append([sum(c[i] for c in rest.values()) for i in (0, 1)])
        told = [f"{c[0]} ops, {c[1] / row['parameter_bytes']:.1f}x" for c in cells]
        held = row["state_bytes_per_device"] / 2**20
        lines.append(f"| {row['devices']} | {state} | {held:.2f} MiB | " + " | ".join(told) + " |")
    return [*lines, ""]


def measured() -> str:
    """Shares of the same peak that games in bfloat16 reach, of the record of `gpu.py`."""
    games = record.read("gpu")["games"]
    reached = {
        name.split()[0]: game["flops_per_round"] / game["seconds_per_round"]["genlab"]["median"]
        for name, game in games.items()
        if name.endswith("bfloat16")
    }
    return " and ".join(f"{name} {100 * rate / PEAK:.0f} %" for name, rate in reached.items())
