"""The part of docs/speed.md that is about an accelerator (`table.py` writes it), from the record of
`gpu.py`.
"""

from collections.abc import Mapping

import record

GIB = 2**30
WITHOUT = ("deterministic",)  # taken with kernels that were tuned without the option
WAYS = {"genlab": "genlab", "eager": "PyTorch eager", "compiled": "compiled", "graph": "CUDA graph"}


def on_gpu() -> list[str]:
    """The whole part."""
    found = record.read("gpu")
    where = found["environment"]
    return [
        "## On an accelerator",
        "",
        f"One {where['device']} with {where['cpus']} cores, driver "
        f"{where['driver'].split('x86_64')[-1].split()[0]}, CUDA {where['cuda']}, cuDNN "
        f"{where['cudnn']}, jax {where['jax']}, torch {found['torch']}; started "
        f"{where['started']}, commit {where['commit']} (`python benchmarks/gpu.py`). One run: it "
        "was not repeated on another day.",
        "",
        *games(found),
        "",
        *traced(found["traces"]),
        "",
        *gradients(found["gradients"]),
        "",
        *options(found["options"]),
        "",
        *rest(found),
    ]


def games(found: Mapping) -> list[str]:
    """Rates and ratios."""
    rows = []
    for name, game in found["games"].items():
        times, ratio = game["seconds_per_round"], game["ratio"]
        cells = [f"{1e3 * times[who]['median']:.4g} ms" for who in WAYS]
        cells += [
            f"**{ratio['median']:.2f}** ({ratio['min']:.2f} to {ratio['max']:.2f})",
            f"{game['images_per_second']:,.0f}",
            f"{game['seconds_per_kimg']:.4f}",
            f"{game['flops_per_round'] / times['genlab']['median'] / 1e12:.0f} "
            f"({100 * game['share_of_peak']:.0f} %)",
            " / ".join(
                f"{game['peak_bytes'][who] / GIB:.2f}" for who in ("genlab", game["better_pytorch"])
            ),
        ]
        rows.append(f"| {' | '.join([name, *cells])} |")
    wgan = found["games"]["WGAN-GP ResNet 32x32, float32"]
    moves = wgan["critic_steps_per_second"] * wgan["seconds_per_round"]["genlab"]["median"]
    rates = {who: moves / t["median"] for who, t in wgan["seconds_per_round"].items()}
    peaks = " and ".join(
        f"{value / 1e12:.0f} TFLOP/s in {dtype}" for dtype, value in found["peak"].items()
    )
    return [
        "| a round of | genlab | PyTorch eager | compiled | compiled, CUDA graph "
        "| best PyTorch / genlab | images/s | s/kimg | TFLOP/s (of the peak) | GiB, both |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
        "",
        "DCGAN has width 64 and batch 128, the residual WGAN-GP the paper's width 128 and batch "
        "64 with five critic moves a round. Products are in TF32 in both frameworks where arrays "
        f"are float32; the peak is of a product of 8,192 rows and columns here, {peaks}. "
        "In bfloat16 genlab's penalties stay float32 and PyTorch's do not. Contenders were built "
        f"at once, so that both sides chose kernels while others used the GPU, and then took "
        f"{found['blocks']} turns, 50 rounds each of DCGAN and 11 of WGAN-GP. Memory is the most "
        "that JAX's or PyTorch's allocator had in use, genlab's with what compiling tried out. "
        "Launched one by one PyTorch's kernels wait for Python; recorded as a CUDA graph they take "
        "as long as genlab's in DCGAN, and longer in WGAN-GP, where its compiler leaves the "
        f"penalty eager and its FLOPs are {_more(wgan):.0f} % more (the zeros of ReLU's second "
        "derivative, as on CPU).",
        "",
        f"WGAN-GP, float32, batch 64: **{rates['genlab']:.0f} critic steps/s**; PyTorch "
        f"{rates['eager']:.0f} eager, {rates['compiled']:.0f} compiled, {rates['graph']:.0f} as a "
        "CUDA graph; StudioGAN's published log of the same game shows "
        f"{found['studiogan_critic_steps_per_second']} on a GPU that it does not name.",
    ]


def _more(game: Mapping) -> float:
    return 100 * (game["flops_per_round_pytorch"] / game["flops_per_round"] - 1)


def traced(traces: Mapping) -> list[str]:
    """Computing and idle."""
    rows = [
        f"| {name} | {1e3 * found['seconds']['compute'] / found['rounds']:.2f} | "
        f"{1e3 * found['seconds']['idle'] / found['rounds']:.2f} |"
        for name, found in traces.items()
    ]
    return [
        "Milliseconds of a round in a trace, in which XLA uses no CUDA graphs:",
        "",
        "| a round of | computing | idle |",
        "| --- | ---: | ---: |",
        *rows,
    ]


def gradients(found: Mapping) -> list[str]:
    """Both forms of the gradient of a kernel."""
    rows = [
        f"| {name} | {1e6 * forms['float32']['seconds']:.0f} | "
        f"{1e6 * forms['rounded']['seconds']:.0f} | "
        f"{100 * forms['rounded']['relative_error']:.2f} % |"
        for name, forms in found.items()
    ]
    return [
        "The gradient of a convolution's kernel in bfloat16, microseconds: asked for in float32 "
        "XLA converts the images and computes in TF32, as genlab did; now it is summed in float32 "
        "and rounded once, which is its error:",
        "",
        "| convolution | before | now | error |",
        "| --- | ---: | ---: | ---: |",
        *rows,
    ]


def options(found: Mapping) -> list[str]:
    """XLA's options, and whether runs repeat themselves."""
    names = [name for name in next(iter(found.values())) if name not in WITHOUT]
    rows = []
    for name in names:
        cells = []
        for times in found.values():
            one = times[name]
            if "states" not in one:
                cells += ["does not run", "-"]
                continue
            same = one["states"]["first"] == one["states"]["again"]
            cells += [f"{1e3 * one['median']:.3f}", "yes" if same else "no"]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    heads = [f"{game}, ms | again the same" for game in found]
    return [
        "Options of XLA, each against its defaults in turns, and whether two runs of 50 (11) "
        "rounds from one seed in one process end in the same bits:",
        "",
        f"| | {' | '.join(heads)} |",
        f"| --- |{' ---: | --- |' * len(found)}",
        *rows,
        "",
        "So options are left as they are: latency hiding has nothing to hide on one device, nor "
        "has profile-guided scheduling, which orders exchanges and was not measured. *CUDA graphs "
        "of all* adds loops, conditions and convolutions to what XLA puts into graphs anyway; "
        "which of them does not run was not looked into. The same seed gives the same bits on CPU "
        "(tests); here DCGAN in bfloat16 repeats itself and WGAN-GP in float32 does not. Its trace "
        "has cuDNN's `wgrad_alg0_engine`, and cuDNN's guide (under *Reproducibility*) names "
        "`BWD_FILTER_ALGO_0` among what adds in no fixed order; whether that is the cause was not "
        "checked. `xla_gpu_deterministic_ops` was tried too, and is not shown: JAX's cache of "
        "tuned kernels, which takes no note of flags, may have given it those of before (genlab "
        "leaves that cache out now where the flag is set).",
    ]


def rest(found: Mapping) -> list[str]:
    """Agreement, dispatch, seeds, memory and data in sentences."""
    apart = max(max(values.values()) for values in found["agreement"].values())
    one, many = (1e3 * found["dispatch_seconds_per_round"][k] for k in ("1", "50"))
    seeds = found["seeds_in_one_program"]
    ratios = ", ".join(
        f"{case['ratio']['median']:.1f} times as fast for {case['runs']} of {name}"
        for name, case in seeds.items()
    )
    memory, data = found["memory"], found["data"]
    saved = ", ".join(
        f"{name} {memory[f'{name}, kept']['temporary_bytes'] / GIB:.2f} to "
        f"{memory[f'{name}, anew']['temporary_bytes'] / GIB:.2f} GiB in "
        f"{1e3 * memory[f'{name}, kept']['seconds']['median']:.1f} to "
        f"{1e3 * memory[f'{name}, anew']['seconds']['median']:.1f} ms"
        for name in ("WGAN-GP generator", "WGAN-GP critic")
    )
    state, written = memory["state_bytes"], memory["written_in_place_bytes"]
    streamed = data["CIFAR-size, streamed"]
    waits = streamed["share_of_time_waiting"]["median"]
    batch = streamed["images_per_second_eaten"] * streamed["seconds_per_round_at_hand"]
    return [
        f"* With float32 products, metrics of two rounds of small nets are within {apart:.0e} "
        "of the CPU's, as a share of each.",
        f"* A round of the WGAN-GP toy of 2 x 128 takes {one:.2f} ms dispatched alone and "
        f"{many:.2f} ms with 50 in a dispatch (`loop.rounds_per_call`).",
        f"* Seeds in one program (`sweep --together`) are {ratios}.",
        f"* DCGAN's program writes {100 * written / state:.0f} % of its state's "
        f"{state / 2**20:.0f} MiB in place. `remat` at 256 images: {saved}.",
        f"* A small DCGAN (width 16, batch 64) waits {100 * waits:.0f} % of its time for a "
        f"streamed set: Grain's four threads deliver {batch / streamed['seconds_per_round']:,.0f} "
        "images/s of 32x32 from memory, and the game would take "
        f"{streamed['images_per_second_eaten']:,.0f}. Since then it is one thread, as four "
        "wait for each other ([below](#data) is after). A resident set is waited for by "
        "nobody.",
    ]
