"""Communication between devices, counted in the program that XLA compiled, and a simple model of
its cost on other machines.
"""

import math
import re
from typing import NamedTuple

BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "f32": 4, "f64": 8}
KINDS = "all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute"
COLLECTIVE = re.compile(rf" = (?P<made>.*?) (?P<kind>{KINDS})(?P<start>-start)?\(")
ARRAY = re.compile(r"\b(?P<dtype>[a-z]+\d*)\[(?P<sides>[\d,]*)\]")
COMPUTATION = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.\-]+) \(.*\{$")
NAME = re.compile(r"%([\w.\-]+)")
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')


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
        return sum(BYTES[dtype] * math.prod(shape) for dtype, shape in self.arrays)


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


def exchanges(program: str) -> list[Exchange]:
    """The collectives of a compiled program (`executable.as_text()`), in its order.

    Loops count as often as they turn; ValueError for a collective in one whose length XLA does
    not know.
    """
    found, bodies, entry = [], _computations(program), ""
    calls: dict[str, list[tuple[str, int | None]]] = {}
    for name, (is_entry, lines) in bodies.items():
        entry = name if is_entry else entry
        for line in lines:
            if match := COLLECTIVE.search(line):
                found.append((name, match["kind"], _arrays(match)))
            turns = _turns(line)
            for called in set(NAME.findall(line)) & bodies.keys():
                calls.setdefault(called, []).append((name, turns))
    return [Exchange(kind, arrays, _times(name, calls, entry)) for name, kind, arrays in found]


def _computations(program: str) -> dict[str, tuple[bool, list[str]]]:
    found, lines = {}, []
    for line in program.splitlines():
        if match := COMPUTATION.match(line):
            lines = []
            found[match["name"]] = (bool(match["entry"]), lines)
        else:
            lines.append(line)
    return found


def _arrays(match: re.Match) -> tuple:
    arrays = [
        (m["dtype"], tuple(int(n) for n in m["sides"].split(",") if n))
        for m in ARRAY.finditer(match["made"])
    ]
    if match["start"] and match["kind"] != "all-reduce":  # inputs are listed before outputs
        arrays = [a for a in arrays[len(arrays) // 2 :] if a[0] in BYTES]
    return tuple(arrays)


def _turns(line: str) -> int | None:
    """How often what this line calls is run; None where XLA does not know."""
    if " while(" not in line:
        return 1
    known = TRIPS.search(line)
    return int(known[1]) if known else None


def _times(name: str, calls: dict, entry: str) -> int:
    if name == entry:
        return 1
    times = 0
    for caller, turns in calls.get(name, ()):
        if turns is None:
            raise ValueError(f"{name} holds a collective and is a loop whose length is not known")
        times += turns * _times(caller, calls, entry)
    return times
