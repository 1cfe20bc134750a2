"""Communication between devices, counted in the program that XLA compiled, and a simple model of
its cost on other machines.
"""

import math
from typing import NamedTuple

from genlab.runtime.hlo import Array, Instruction, Program, parse

KINDS = ("all-reduce", "all-gather", "all-to-all", "reduce-scatter", "collective-permute")
SCATTERED = "all-reduce-scatter"  # a TPU's kernel that sums and keeps a part: a reduce-scatter
PIECE = "async_collective_fusion_config"  # of a transfer spread over kernels: each names it again


class Exchange(NamedTuple):
    """One collective operation of a program.

    kind:   XLA's name of it
    arrays: (dtype, shape) of what each device has afterwards, of all that it carries at once
    times:  how often it happens in one run of the program
    """

    kind: str
    arrays: tuple[tuple[str, tuple[int, ...]], ...]
    times: int

    @property
    def bytes(self) -> int:
        """Of what a device has after one of them."""
        return sum(Array(*array).bytes for array in self.arrays)


class Machine(NamedTuple):
    """Assumptions about a cluster, each device alike.

    flops:   FLOP/s that a device achieves on these networks
    inside:  bytes/s that a device sends, and at once receives, within its host
    across:  the same between hosts, of `per_host` devices
    latency: seconds of a message
    """

    flops: float
    inside: float
    across: float
    per_host: int
    latency: float


class Work(NamedTuple):
    """A round: FLOPs over the whole batch, bytes all-reduced, and in how many operations."""

    flops: float
    bytes: float
    calls: float


def reduce_seconds(work: Work, machine: Machine, devices: int) -> tuple[float, float]:
    """(transfer, latency) of a round's all-reduces over `devices`: 2 (N - 1) / N of the bytes pass
    each device's slowest link, as in a ring, after 2 log2(N) messages, as in a tree.
    """
    link = machine.inside if devices <= machine.per_host else machine.across
    transfer = 2 * (devices - 1) / devices * work.bytes / link
    return transfer, work.calls * 2 * math.log2(devices) * machine.latency


def efficiency(work: Work, machine: Machine, devices: int, weak: bool, overlap: bool) -> float:
    """Speed of each device over that of a single device, in [0, 1].

    weak:    each device has the whole of `work`; otherwise its N-th part of the FLOPs
    overlap: transfers hide entirely behind arithmetic, the latency never does; otherwise neither
    """
    compute = work.flops / machine.flops / (1 if weak else devices)
    transfer, latency = reduce_seconds(work, machine, devices)
    if overlap:
        return compute / (max(compute, transfer) + latency)
    return compute / (compute + transfer + latency)


def exchanges(program: str | Program) -> list[Exchange]:
    """The collectives of a compiled program (`executable.as_text()`), in its order.

    Loops count as often as they turn; ValueError for a collective in one whose length XLA does
    not know.
    """
    parsed = parse(program) if isinstance(program, str) else program
    times, found, begun = parsed.times(), [], set()
    for computation, instruction in parsed:
        kind = instruction.opcode.removesuffix("-start")
        if kind not in KINDS:
            continue
        if PIECE in instruction.attributes:
            channel = kind, instruction.attribute("channel_id")
            if channel in begun:
                continue
            begun.add(channel)
        turns = times[computation.name]
        if turns is None:
            raise ValueError(
                f"{computation.name} holds a collective and is a loop whose length is not known"
            )
        if computation.name.startswith(SCATTERED):
            kind, root = "reduce-scatter", computation.instructions[computation.root]
            found.append(Exchange(kind, _received(root), turns))
            continue
        found.append(Exchange(kind, _received(instruction), turns))
    return found


def _received(instruction: Instruction) -> tuple:
    """What each device has afterwards."""
    arrays = [(array.dtype, array.shape) for array in instruction.arrays]
    if instruction.opcode == "collective-permute-start":  # input, output, then its bookkeeping
        arrays = arrays[1:2]
    elif instruction.opcode.endswith("-start") and instruction.opcode != "all-reduce-start":
        arrays = arrays[len(arrays) // 2 :]  # inputs are listed before outputs
    return tuple(arrays)
