"""What a config costs on this machine: compile time, time per round, images/s, FLOPs, memory, share
of matmul peak.
"""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from genlab.runs.environment import environment
from genlab.train.program import cost, prepare


def bench(config: ConfigDict, seconds: float = 5.0) -> dict[str, Any]:
    """Plays rounds for about `seconds` after a warm-up; a record with medians, and the protocol it
    was taken under.
    """
    jax.config.update("jax_enable_compilation_cache", False)  # compiling is part of the question
    training = prepare(config)
    rounds = training.experiment.loop.rounds_per_call
    state, held = training.init(), training.fetch(0, rounds)
    started = time.perf_counter()
    compiled = training.compile(state, held, rounds)
    compile_seconds = time.perf_counter() - started
    spent = cost(training)
    times, key, step = [], training.data_key, 0
    while len(times) < 4 or sum(times) < seconds:
        started = time.perf_counter()
        held = held if training.experiment.data.resident else training.fetch(step, rounds)
        state, metrics = compiled.run(state, held, key)
        jax.block_until_ready(metrics)
        times.append(time.perf_counter() - started)
        step += rounds
    per_round = float(np.median(times[1:])) / rounds  # the first dispatch also warms caches
    achieved = spent["flops_per_round"] / per_round
    peak = matmul_peak(training.place.mesh.devices.tolist())
    return {
        "compile_seconds": compile_seconds,
        "seconds_per_round": per_round,
        "images_per_second": spent["images_per_round"] / per_round,
        **spent,
        "flops_per_second": achieved,
        "matmul_peak": peak,
        "share_of_peak": achieved / peak,
        "memory_bytes": memory(compiled.executable),
        "rounds_per_call": rounds,
        "dispatches": len(times),
        "environment": environment(),
    }


def memory(executable) -> int | None:
    """Bytes a device needs: arguments, outputs and temporaries, less what is reused."""
    found = executable.memory_analysis()
    if found is None:
        return None
    whole = found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes
    return int(whole - found.alias_size_in_bytes)


def matmul_peak(devices: list, size: int = 2048, repeats: int = 5) -> float:
    """FLOP/s of a float32 matrix product of this size on each device: what they can really do."""
    x = [jax.device_put(jnp.ones((size, size), jnp.float32), device) for device in devices]
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
        f"FLOPs          {record['flops_per_round'] / 1e9:.3f} G per round, "
        f"{record['flops_per_second'] / 1e9:.1f} G/s",
        f"matmul peak    {record['matmul_peak'] / 1e9:.1f} G/s: "
        f"{100 * record['share_of_peak']:.1f} % of it",
        f"memory         {'unknown' if spent is None else f'{spent / 2**20:.1f} MiB per device'}",
        "parameters     "
        f"{', '.join(f'{name} {count:,}' for name, count in record['parameters'].items())}",
    ]
