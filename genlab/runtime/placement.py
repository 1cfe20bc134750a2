"""Placements: how a program and its data are laid out over the devices. Devices of several
processes (see `processes.py`) form one mesh, and nothing here depends on the process it is in.

A *program* is `(state, held, key, rows) -> (state, metrics)`, written for the global batch: `rows`
are the rows of each batch to work on, `held` is what `Source.fetch` gave, `key` the data key. Both
placements take the same program and the same unstacked state:

* `Jit`: the global view, one program over a mesh that XLA splits. Losses and BatchNorm see the
  global batch, and the numbers do not depend on the device count.
* `Pmap`: one program per device with a named axis. Each works on its own rows with its own key, so
  what is drawn depends on the number of devices, and a run keeps to it; gradients, statistics and
  metrics are averaged, BatchNorm is synchronised.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from genlab.config import ConfigError, choices
from genlab.runtime import compiler, processes
from genlab.runtime.collectives import AXIS, PyTree, shard, traced


class Compiled(NamedTuple):
    """run: `(state, held, key) -> (state, metrics)`, the state given is donated; executable: XLA's,
    for its analyses.
    """

    run: Callable
    executable: Any


def by_name(
    name: str,
    devices: int | None = None,
    sharding: str = "replicated",
    found: Sequence[Any] = (),
) -> "Jit | Pmap":
    """The placement called `name` ("jit", "pmap") on the first `devices` devices (None: all there
    are) of those `found`, or of this machine's.
    """
    found = list(found) or jax.devices()
    if devices is not None and not 1 <= devices <= len(found):
        raise ConfigError(
            f"loop.devices is {devices}; this machine has {len(found)} ({found[0].platform})"
        )
    if devices not in (None, len(found)) and processes.count() > 1:
        raise ConfigError(
            f"loop.devices is {devices}, but {processes.count()} processes have {len(found)}: "
            "leave it out: all of them take part"
        )
    known = {"jit": Jit, "pmap": Pmap}
    if name not in known:
        raise ConfigError(f"no placement {name!r}{choices(name, known)}")
    if sharding not in ("replicated", "full"):
        raise ConfigError(f"loop.sharding is {sharding!r}; it is 'replicated' or 'full'")
    if name == "pmap" and sharding == "full":
        raise ConfigError(
            "a fully sharded state needs loop.placement='jit': under pmap the state is replicated"
        )
    n = devices or len(found)
    mesh = jax.make_mesh((n,), (AXIS,), axis_types=(AxisType.Auto,), devices=found[:n])
    return known[name](mesh, sharding)


@dataclass(frozen=True)
class Jit:
    """The global view over a mesh; state replicated, or fully sharded along each leaf's largest
    divisible axis.
    """

    mesh: jax.sharding.Mesh
    sharding: str = "replicated"

    def step(self, step: Callable) -> Callable:
        """`step(state, batches)`, batches [moves, size, ...], as it is in the program."""

        def whole(state, batches):
            with self._tracing():
                return step(state, batches)

        return whole

    def state_sharding(self, state: PyTree) -> PyTree:
        """Sharding of each leaf of a state."""
        if self.sharding == "replicated":
            return jax.tree.map(lambda _: NamedSharding(self.mesh, P()), state)
        return jax.tree.map(partial(largest_axis, self.mesh), state)

    def rows(self, size: int) -> np.ndarray:
        """The rows of a batch that this process's devices work on, ascending: its share to read."""
        return own_rows(self.mesh, size)

    def put(self, held: PyTree, resident: bool) -> PyTree:
        """What the source holds, on the devices: whole on each if resident, else this process's
        `rows` of each batch, split over the batch axis.
        """
        return everywhere(self.mesh, held) if resident else shared(self.mesh, held)

    def held_sharding(self, resident: bool) -> NamedSharding:
        """Of what `put` puts there."""
        return NamedSharding(self.mesh, P() if resident else P(None, AXIS))

    def compile(
        self, program, state: PyTree, held: PyTree, key: PyTree, size: int, resident: bool
    ) -> Compiled:
        """`program(state, held, key, rows)` over the mesh."""
        everywhere = NamedSharding(self.mesh, P())
        states = self.state_sharding(state)

        def run(state, held, key):
            with self._tracing():
                return program(state, held, key, shard(jnp.arange(size)))

        jitted = jax.jit(run, out_shardings=(states, everywhere), donate_argnums=0)
        executable = compiler.compiled(jitted.lower(state, held, key), self.mesh)
        return Compiled(executable, executable)

    @contextlib.contextmanager
    def _tracing(self) -> Iterator[None]:
        """See `collectives.shard`."""
        token = traced.set(self)
        try:
            yield
        finally:
            traced.reset(token)


@dataclass(frozen=True)
class Pmap:
    """One program per device, by `jax.shard_map`; state in and out unstacked, so that both
    placements share one checkpoint. JAX proves that the state is the same on all devices.
    """

    mesh: jax.sharding.Mesh
    sharding: str = "replicated"

    def step(self, step: Callable) -> Callable:
        """As `Jit.step`: each device's own rows of the batches."""
        return jax.shard_map(step, mesh=self.mesh, in_specs=(P(), P(None, AXIS)), out_specs=P())

    def state_sharding(self, state: PyTree) -> PyTree:
        """Replicated."""
        return jax.tree.map(lambda _: NamedSharding(self.mesh, P()), state)

    def rows(self, size: int) -> np.ndarray:
        """The rows of a batch that this process's devices work on, ascending: its share to read."""
        return own_rows(self.mesh, size)

    def put(self, held: PyTree, resident: bool) -> PyTree:
        """As `Jit.put`."""
        return everywhere(self.mesh, held) if resident else shared(self.mesh, held)

    def held_sharding(self, resident: bool) -> NamedSharding:
        """Of what `put` puts there."""
        return NamedSharding(self.mesh, P() if resident else P(None, AXIS))

    def compile(
        self, program, state: PyTree, held: PyTree, key: PyTree, size: int, resident: bool
    ) -> Compiled:
        """`program(state, held, key, rows)` on each device, for its own rows."""
        n = self.mesh.size

        def run(state, held, key):
            own = jnp.arange(size // n) + jax.lax.axis_index(AXIS) * (size // n)
            return program(state, held, key, own)

        given = P(), P() if resident else P(None, AXIS), P()
        mapped = jax.shard_map(run, mesh=self.mesh, in_specs=given, out_specs=P())
        lowered = jax.jit(mapped, donate_argnums=0).lower(state, held, key)
        executable = compiler.compiled(lowered, self.mesh)
        return Compiled(executable, executable)


def check_batch(place: Jit | Pmap, size: int) -> None:
    """Refuses a batch that does not divide over the devices, before anything is compiled."""
    n = place.mesh.size
    if size % n:
        near = [m for m in (size // n * n, (size // n + 1) * n) if m]
        raise ConfigError(
            f"batch_size {size} does not divide over {n} devices: use "
            f"{' or '.join(map(str, near))}, "
            "or fewer devices (loop.devices, or a smaller topology)"
        )


def own_rows(mesh: jax.sharding.Mesh, size: int) -> np.ndarray:
    """Those of `size` rows, split over the mesh, that lie on this process's devices; int32."""
    places = NamedSharding(mesh, P(AXIS)).addressable_devices_indices_map((size,)).values()
    return np.sort(np.concatenate([np.arange(size, dtype=np.int32)[at] for at in places]))


def everywhere(mesh: jax.sharding.Mesh, tree: PyTree) -> PyTree:
    """Host arrays, the same in each process, whole on each device."""
    return jax.tree.map(
        lambda x: jax.make_array_from_process_local_data(NamedSharding(mesh, P()), x, x.shape),
        jax.tree.map(np.asarray, tree),
    )


def shared(mesh: jax.sharding.Mesh, tree: PyTree) -> PyTree:
    """Host arrays whose second axis is this process's share, joined to the global arrays."""
    return jax.make_array_from_process_local_data(NamedSharding(mesh, P(None, AXIS)), tree)


def gathered(place: Jit | Pmap, tree: PyTree) -> PyTree:
    """The tree whole on every device, so that any process can read it; all must call this."""
    if processes.count() == 1:
        return tree
    return jax.jit(lambda x: x, out_shardings=NamedSharding(place.mesh, P()))(tree)


def start(
    place: Jit | Pmap, aside: Executor, make: Callable[..., PyTree], *args
) -> Callable[[], PyTree]:
    """A function that returns `make(*args)`, created under jit with the placement's sharding, so
    that no two leaves share memory when they are donated; the thread `aside` compiles it.
    """
    shardings = place.state_sharding(jax.eval_shape(make, *args))
    made = aside.submit(jax.jit(make, out_shardings=shardings).lower(*args).compile)
    return lambda: made.result()(*args)


def largest_axis(mesh: jax.sharding.Mesh, leaf) -> NamedSharding:
    """A leaf split along its largest axis that divides over the mesh; else replicated."""
    fits = [
        (length, -i) for i, length in enumerate(leaf.shape) if length and length % mesh.size == 0
    ]
    if not fits or jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return NamedSharding(mesh, P())
    chosen = -max(fits)[1]
    return NamedSharding(mesh, P(*(AXIS if i == chosen else None for i in range(chosen + 1))))
