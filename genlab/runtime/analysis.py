"""The work of a compiled program, read from its text: products, main memory, the compiler's own
estimate of time. XLA's `cost_analysis` counts the body of a loop once; here it counts as often as
it turns.
"""

import math
import re
from typing import NamedTuple

from genlab.runtime.hlo import Array, Computation, Instruction, Program

CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
FREE = {  # they move nothing, or what they run counts for itself
    "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while", "conditional",
    "call", "after-all", "partition-id", "replica-id", "async-start", "async-update",
}  # fmt: skip
SLICES = ("dynamic-slice", "gather", "slice")


class Work(NamedTuple):
    """Of one run of a program on one device.

    flops:         of products and convolutions, two for each multiplication with a number that is
                   there (not with padding or the holes of a dilated kernel)
    bytes:         that kernels read from and write to the device's main memory, tiles padded; what
                   stays on the chip is free
    cycles:        the compiler's estimate, where it gives one (TPU)
    copied:        of these bytes, those of copies and transposes that are kernels of their own:
                   changes of layout
    padded, plain: bytes of all arrays in main memory with the padding of tiles, and without
    """

    flops: float = 0.0
    bytes: float = 0.0
    cycles: float = 0.0
    copied: float = 0.0
    padded: float = 0.0
    plain: float = 0.0


def work(program: Program) -> Work:
    """Of all instructions; a loop whose length is decided while it runs counts once."""
    times, fused = program.times(), program.fused()
    total = dict.fromkeys(Work._fields, 0.0)
    for computation, instruction in program:
        turns = times[computation.name]
        turns = 1 if turns is None else turns
        if instruction.opcode in ("convolution", "dot"):
            total["flops"] += turns * product_flops(computation, instruction)
        if computation.name in fused:
            continue
        found = CYCLES.search(instruction.attributes)
        total["cycles"] += turns * (int(found[1]) if found else 0)
        moved = traffic(program, computation, instruction)
        total["bytes"] += turns * moved
        if instruction.opcode in ("copy", "transpose"):
            total["copied"] += turns * moved
        if instruction.opcode not in FREE and not instruction.opcode.endswith("-done"):
            held = [array for array in instruction.arrays if not array.on_chip]
            total["padded"] += turns * sum(array.padded_bytes for array in held)
            total["plain"] += turns * sum(array.bytes for array in held)
    return Work(**total)


def product_flops(computation: Computation, instruction: Instruction) -> float:
    """Of one product or convolution."""
    left, right = (computation.instructions[name].arrays[0] for name in instruction.operands[:2])
    made = instruction.arrays[0]
    if instruction.opcode == "dot":
        axes = _numbers(instruction.attribute("lhs_contracting_dims") or "")
        return 2.0 * math.prod(made.shape) * math.prod(left.shape[axis] for axis in axes)
    names = re.search(r"dim_labels=(\w+)_(\w+)->(\w+)", instruction.attributes)
    if not names:
        return 0.0
    inputs, kernel, outputs = names.groups()
    window = re.search(r"window=\{([^}]*)\}", instruction.attributes)
    options = dict(part.split("=") for part in window[1].split()) if window else {}
    groups = int(instruction.attribute("batch_group_count") or 1)
    each = left.shape[inputs.index("b")] / groups * made.shape[outputs.index("f")]
    each *= right.shape[kernel.index("i")]
    for axis in range(len(inputs) - 2):
        sides = [
            array.shape[labels.index(str(axis))]
            for array, labels in ((left, inputs), (right, kernel), (made, outputs))
        ]
        each *= _met(*sides, **_option(options, axis))
    return 2.0 * each


def _option(options: dict[str, str], axis: int) -> dict[str, int]:
    """Of one axis of a window: stride, padding before, dilations."""
    plain = {"stride": 1, "lhs_dilate": 1, "rhs_dilate": 1}
    found = {name: int(options.get(name, "x" * axis).split("x")[axis] or one)
             for name, one in plain.items()}  # fmt: skip
    pads = options.get("pad", "").split("x")
    return {**found, "before": int(pads[axis].split("_")[0]) if pads[0] else 0}


def _met(
    given: int, kernel: int, made: int, stride: int, lhs_dilate: int, rhs_dilate: int, before: int
) -> int:
    """Pairs along one axis of an output and a kernel's number that meet a number of the input."""
    length = (given - 1) * lhs_dilate + 1
    places = (o * stride + k * rhs_dilate - before for o in range(made) for k in range(kernel))
    return sum(0 <= place < length and place % lhs_dilate == 0 for place in places)


def traffic(program: Program, computation: Computation, instruction: Instruction) -> float:
    """Bytes of main memory that one instruction reads and writes. Of an array that is only sliced
    or gathered from, and of one that is updated in place, the part counts that is touched.
    """
    opcode = instruction.opcode
    if opcode in FREE or opcode.endswith("-done"):
        return 0.0
    given = [computation.instructions[name] for name in instruction.operands
             if name in computation.instructions]  # fmt: skip
    if opcode == "copy-start":  # what it makes lists the copy, then the original
        return _held(instruction.arrays[:1]) + _held(given[0].arrays)
    inner = program.computations.get(instruction.named("calls") or "")
    if opcode == "fusion" and inner:
        reads = [_read(inner, at, _held(one.arrays)) for at, one in enumerate(given)]
        return sum(reads) + _written(inner, _held(instruction.arrays))
    if opcode in SLICES:
        return 2 * _held(instruction.arrays)
    if opcode == "dynamic-update-slice":
        return 2 * _held(given[1].arrays)
    return sum(_held(one.arrays) for one in given) + _held(instruction.arrays)


def _held(arrays: tuple[Array, ...]) -> float:
    return sum(array.padded_bytes for array in arrays if not array.on_chip)


def _read(inner: Computation, at: int, whole: float) -> float:
    """Bytes that a fusion reads of its operand `at`, which has `whole`."""
    name = next((i.name for i in inner.instructions.values()
                 if i.opcode == "parameter" and i.inside == str(at)), "")  # fmt: skip
    users = [i for i in inner.instructions.values() if name in i.operands]
    touched = 0.0
    for user in users:
        if user.opcode in SLICES and user.operands[0] == name:
            touched += sum(array.padded_bytes for array in user.arrays)
        elif not (user.opcode == "dynamic-update-slice" and user.operands[0] == name):
            return whole
    return min(whole, touched)


def _written(inner: Computation, whole: float) -> float:
    """Bytes that a fusion writes of its result of `whole`."""
    root = inner.instructions.get(inner.root)
    if root and root.opcode == "dynamic-update-slice":
        update = inner.instructions[root.operands[1]]
        return min(whole, sum(array.padded_bytes for array in update.arrays))
    return whole


def _numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def donated(text: str) -> int:
    """How many results of a program take the place of an argument, by its first line."""
    first = text.split("\n", 1)[0]
    return len(re.findall(r"\{[\d, ]*\}: \(\d+, \{[^}]*\}, \w+-alias\)", first))


def custom_calls(program: Program) -> set[str]:
    """Targets of a program's custom calls."""
    found = (re.search(r'custom_call_target="([^"]*)"', i.attributes) for _, i in program)
    return {match[1] for match in found if match}
