"""What a config costs on TPUs that are not there: its program is compiled for a topology, and
memory, work and exchange are read from the executable. Times are predictions, by a stated model.
"""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from ml_collections import ConfigDict

from genlab.runs.environment import environment
from genlab.runtime import analysis, hlo
from genlab.runtime.communication import exchanges
from genlab.runtime.compiler import compiled_anew
from genlab.runtime.topologies import DoesNotFit, Topology, devices, fitting, named
from genlab.train.program import Training, prepare

MODEL = (
    "roofline: products at the chip's peak or main memory at its bandwidth, whichever takes "
    "longer; compiler: the TPU compiler's cycles, at the rate at which it takes a product of "
    "4096 x 4096 in bfloat16 to reach the peak; collectives over all links, nothing overlapped, "
    "1 us a hop; efficiency: against one chip with the same batch per chip"
)
SIDE = 4096


def foresee(config: ConfigDict, topology: str) -> dict[str, Any]:
    """The record of a config on a topology, such as "v5e:4x4": per chip and per round.

    Raises ConfigError for a topology that there is not, where libtpu is not installed, and for what
    is wrong with the config.
    """
    slice_ = named(topology)
    chips = devices(slice_)
    training = prepare(config, chips)
    e, rounds = training.experiment, training.experiment.loop.rounds_per_call
    record: dict[str, Any] = {
        "topology": slice_.name,
        "chips": slice_.chips,
        "placement": e.loop.placement,
        "sharding": e.loop.sharding,
        "batch_size": e.batch_size,
        "batch_per_chip": e.batch_size / slice_.chips,
        "rounds_per_call": rounds,
        "moves": training.moves,
        "environment": environment(),
    }
    started = time.perf_counter()
    try:
        with compiled_anew(), fitting():
            compiled = training.compile(training.like(), training.held_like(rounds), rounds)
    except DoesNotFit as error:
        needed = {"fits": False, "needed_bytes": error.needed, "available_bytes": error.available}
        return record | needed | {"would_help": levers(training, slice_, error)}
    record["compile_seconds"] = time.perf_counter() - started
    text = compiled.executable.as_text()
    program = hlo.parse(text)
    record |= {"fits": True, "memory": _memory(compiled.executable)}
    record |= {"donated": analysis.donated(text)}
    record |= _work(program, rounds) | {"collectives": collectives(program, rounds)}
    record["all_reduced"] = all_reduced(program, rounds)
    record["predicted"] = predicted(record, slice_, _seconds_per_cycle(chips[0], slice_))
    return record


def collectives(program: hlo.Program, rounds: int) -> dict[str, dict[str, float]]:
    """By kind: how many in a round, and the bytes that each chip has after all of them."""
    found: dict[str, dict[str, float]] = {}
    for e in exchanges(program):
        row = found.setdefault(e.kind, {"count": 0.0, "bytes": 0.0})
        row["count"] += e.times / rounds
        row["bytes"] += e.times * e.bytes / rounds
    return found


def all_reduced(program: hlo.Program, rounds: int) -> dict[str, float]:
    """Bytes of a round's all-reduces by the dtype they are summed in, as XLA names it."""
    found: dict[str, float] = {}
    for e in exchanges(program):
        for array in e.arrays if e.kind == "all-reduce" else ():
            size = e.times * hlo.Array(*array).bytes / rounds
            found[array[0]] = found.get(array[0], 0.0) + size
    return found


def predicted(
    record: dict[str, Any], topology: Topology, seconds_per_cycle: float
) -> dict[str, Any]:
    """Seconds of a round, by parts and by both models of the chip; the model is in the record."""
    chip = topology.chip
    parts = {
        "products": record["flops"] / chip.flops["bfloat16"],
        "main_memory": record["bytes"] / chip.bandwidth,
        "compiler": record["cycles"] * seconds_per_cycle,
        "collectives": sum(
            row["count"] * topology.seconds(kind, row["bytes"] / row["count"])
            for kind, row in record["collectives"].items()
        ),
    }
    models = {"roofline": max(parts["products"], parts["main_memory"])}
    models |= {"compiler": max(parts["compiler"], models["roofline"])}
    return {
        "model": MODEL,
        "seconds": parts,
        "round": {name: one + parts["collectives"] for name, one in models.items()},
        "efficiency": {name: one / (one + parts["collectives"]) for name, one in models.items()},
        "share_of_peak": {
            name: parts["products"] / (one + parts["collectives"]) for name, one in models.items()
        },
        "figures": {
            **chip._asdict(), "links": topology.links, "hops": topology.hops,
        },
    }  # fmt: skip


def levers(training: Training, topology: Topology, error: DoesNotFit) -> list[str]:
    """What would make a program smaller, the most certain first; estimates, not compiled."""
    found, e, over = [], training.experiment, error.needed - error.available
    shape = training.shape()
    state, gathered = (sum(map(_bytes, jax.tree.leaves(x))) for x in (shape, shape.params))
    saved = state * (1 - 1 / topology.chips) - gathered
    if e.loop.sharding != "full" and topology.chips > 1:
        enough = "" if saved > over else ", which is not enough by itself"
        pmap = " --config.loop.placement=jit" if e.loop.placement == "pmap" else ""
        found.append(
            f"--config.loop.sharding=full{pmap}: the state takes {size(state / topology.chips)} a "
            f"chip instead of {size(state)}, besides {size(gathered)} of parameters gathered for a "
            f"move{enough}"
        )
    for path in sorted(recomputable(e.method, "method")):
        found.append(f"--config.{path}=true: blocks are computed again for the gradient")
    n = topology.chips
    fewer = int(e.batch_size / n * max(0.0, error.available - state) / error.needed)
    if fewer:
        told = f"--config.batch_size={fewer * n}: {fewer} a chip, if all but the state shrinks"
        found.append(f"{told} with the batch")
    return found


def recomputable(built: Any, path: str) -> Iterator[str]:
    """Paths of the `remat` fields of a built method that are off."""
    if not dataclasses.is_dataclass(built):
        return
    for field in dataclasses.fields(built):
        if field.name in ("parent", "name"):
            continue
        value = getattr(built, field.name, None)
        if field.name == "remat" and value is False:
            yield f"{path}.remat"
        yield from recomputable(value, f"{path}.{field.name}")


def lines(record: dict[str, Any]) -> list[str]:
    """The record for people."""
    state = "replicated" if record["sharding"] == "replicated" else "fully sharded"
    told = [
        f"topology       {record['topology']}: {record['chips']} chips; placement "
        f"{record['placement']}, state {state}",
        f"batch          {record['batch_size']:,}, {record['batch_per_chip']:,.10g} per chip",
    ]
    if not record["fits"]:
        needed, available = size(record["needed_bytes"]), size(record["available_bytes"])
        told.append(f"does not fit   the program needs {needed} of a chip's {available}")
        heads = ["what would     ", *["               "] * len(record["would_help"])]
        more = record["would_help"] or ["a larger topology, or narrower networks"]
        return told + [head + one for head, one in zip(heads, more, strict=False)]
    memory, times = record["memory"], record["predicted"]
    parts, chip = times["seconds"], times["figures"]
    return [
        *told,
        f"compile        {record['compile_seconds']:.1f} s",
        f"memory         {size(memory['peak'])} of {size(chip['memory'])} per chip: arguments "
        f"{size(memory['arguments'])}, outputs {size(memory['outputs'])}, of which "
        f"{size(memory['aliased'])} in place, temporaries {size(memory['temporaries'])}, program "
        f"{size(memory['code'])}",
        f"work           {_gflop(record['flops'])} of products and {size(record['bytes'])} of main "
        "memory per chip and round",
        *_exchanged(record),
        f"predicted      products {_ms(parts['products'])}, main memory "
        f"{_ms(parts['main_memory'])}, compiler's estimate {_ms(parts['compiler'])}, collectives "
        f"{_ms(parts['collectives'])} a round",
        *(
            f"  {name:<12} {_ms(times['round'][name])} a round, "
            f"{record['batch_size'] / times['round'][name] * record['moves']:,.0f} images/s, "
            f"{100 * times['share_of_peak'][name]:.1f} % of peak; efficiency "
            f"{100 * times['efficiency'][name]:.0f} % of one chip's"
            for name in ("roofline", "compiler")
        ),
        f"model          {times['model']}",
        f"figures        {chip['flops']['bfloat16'] / 1e12:.0f} TFLOP/s, "
        f"{chip['bandwidth'] / 1e9:,.0f} GB/s of main memory, {chip['links']} links of "
        f"{chip['link'] / 1e9:.0f} GB/s: {chip['source']}"
        + (f" (from memory: {', '.join(chip['unchecked'])})" if chip["unchecked"] else ""),
    ]


def size(count: float) -> str:
    """Bytes for people."""
    for unit, power in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= power:
            return f"{count / power:,.1f} {unit}"
    return f"{count:.0f} B"


def _gflop(count: float) -> str:
    return f"{count / 1e9:,.{0 if count > 1e11 else 3}f} GFLOP"


def _exchanged(record: dict[str, Any]) -> list[str]:
    if not record["collectives"]:
        return ["collectives    none"]
    heads = ["collectives    ", *["               "] * len(record["collectives"])]
    told = [
        f"{head}{kind}: {row['count']:g} a round, {size(row['bytes'])}"
        for head, (kind, row) in zip(heads, record["collectives"].items(), strict=False)
    ]
    if half := record["all_reduced"].get("bf16"):
        told.append(
            f"               {size(half)} of it are summed in bfloat16, for each use of "
            "a network; loop.placement=pmap sums them in float32, once"
        )
    return told


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.2f} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.1f} us"


def _bytes(leaf: Any) -> int:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return 8
    return leaf.size * leaf.dtype.itemsize


def _memory(executable: Any) -> dict[str, int]:
    """Bytes per chip."""
    found = executable.memory_analysis()
    held = {
        "arguments": found.argument_size_in_bytes,
        "outputs": found.output_size_in_bytes,
        "temporaries": found.temp_size_in_bytes,
        "aliased": found.alias_size_in_bytes,
        "code": found.generated_code_size_in_bytes,
    }
    whole = held["arguments"] + held["outputs"] + held["temporaries"] + held["code"]
    return {**held, "peak": whole - held["aliased"]}


def _work(program: hlo.Program, rounds: int) -> dict[str, float]:
    return {name: value / rounds for name, value in analysis.work(program)._asdict().items()}


def _seconds_per_cycle(device: Any, topology: Topology) -> float:
    """Of the compiler's cycles, were its product of two squares to run at the chip's peak."""
    mesh = Mesh([device], ("one",), axis_types=(AxisType.Auto,))
    square = jax.ShapeDtypeStruct((SIDE, SIDE), jnp.bfloat16, sharding=NamedSharding(mesh, P()))
    with compiled_anew():
        text = jax.jit(jnp.matmul).lower(square, square).compile().as_text() or ""
    cycles = analysis.work(hlo.parse(text)).cycles
    return 2 * SIDE**3 / topology.chip.flops["bfloat16"] / cycles if cycles else 0.0
