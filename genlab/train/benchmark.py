"""What a config costs on this machine: compile time, time per round, images/s, FLOPs, memory, share
of the peak of products in its dtype, measured and published.
"""

import math
import time
from collections import defaultdict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxprs_in_params
from ml_collections import ConfigDict

from genlab.runs.environment import environment
from genlab.runtime import accelerators, profiling
from genlab.runtime.compiler import compiled_anew
from genlab.train.cost import cost
from genlab.train.program import Training, batch_like, prepare

PRODUCTS = (  # the last six are of `nets.kernels`
    "dot_general", "conv_general_dilated", "genlab_forward", "genlab_into_input",
    "genlab_into_weight", "genlab_product", "genlab_product_into_input",
    "genlab_product_into_weight",
)  # fmt: skip


def bench(
    config: ConfigDict, seconds: float = 5.0, trace: profiling.Trace | None = None
) -> dict[str, Any]:
    """Plays rounds for about `seconds` after a warm-up; a record with medians, and the protocol it
    was taken under. Rounds that a `trace` asks for, and those up to them, are played besides; what
    is traced does not count.
    """
    training = prepare(config)
    rounds = training.experiment.loop.rounds_per_call
    state, held = training.init(), training.fetch(0, rounds)
    started = time.perf_counter()
    with compiled_anew():  # compiling is part of the question
        compiled = training.compile(state, held, rounds)
    compile_seconds = time.perf_counter() - started
    spent = cost(training)
    programs = {rounds: compiled}
    times, key, step, profile = [], training.data_key, 0, None
    while len(times) < 4 or sum(times) < seconds or (trace and not trace.traced):
        stop = trace.asked.next_stop(step) if trace else None
        now = min(rounds, stop - step) if stop else rounds  # a trace begins and ends a dispatch
        if now not in programs:
            with profiling.apart():
                programs[now] = training.compile(training.like(), training.held_like(now), now)
        if trace:
            trace.before(step, state)
        started = time.perf_counter()
        held = held if training.experiment.data.resident else training.fetch(step, now)
        state, metrics = programs[now].run(state, held, key)
        jax.block_until_ready(metrics)
        if now == rounds and not (trace and trace.running):
            times.append(time.perf_counter() - started)
        step += now
        if trace and trace.ends(step):
            profile = trace.after(step, metrics)
    per_round = float(np.median(times[1:])) / rounds  # the first dispatch also warms caches
    flops = spent["flops_per_round"]  # None where nothing counts them
    achieved = None if flops is None else flops / per_round
    shares = dtypes(training)
    dtype = max(shares, key=lambda name: shares[name], default="float32")
    devices = training.place.mesh.devices.tolist()
    return {
        "compile_seconds": compile_seconds,
        "seconds_per_round": per_round,
        "images_per_second": spent["images_per_round"] / per_round,
        **spent,
        "flops_per_second": achieved,
        "dtype": dtype,
        "dtypes": shares,
        **of_peaks(achieved, dtype, devices, matmul_peak(devices, dtype=dtype)),
        "memory_bytes": memory(compiled.executable),
        "rounds_per_call": rounds,
        "dispatches": len(times),
        **({"profile": profile} if profile else {}),
        "environment": environment(),
    }


def of_peaks(achieved: float | None, dtype: str, devices: list, measured: float) -> dict[str, Any]:
    """FLOP/s as shares of what products of this dtype reach: measured here, and published of these
    devices (model FLOPs utilisation; None where this dtype of them is not known, or FLOPs are not).
    """
    chip = accelerators.known(devices[0].device_kind)
    one = chip.flops.get(dtype) if chip else None
    nominal = one * len(devices) if one else None
    return {
        "matmul_peak": measured,
        "share_of_peak": None if achieved is None else achieved / measured,
        "nominal_peak": nominal,
        "mfu": achieved / nominal if nominal and achieved is not None else None,
        "nominal_peak_source": chip.source if chip and nominal else None,
    }


def dtypes(training: Training) -> dict[str, float]:
    """The share of each dtype in the products of a round, as it is written, before a compiler
    changes it: that of the narrower factor.
    """
    e = training.experiment
    batches = batch_like(e, (training.moves, e.batch_size))
    jaxpr = jax.make_jaxpr(training.place.step(training.step))(training.shape(), batches)
    found = _products(jaxpr.jaxpr)
    whole = sum(found.values())
    return {name: found[name] / whole for name in sorted(found, key=lambda n: -found[n])}


def _products(jaxpr: Any) -> dict[str, float]:
    """Multiplications by dtype: the root of the sizes of both factors and the product is their
    number in a matrix product, and near it in a convolution.
    """
    found: dict[str, float] = defaultdict(float)
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        given = [v.aval for v in equation.invars if getattr(v.aval, "ndim", 0)]
        if name in PRODUCTS and len(given) == 2:
            a, b = sorted(given, key=lambda aval: aval.dtype.itemsize)
            made = equation.outvars[0].aval.size
            found[str(a.dtype)] += math.sqrt(a.size * b.size * made)
            continue
        turns = equation.params.get("length", 1) if name == "scan" else 1
        for inner in jaxprs_in_params(equation.params):
            for dtype, count in _products(inner).items():
                found[dtype] += turns * count
    return found


def memory(executable) -> int | None:
    """Bytes a device needs: arguments, outputs and temporaries, less what is reused."""
    found = executable.memory_analysis()
    if found is None:
        return None
    whole = found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes
    return int(whole - found.alias_size_in_bytes)


def matmul_peak(
    devices: list, size: int | None = None, repeats: int = 5, dtype: str = "float32"
) -> float:
    """FLOP/s of a matrix product of this size and dtype on each device: what they can really do.

    size: rows and columns; 2048 on CPU and 8192 elsewhere, where a smaller product takes no longer
    than to start it. The numbers are random, for those of a kind are multiplied faster on GPUs.
    """
    size = size or (2048 if devices[0].platform == "cpu" else 8192)
    numbers = np.random.default_rng(0).standard_normal((size, size), np.float32)
    x = [jax.device_put(numbers.astype(jnp.dtype(dtype)), device) for device in devices]
    product = jax.jit(lambda a: a @ a)
    jax.block_until_ready([product(a) for a in x])
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        jax.block_until_ready([product(a) for a in x])
        times.append(time.perf_counter() - started)
    return len(devices) * 2 * size**3 / min(times)


def lines(record: dict[str, Any]) -> list[str]:
    """The record for people."""
    spent = record["memory_bytes"]
    return [
        f"compile        {record['compile_seconds']:.2f} s",
        f"round          {1e3 * record['seconds_per_round']:.3f} ms   "
        f"({record['rounds_per_call']} per dispatch)",
        f"images         {record['images_per_second']:,.0f} /s",
        *_flops(record),
        f"memory         {'unknown' if spent is None else f'{spent / 2**20:.1f} MiB per device'}",
        "parameters     "
        f"{', '.join(f'{name} {count:,}' for name, count in record['parameters'].items())}",
        *(profiling.lines(record["profile"]) if "profile" in record else ()),
    ]


def _flops(record: dict[str, Any]) -> list[str]:
    """FLOPs and their rate, beside the peaks."""
    measured, dtype = record["matmul_peak"] / 1e9, record["dtype"]
    peak = f"matmul peak    {measured:.1f} G/s in {dtype}"
    if record["flops_per_round"] is None:
        why = "JAX_PLATFORMS leaves out cpu, whose XLA counts them: add it at the end"
        return [f"FLOPs          unknown: {why}", peak]
    told = [
        f"FLOPs          {record['flops_per_round'] / 1e9:.3f} G per round, "
        f"{record['flops_per_second'] / 1e9:.1f} G/s",
        f"{peak}: {100 * record['share_of_peak']:.1f} % of it",
    ]
    if record["nominal_peak"]:
        nominal, source = record["nominal_peak"] / 1e12, record["nominal_peak_source"]
        share = f"MFU {100 * record['mfu']:.1f} %"
        told.append(f"nominal peak   {nominal:,.0f} T/s in {dtype} ({source}): {share}")
    return told
