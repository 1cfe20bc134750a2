"""A compiled program as XLA writes it (`executable.as_text()`): computations, how often each is
run, and what their instructions take and make. One parser for all that is counted in programs.

Grammar: https://openxla.org/xla/hlo_text (types, layouts, attributes) and XLA's printer; on TPU a
layout has tiles, `T(8,128)`, and a memory space, `S(1)` for on-chip memory.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

BYTES = {
    "pred": 1, "s4": 0.5, "u4": 0.5, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "bf16": 2, "f16": 2,
    "s32": 4, "u32": 4, "f32": 4, "s64": 8, "u64": 8, "f64": 8, "c64": 8, "c128": 16,
}  # fmt: skip
COMPUTATION = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.\-]+) \(.*\{$")
INSTRUCTION = re.compile(
    r"^\s*(?P<root>ROOT )?%(?P<name>[\w.\-]+) = (?P<made>.*?) (?P<opcode>[a-z][\w\-]*)\("
)
ARRAY = re.compile(r"\b(?P<dtype>[a-z]+\d*)\[(?P<sides>[\d,]*)\](?P<layout>\{[^}]*\})?")
TILE = re.compile(r"T\((?P<sides>[\d,]+)\)")
NAME = re.compile(r"%([\w.\-]+)")
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')


class Array(NamedTuple):
    """Of an instruction's result: XLA's name of the dtype, the shape, and the layout's text."""

    dtype: str
    shape: tuple[int, ...]
    layout: str = ""

    @property
    def bytes(self) -> int:
        """Of its numbers."""
        return math.ceil(BYTES.get(self.dtype, 0) * math.prod(self.shape))

    @property
    def padded_bytes(self) -> int:
        """With what its first tile pads: a TPU holds the last two axes of the layout in tiles."""
        tile = TILE.search(self.layout)
        if not tile or not self.shape:
            return self.bytes
        order = [int(i) for i in re.findall(r"\d+", self.layout.split(":")[0])]
        sides, tiles = list(self.shape), [int(n) for n in tile["sides"].split(",")]
        for axis, length in zip(order, reversed(tiles), strict=False):  # the minor axis is first
            sides[axis] = math.ceil(sides[axis] / length) * length
        return math.ceil(BYTES.get(self.dtype, 0) * math.prod(sides))

    @property
    def on_chip(self) -> bool:
        """Whether it is in another memory than the device's main one."""
        return "S(" in self.layout


@dataclass(frozen=True)
class Instruction:
    """One line: what is made, from which operands (names in the same computation), and the text
    after them.
    """

    name: str
    opcode: str
    arrays: tuple[Array, ...]
    operands: tuple[str, ...]
    inside: str  # the parentheses
    attributes: str

    def attribute(self, name: str) -> str | None:
        """Its value up to the next comma or space; braces are kept whole."""
        found = re.search(rf"\b{name}=(\{{[^}}]*\}}|[^,\s]+)", self.attributes)
        return found[1] if found else None

    def named(self, attribute: str) -> str | None:
        """The computation that an attribute names."""
        found = self.attribute(attribute)
        return found.lstrip("%") if found else None


@dataclass(frozen=True)
class Computation:
    """Instructions in their order, by name."""

    name: str
    entry: bool
    instructions: dict[str, Instruction] = field(default_factory=dict)
    root: str = ""


@dataclass(frozen=True)
class Program:
    """A parsed program."""

    computations: dict[str, Computation]

    def __iter__(self) -> Iterator[tuple[Computation, Instruction]]:
        for computation in self.computations.values():
            for instruction in computation.instructions.values():
                yield computation, instruction

    def times(self) -> dict[str, int | None]:
        """How often a run of the program runs each computation; None inside a loop whose length is
        decided while it runs.
        """
        callers: dict[str, list[tuple[str, int | None]]] = {}
        for computation, instruction in self:
            turns = self._turns(computation, instruction)
            for called in set(NAME.findall(instruction.attributes)) & self.computations.keys():
                callers.setdefault(called, []).append((computation.name, turns))
        found: dict[str, int | None] = {}

        def count(name: str) -> int | None:
            if name not in found:
                each = [
                    None if turns is None or (n := count(caller)) is None else turns * n
                    for caller, turns in callers.get(name, ())
                ]
                whole = None if None in each else sum(n for n in each if n is not None)
                found[name] = 1 if self.computations[name].entry else whole
            return found[name]

        return {name: count(name) for name in self.computations}

    def fused(self) -> set[str]:
        """The computations that are one kernel, or a part of one: what fusions, reductions and
        the like call.
        """
        outside = ("while", "conditional", "call", "async-start")
        found = set()
        for _, instruction in self:
            if instruction.opcode not in outside:
                found |= set(NAME.findall(instruction.attributes)) & self.computations.keys()
        return found

    def _turns(self, computation: Computation, instruction: Instruction) -> int | None:
        """How often what this instruction calls is run."""
        if instruction.opcode != "while":
            return 1
        if known := TRIPS.search(instruction.attributes):
            return int(known[1])
        condition = self.computations.get(instruction.named("condition") or "")
        return self._limit(condition) if condition else None

    def _limit(self, condition: Computation) -> int | None:
        """N of a condition `i < N`, as that of a `lax.scan`, whose `i` counts from 0 by 1; None of
        another.
        """
        last, holders, given = condition.instructions.get(condition.root), [condition], {}
        if last and last.opcode == "fusion" and (inner := self.computations.get(_calls(last))):
            given = dict(zip(_parameters(inner), last.operands, strict=False))
            last, holders = inner.instructions.get(inner.root), [condition, inner]
        if not last or last.opcode != "compare" or last.attribute("direction") != "LT":
            return None
        name = given.get(last.operands[-1], last.operands[-1])
        found = [one for h in holders if (one := h.instructions.get(name)) is not None]
        constants = [one.inside for one in found if one.opcode == "constant"]
        return int(constants[0]) if constants and constants[0].isdecimal() else None


def parse(text: str) -> Program:
    """The program of XLA's text."""
    found: dict[str, Computation] = {}
    name, entry, lines, root = "", False, {}, ""
    for line in text.splitlines():
        if match := COMPUTATION.match(line):
            name, entry, lines, root = match["name"], bool(match["entry"]), {}, ""
        elif line.startswith("}"):
            found[name] = Computation(name, entry, lines, root)
        elif match := INSTRUCTION.match(line):
            inside, attributes = _parenthesis(line, match.end())
            lines[match["name"]] = Instruction(
                match["name"],
                match["opcode"],
                _arrays(match["made"]),
                tuple(NAME.findall(inside)),
                inside,
                attributes,
            )
            root = match["name"] if match["root"] else root
    return Program(found)


def _parenthesis(line: str, start: int) -> tuple[str, str]:
    """What is inside the parenthesis opened before `start`, and what follows it."""
    depth, at = 1, start
    while depth and at < len(line):
        depth += {"(": 1, ")": -1}.get(line[at], 0)
        at += 1
    return line[start : at - 1], line[at:]


def _arrays(made: str) -> tuple[Array, ...]:
    return tuple(
        Array(m["dtype"], tuple(int(n) for n in m["sides"].split(",") if n), m["layout"] or "")
        for m in ARRAY.finditer(made)
    )


def _calls(instruction: Instruction) -> str:
    return instruction.named("calls") or ""


def _parameters(computation: Computation) -> list[str]:
    """Names of a computation's parameters, in their order."""
    given = [i for i in computation.instructions.values() if i.opcode == "parameter"]
    return [i.name for i in sorted(given, key=lambda i: int(i.inside))]
