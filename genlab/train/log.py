"""Metrics of rounds: read two dispatches late, checked, written as JSON lines and event files."""

import collections
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from genlab.runs.files import sound_object_in
from genlab.runs.folder import RunFolder

LAG = 2  # dispatches in flight: enough to hide the host; past 32, virtual CPU devices abort


class NotFinite(FloatingPointError):
    """NaN or infinity in training; names the first term that has it, and the last good
    checkpoint.
    """


class Log:
    """Takes each dispatch's metrics (leading axis: rounds); writes a row every `every` rounds.

    A row is the mean since the last row or checkpoint; `seconds` counts training only, and of
    the time that `sharing` runs trained together this run's share.
    """

    def __init__(
        self,
        run: RunFolder,
        every: int,
        images: int,
        seconds: float,
        show: Callable,
        sinks=(),
        sharing: int = 1,
    ):
        self.run, self.every, self.images, self.show, self.sinks = run, every, images, show, sinks
        self._sharing = sharing
        self._pending = collections.deque()
        self._window: list[dict] = []
        self._seconds, self._since = seconds, time.perf_counter()
        self.good = 0  # the newest checkpoint

    def add(self, first: int, rounds: int, metrics: dict) -> None:
        """Metrics of rounds `first + 1 .. first + rounds`, perhaps not computed yet."""
        self._pending.append((first, rounds, metrics))
        while len(self._pending) > LAG:
            self._read()

    def drain(self) -> None:
        """Reads what is pending: afterwards every round so far is known to be finite."""
        while self._pending:
            self._read()

    def pause(self) -> None:
        """Stops the clock: what follows is not training."""
        self._seconds += self._running()
        self._since = None

    def go_on(self) -> None:
        """Starts the clock."""
        self._since = time.perf_counter()

    def _running(self) -> float:
        if self._since is None:
            return 0.0
        return (time.perf_counter() - self._since) / self._sharing

    def _read(self) -> None:
        first, rounds, metrics = self._pending.popleft()
        metrics = {name: np.asarray(values) for name, values in jax.device_get(metrics).items()}
        row = None
        for n in range(rounds):
            step, values = first + n + 1, {name: float(v[n]) for name, v in metrics.items()}
            self._check(step, values)
            self._window.append(values)
            if step % self.every == 0:
                row = self._write(step)
        self.show(first + rounds, row)

    def _write(self, step: int) -> dict:
        running = self._running()
        seconds = self._seconds + running
        means = {
            name: float(np.mean([values[name] for values in self._window]))
            for name in self._window[0]
        }
        row = {"step": step, "images": step * self.images, "seconds": round(seconds, 6), **means}
        self._window.clear()
        self.run.append("metrics.jsonl", row)
        for sink in self.sinks:
            sink(step, row)
        return row

    def _check(self, step: int, values: dict) -> None:
        bad = [name for name, value in values.items() if not np.isfinite(value)]
        if bad:
            first = [n for n in bad if n.partition("/")[0] == bad[0].partition("/")[0]]
            culprits = [n for n in first if not n.endswith(("/loss", "/gradient_norm"))] or first
            found = f"{culprits[0]} is {values[culprits[0]]} (of {', '.join(bad)}), not"
            raise NotFinite(self._stopped(step, found))

    def saved(self, step: int) -> None:
        """Round `step` is about to be safe: its row is written, and the mean begins anew."""
        self.good = step
        if self._window:
            self.show(step, self._write(step))

    def suspend(self, step: int) -> None:
        """Keeps the rounds that no row has yet, for the run that goes on from round `step`."""
        self.good = step
        rest = {"step": step, "seconds": self._seconds, "rounds": self._window}
        self.run.write("unlogged.json", rest)

    def take_up(self, step: int) -> None:
        """Goes on from round `step`: with what `suspend` kept there, if it did."""
        self.good = step
        kept = sound_object_in(self.run.path / "unlogged.json")
        if kept.get("step") == step:
            self._window, self._seconds = kept["rounds"], kept["seconds"]

    def check(self, step: int, params: dict) -> None:
        """Refuses parameters that an update has just made infinite, before they are saved."""
        for network, finite in jax.device_get(_finite(params)).items():
            if not finite:
                raise NotFinite(
                    self._stopped(step, f"network {network} has parameters that are not")
                )

    def _stopped(self, step: int, found: str) -> str:
        good = (
            f"the checkpoint of round {self.good} is intact" if self.good else "no checkpoint yet"
        )
        return (
            f"round {step}: {found} finite; stopped, {good} in {self.run.path}: lower its weight "
            "or the learning rate, or clip gradients (optax.clip_by_global_norm)"
        )


@jax.jit
def _finite(params: dict) -> dict:
    """Whether all of a network's parameters are finite, by network."""
    return {
        network: jax.tree.reduce(
            jnp.logical_and, jax.tree.map(lambda x: jnp.isfinite(x).all(), tree), True
        )
        for network, tree in params.items()
    }
