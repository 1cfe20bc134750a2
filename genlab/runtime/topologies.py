"""TPU topologies that programs are compiled for without the devices: XLA's compiler for TPU is in
the package `libtpu`.
"""

import contextlib
import importlib.util
import os
import re
from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

from genlab.config import ConfigError, did_you_mean
from genlab.runtime.accelerators import TPUS, Accelerator
from genlab.runtime.compiler import compiled_anew

FLAT = ("1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
CUBIC = (
    "1x1x1", "2x2x1", "2x2x2", "2x2x4", "2x4x4", "4x4x4", "4x4x8", "4x8x8", "8x8x8", "8x8x16",
    "8x16x16", "16x16x16",
)  # fmt: skip
SHAPES = {"v4": CUBIC, "v5e": FLAT, "v5p": CUBIC, "v6e": FLAT}
"""Slices by generation: https://docs.cloud.google.com/tpu/docs/v5e, and so on; one chip of a host
of 3-D generations besides.
"""
HOP = 1e-6  # seconds of a message to a neighbour; an assumption
QUIET = {  # libtpu asks a cloud's metadata server for these otherwise, and complains
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # several processes may compile at once: no TPU is held
}


_LOADED: list[str] = []  # topologies that this process has compiled for


class Topology(NamedTuple):
    """A slice of a TPU pod: "v5e:4x4" is 16 chips in a square."""

    generation: str
    sides: tuple[int, ...]

    @property
    def name(self) -> str:
        """As it is given on the command line."""
        return f"{self.generation}:{'x'.join(map(str, self.sides))}"

    @property
    def chips(self) -> int:
        """How many."""
        return prod(self.sides)

    @property
    def chip(self) -> Accelerator:
        """The figures of one."""
        return TPUS[self.generation]

    @property
    def axes(self) -> list[tuple[int, bool]]:
        """(length, whether its ends are linked) of each side longer than 1. Ends are linked where
        the slice is the whole pod's width, 16 (2-D), or of whole cubes of 4 x 4 x 4 (3-D).
        """
        cubes = len(self.sides) == 3 and all(side % 4 == 0 for side in self.sides)
        return [(n, cubes or (len(self.sides) == 2 and n == 16)) for n in self.sides if n > 1]

    @property
    def links(self) -> int:
        """That each chip can use at once; at the end of an open side a chip has one."""
        return sum(2 if closed else 1 for _, closed in self.axes)

    @property
    def hops(self) -> float:
        """From a chip to the one that is furthest."""
        return sum(n / 2 if closed else n - 1 for n, closed in self.axes)

    def seconds(self, kind: str, size: int) -> float:
        """Of one collective after which each chip has `size` bytes: each byte is sent over all
        links at once, after the messages that it takes to cross the slice.

        All-reduce moves 2 (N - 1) / N of its bytes, all-gather (N - 1) / N, reduce-scatter N - 1
        times what is left of them; all-to-all sends each byte as many hops as chips are apart on
        average.
        """
        n = self.chips
        if n == 1:
            return 0.0
        apart = sum(n / 4 if closed else n / 3 for n, closed in self.axes)
        moved, crossed = {
            "all-reduce": (2 * (n - 1) / n, 2 * self.hops),
            "all-gather": ((n - 1) / n, self.hops),
            "reduce-scatter": (n - 1, self.hops),
            "all-to-all": (max(1.0, apart) * (n - 1) / n, self.hops),
            "collective-permute": (self.links, 1),  # over one link
        }[kind]
        return moved * size / (self.chip.link * self.links) + crossed * HOP


def named(name: str) -> Topology:
    """The topology of a name; ConfigError, with the ones there are, for another."""
    known = [f"{generation}:{shape}" for generation, shapes in SHAPES.items() for shape in shapes]
    if name in known:
        generation, shape = name.split(":")
        return Topology(generation, tuple(map(int, shape.split("x"))))
    generation = name.partition(":")[0]
    shapes = SHAPES.get(generation)
    among = f"{generation} has {', '.join(shapes)}" if shapes else "; ".join(
        f"{one}: {', '.join(shapes)}" for one, shapes in SHAPES.items()
    )  # fmt: skip
    raise ConfigError(f"no topology {name!r}{did_you_mean(name, known)} ({among})")


def devices(topology: Topology) -> list[Any]:
    """Its chips, to compile for. To be called before JAX has looked for devices, which are then
    those of the CPU.

    Raises ConfigError where the compiler is not installed.
    """
    if importlib.util.find_spec("libtpu") is None:
        raise ConfigError(
            "compiling for a TPU without one needs the package libtpu: pip install 'genlab[tpu]'"
        )
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import jax
    from jax.experimental import topologies

    jax.config.update("jax_platforms", "cpu")
    jax.jit(lambda: 0).lower().compile()  # jaxlib has now read XLA_FLAGS
    more = {"chip_config_name": "megacore"} if topology.generation == "v4" else {}
    with _without("XLA_FLAGS"), compiled_anew():
        found = topologies.get_topology_desc(topology.name, "tpu", **more).devices
        one = jax.sharding.SingleDeviceSharding(found[0])
        jax.jit(lambda: 0, out_shardings=one).lower().compile()
    _LOADED.append(topology.name)
    return list(found)


def compiled_for_tpu() -> bool:
    """Whether this process has loaded the compiler for TPU."""
    return bool(_LOADED)


@contextlib.contextmanager
def _without(variable: str) -> Iterator[None]:
    """Meanwhile this variable is not in the environment. XLA ends the process over an option that
    it does not know, and libtpu, which reads XLA_FLAGS when it first compiles, does not know those
    for CPU; its own are in LIBTPU_INIT_ARGS.
    """
    kept = os.environ.pop(variable, None)
    try:
        yield
    finally:
        if kept is not None:
            os.environ[variable] = kept


class DoesNotFit(Exception):
    """A program needs more memory than a chip has: bytes of either, as the compiler says."""

    def __init__(self, needed: float, available: float):
        super().__init__(needed, available)
        self.needed, self.available = needed, available


@contextlib.contextmanager
def fitting() -> Iterator[None]:
    """Meanwhile the compiler's refusal for want of memory becomes `DoesNotFit`."""
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        sizes = re.findall(r"([\d.]+)([KMGT]?)\)? ", str(error).replace("(", " ").replace(")", " "))
        told = [float(n) * 1024 ** " KMGT".index(unit or " ") for n, unit in sizes if unit]
        if "RESOURCE_EXHAUSTED" not in str(error) or len(told) < 2:
            raise
        raise DoesNotFit(told[0], told[1]) from error
